//! Events of the component in 1C processes when a real server goes, comes back, or takes a seat away.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf, time::Instant};

use licence::{
    host::{Event, Value},
    process::{Application, Process},
    scene::{PATIENCE, Scene},
};
use serde_json::Value as Json;

fn scene() -> (Scene, PathBuf) {
    let scene = Scene::new(3);
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    let datafile = scene.pack(&file, "Расчет");
    (scene, datafile)
}

/// The message of an event of ours, and its data.
fn told(event: &Event) -> (&str, Json) {
    assert_eq!(event.source, "LicenceAddIn");
    (
        event.message.as_str(),
        serde_json::from_str(&event.data).unwrap(),
    )
}

fn wait_until(process: &mut Process, property: &str, value: &Value) {
    let begun = Instant::now();
    while process.get(property) != *value {
        assert!(
            begun.elapsed() < PATIENCE,
            "{property} does not become {value:?}"
        );
    }
}

#[test]
fn a_killed_server_is_told_to_a_client_once_and_its_return_too_and_work_goes_on_between() {
    let (mut scene, datafile) = scene();
    let (mut client, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    let seated = |application, session| {
        let mut process = scene.process(application);
        scene.prepare(&mut process, &datafile, session);
        assert!(process.call("Connect", &[]).is_true());
        assert!(process.call("ObtainLicence", &[]).is_true());
        process
    };
    let mut worker = seated(Application::Server, 2);
    let mut external = seated(Application::ExternalConnection, 3);
    assert!(client.call("GetObject", &["Расчет".into()]).value.is_some());

    let address = format!("127.0.0.1:{}", scene.port());
    scene.kill_server();
    let events = client.wait_events(1);
    let (message, data) = told(&events[0]);
    assert_eq!(
        (message, data["Server"].as_str()),
        ("ConnectionLost", Some(address.as_str()))
    );
    assert!(data["GraceUntil"].is_string(), "{data}");
    for process in [&mut client, &mut worker, &mut external] {
        wait_until(process, "Connected", &Value::Bool(false));
        assert_eq!(
            process.get("LicenceObtained"),
            Value::Bool(true),
            "grace has begun"
        );
        assert_ne!(process.get("GraceUntil"), Value::Date([1, 1, 1, 0, 0, 0]));
    }
    // What was open stays open; nothing new opens.
    let open = client.call("GetObject", &["Расчет".into()]);
    assert_eq!(open.value, Some(Value::Blob(b"x".into())));
    worker
        .call("GetObject", &["Расчет".into()])
        .assert_refused(208);

    scene.start();
    let events = client.wait_events(2);
    let (message, data) = told(&events[1]);
    assert_eq!(
        (message, data["Server"].as_str()),
        ("ConnectionRestored", Some(address.as_str()))
    );
    for process in [&mut client, &mut worker, &mut external] {
        wait_until(process, "Connected", &Value::Bool(true));
        // The seats are looked after one by one, right after the server.
        wait_until(process, "GraceUntil", &Value::Date([1, 1, 1, 0, 0, 0]));
    }
    scene.wait_for_sessions(3);
    assert!(worker.call("GetObject", &["Расчет".into()]).value.is_some());
    assert_eq!(client.wait_events(2).len(), 2, "one event for each cause");
    for process in [&mut worker, &mut external] {
        assert_eq!(process.wait_events(0), [], "nobody could take an event");
    }
}

#[test]
fn a_seat_whose_licence_is_taken_from_the_server_is_told_as_lost_with_the_reason() {
    let (scene, datafile) = scene();
    let (mut client, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    let data = scene.root().join("var/1C/licence/data");
    let licences: Vec<_> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "licence")
        })
        .collect();
    assert_eq!(licences.len(), 1);
    fs::remove_file(&licences[0]).unwrap();
    let events = client.wait_events(1);
    let (message, data) = told(&events[0]);
    assert_eq!(message, "LicenceLost", "{data}");
    let code = data["Code"].as_u64().unwrap();
    assert!((300..400).contains(&code), "{data}");
    for text in ["Text", "TextEn"] {
        assert!(data[text].as_str().unwrap().len() > 30, "{data}");
    }
    assert_eq!(client.get("LicenceObtained"), Value::Bool(false));
    let refused = client.call("GetObject", &["Расчет".into()]);
    refused.assert_refused(code.try_into().unwrap());
    assert_eq!(scene.sessions(), 0);
}
