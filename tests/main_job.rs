//! The main job, whole: the vendor's tool, the server and the component, each the real program.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::Path};

use licence::{
    programs::addin_library,
    scene::{KEY_NO, Process, SERIES, Scene},
};

fn process(scene: &Scene, datafile: &Path, number: u32) -> Process {
    scene.process(
        Path::new(env!("CARGO_BIN_EXE_process1c")),
        &addin_library(),
        datafile,
        number,
    )
}

/// Reads what a process says up to the answer about the seat.
fn seat(process: &mut Process) -> String {
    for expected in ["loaded", "session", "connected"] {
        assert_eq!(process.says().unwrap(), expected);
    }
    process.says().unwrap()
}

fn scene_with_object(seats: u32) -> (Scene, std::path::PathBuf, Vec<u8>) {
    let scene = Scene::new(seats);
    let content: Vec<u8> = (0..300_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let file = scene.root().join("object.bin");
    fs::write(&file, &content).unwrap();
    let datafile = scene.pack(&file, "Расчет");
    (scene, datafile, content)
}

#[test]
fn a_process_takes_a_seat_and_gets_its_object_bit_for_bit() {
    let (scene, datafile, content) = scene_with_object(3);
    let mut client = process(&scene, &datafile, 6);
    assert_eq!(seat(&mut client), "granted");
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
    let told = client
        .tell(&format!("object Расчет {}", out.display()))
        .unwrap();
    assert_eq!(told, "written");
    assert_eq!(fs::read(&out).unwrap(), content);
    assert!(
        client
            .tell(&format!("object Другой {}", out.display()))
            .unwrap()
            .starts_with("denied 406 ")
    );
    drop(client);
    scene.wait_for_sessions(0);
}

#[test]
fn the_seat_after_the_last_is_refused_with_who_holds_them_and_a_killed_process_frees_its_own() {
    let (scene, datafile, _) = scene_with_object(2);
    let mut first = process(&scene, &datafile, 1);
    let mut second = process(&scene, &datafile, 2);
    assert_eq!(seat(&mut first), "granted");
    assert_eq!(seat(&mut second), "granted");
    let mut third = process(&scene, &datafile, 3);
    let refused = seat(&mut third);
    assert!(refused.starts_with("denied 302 "), "{refused}");
    assert!(refused.contains("Пользователь 1"), "{refused}");
    first.kill().unwrap();
    scene.wait_for_sessions(1);
    assert_eq!(third.tell("obtain").unwrap(), "granted");
    assert_eq!(scene.sessions(), 2);
}

#[test]
fn a_killed_server_comes_back_with_every_seat() {
    let (mut scene, datafile, _) = scene_with_object(2);
    let mut client = process(&scene, &datafile, 1);
    assert_eq!(seat(&mut client), "granted");
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
