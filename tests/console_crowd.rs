//! The console in a real browser while a crowd works: pages stay small, and one session among all is found and freed.
//!
//! `LICENCE_SESSIONS` says how many sessions; 2,000 when it is not set. Prints sizes and times.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf};

use licence::{
    browser::{Browser, Wanted},
    crowd::{Crowd, Way},
    process::Application,
    scene::Scene,
};

/// What the first page may weigh, in bytes.
const MOST: u64 = 100 * 1024;
/// How many sessions one 1C process has.
const OF_ONE: u32 = 10_000;

#[test]
fn pages_stay_small_and_one_session_is_found_and_freed_among_all() {
    let sessions = std::env::var("LICENCE_SESSIONS").map_or(2_000, |text| text.parse().unwrap());
    let mut scene = Scene::bare();
    scene.configure("[Sessions]\nHeartbeatSeconds=5\nExpireSeconds=120\n");
    scene.install_licence(sessions + 10);
    scene.start();
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    let datafile = scene.pack(&file, "object");
    let way = Way::to(&scene, &[], &datafile);
    // One process has one connection, which holds so many.
    let firsts = (1..=sessions).step_by(OF_ONE as usize);
    let _crowds: Vec<Crowd> = firsts
        .map(|first| {
            let mut crowd = Crowd::start(&scene, Application::Server);
            let count = OF_ONE.min(sessions + 1 - first);
            crowd.seat(&way, first, count.try_into().unwrap(), 16);
            crowd
        })
        .collect();
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("console");
    let browser = Browser::start(scene.port(), pictures, Wanted::default());
    browser.sign_in("admin", "admin");
    browser.wait_for("Новый пароль");
    println!(
        "{sessions} sessions: page, bytes, ms to the first byte, ms to DOMContentLoaded, ms until it is whole"
    );
    for path in [
        "/".to_owned(),
        "/sessions".to_owned(),
        "/sessions?order=user&back=1".to_owned(),
        format!("/sessions?page={}", sessions.div_ceil(100)),
        format!("/sessions?q={sessions}"),
    ] {
        browser.go(&path);
        let told = browser.run(
            "const one = performance.getEntriesByType('navigation')[0];
            return [one.decodedBodySize, one.responseStart, one.domContentLoadedEventEnd, one.loadEventEnd].map(Math.round);",
        );
        println!("{path} {told}");
        let size = told[0].as_u64().unwrap();
        assert!((1_000..MOST).contains(&size), "{path}: {size} bytes");
    }
    browser.wait_for(&format!("Пользователь {sessions}"));
    browser.picture("crowd-found");
    browser.click("td.number a");
    browser.write("[name=word]", "обновление");
    browser.click("[name=sure]");
    browser.click("button.danger");
    browser.wait_for("Лицензия освобождена");
    browser.picture("crowd-sessions");
    let (_, usage) = scene.api("/api/usage");
    assert_eq!(usage["Usage"][0]["Used"], sessions - 1, "{usage}");
}
