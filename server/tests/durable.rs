//! What is written when: a grant is on the disk before its answer, many share one sync, and a heartbeat writes nothing.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/component.rs"]
#[expect(dead_code, reason = "other tests do more with a component")]
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
    path::{Path, PathBuf},
    time::SystemTime,
};

use component::Component;
use place::{Place, SERIES};
use protocol::wire::message::{Answer, Id, Request};
use running::Running;

const CONF: &str = "[Common]\nServerPort=0\n[Sessions]\nHeartbeatSeconds=100\nExpireSeconds=3600\n";
const PROGRAM: &str = env!("CARGO_BIN_EXE_licenceserver");

fn grant(component: &mut Component, number: u32) {
    let answer = component.acquire(Id::random(), number).unwrap();
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
}

#[test]
fn a_grant_is_synced_before_its_answer_and_many_share_one_sync() {
    const WORKERS: u32 = 16;
    const EACH: u32 = 8;
    let root = tempfile::tempdir().unwrap();
    let place = Place::new(root.path(), Path::new(PROGRAM), 1000, None, CONF);
    let counter = root.path().join("syncs");
    let server = Running::start(
        place
            .command()
            .arg("run")
            .env("LD_PRELOAD", shim::shim(root.path(), "syncs"))
            .env("SYNCS", &counter),
    );
    let syncs = || std::fs::metadata(&counter).map_or(0, |counter| counter.len());
    let mut first = Component::connect(server.port, SERIES, 1, Id::random()).unwrap();
    for number in 0..5 {
        let before = syncs();
        grant(&mut first, number);
        assert!(syncs() > before, "answered before it was on the disk");
    }
    let mut components: Vec<Component> = (0..WORKERS)
        .map(|worker| Component::connect(server.port, SERIES, worker + 2, Id::random()).unwrap())
        .collect();
    let before = syncs();
    std::thread::scope(|scope| {
        for (worker, component) in components.iter_mut().enumerate() {
            scope.spawn(move || {
                for number in 0..EACH {
                    grant(component, 1000 * (worker as u32 + 1) + number);
                }
            });
        }
    });
    let (shared, grants) = (syncs() - before, u64::from(WORKERS * EACH));
    assert!(shared <= grants / 2, "{grants} grants took {shared} syncs");
}

/// What the files of the store look like from outside.
fn files(data: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let mut files: Vec<_> = std::fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("server.db"))
        .map(|entry| {
            let about = entry.metadata().unwrap();
            (entry.path(), about.len(), about.modified().unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn heartbeats_write_nothing() {
    let root = tempfile::tempdir().unwrap();
    let place = Place::new(root.path(), Path::new(PROGRAM), 10, None, CONF);
    let data = root.path().join("var/1C/licence/data");
    let server = place.start();
    let mut component = Component::connect(server.port, SERIES, 1, Id::random()).unwrap();
    grant(&mut component, 1);
    let minute = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() / 60;
    loop {
        let (before, begin) = (files(&data), minute());
        for _ in 0..300 {
            let answer = component.ask(&Request::Heartbeat).unwrap();
            assert!(matches!(answer, Answer::Alive(_)), "{answer:?}");
        }
        let after = files(&data);
        // The minute that is over is written into the history, a second or so after its end.
        if (SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() % 60) > 3 && begin == minute() {
            assert_eq!(after, before);
            break;
        }
    }
    let before = files(&data);
    grant(&mut component, 2);
    assert_ne!(files(&data), before, "what is written is seen");
}
