//! Keys that come and go, and settings that are saved, are taken up by a server that runs. Prints after which time.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/api.rs"]
mod api;
#[path = "support/place.rs"]
mod place;
#[path = "support/running.rs"]
mod running;
#[path = "support/vendor.rs"]
mod vendor;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use place::Place;

/// Two seconds are promised of a computer that has its processors for itself.
const MOST: Duration = Duration::from_secs(10);

#[test]
fn keys_and_settings_are_taken_up_without_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    let place = Place::new(root.path(), program, 7, None, "[Common]\nServerPort=0\n");
    let server = place.start();
    let total = || server.get("/api/usage")["Usage"][0]["Total"].as_u64();
    assert_eq!(total(), Some(7));
    let licence = root.path().join("var/1C/licence/data/672B.7.licence");
    let away = root.path().join("away.licence");
    let conf = root.path().join("var/1C/licence/3.0/licenceserver.conf");
    for _ in 0..2 {
        std::fs::rename(&licence, &away).unwrap();
        within("a key that went", || total() == Some(0));
        std::fs::rename(&away, &licence).unwrap();
        within("a key that came", || total() == Some(7));
        for enabled in ["0", "1"] {
            let text = std::fs::read_to_string(&conf).unwrap();
            let text = text.lines().filter(|line| !line.starts_with("Enabled="));
            let text: Vec<&str> = text.filter(|line| *line != "[API]").collect();
            let text = format!("{}\n[API]\nEnabled={enabled}\n", text.join("\n"));
            std::fs::write(&conf, text).unwrap();
            let status = if enabled == "1" { "200" } else { "503" };
            within("saved settings", || {
                let (head, _) = server.ask("GET", "/api");
                head.starts_with(&format!("HTTP/1.1 {status}"))
            });
        }
    }
}

fn within(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < MOST, "{what}: not taken up");
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("{what}: {} ms", begin.elapsed().as_millis());
}
