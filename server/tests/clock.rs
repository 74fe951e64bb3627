//! The computer's clock is set back under a licence that is limited in time: the real program, with a wall clock of its own.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/api.rs"]
mod api;
#[path = "support/component.rs"]
mod component;
#[path = "support/place.rs"]
mod place;
#[path = "support/running.rs"]
mod running;
#[path = "support/shim.rs"]
mod shim;
#[path = "support/vendor.rs"]
mod vendor;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use component::Component;
use place::{Place, SERIES};
use protocol::wire::message::{Answer, Id};
use running::Running;

const HOUR: i64 = 60 * 60;

fn at(place: &Place, shim: &Path, offset: i64, command: &str) -> Command {
    let mut shifted = place.command();
    shifted
        .arg(command)
        .env("LD_PRELOAD", shim)
        .env("CLOCK_OFFSET", offset.to_string());
    shifted
}

/// The journal's lines of the clock, the newest first, once the newest is as wanted.
fn events(server: &Running, wanted: &str) -> Vec<String> {
    let begin = Instant::now();
    loop {
        let answer = server.get("/api/events?Event=ClockSetBack,ClockForgotten,ClockRight");
        let kinds: Vec<String> = answer["Events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["Event"].as_str().unwrap().to_owned())
            .collect();
        if kinds.first().is_some_and(|kind| kind == wanted) {
            return kinds;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_granted(server: &Running) -> bool {
    let Ok(mut component) =
        Component::connect(server.port, SERIES, 1, Id(protocol::random_bytes()))
    else {
        return false;
    };
    let answer = component.acquire(Id(protocol::random_bytes()), 1).unwrap();
    let Answer::Granted(granted) = answer else {
        return false;
    };
    component
        .release(Id(protocol::random_bytes()), granted.session)
        .unwrap();
    true
}

/// Ends the server once the time is on disk.
fn kill_after_keeping(server: Running, file: &Path, before: Option<Vec<u8>>) {
    let begin = Instant::now();
    while std::fs::read(file).ok() == before {
        assert!(begin.elapsed() < Duration::from_secs(30), "nothing is kept");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(server);
}

#[test]
fn a_clock_that_is_set_back_lengthens_no_licence_and_is_reported() {
    let root = tempfile::tempdir().unwrap();
    let shim = shim::shim(root.path(), "clock");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs() as i64;
    let conf = "[Common]\nServerPort=0\n[API]\nEnabled=1\n";
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    // It ends in twelve hours.
    let time = Some((now - 12 * HOUR, 1));
    let place = Place::new(root.path(), program, 3, time, conf);
    let file = root.path().join("var/1C/licence/data/server.clock");

    let server = place.start();
    assert!(is_granted(&server), "the licence works while its time runs");
    kill_after_keeping(server, &file, None);

    let before = std::fs::read(&file).unwrap();
    let server = Running::start(&mut at(&place, &shim, 13 * HOUR, "run"));
    assert!(!is_granted(&server), "its time is over");
    kill_after_keeping(server, &file, Some(before));

    let doctor = at(&place, &shim, 0, "doctor").output().unwrap();
    let table = String::from_utf8(doctor.stdout).unwrap();
    assert_eq!(doctor.status.code(), Some(1), "{table}");
    assert!(table.contains("set back"), "{table}");

    let server = Running::start(&mut at(&place, &shim, 0, "run"));
    assert!(
        !is_granted(&server),
        "a clock set back lengthened the licence"
    );
    let licence = &server.get("/api/licences")["Licences"][0];
    assert_eq!(licence["Expired"], true, "{licence}");
    let error = licence["OpenError"].as_str().unwrap();
    assert!(error.contains("set back"), "{error}");
    events(&server, "ClockSetBack");
    drop(server);

    // What was kept is altered: the journal still knows what time it was.
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, code) = text.split_once(' ').unwrap();
    std::fs::write(&file, format!("{}000 {code}", now - HOUR)).unwrap();
    let server = Running::start(&mut at(&place, &shim, 0, "run"));
    assert!(
        !is_granted(&server),
        "altering the record lengthened the licence"
    );
    let kinds = events(&server, "ClockSetBack");
    assert!(kinds.contains(&"ClockForgotten".to_owned()), "{kinds:?}");
    drop(server);
}
