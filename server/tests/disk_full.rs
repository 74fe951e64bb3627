//! The disk of the data folder runs full, and gets room again: a small file system of its own, and the real program.

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
#[path = "support/small_disk.rs"]
mod small_disk;
#[path = "support/vendor.rs"]
mod vendor;

use std::{collections::BTreeSet, io::Write, path::Path, process::Command};

use component::Component;
use place::{Place, SERIES};
use protocol::{
    Reason,
    wire::message::{Answer, Id, Request},
};
use running::Running;
use small_disk::DATA;

fn numbers(server: &Running) -> BTreeSet<u32> {
    let answer = server.get("/api/sessions");
    let sessions = answer["Sessions"].as_array().unwrap().iter();
    sessions
        .map(|session| session["SessionNumber"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn a_full_disk_refuses_seats_and_corrupts_nothing_and_room_is_enough_to_go_on() {
    let root = tempfile::tempdir().unwrap();
    let conf = "[Common]\nServerPort=0\n[Sessions]\nHeartbeatSeconds=100\nExpireSeconds=3600\n";
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    let place = Place::new(root.path(), program, 100_000, None, conf);
    let data = root.path().join(DATA);
    let (server, seen) = small_disk::start(root.path(), program, "3m");
    let mut component = Component::connect(server.port, SERIES, 1, Id::random()).unwrap();
    let mut granted = BTreeSet::new();
    let mut take = |component: &mut Component, number| match component
        .acquire(Id::random(), number)
        .unwrap()
    {
        Answer::Granted(_) => {
            granted.insert(number);
            None
        }
        Answer::Denied(denied) => Some(denied.reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(take(&mut component, 0), None);
    let Answer::Granted(first) = component.acquire(Id::random(), 0).unwrap() else {
        panic!("who has a seat keeps it");
    };

    let filler = seen.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    // What the store has of room already lasts for a while.
    let refused = (1..20_000).find_map(|number| take(&mut component, number));
    assert_eq!(refused, Some(Reason::StoreFailed));
    assert_eq!(take(&mut component, 30_000), Some(Reason::StoreFailed));
    // Whoever has a seat works on.
    assert!(matches!(
        component.ask(&Request::Heartbeat).unwrap(),
        Answer::Alive(_)
    ));
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(
        take(&mut component, 30_001),
        None,
        "room is enough, without a restart"
    );
    let released = component.release(Id::random(), first.session).unwrap();
    assert_eq!(released, Answer::Done);
    granted.remove(&0);
    assert_eq!(numbers(&server), granted);

    // The disk as a power cut would leave it holds just these seats.
    let stopped = |signal: &str| {
        let id = server.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    };
    stopped("-STOP");
    for entry in std::fs::read_dir(&seen).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), data.join(entry.file_name())).unwrap();
    }
    drop(server);
    let server = place.start();
    assert_eq!(numbers(&server), granted);
}

#[test]
fn a_server_starts_on_a_full_disk_and_says_so_until_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    let conf = "[Common]\nServerPort=0\n[Sessions]\nHeartbeatSeconds=100\nExpireSeconds=3600\n";
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    let place = Place::new(root.path(), program, 10, None, conf);
    let server = place.start();
    let mut component = Component::connect(server.port, SERIES, 1, Id::random()).unwrap();
    for number in 1..=3 {
        let answer = component.acquire(Id::random(), number).unwrap();
        assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    }
    drop(server);
    // Meanwhile the key goes away: to end its sessions needs to write.
    let data = root.path().join(DATA);
    let licence = data.join("672B.7.licence");
    let away = root.path().join("away.licence");
    std::fs::rename(&licence, &away).unwrap();
    let full = "head -c 100m /dev/zero >\"$1/filler\" 2>/dev/null; true";
    let (server, seen) = small_disk::start_with(root.path(), program, "3m", full);
    assert_eq!(numbers(&server), BTreeSet::from([1, 2, 3]), "all are kept");
    let answer = server.get("/api/sessions?Fields=ID");
    let id = answer["Sessions"][0]["ID"].as_str().unwrap().to_owned();
    let (head, body) = server.ask("DELETE", &format!("/api/sessions/{id}"));
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(body.contains("free space on the disk"), "{body}");
    std::fs::remove_file(seen.join("filler")).unwrap();
    let begin = std::time::Instant::now();
    while !numbers(&server).is_empty() {
        assert!(begin.elapsed().as_secs() < 30, "what was refused is done");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
