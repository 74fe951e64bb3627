//! What tests of carriers share: commands of the server, and waiting for what comes by itself.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use crate::scene::{PATIENCE, Scene};

/// What a command of the server says, and whether it went well.
///
/// # Panics
/// When it cannot be run.
pub fn said(scene: &Scene, arguments: &[&str]) -> (bool, String) {
    let output = scene
        .command("licenceserver")
        .args(arguments)
        .output()
        .expect("the server's program runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8(said).expect("programs say text"),
    )
}

/// The same of one that has to go well.
///
/// # Panics
/// When it does not.
pub fn good(scene: &Scene, arguments: &[&str]) -> String {
    let (good, said) = said(scene, arguments);
    assert!(good, "{arguments:?}: {said}");
    said
}

/// The same of one that has to fail.
///
/// # Panics
/// When it does not.
pub fn bad(scene: &Scene, arguments: &[&str]) -> String {
    let (good, said) = said(scene, arguments);
    assert!(!good, "{arguments:?}: {said}");
    said
}

/// The licences in the REST API.
///
/// # Panics
/// When it does not answer.
#[must_use]
pub fn licences(scene: &Scene) -> Vec<Json> {
    let (status, body) = scene.api("/api/licences");
    assert_eq!(status, 200);
    let licences = body["Licences"].as_array();
    licences.expect("there is a list").clone()
}

/// Waits for something; how long that took.
///
/// # Panics
/// When it does not come.
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
    begun.elapsed()
}

/// A datafile with one short object, `Расчет`.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn datafile(scene: &Scene, content: &[u8]) -> PathBuf {
    let file = scene.root().join("object.bin");
    fs::write(&file, content).expect("the scene's folder is writable");
    scene.pack(&file, "Расчет")
}
