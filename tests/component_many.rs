//! One process, hundreds of sessions: what they share, and what one more costs.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{fs, path::PathBuf, thread, time::Duration};

use licence::{
    crowd::{Crowd, Way},
    process::Application,
    scene::Scene,
};
use serde_json::json;

fn datafile(scene: &Scene, bytes: usize) -> PathBuf {
    let file = scene.root().join("object.bin");
    // What does not compress, so that the datafile is as large.
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let content: Vec<u8> = (0..bytes).map(|_| next()).collect();
    fs::write(&file, content).unwrap();
    scene.pack(&file, "Расчет")
}

/// How many threads a process has now.
fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).unwrap().count()
}

#[test]
fn a_thousand_objects_on_32_threads_share_one_connection_and_one_thread() {
    let scene = Scene::new(1000);
    let way = Way::to(&scene, &[], &datafile(&scene, 10));
    let mut crowd = Crowd::start(&scene, Application::Server);
    crowd.seat(&way, 1, 1000, 32);
    let (_, connections) = scene.api("/api/connections");
    assert_eq!(
        connections["Connections"].as_array().unwrap().len(),
        1,
        "{connections}"
    );
    assert_eq!(scene.sessions(), 1000);
    // The process's own, and the connection's: one heartbeat for all.
    assert_eq!(threads(crowd.pid()), 2);
    assert_eq!(crowd.open(), 1000);
    crowd.close();
}

/// The processor time that a process has used, in the system's ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold anything.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split(' ').collect();
    let [user, system] = [fields[12], fields[13]].map(|field| field.parse::<u64>().unwrap());
    user + system
}

#[test]
fn a_process_that_holds_hundreds_of_seats_and_does_nothing_uses_no_processor() {
    let scene = Scene::new(300);
    let way = Way::to(&scene, &[], &datafile(&scene, 10));
    let mut crowd = Crowd::start(&scene, Application::Server);
    crowd.seat(&way, 1, 300, 32);
    let before = ticks(crowd.pid());
    // Some heartbeats: here they come every second.
    thread::sleep(Duration::from_secs(4));
    let used = ticks(crowd.pid()) - before;
    assert!(used <= 4, "{used} ticks in four seconds");
    assert_eq!(scene.sessions(), 300);
    crowd.close();
}

#[test]
fn the_thousandth_object_takes_the_memory_that_the_first_did() {
    let scene = Scene::new(1000);
    let way = Way::to(&scene, &[], &datafile(&scene, 10));
    let mut crowd = Crowd::start(&scene, Application::Server);
    // What a process needs once is needed by then.
    crowd.seat(&way, 1, 100, 1);
    let mut marks = vec![crowd.memory()];
    for from in [101, 201, 301, 401, 501, 601, 701, 801, 901] {
        crowd.seat(&way, from, 100, 1);
        marks.push(crowd.memory());
    }
    // Tables double now and then, so that one step alone says little.
    let first = marks[4].saturating_sub(marks[0]);
    let last = marks[9].saturating_sub(marks[5]);
    assert!(last <= first * 2, "{marks:?}");
    crowd.close();
}

#[test]
fn a_datafile_that_a_hundred_objects_load_is_in_memory_once() {
    const SIZE: usize = 4 * 1024 * 1024;
    let scene = Scene::new(100);
    let file = datafile(&scene, SIZE);
    let way = Way::to(&scene, &[], &file);
    let mut crowd = Crowd::start(&scene, Application::Server);
    let before = crowd.memory();
    let binary = json!(file.display().to_string());
    let told = crowd.go(
        "seat",
        &way,
        &[
            ("binary", binary),
            ("count", 100.into()),
            ("threads", 32.into()),
        ],
    );
    assert_eq!(told["seated"], 100, "{told}");
    let grown = crowd.memory() - before;
    assert!(
        grown > SIZE as u64 && grown < 2 * SIZE as u64,
        "{grown} bytes"
    );
    crowd.close();
}

#[test]
fn ten_thousand_objects_made_and_ended_leave_the_memory_level() {
    let scene = Scene::new(60);
    let way = Way::to(&scene, &[], &datafile(&scene, 10));
    let mut crowd = Crowd::start(&scene, Application::ThinClient);
    crowd.seat(&way, 1, 1, 1);
    let mut churn = |count: u64| {
        let told = crowd.go("churn", &way, &[("count", count.into())]);
        assert_eq!(told["wrong"], serde_json::Value::Null);
        told["bytes"].as_u64().unwrap()
    };
    // Until then the memory of the threads is still finding its size.
    let marks = [churn(4000), churn(3000), churn(3000)];
    // What an object leaves behind shows in both stretches, what a thread's table or a late answer takes in one.
    let grown: Vec<_> = marks
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect();
    assert!(
        grown.iter().any(|bytes| *bytes < 3000 * 16),
        "{marks:?} bytes"
    );
    crowd.close();
    scene.wait_for_sessions(0);
}
