//! Garbage in every argument and property of an object that has a seat: each is refused with a number and a
//! sentence, and seat and object work on.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::fs;

use licence::{
    host::{Value, kind},
    process::Process,
    scene::{SERIES, Scene, session},
};

const BAD_ARGUMENT: i32 = 103;
const TOO_LONG: i32 = 104;

/// The methods that have parameters, with arguments that are good.
fn methods(facts: &str) -> Vec<(&'static str, Vec<Value>)> {
    let mut arguments = session(1).to_vec();
    arguments.push(facts.into());
    vec![
        ("SetSession", arguments),
        ("ObtainLicence", vec![Value::Int(0)]),
        ("LoadDataFile", vec!["nowhere".into()]),
        ("GetObject", vec!["Расчет".into()]),
        ("GetObjectToFile", vec!["Расчет".into(), "out".into()]),
        ("GetParameter", vec!["Region".into(), "".into()]),
        ("CheckFlag", vec![Value::Int(0)]),
    ]
}

const PROPERTIES: [&str; 7] = [
    "ServerAddr",
    "ServerPort",
    "ReservedServers",
    "KeyID",
    "PublicKey",
    "AccessCode",
    "RaiseExceptions",
];

/// Values of types that no argument has, or that point nowhere.
fn garbage() -> Vec<Value> {
    let mut all: Vec<_> = [9, 12, 24, 100, 0xfff, 0x2016, 0x4016, 0xaaaa, 0xffff]
        .map(|kind| Value::Bits(kind, u64::MAX))
        .into();
    all.extend([
        Value::Null(kind::PWSTR, 5),
        Value::Null(kind::PSTR, u32::MAX),
        Value::Null(kind::BLOB, 5),
        Value::Bytes(vec![0xFF, 0xFE, 0x80]),
        Value::Tm([i32::MAX; 6]),
        Value::Bits(kind::DATE, f64::NAN.to_bits()),
    ]);
    all
}

