//! One infobase session whose objects 1C creates and drops as it likes, now in this worker process and now in
//! that one: it is one seat throughout.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use licence::{
    host::Value,
    process::{Application, Process},
    scene::{PATIENCE, Scene, session},
};

const SESSION: u32 = 7;

fn scene() -> (Scene, PathBuf) {
    let scene = Scene::new(3);
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    let datafile = scene.pack(&file, "Расчет");
    (scene, datafile)
}

/// A new object takes the session's seat.
fn seated(scene: &Scene, process: &mut Process, datafile: &Path, session: u32) {
    scene.prepare(process, datafile, session);
    for method in ["Connect", "ObtainLicence"] {
        let told = process.call(method, &[]);
        assert!(told.is_true(), "{method}: {}", told.en);
    }
}

/// What an object of a background job gets that names this parent, and was prepared as session `number`.
fn child(scene: &Scene, process: &mut Process, datafile: &Path, number: u32, parent: &str) -> i32 {
    scene.prepare(process, datafile, number);
    let mut facts = session(number).to_vec();
    facts.push(parent.into());
    let told = process.call("SetSession", &facts);
    assert!(told.is_true(), "{}", told.en);
    assert!(process.call("Connect", &[]).is_true());
    process.call("ObtainLicence", &[]).code
}

#[test]
fn a_background_job_shares_the_seat_of_the_session_that_it_names_as_long_as_that_has_one() {
    let scene = Scene::new(1);
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    let datafile = scene.pack(&file, "Расчет");
    let mut client = scene.process(Application::ThinClient);
    seated(&scene, &mut client, &datafile, SESSION);
    let parent = client.call("SessionFacts", &[]).value;
    let Some(Value::Text(parent)) = parent else {
        panic!("the facts are a text: {parent:?}")
    };
    let mut jobs = [(); 3].map(|()| scene.process(Application::Server));
    assert_eq!(child(&scene, &mut jobs[0], &datafile, 20, &parent), 0);
    assert_eq!(child(&scene, &mut jobs[1], &datafile, 21, &parent), 0);
    let opened = jobs[0].call("GetObject", &["Расчет".into()]);
    assert_eq!(opened.value, Some(Value::Blob(b"x".into())));
    // The one seat is taken: who names nobody gets none.
    assert_eq!(child(&scene, &mut jobs[2], &datafile, 22, ""), 302);
    // With the parent its children's part of the seat ends, and it goes to whoever asks; who names the parent now needs a
    // seat of his own.
    client.end();
    scene.wait_for_sessions(0);
    let told = jobs[2].call("ObtainLicence", &[]);
    assert!(told.is_true(), "{}", told.en);
    let mut orphan = scene.process(Application::Server);
    assert_eq!(child(&scene, &mut orphan, &datafile, 23, &parent), 302);
}

/// The ids of the sessions that the API lists.
fn listed(scene: &Scene) -> Vec<String> {
    let (status, answer) = scene.api("/api/sessions");
    assert_eq!(status, 200);
    let sessions = answer["Sessions"].as_array().unwrap();
    let id = |session: &serde_json::Value| session["ID"].as_str().unwrap().to_owned();
    sessions.iter().map(id).collect()
}

#[test]
fn two_hundred_objects_in_two_server_processes_hold_one_seat_and_leave_none() {
    let (scene, datafile) = scene();
    let mut processes = [(); 2].map(|()| scene.process(Application::Server));
    seated(&scene, &mut processes[0], &datafile, SESSION);
    let first = listed(&scene);
    assert_eq!(first.len(), 1);

    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            let mut times = 0;
            while !over.load(Ordering::SeqCst) {
                seen.insert(listed(&scene));
                times += 1;
            }
            (seen, times)
        });
        for cycle in 1..200 {
            let (held, next) = (cycle % 2, (cycle + 1) % 2);
            // 1C drops the old object before or after it makes the new one.
            if cycle % 3 == 0 {
                seated(&scene, &mut processes[held], &datafile, SESSION);
                processes[next].end();
            } else {
                processes[next].end();
                seated(&scene, &mut processes[held], &datafile, SESSION);
            }
            assert_eq!(listed(&scene), first, "in cycle {cycle}");
            processes[next].create();
        }
        over.store(true, Ordering::SeqCst);
        let (seen, times) = asked.join().unwrap();
        assert_eq!(seen, BTreeSet::from([first.clone()]), "asked {times} times");
        assert!(times >= 200, "the API was asked {times} times only");
    });

    let last = &mut processes[199 % 2];
    assert!(last.call("ReleaseLicence", &[]).is_true());
    assert_eq!(listed(&scene), [""; 0]);
    for process in &mut processes {
        process.end();
    }
    assert_eq!(listed(&scene), [""; 0]);
}

#[test]
fn the_last_object_of_a_server_process_leaves_its_seat_to_the_next_and_that_of_a_client_frees_it() {
    let (scene, datafile) = scene();
    let mut server = scene.process(Application::Server);
    seated(&scene, &mut server, &datafile, SESSION);
    let mut client = scene.process(Application::ThinClient);
    seated(&scene, &mut client, &datafile, SESSION + 1);
    assert_eq!(listed(&scene).len(), 2);
    client.end();
    scene.wait_for_sessions(1);
    let left = listed(&scene);
    server.end();
    drop(server);
    // Its connection is gone, said good-bye to; the seat waits for the session's next object.
    let connections = || scene.api("/api/connections").1["Connections"].clone();
    let start = Instant::now();
    while connections() != serde_json::json!([]) {
        assert!(start.elapsed() < PATIENCE, "{}", connections());
    }
    assert_eq!(listed(&scene), left);
    let mut next = scene.process(Application::Server);
    seated(&scene, &mut next, &datafile, SESSION);
    assert_eq!(listed(&scene), left);
}
