//! A vendor changes the secrets of a series: what customers have goes on, what is new needs what is new.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::Path};

use licence::{
    host::Value,
    process::{Answer, Application},
    scene::{SERIES, Scene},
};

const OLD: &[u8] = b"what was packed before";
const NEW: &[u8] = b"what is packed now";

fn pack(scene: &Scene, name: &str, content: &[u8]) -> std::path::PathBuf {
    let file = scene.root().join("object.bin");
    fs::write(&file, content).unwrap();
    scene.pack(&file, name)
}

/// What a new process is told of its seat and of an object.
fn open(scene: &Scene, datafile: &Path, name: &str, session: u32) -> (Answer, Answer) {
    let (mut process, obtained) = scene.client(datafile, session);
    let object = process.call("GetObject", &[name.into()]);
    (obtained, object)
}

fn is(told: &Answer, content: &[u8]) -> bool {
    told.value == Some(Value::Blob(content.to_vec()))
}

#[test]
fn after_new_signing_and_content_keys_old_licences_and_datafiles_open_and_new_ones_need_new() {
    let mut scene = Scene::new(4);
    let old = pack(&scene, "Старый", OLD);
    let (_, object) = open(&scene, &old, "Старый", 1);
    assert!(is(&object, OLD), "{}", object.en);

    let keys = scene.vendor().join(format!("{SERIES}.cryptkey"));
    for change in ["rotate", "content-key"] {
        let mut edit = scene.command("licenceedit");
        let output = edit.args(["series", change]).arg(&keys).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let new = pack(&scene, "Новый", NEW);
    let series = scene.conf_folder().join("licence.series");
    fs::copy(scene.vendor().join("licence.series"), &series).unwrap();
    scene.kill_server();
    scene.start();

    // The licence of before: the old object opens; the new datafile knows its signer, and wants a content key it has not.
    let (obtained, object) = open(&scene, &old, "Старый", 2);
    assert!(obtained.is_true() && is(&object, OLD), "{}", object.en);
    let (obtained, object) = open(&scene, &new, "Новый", 3);
    assert!(obtained.is_true(), "{}", obtained.en);
    assert!(!is(&object, NEW) && object.code == 410, "{object:?}");

    // A licence that is issued now: it opens the new datafile, and that of before does not know its signer.
    scene.install_licence(4);
    scene.kill_server();
    scene.start();
    let (obtained, object) = open(&scene, &new, "Новый", 4);
    assert!(obtained.is_true() && is(&object, NEW), "{}", object.en);
    let mut process = scene.process(Application::ThinClient);
    scene.prepare(&mut process, &old, 5);
    let connected = process.call("Connect", &[]);
    assert!(!connected.is_true(), "{connected:?}");
    assert!(connected.en.contains("vendor"), "{}", connected.en);
}
