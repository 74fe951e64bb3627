//! Licences on PKCS#11 tokens: SoftHSM2 is the token, all programs are the real ones.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;

use licence::{
    carriers::{bad, datafile, good, licences, wait_for},
    host::Value,
    process::Application,
    scene::{KEY_NO, SERIES, Scene, asking},
    softhsm::SoftHsm,
    vendor::{ITN, Vendor},
};
use serde_json::{Value as Json, json};

/// A vendor with a centre, a server that asks it, and a folder of tokens; the server does not run yet.
fn scene() -> (Scene, Vendor, SoftHsm) {
    let mut scene = Scene::bare();
    let mut vendor = Vendor::with_series(scene.vendor());
    vendor.start(&[]);
    let hsm = SoftHsm::new(scene.root());
    scene.set_variable(&hsm.variable());
    scene.configure(&(asking(vendor.url()) + &hsm.section()));
    (scene, vendor, hsm)
}

/// The number of the first carrier that `carriers` lists.
fn number(scene: &Scene) -> u32 {
    let said = good(scene, &["carriers"]);
    said.split('\t').next().unwrap().parse().expect(&said)
}

#[test]
fn a_licence_on_a_token_gives_seats_and_objects_until_the_token_is_pulled_out() {
    let (mut scene, vendor, hsm) = scene();
    let token = hsm.make("Склад");
    scene.start();
    wait_for("the blank carrier", || !licences(&scene).is_empty());
    let row = &licences(&scene)[0];
    let blank = row["KeyNo"].clone();
    assert_eq!(
        (&row["Type"], &row["IsBlank"], &row["KeyID"]),
        (&json!("USB"), &json!(true), &Json::Null)
    );
    let body = json!({
        "ActivationCodeString": vendor.code(2), "ITN": ITN, "IEC": null, "BlankKeyNo": blank,
    });
    let (status, licence) = scene.post("/api/licences", &body);
    assert_eq!(status, 201, "{licence}");
    assert_eq!(
        (
            &licence["Type"],
            &licence["BlankKeyNo"],
            &licence["FileName"],
            &licence["IsBlank"]
        ),
        (&json!("Virtual"), &blank, &Json::Null, &json!(false))
    );
    assert_eq!(
        (&licence["Workable"], &licence["KeyNo"]),
        (&json!(true), &json!(1_000_001))
    );
    assert_eq!(licences(&scene).len(), 1, "the carrier is blank no more");
    let said = good(&scene, &["carriers"]);
    assert!(
        said.contains(&format!("{SERIES} 1000001: 2 seats")),
        "{said}"
    );

    let datafile = datafile(&scene, b"the valuable part");
    let (mut client, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    let told = client.call("GetObject", &["Расчет".into()]);
    assert_eq!(told.value, Some(Value::Blob(b"the valuable part".to_vec())));

    hsm.pull(&token);
    wait_for("the end of the licence", || licences(&scene).is_empty());
    scene.wait_for_sessions(0);
    // Nobody comes in any more, and whoever was in opens nothing more.
    let mut late = scene.process(Application::ThinClient);
    scene.prepare(&mut late, &datafile, 2);
    assert!(!late.call("Connect", &[]).is_true());
    let (_, events) = scene.api("/api/events?Event=CarrierWent");
    assert_eq!(
        events["Events"].as_array().map(Vec::len),
        Some(1),
        "{events}"
    );

    hsm.plug(&token);
    wait_for("the licence", || !licences(&scene).is_empty());
    let (mut again, obtained) = scene.client(&datafile, 3);
    assert!(obtained.is_true(), "{}", obtained.en);
    let told = again.call("GetObject", &["Расчет".into()]);
    assert_eq!(told.value, Some(Value::Blob(b"the valuable part".to_vec())));
}

#[test]
fn of_two_tokens_one_is_pulled_and_the_others_seats_stay() {
    let (mut scene, vendor, hsm) = scene();
    let tokens: Vec<String> = [("one", 2), ("two", 2)]
        .into_iter()
        .map(|(label, seats)| {
            let token = hsm.make(label);
            let said = good(&scene, &["carriers"]);
            let blank = said.lines().find(|line| line.ends_with("blank"));
            let number = blank.unwrap().split('\t').next().unwrap().to_owned();
            let code = vendor.code(seats);
            good(
                &scene,
                &["activate", &code, "--itn", ITN, "--blank", &number],
            );
            token
        })
        .collect();
    scene.start();
    wait_for("both licences", || licences(&scene).len() == 2);
    let datafile = datafile(&scene, b"the valuable part");
    let mut clients: Vec<_> = (1..=3)
        .map(|number| {
            let (client, obtained) = scene.client(&datafile, number);
            assert!(obtained.is_true(), "{}", obtained.en);
            client
        })
        .collect();
    hsm.pull(&tokens[1]);
    let gone = wait_for("the end of one licence", || licences(&scene).len() == 1);
    scene.wait_for_sessions(2);
    let opens = clients.iter_mut().map(|client| {
        let told = client.call("GetObject", &["Расчет".into()]);
        told.value == Some(Value::Blob(b"the valuable part".to_vec()))
    });
    let works = opens.filter(|opens| *opens).count();
    assert_eq!(works, 2, "two seats are left");
    // This module looks for tokens when it begins alone, which it can do while none is in use.
    hsm.pull(&tokens[0]);
    wait_for("the end of the other licence", || {
        licences(&scene).is_empty()
    });
    hsm.plug(&tokens[1]);
    let came = wait_for("a licence", || licences(&scene).len() == 1);
    println!("a token pulled is seen after {gone:?}, one plugged in after {came:?}");
    let (_client, obtained) = scene.client(&datafile, 9);
    assert!(obtained.is_true(), "{}", obtained.en);
}

#[test]
fn a_key_goes_from_the_computer_to_a_token_in_three_steps_and_to_another_computer_with_it() {
    let (scene, vendor, hsm) = scene();
    good(&scene, &["activate", &vendor.code(3), "--itn", ITN]);
    let said = good(&scene, &["reserve", "1000001"]);
    let code = said.trim().rsplit(' ').next().unwrap().to_owned();
    let token = hsm.make("one");
    let blank = number(&scene).to_string();
    let activate = ["activate", &code, "--itn", ITN, "--blank", &blank];
    let said = good(&scene, &activate);
    assert!(said.contains("3 seats"), "{said}");
    // The same once more is a recovery, and still one licence.
    let said = good(&scene, &activate);
    assert!(said.contains("Installed again"), "{said}");
    let said = good(&scene, &["carriers"]);
    assert_eq!(said.matches("1000001").count(), 1, "{said}");
    let said = good(&scene, &["update"]);
    assert!(said.starts_with("Renewed: PKCS#11:"), "{said}");

    let mut other = scene.beside();
    other.set_variable(&hsm.variable());
    other.configure(&(asking(vendor.url()) + &hsm.section()));
    let datafile = datafile(&scene, b"x");
    other.start();
    wait_for("the licence", || !licences(&other).is_empty());
    let (_client, obtained) = other.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);

    // To give it back the token has to be there; the year's one move is used up.
    hsm.pull(&token);
    let said = bad(&scene, &["reserve", "1000001"]);
    assert!(said.contains("no key 1000001"), "{said}");
    hsm.plug(&token);
    let said = bad(&scene, &["reserve", "1000001"]);
    assert!(said.contains("The key stays here"), "{said}");
    let said = good(&scene, &["carriers"]);
    assert!(said.contains("1000001: 3 seats"), "{said}");
}

