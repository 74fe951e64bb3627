//! Licences on USB keys: the keys are software behind umockdev, libusb and all programs are the real ones.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;

use licence::{
    carriers::{bad, datafile, good, licences, said, wait_for},
    host::Value,
    process::Application,
    scene::{SERIES, Scene, asking},
    usb::{Bus, PIN},
    vendor::{ITN, Vendor},
};
use serde_json::json;

/// A vendor with a centre, a server that asks it, and a USB bus; the server does not run yet.
fn scene() -> (Scene, Vendor, Bus) {
    scene_with("")
}

/// The same with further settings of carriers.
fn scene_with(settings: &str) -> (Scene, Vendor, Bus) {
    let mut scene = Scene::bare();
    let mut vendor = Vendor::with_series(scene.vendor());
    vendor.start(&[]);
    let bus = Bus::new();
    for variable in bus.variables() {
        scene.set_variable(variable);
    }
    let pin = scene.root().join("pin");
    fs::write(&pin, format!("{PIN}\n")).unwrap();
    scene.configure(&format!(
        "{}[UPKey]\n{settings}PinFile={}\n",
        asking(vendor.url()),
        pin.display()
    ));
    (scene, vendor, bus)
}

#[test]
fn a_licence_on_a_usb_key_gives_seats_and_objects_until_the_key_is_pulled_out() {
    let (mut scene, vendor, mut bus) = scene();
    bus.plug("4000123");
    let listed = good(&scene, &["carriers"]);
    assert_eq!(
        listed,
        "4000123\tUSB\tLicence key, Test maker (4000123)\tblank\n"
    );
    scene.start();
    let body = json!({"ActivationCodeString": vendor.code(2), "ITN": ITN, "BlankKeyNo": 4_000_123});
    wait_for("the blank key", || !licences(&scene).is_empty());
    let (status, licence) = scene.post("/api/licences", &body);
    assert_eq!(status, 201, "{licence}");
    assert_eq!(
        (
            &licence["Type"],
            &licence["BlankKeyNo"],
            &licence["Workable"]
        ),
        (&json!("Virtual"), &json!(4_000_123), &json!(true))
    );
    let datafile = datafile(&scene, b"the valuable part");
    let (mut client, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    let told = client.call("GetObject", &["Расчет".into()]);
    assert_eq!(told.value, Some(Value::Blob(b"the valuable part".to_vec())));

    bus.pull("4000123");
    wait_for("the end of the licence", || licences(&scene).is_empty());
    scene.wait_for_sessions(0);
    let mut late = scene.process(Application::ThinClient);
    scene.prepare(&mut late, &datafile, 2);
    assert!(!late.call("Connect", &[]).is_true());

    bus.plug("4000123");
    wait_for("the licence", || !licences(&scene).is_empty());
    let (_client, obtained) = scene.client(&datafile, 3);
    assert!(obtained.is_true(), "{}", obtained.en);
    // A key that signs by another key than its own proves nothing.
    bus.set("4000123", "forged");
    scene.wait_for_sessions(0);
    bus.set("4000123", "nothing");
    wait_for("the licence", || {
        licences(&scene).iter().any(|row| row["Workable"] == true)
    });
}

#[test]
fn a_full_a_protected_and_a_pulled_key_lose_nothing_and_the_same_command_goes_on() {
    let (scene, vendor, mut bus) = scene();
    bus.plug("7");
    let code = vendor.code(4);
    let activate = ["activate", &code, "--itn", ITN, "--blank", "7"];
    bus.set("7", "read_only");
    assert!(bad(&scene, &activate).contains("write-protected"));
    bus.set("7", "nothing");
    bus.set("7", "room 100");
    assert!(bad(&scene, &activate).contains("the carrier 7 is full"));
    bus.set("7", "nothing");
    // Pulled out at one command after the other, until there is none left at which it could be.
    for at in 1.. {
        assert!(at < 60, "the activation has no end");
        bus.set("7", &format!("pull_at {at}"));
        let (done, said) = said(&scene, &activate);
        bus.pull("7");
        bus.plug("7");
        bus.set("7", "nothing");
        if done {
            assert!(said.contains("4 seats"), "{said}");
            break;
        }
        assert!(
            said.contains("was pulled out") || said.contains("no carrier 7 is connected"),
            "at {at}: {said}"
        );
    }
    let listed = good(&scene, &["carriers"]);
    assert!(
        listed.contains(&format!("{SERIES} 1000001: 4 seats")),
        "{listed}"
    );
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[test]
fn what_a_key_answers_is_bounded_and_never_believed() {
    let (scene, _vendor, mut bus) = scene();
    for (serial, fault) in [("11", "garbage"), ("12", "long")] {
        bus.plug(serial);
        bus.set(serial, fault);
    }
    let listed = good(&scene, &["carriers"]);
    assert!(
        listed.contains("11\tUSB\tLicence key, Test maker (11)\tthe carrier 11 gives an answer"),
        "{listed}"
    );
    assert!(
        listed.contains("the carrier 12 gives an answer that is too long"),
        "{listed}"
    );
    bus.plug("13");
    bus.set("13", "silent");
    let listed = good(&scene, &["carriers"]);
    assert!(
        listed.contains("the carrier 13 was pulled out, or does not answer"),
        "{listed}"
    );
}

#[test]
fn twenty_keys_are_listed_and_two_of_one_number_are_not_written_to() {
    let (mut scene, vendor, mut bus) = scene();
    for serial in 100..120 {
        bus.plug(&serial.to_string());
    }
    // Another serial number, and the same number.
    bus.plug("0100");
    let listed = good(&scene, &["carriers"]);
    assert_eq!(listed.lines().count(), 21, "{listed}");
    let code = vendor.code(1);
    let told = bad(&scene, &["activate", &code, "--itn", ITN, "--blank", "100"]);
    assert!(told.contains("two carriers of the number 100"), "{told}");
    good(&scene, &["activate", &code, "--itn", ITN, "--blank", "119"]);
    scene.start();
    wait_for("all keys", || licences(&scene).len() == 21);
    bus.pull("119");
    wait_for("the end of one", || licences(&scene).len() == 20);
}

#[test]
fn where_the_settings_name_a_maker_only_keys_with_his_certificate_are_taken() {
    let (mut scene, vendor, mut bus) = scene();
    bus.plug("21");
    bus.plug("22");
    let conf = scene.conf_folder().join("licenceserver.conf");
    let plain = fs::read_to_string(&conf).unwrap();
    let folder = scene.root().to_owned();
    let path = |name: &str| folder.join(name).display().to_string();
    // At the maker's desk: each key tells its holder key.
    for number in ["21", "22"] {
        good(&scene, &["request", &path(number), "--blank", number]);
    }
    let keys = vendor.path(&format!("{SERIES}.cryptkey"));
    let certify = |number: &str, serial: &str, out: &str| {
        let mut edit = scene.command("licenceedit");
        edit.args(["carrier", "certify", &path(number), "--serial", serial]);
        edit.arg("--maker").arg(&keys).args(["--out", &path(out)]);
        let output = edit.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = certify("21", "21", "21.certificate");
    let setting = told.lines().nth(1).unwrap().trim().to_owned();
    assert!(setting.starts_with("UsbMaker=ed25519:"), "{told}");
    certify("22", "21", "wrong.certificate");
    fs::write(
        &conf,
        plain.replace("PinFile=", &format!("{setting}\nPinFile=")),
    )
    .unwrap();
    let listed = || good(&scene, &["carriers"]);
    let none = "has no certificate of the maker";
    assert_eq!(listed().matches(none).count(), 2, "{}", listed());
    bus.certify("21", &folder.join("21.certificate"));
    // Of another serial number, of another key.
    bus.certify("22", &folder.join("wrong.certificate"));
    let said = listed();
    assert!(
        said.contains("(21)\tblank") && said.matches(none).count() == 1,
        "{said}"
    );
    bus.certify("22", &folder.join("21.certificate"));
    assert_eq!(listed().matches(none).count(), 1);
    let code = vendor.code(2);
    let on = |number: &'static str| {
        ["activate", &code, "--itn", ITN, "--blank", number].map(str::to_owned)
    };
    let on = |number| on(number).to_vec();
    let arguments = on("22");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    assert!(bad(&scene, &arguments).contains(none));
    let arguments = on("21");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    good(&scene, &arguments);
    // A false key that shows a genuine one's holder key and certificate at first, and its own holder key later.
    scene.start();
    wait_for("the licence", || {
        licences(&scene).iter().any(|row| row["Workable"] == true)
    });
    bus.set("21", "swapped");
    wait_for("the refusal", || {
        licences(&scene).iter().any(|row| {
            let error = row["OpenError"].as_str().unwrap_or_default();
            error.contains(none) && row["KeyNo"] != 22
        })
    });
}

#[test]
fn a_full_key_is_left_out_where_the_console_lets_choose_one_if_the_settings_say_so() {
    let (mut scene, vendor, mut bus) = scene();
    bus.plug("31");
    bus.plug("32");
    scene.start();
    wait_for("both keys", || licences(&scene).len() == 2);
    bus.set("31", "room 100");
    let body = json!({"ActivationCodeString": vendor.code(2), "ITN": ITN, "BlankKeyNo": 31});
    let (status, told) = scene.post("/api/licences", &body);
    assert_eq!(status, 400, "{told}");
    let offered = |scene: &Scene| {
        let page = scene.page("/licences/install");
        ["31", "32"].map(|number| page.contains(&format!("<option value=\"{number}\"")))
    };
    assert_eq!(offered(&scene), [true, true]);
    let conf = scene.conf_folder().join("licenceserver.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, text + "[Console]\nHideFullStorages=1\n").unwrap();
    wait_for("the setting", || offered(&scene) == [false, true]);
}
