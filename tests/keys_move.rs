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

#[test]
fn the_api_gives_a_key_back_and_activates_by_files_as_the_commands_do() {
    let mut scene = Scene::bare();
    let mut vendor = Vendor::with_series(scene.vendor());
    vendor.start(&[]);
    scene.configure(&asking(vendor.url()));
    scene.start();
    let decoded = |text: &serde_json::Value| {
        data_encoding::BASE64
            .decode(text.as_str().unwrap().as_bytes())
            .unwrap()
    };
    // Activated by files.
    let body = json!({"ActivationCodeString": vendor.code(5), "ITN": ITN, "KeyID": "672B"});
    let (status, request) = scene.post("/api/requests", &body);
    assert_eq!(status, 201, "{request}");
    assert_eq!(scene.post("/api/requests", &body).1, request);
    assert!(request["Picture"].as_str().unwrap().contains("<svg"));
    let answered = |request: &serde_json::Value, name: &str| {
        let (file, answer) = (vendor.path(name), vendor.path("api.answer"));
        fs::write(&file, decoded(&request["Request"])).unwrap();
        let _ = fs::remove_file(&answer);
        vendor.centre(&[
            "answer",
            file.to_str().unwrap(),
            "--out",
            answer.to_str().unwrap(),
        ]);
        json!({"Answer": data_encoding::BASE64.encode(&fs::read(answer).unwrap())})
    };
    let answer = answered(&request, "api.activation");
    let (status, licence) = scene.post("/api/answers", &answer);
    assert_eq!((status, &licence["KeyNo"]), (201, &json!(1_000_001)));
    let (status, error) = scene.post("/api/answers", &answer);
    assert_eq!(status, 400, "{error}");
    for nonsense in [json!({"Answer": "AAAA"}), json!({"Answer": "?"}), json!({})] {
        assert_eq!(scene.post("/api/answers", &nonsense).0, 400, "{nonsense}");
    }
    // Given back online.
    let path = "/api/licences/1000001/reserve";
    let (status, given) = scene.post(path, &json!({}));
    assert_eq!(status, 200, "{given}");
    assert_eq!(given["Request"], json!(null));
    assert_eq!(scene.api("/api/licences").1, json!({"Licences": []}));
    assert_eq!(scene.post(path, &json!({})).1, given, "it is told again");
    assert_eq!(scene.post("/api/licences/1/reserve", &json!({})).0, 404);
    assert_eq!(scene.post(path, &json!({"Offlin": true})).0, 400);
    let events = scene.api("/api/events?Event=KeyGivenBack").1;
    assert_eq!(events["Events"][0]["KeyNo"], 1_000_001, "{events}");
    // And another one by a file, while nobody can be asked.
    let (status, _) = scene.post(
        "/api/licences",
        &json!({"ActivationCodeString": vendor.code(2)}),
    );
    assert_eq!(status, 201);
    let (status, given) = scene.post("/api/licences/1000002/reserve", &json!({"Offline": true}));
    assert_eq!(status, 200, "{given}");
    assert_eq!(
        scene.api("/api/licences").1["Licences"][0]["Workable"],
        false
    );
    let answer = answered(&given, "api.release");
    let (status, settled) = scene.post("/api/answers", &answer);
    assert_eq!(status, 200, "{settled}");
    assert_eq!(settled["ReserveCode"], given["ReserveCode"]);
    assert_eq!(scene.api("/api/licences").1, json!({"Licences": []}));
}

#[test]
fn a_backup_brings_a_server_back_and_carries_no_licence_to_another_computer() {
    let vendor = running();
    let (old, new) = (vendor.computer("old"), vendor.computer("new"));
    old.activate(&vendor.code(5));
    fs::write(old.path("phrase"), "много слов\n").unwrap();
    let file = old.path("server.backup");
    let file = file.to_str().unwrap();
    let phrase = old.path("phrase");
    let phrase = ["--passphrase-file", phrase.to_str().unwrap()];
    old.server(&[&["backup", file], &phrase[..]].concat());
    let said = new.fails(&["restore", file]);
    assert!(said.contains("LICENCESERVER_PASSPHRASE"), "{said}");
    fs::write(new.path("other"), "другие слова").unwrap();
    let said = new.fails(&["restore", file, "--passphrase-file", "other"]);
    assert!(said.contains("passphrase is wrong"), "{said}");
    let said = new.server(&[&["restore", file], &phrase[..]].concat());
    assert!(
        said.contains("these keys stay there: 1000001") && said.contains("licenceserver reserve"),
        "{said}"
    );
    assert!(new.licences().is_empty());
    assert!(new.data().join("retired").exists());
    let said = new.fails(&[&["restore", file], &phrase[..]].concat());
    assert!(said.contains("is there already"), "{said}");
    // The old computer's disk is new: everything comes back and works, and the centre knows it.
    fs::remove_dir_all(old.path("var")).unwrap();
    let said = old.server(&[&["restore", file], &phrase[..]].concat());
    assert_eq!(said, "The server is restored.\n");
    assert!(old.server(&["update"]).starts_with("Renewed: "));
}

#[test]
fn a_container_that_was_copied_while_it_lives_is_named_in_the_centres_journal() {
    let vendor = running();
    let original = vendor.computer("container");
    original.activate(&vendor.code(5));
    // The same machine id and the same files: nothing on either computer tells them apart.
    let copy = vendor.computer("container");
    fs::create_dir_all(copy.data()).unwrap();
    for file in fs::read_dir(original.data()).unwrap().flatten() {
        if file.file_type().unwrap().is_file() {
            fs::copy(file.path(), copy.data().join(file.file_name())).unwrap();
        }
    }
    original.server(&["update"]);
    original.server(&["update"]);
    assert!(!vendor.centre(&["journal"]).contains("\tclone\t"));
    copy.server(&["update"]);
    let journal = vendor.centre(&["journal"]);
    assert!(
        journal.contains("\tclone\t") && journal.contains("two copies of one computer"),
        "{journal}"
    );
    assert!(
        vendor
            .centre(&["report"])
            .contains("clones noticed in a year: 1")
    );
    // With another id it is another computer, whatever the host's facts say.
    let other = vendor.computer("another");
    fs::create_dir_all(other.data()).unwrap();
    for file in fs::read_dir(original.data()).unwrap().flatten() {
        if file.file_type().unwrap().is_file() {
            fs::copy(file.path(), other.data().join(file.file_name())).unwrap();
        }
    }
    let said = other.fails(&["reserve", "1000001"]);
    assert!(said.contains("another computer"), "{said}");
}
