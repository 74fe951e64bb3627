//! Servers that stop and come back under the real component in the C++ host: nobody loses a seat by it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf};

use licence::{
    crowd::{Crowd, Way},
    process::Application,
    scene::Scene,
};

fn datafile(scene: &Scene) -> PathBuf {
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    scene.pack(&file, "Расчет")
}

#[test]
fn an_upgrade_of_the_primary_under_200_sessions_with_a_reserve_of_50_seats_loses_nobody() {
    let mut primary = Scene::new(200);
    let mut reserve = primary.beside();
    reserve.install_licence(50);
    reserve.start();
    let way = Way::to(&primary, &[reserve.port()], &datafile(&primary));
    let mut crowd = Crowd::start(&primary, Application::Server);
    crowd.seat(&way, 1, 200, 32);
    assert_eq!((primary.sessions(), reserve.sessions()), (200, 0));

    primary.kill_server();
    reserve.wait_for_sessions(50);
    let state = crowd.wait(|state| state["certain"] == 50);
    assert_eq!(state["obtained"], 200, "{state}");

    primary.start();
    let home = format!("127.0.0.1:{}", primary.port());
    let state = crowd
        .wait(|state| state["servers"] == serde_json::json!([home]) && state["certain"] == 200);
    assert_eq!(state["obtained"], 200, "{state}");
    // What was taken at the reserve is given back there, and nothing lingers.
    reserve.wait_for_sessions(0);
    assert_eq!(primary.sessions(), 200);
    assert_eq!(crowd.open(), 200);
    crowd.close();
}

#[test]
fn a_server_that_is_killed_and_restarted_gives_its_sessions_back_without_a_word_in_1c() {
    let mut scene = Scene::new(3);
    let way = Way::to(&scene, &[], &datafile(&scene));
    let mut client = Crowd::start(&scene, Application::ThinClient);
    client.seat(&way, 1, 3, 3);
    scene.kill_server();
    let state = client.wait(|state| state["connected"] == 0);
    assert_eq!(
        (&state["obtained"], &state["certain"]),
        (&3.into(), &0.into())
    );
    scene.start();
    let state = client.wait(|state| state["connected"] == 3 && state["certain"] == 3);
    assert_eq!(state["obtained"], 3);
    assert_eq!((scene.sessions(), client.open()), (3, 3));
    client.close();
    scene.wait_for_sessions(0);
}