fn seated() -> (Scene, Process, Vec<u8>) {
    let scene = Scene::new(2);
    let content = vec![7; 100_000];
    let file = scene.root().join("object.bin");
    fs::write(&file, &content).unwrap();
    let datafile = scene.pack(&file, "Расчет");
    let (process, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    (scene, process, content)
}

/// The seat is there, and the object is as it was.
#[track_caller]
fn works(scene: &Scene, process: &mut Process, content: &[u8]) {
    assert_eq!(scene.sessions(), 1);
    assert_eq!(process.get("LicenceObtained"), Value::Bool(true));
    let told = process.call("GetObject", &["Расчет".into()]);
    assert_eq!(told.value, Some(Value::Blob(content.into())), "{}", told.en);
}

#[test]
fn garbage_in_any_argument_is_refused_and_the_seat_stays() {
    let (scene, mut process, content) = seated();
    let Some(Value::Text(facts)) = process.call("SessionFacts", &[]).value else {
        panic!("SessionFacts is a text");
    };
    for (method, good) in methods(&facts) {
        for place in 0..good.len() {
            for value in garbage() {
                // Of any type on purpose.
                if (method, place) == ("GetParameter", 1) {
                    continue;
                }
                let mut arguments = good.clone();
                arguments[place] = value;
                process
                    .call(method, &arguments)
                    .assert_refused(BAD_ARGUMENT);
            }
        }
        let mut more = good.clone();
        more.extend(vec![Value::Empty; 9]);
        process.call(method, &more).assert_refused(BAD_ARGUMENT);
        works(&scene, &mut process, &content);
    }
    assert!(!scene.root().join("out").exists());
}

#[test]
fn a_text_that_is_too_long_is_refused_in_any_argument() {
    let (scene, mut process, content) = seated();
    let Some(Value::Text(facts)) = process.call("SessionFacts", &[]).value else {
        panic!("SessionFacts is a text");
    };
    let long = "я".repeat(600_000);
    for (method, good) in methods(&facts) {
        for (place, value) in good.iter().enumerate() {
            let mut arguments = good.clone();
            arguments[place] = long.as_str().into();
            let expected = match value {
                Value::Text(_) => TOO_LONG,
                _ => BAD_ARGUMENT,
            };
            if !matches!(value, Value::Text(_)) {
                arguments[place] = "я".into();
            }
            process.call(method, &arguments).assert_refused(expected);
        }
        // Longer than its memory is.
        if let Some(place) = good
            .iter()
            .position(|value| matches!(value, Value::Text(_)))
        {
            let mut arguments = good.clone();
            arguments[place] = Value::Units(vec![0x41], u32::MAX);
            process.call(method, &arguments).assert_refused(TOO_LONG);
        }
        works(&scene, &mut process, &content);
    }
    // Within what the platform's texts may be, and more than a fact of the session may.
    for place in [0, 3, 4, 5] {
        let mut arguments = session(1).to_vec();
        arguments[place] = "я".repeat(3000).as_str().into();
        process
            .call("SetSession", &arguments)
            .assert_refused(TOO_LONG);
    }
    works(&scene, &mut process, &content);
}

#[test]
fn nothing_where_something_must_be_is_refused() {
    let (scene, mut process, content) = seated();
    for (method, arguments) in [
        ("SetSession", vec![]),
        ("SetSession", vec!["".into()]),
        ("LoadDataFile", vec![]),
        ("GetObject", vec![]),
        ("GetObjectToFile", vec!["Расчет".into()]),
        ("CheckFlag", vec![]),
    ] {
        process
            .call(method, &arguments)
            .assert_refused(BAD_ARGUMENT);
    }
    for number in [0, -1] {
        let mut arguments = session(1).to_vec();
        arguments[1] = Value::Int(number);
        process
            .call("SetSession", &arguments)
            .assert_refused(BAD_ARGUMENT);
    }
    for text in ["LF1.", "LF1.!", "LF1.AAAA", "LF2.AAAA"] {
        process
            .call("SetSession", &[text.into()])
            .assert_refused(BAD_ARGUMENT);
    }
    for number in [-1, 32, i32::MAX] {
        process
            .call("CheckFlag", &[Value::Int(number)])
            .assert_refused(BAD_ARGUMENT);
    }
    process
        .call("GetParameter", &["Nothing".into()])
        .assert_refused(112);
    works(&scene, &mut process, &content);
}

#[test]
fn garbage_in_any_property_is_refused_and_what_was_set_stays() {
    let (scene, mut process, content) = seated();
    let before = PROPERTIES.map(|name| process.get(name));
    for name in PROPERTIES {
        for value in garbage() {
            process.try_set(name, &value).assert_refused(BAD_ARGUMENT);
        }
    }
    let long = Value::Text("я".repeat(600_000));
    for name in [
        "ServerAddr",
        "ReservedServers",
        "KeyID",
        "PublicKey",
        "AccessCode",
    ] {
        process.try_set(name, &long).assert_refused(TOO_LONG);
    }
    for (name, value, code) in [
        ("ServerAddr", Value::from("a b"), 102),
        ("ServerAddr", "localhost:99999".into(), 102),
        ("ServerPort", Value::Int(65_536), 102),
        ("ServerPort", Value::Int(-1), 102),
        ("ReservedServers", "ok,:,".into(), 102),
        ("KeyID", "67ZB".into(), 101),
        ("KeyID", "672B0".into(), 101),
        ("PublicKey", "ed25519:AAAA".into(), 106),
        ("PublicKey", "rsa:AAAA".into(), 106),
    ] {
        process.try_set(name, &value).assert_refused(code);
    }
    assert_eq!(PROPERTIES.map(|name| process.get(name)), before);
    // Typed with Cyrillic letters, it is the same series.
    let told = process.try_set("KeyID", &"672В".into());
    assert_eq!(
        (told.value, process.get("KeyID")),
        (Some(Value::Empty), SERIES.into())
    );
    works(&scene, &mut process, &content);
}
