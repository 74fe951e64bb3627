//! Configuration files that cannot be read: the component goes on and says so when it cannot connect; the
//! server does not start and says why.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf};

use licence::{
    host::Value,
    process::{Answer, Application, Process},
    scene::Scene,
};

/// Files that cannot be used: their bytes, the component's number for them, the line at fault.
const BAD: [(&[u8], i32, u32); 5] = [
    (b"[Common]\nServerAddr 127.0.0.1\nServerPort=1\n", 113, 2),
    (
        b"[Common]\n\nServerAddr=127.0.0.1\n[672B\nServerPort=1\n",
        113,
        4,
    ),
    (b"[Common]\n=5\n", 113, 2),
    (
        b"[Common]\nServerAddr=127.0.0.1\n; \xcf\xee\xf0\xf2\nServerPort=1\n",
        114,
        3,
    ),
    (b"\xff\xfe[\0C\0o\0m\0", 114, 1),
];

fn datafile(scene: &Scene) -> PathBuf {
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    scene.pack(&file, "Расчет")
}

/// A process whose code names no server, so that the file decides.
fn process(scene: &Scene, datafile: &std::path::Path) -> Process {
    let mut process = scene.process(Application::ThinClient);
    scene.prepare(&mut process, datafile, 1);
    process.set("ServerAddr", "".into());
    process.set("ServerPort", Value::Int(0));
    process
}

#[track_caller]
fn names(told: &Answer, line: u32) {
    for (text, word) in [(&told.ru, "строка"), (&told.en, "line")] {
        assert!(text.contains("licenceaddin.conf"), "{text}");
        assert!(text.contains(&format!("{word} {line}:")), "{text}");
    }
}

#[test]
fn a_component_s_conf_that_cannot_be_used_is_why_connect_fails_and_says_where() {
    let scene = Scene::new(1);
    let datafile = datafile(&scene);
    let conf = scene.conf_folder().join("licenceaddin.conf");
    for (bytes, code, line) in BAD {
        fs::write(&conf, bytes).unwrap();
        let mut process = process(&scene, &datafile);
        let told = process.call("Connect", &[]);
        told.assert_refused(code);
        names(&told, line);
        assert_eq!(
            fs::read(&conf).unwrap(),
            bytes,
            "the file is the administrator's"
        );
    }
    // A name that is no file's.
    fs::remove_file(&conf).unwrap();
    fs::create_dir(&conf).unwrap();
    process(&scene, &datafile)
        .call("Connect", &[])
        .assert_refused(116);
    fs::remove_dir(&conf).unwrap();
    fs::write(
        &conf,
        format!(
            "[Common]\nServerAddr=127.0.0.1\nServerPort={}\n",
            scene.port()
        ),
    )
    .unwrap();
    let mut process = process(&scene, &datafile);
    assert!(process.call("Connect", &[]).is_true());
    assert!(process.call("ObtainLicence", &[]).is_true());
    assert_eq!(scene.sessions(), 1);
}

#[test]
fn servers_that_the_code_names_are_used_whatever_the_conf_is_and_settings_tell_of_it() {
    let scene = Scene::new(1);
    let datafile = datafile(&scene);
    let conf = scene.conf_folder().join("licenceaddin.conf");
    for (bytes, code, line) in BAD {
        fs::write(&conf, bytes).unwrap();
        let (mut process, obtained) = scene.client(&datafile, 1);
        assert!(obtained.is_true(), "{}", obtained.en);
        let Some(Value::Text(settings)) = process.call("Settings", &[]).value else {
            panic!("Settings is a text");
        };
        let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
        let warning = &settings["Warnings"][0];
        assert_eq!(warning["Code"], code, "{settings}");
        assert_eq!(warning["Line"], line, "{settings}");
        drop(process);
        scene.wait_for_sessions(0);
    }
}

#[test]
fn a_server_s_conf_that_cannot_be_used_ends_the_start_with_a_sentence_in_both_languages() {
    let scene = Scene::bare();
    let conf = scene.conf_folder().join("licenceserver.conf");
    let mut seen = std::collections::BTreeSet::new();
    let more: [(&[u8], i32, u32); 2] = [
        (b"[Common]\nServerPort=99999\n", 0, 2),
        (b"[Common]\n[Sessions]\nHeartbeatSeconds=ten\n", 0, 3),
    ];
    for (bytes, _, line) in BAD.into_iter().chain(more) {
        fs::write(&conf, bytes).unwrap();
        for command in ["run", "request"] {
            let output = scene
                .command("licenceserver")
                .arg(command)
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(1));
            assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
            let told = String::from_utf8(output.stderr).unwrap();
            let lines: Vec<_> = told.lines().collect();
            let [english, russian] = lines.as_slice() else {
                panic!("two lines, one in each language: {told}");
            };
            assert!(
                english.contains(&format!("licenceserver.conf, line {line}: ")),
                "{english}"
            );
            assert!(
                russian.contains(&format!("licenceserver.conf, строка {line}: ")),
                "{russian}"
            );
            seen.insert(told);
        }
        assert_eq!(
            fs::read(&conf).unwrap(),
            bytes,
            "the file is the administrator's"
        );
    }
    assert_eq!(
        seen.len(),
        BAD.len() + more.len(),
        "each says something of its own"
    );
    assert!(
        !scene.root().join("var/1C/licence/data").exists(),
        "nothing was begun"
    );
}
