//! A key moves from one computer to another, and what the vendor sees of it; all programs are the real ones.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;

use licence::{
    scene::{Scene, asking},
    vendor::{ITN, Vendor},
};
use serde_json::json;

fn running() -> Vendor {
    let mut vendor = Vendor::new();
    vendor.start(&[]);
    vendor
}

/// The code at the end of a line.
fn last_word(said: &str) -> String {
    said.trim().rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn a_key_moves_by_its_reserve_code_and_a_copy_that_was_kept_is_noticed_and_ended() {
    let vendor = running();
    let (old, new) = (vendor.computer("old"), vendor.computer("new"));
    old.activate(&vendor.code(5));
    let kept = fs::read(&old.licences()[0]).unwrap();
    let file = old.licences()[0].clone();
    let said = old.server(&["reserve", "1000001"]);
    assert!(said.contains("Its reserve code: "), "{said}");
    assert!(old.licences().is_empty());
    assert_eq!(
        old.server(&["reserve", "1000001"]),
        said,
        "it is told again"
    );
    assert!(new.activate(&last_word(&said)).contains("5 seats"));
    // Somebody brings the file back.
    fs::write(&file, kept).unwrap();
    let said = old.fails(&["update"]);
    assert!(said.contains("not this computer's any more"), "{said}");
    assert!(old.licences().is_empty(), "it is out of use");
    let journal = vendor.centre(&["journal", "--key", "1000001"]);
    assert!(
        journal.contains("\tclone\t") && journal.contains("it gave back"),
        "{journal}"
    );
    let said = new.server(&["update"]);
    assert!(said.starts_with("Renewed: "), "{said}");
    // One move a year.
    let said = new.fails(&["reserve", "1000001"]);
    assert!(said.contains("The key stays here"), "{said}");
    assert_eq!(new.licences().len(), 1);
    let report = vendor.centre(&["report"]);
    for line in [
        "moves in a year: 1",
        "clones noticed in a year: 1",
        "keys with a computer: 1",
    ] {
        assert!(report.contains(line), "{report}");
    }
}

#[test]
fn a_key_is_given_back_by_file() {
    let mut vendor = running();
    let (old, new) = (vendor.computer("old"), vendor.computer("new"));
    old.activate(&vendor.code(2));
    vendor.kill();
    let said = old.fails(&["reserve", "1000001"]);
    assert!(said.contains("cannot be reached"), "{said}");
    assert!(old.licence().contains("key: 1000001"));
    let said = old.server(&[
        "reserve",
        "1000001",
        "--offline",
        "my.release",
        "--qr",
        "my.svg",
    ]);
    assert!(said.contains("works here no more"), "{said}");
    let release = old.path("my.release");
    let code = vendor.path("my.answer");
    vendor.centre(&[
        "answer",
        release.to_str().unwrap(),
        "--out",
        code.to_str().unwrap(),
    ]);
    let said = old.server(&["install", code.to_str().unwrap()]);
    let reserve_code = last_word(&said);
    vendor.start(&[]);
    new.set(&format!("LicenceCenterUrl={}\n", vendor.url()));
    new.activate(&reserve_code);
    let said = old.fails(&["install", code.to_str().unwrap()]);
    assert!(said.contains("used already"), "{said}");
}

#[test]
fn the_api_activates_as_the_manual_shows_and_a_running_server_gives_the_seats_up() {
    let mut scene = Scene::bare();
    let mut vendor = Vendor::with_series(scene.vendor());
    vendor.start(&[]);
    scene.configure(&asking(vendor.url()));
    scene.start();
    let code = vendor.code(5);
    let itn: u64 = ITN.parse().unwrap();
    let body = json!({"ActivationCodeString": code, "ITN": itn, "IEC": null, "BlankKeyNo": null});
    let (status, licence) = scene.post("/api/licences", &body);
    assert_eq!(status, 201, "{licence}");
    assert_eq!(licence["ActivationCode"], code);
    assert_eq!(licence["ITN"], itn);
    assert_eq!(
        (
            &licence["LicenceCount"],
            &licence["Workable"],
            &licence["Recovered"]
        ),
        (&json!(5), &json!(true), &json!(false))
    );
    let (status, licence) = scene.post("/api/licences", &body);
    assert_eq!((status, &licence["Recovered"]), (201, &json!(true)));
    let unknown = json!({"ActivationCodeString": "0246-8ACE-GJMP-RTWY-X1CD"});
    let (status, refused) = scene.post("/api/licences", &unknown);
    assert_eq!(status, 400);
    let said = refused["Message"].as_str().unwrap();
    assert!(said.contains("never gave out such a code"), "{said}");
    let mut reserve = scene.command("licenceserver");
    assert!(
        reserve
            .args(["reserve", "1000001"])
            .status()
            .unwrap()
            .success()
    );
    let begun = std::time::Instant::now();
    while scene.api("/api/licences").1 != json!({"Licences": []}) {
        assert!(begun.elapsed() < licence::scene::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
