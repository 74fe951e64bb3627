//! The main job, whole: the vendor's tool, the server and the component, each the real program.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf};

use licence::{
    host::Value,
    scene::{KEY_NO, SERIES, Scene},
};

fn scene_with_object(seats: u32) -> (Scene, PathBuf, Vec<u8>) {
    let scene = Scene::new(seats);
    let content: Vec<u8> = (0..300_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let file = scene.root().join("object.bin");
    fs::write(&file, &content).unwrap();
    let datafile = scene.pack(&file, "Расчет");
    (scene, datafile, content)
}

fn path(path: &std::path::Path) -> Value {
    Value::Text(path.display().to_string())
}

#[test]
fn a_process_takes_a_seat_and_gets_its_object_bit_for_bit() {
    let (scene, datafile, content) = scene_with_object(3);
    let (mut client, obtained) = scene.client(&datafile, 6);
    assert!(obtained.is_true(), "{}", obtained.en);
    let (status, sessions) = scene.api("/api/sessions");
    assert_eq!(status, 200);
    let session = &sessions["Sessions"][0];
    assert_eq!(session["KeyID"], SERIES);
    assert_eq!(session["UserName"], "Пользователь 6");
    assert_eq!(
        session["UsedLicence"].to_string().trim_matches('"'),
        KEY_NO.to_string()
    );
    let out = scene.root().join("out.bin");
    let told = client.call("GetObjectToFile", &["Расчет".into(), path(&out)]);
    assert!(told.is_true(), "{}", told.en);
    assert_eq!(fs::read(&out).unwrap(), content);
    let told = client.call("GetObject", &["Расчет".into()]);
    assert_eq!(told.value, Some(Value::Blob(content)));
    drop(client);
    scene.wait_for_sessions(0);
}

#[test]
fn the_seat_after_the_last_is_refused_with_who_holds_them_and_a_killed_process_frees_its_own() {
    let (scene, datafile, _) = scene_with_object(2);
    let (first, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    let (_second, obtained) = scene.client(&datafile, 2);
    assert!(obtained.is_true(), "{}", obtained.en);
    let (mut third, refused) = scene.client(&datafile, 3);
    assert_eq!((refused.is_true(), refused.code), (false, 302));
    for text in [&refused.ru, &refused.en] {
        assert!(text.contains("Пользователь 1"), "{text}");
    }
    first.kill();
    scene.wait_for_sessions(1);
    assert!(third.call("ObtainLicence", &[]).is_true());
    assert_eq!(scene.sessions(), 2);
}

#[test]
fn a_killed_server_comes_back_with_every_seat() {
    let (mut scene, datafile, _) = scene_with_object(2);
    let (_client, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    scene.kill_server();
    scene.start();
    assert_eq!(scene.sessions(), 1);
}

#[test]
fn a_wrong_password_and_an_unknown_address_get_the_error_body() {
    let scene = Scene::new(1);
    let (status, body) = scene.api_as("/api/sessions", "admin", "wrong");
    assert_eq!((status, body["Code"].as_u64()), (401, Some(401)));
    let (status, body) = scene.api("/api/nothing");
    assert_eq!(
        (status, body["Exception"].as_str()),
        (404, Some("EHTTPNotFound"))
    );
}