#[test]
fn a_key_comes_back_from_a_token_to_the_computer() {
    let (scene, vendor, hsm) = scene();
    let _token = hsm.make("one");
    let blank = number(&scene).to_string();
    good(
        &scene,
        &["activate", &vendor.code(3), "--itn", ITN, "--blank", &blank],
    );
    let said = good(&scene, &["reserve", "1000001"]);
    let code = said.trim().rsplit(' ').next().unwrap().to_owned();
    let said = good(&scene, &["carriers"]);
    assert!(said.ends_with("\tblank\n"), "{said}");
    let said = good(&scene, &["activate", &code, "--itn", ITN]);
    assert!(said.contains("1000001.licence (3 seats)"), "{said}");
}

#[test]
fn a_key_that_is_given_back_is_on_the_token_no_more_wherever_that_is_connected() {
    let (scene, vendor, hsm) = scene();
    let token = hsm.make("one");
    let blank = number(&scene).to_string();
    let code = vendor.code(3);
    good(
        &scene,
        &["activate", &code, "--itn", ITN, "--blank", &blank],
    );
    let released = scene.root().join("my.release");
    let released = released.to_str().unwrap();
    let offline = ["reserve", "1000001", "--offline", released];
    let said = good(&scene, &offline);
    let reserve_code = said.split(": ").nth(1).unwrap()[..24].to_owned();
    // Before anybody has answered, and at any server.
    let mut other = scene.beside();
    other.set_variable(&hsm.variable());
    other.configure(&(asking(vendor.url()) + &hsm.section()));
    let said = good(&other, &["carriers"]);
    assert!(said.ends_with("\tblank\n"), "{said}");
    hsm.pull(&token);
    assert_eq!(
        good(&scene, &offline).split(": ").nth(1).unwrap()[..24],
        reserve_code
    );
    let answer = scene.root().join("my.answer");
    let answer = answer.to_str().unwrap();
    vendor.centre(&["answer", released, "--out", answer]);
    let said = good(&scene, &["install", answer]);
    assert!(said.contains(&reserve_code), "{said}");
    hsm.plug(&token);
    let said = good(&scene, &["carriers"]);
    assert!(said.ends_with("\tblank\n"), "{said}");
    let said = good(
        &other,
        &["activate", &reserve_code, "--itn", ITN, "--blank", &blank],
    );
    assert!(said.contains("3 seats"), "{said}");

    // The year's one move is used up: the vendor refuses, and the licence comes back onto the token, once it is there.
    let offline = ["reserve", "1000001", "--offline", released];
    good(&other, &offline);
    fs::remove_file(answer).unwrap();
    vendor.centre(&["answer", released, "--out", answer]);
    hsm.pull(&token);
    let said = bad(&other, &["install", answer]);
    assert!(
        said.contains(&format!("no carrier {blank} is connected")),
        "{said}"
    );
    hsm.plug(&token);
    let said = bad(&other, &["install", answer]);
    assert!(said.contains("The key stays here"), "{said}");
    let said = good(&other, &["carriers"]);
    assert!(said.contains("1000001: 3 seats"), "{said}");
    // A token that is not there cannot be given back, and nothing of it changes.
    hsm.pull(&token);
    bad(&other, &offline);
    hsm.plug(&token);
    let said = good(&other, &["carriers"]);
    assert!(said.contains("1000001: 3 seats"), "{said}");
}

#[test]
fn a_vendor_writes_a_licence_to_a_token_and_ships_it() {
    let (mut scene, _vendor, hsm) = scene();
    let _token = hsm.make("one");
    let blank = number(&scene).to_string();
    scene.install_licence_for(2, &["--blank", &blank]);
    scene.start();
    wait_for("the licence", || !licences(&scene).is_empty());
    let row = &licences(&scene)[0];
    assert_eq!(
        (
            &row["Type"],
            &row["KeyNo"],
            &row["BlankKeyNo"],
            &row["FileName"]
        ),
        (&json!("USB"), &json!(KEY_NO), &Json::Null, &Json::Null)
    );
    assert_eq!(row["Workable"], true, "{row}");
    let files = fs::read_dir(scene.root().join("var/1C/licence/data")).unwrap();
    let licences = files
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|it| it == "licence"));
    assert_eq!(licences.count(), 0, "it is on the token alone");
}

#[test]
fn a_wrong_pin_is_tried_once_and_what_is_missing_is_named() {
    let (scene, vendor, hsm) = scene();
    let _token = hsm.make("one");
    let blank = number(&scene).to_string();
    fs::remove_file(hsm.pin_file()).unwrap();
    let code = vendor.code(1);
    let activate = ["activate", &code, "--itn", ITN, "--blank", &blank];
    let said = bad(&scene, &activate);
    assert!(said.contains("wants its PIN"), "{said}");
    fs::write(hsm.pin_file(), "99999999\n").unwrap();
    let said = bad(&scene, &activate);
    assert!(said.contains("refused its PIN"), "{said}");
    fs::write(hsm.pin_file(), licence::softhsm::PIN).unwrap();
    let said = bad(&scene, &["activate", &code, "--itn", ITN, "--blank", "5"]);
    assert!(
        said.contains(&format!("no carrier 5 is connected; connected: {blank}")),
        "{said}"
    );
    good(&scene, &activate);
}

#[test]
fn without_a_module_or_switched_off_the_server_works_and_says_so() {
    let (mut scene, vendor, hsm) = scene();
    let _token = hsm.make("one");
    scene.configure(&(asking(vendor.url()) + "[UPKey]\nPkcs11Module=/no/module.so\n"));
    let said = good(&scene, &["carriers"]);
    assert!(said.contains("No carrier is connected"), "{said}");
    scene.start();
    let body = json!({"ActivationCodeString": vendor.code(1), "ITN": ITN, "BlankKeyNo": 5});
    let (status, answer) = scene.post("/api/licences", &body);
    assert_eq!(status, 400, "{answer}");
    scene.kill_server();
    let off = hsm.section().replace("[UPKey]\n", "[UPKey]\nEnabled=0\n");
    scene.configure(&(asking(vendor.url()) + &off));
    let said = bad(&scene, &["carriers"]);
    assert!(said.contains("switched off"), "{said}");
    scene.start();
    let (status, answer) = scene.post("/api/licences", &body);
    assert_eq!(status, 400);
    assert!(
        answer["Message"].to_string().contains("switched off"),
        "{answer}"
    );
}
