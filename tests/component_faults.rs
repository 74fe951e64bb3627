//! Faults of processes, networks, clocks and servers under the real component: none of them ends 1C, and none
//! takes a seat away for good. What needs a network of its own makes one, and so needs root.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    env, fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use licence::{
    crowd::{Crowd, Way},
    process::Application,
    programs,
    scene::{PATIENCE, Scene},
};
use serde_json::json;

fn datafile(scene: &Scene) -> PathBuf {
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    scene.pack(&file, "Расчет")
}

/// A server that reads what it is asked and answers so.
fn answering(answer: impl Fn(&mut TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut request = [0; 4096];
                if stream.read(&mut request).unwrap_or(0) > 0 {
                    answer(&mut stream);
                }
            });
        }
    });
    port
}

#[test]
fn a_proxy_s_page_an_endless_answer_and_another_version_each_have_their_number_and_give_way() {
    let scene = Scene::new(3);
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let html = answering(move |stream| {
        let page = "<html><body>Sign in</body></html>";
        let _ =
            stream.write_all(&[&head[..], b"Content-Length: 33\r\n\r\n", page.as_bytes()].concat());
    });
    let huge = answering(move |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\nLCW1");
        for _ in 0..1600 {
            if stream.write_all(&[7; 65536]).is_err() {
                return;
            }
        }
    });
    let older = answering(move |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nLCW0\x02\0");
    });
    let newer = answering(move |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nLCW2\x02\0");
    });
    let file = datafile(&scene);
    for (port, code, word) in [
        (html, "204", ""),
        (huge, "214", ""),
        (older, "205", "the server is the older one"),
        (newer, "205", "the component is the older one"),
    ] {
        let mut crowd = Crowd::start(&scene, Application::ThinClient);
        let mut way = Way::to(&scene, &[], &file);
        way.port = port;
        let told = crowd.try_seat(&way, 1);
        let error = told["errors"][0].as_str().unwrap();
        assert!(
            error.starts_with(&format!("Connect: {code} ")) && error.contains(word),
            "{told}"
        );
        assert!(code != "205" || error.contains("OldVersion"), "{told}");
        let before = crowd.memory();
        // With a good one behind it, the seat is taken there.
        way.reserved = format!("127.0.0.1:{}", scene.port());
        crowd.seat(&way, 2, 1, 1);
        assert!(crowd.memory() < before + 8 * 1024 * 1024);
        crowd.close();
    }
    scene.wait_for_sessions(0);
}

#[test]
fn a_library_loaded_twice_from_two_paths_works_twice() {
    let scene = Scene::new(3);
    let way = Way::to(&scene, &[], &datafile(&scene));
    let copy = scene.root().join("second.so");
    fs::copy(programs::addin_library(), &copy).unwrap();
    let mut crowd = Crowd::start(&scene, Application::Server);
    crowd.seat(&way, 1, 1, 1);
    crowd.tell(&json!({ "do": "load", "library": copy }));
    // Another session, and the same one a second time.
    crowd.seat(&way, 1, 2, 2);
    assert_eq!((scene.sessions(), crowd.open()), (2, 3));
    let (_, connections) = scene.api("/api/connections");
    assert_eq!(connections["Connections"].as_array().unwrap().len(), 2);
    crowd.close();
}

#[test]
fn a_forked_child_starts_anew_and_the_parent_is_undisturbed() {
    let scene = Scene::new(30);
    let way = Way::to(&scene, &[], &datafile(&scene));
    let mut crowd = Crowd::start(&scene, Application::ThinClient);
    crowd.seat(&way, 1, 10, 8);
    for round in 0..5 {
        let told = crowd.go("fork", &way, &[("from", (20 + round).into())]);
        assert_eq!(told, json!({ "waited": true, "status": 0 }));
        let state = crowd.state();
        assert_eq!(
            (&state["obtained"], &state["certain"]),
            (&10.into(), &10.into()),
            "{state}"
        );
        assert_eq!(crowd.open(), 10);
    }
    // An object that another thread of the parent is inside of is the child's own as well.
    let told = crowd.go(
        "fork",
        &way,
        &[("from", 25.into()), ("inside", true.into())],
    );
    assert_eq!(told, json!({ "waited": true, "status": 0 }));
    // The child's seats went with it.
    scene.wait_for_sessions(10);
    crowd.close();
    scene.wait_for_sessions(0);
}

#[test]
fn a_child_that_is_forked_while_other_threads_work_with_the_component_does_not_hang() {
    let scene = Scene::new(30);
    let way = Way::to(&scene, &[], &datafile(&scene));
    let mut crowd = Crowd::start(&scene, Application::ThinClient);
    crowd.seat(&way, 1, 4, 4);
    for round in 0..40 {
        let told = crowd.go(
            "fork",
            &way,
            &[("from", (100 + round).into()), ("storm", 4.into())],
        );
        assert_eq!(
            told,
            json!({ "waited": true, "status": 0 }),
            "round {round}"
        );
    }
    assert_eq!(crowd.open(), 4);
    scene.wait_for_sessions(4);
    crowd.close();
    scene.wait_for_sessions(0);
}

#[test]
fn a_library_that_is_unloaded_while_its_thread_waits_stays_in_memory() {
    let scene = Scene::new(3);
    let mut way = Way::to(&scene, &[], &datafile(&scene));
    // It takes every connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    way.port = silent.local_addr().unwrap().port();
    let mut crowd = Crowd::start(&scene, Application::ThinClient);
    let told = crowd.go("unload", &way, &[]);
    assert_eq!(
        told,
        json!({ "unclean": 0, "closed": true, "connected": false })
    );
    let maps = fs::read_to_string(format!("/proc/{}/maps", crowd.pid())).unwrap();
    assert!(maps.contains("licenceaddin"), "{maps}");
    // The thread that waited ends in code that is still there.
    let begun = Instant::now();
    while fs::read_dir(format!("/proc/{}/task", crowd.pid()))
        .unwrap()
        .count()
        > 1
    {
        assert!(begun.elapsed() < PATIENCE, "the thread does not end");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(crowd.memory() > 0);
}

/// Runs one test of this file again in namespaces of its own, unless it runs there already.
fn in_namespaces(test: &str) -> bool {
    if env::var_os("LICENCE_IN_NAMESPACES").is_some() {
        return true;
    }
    // Built here, because there is no network there.
    let _ = programs::addin_library();
    let _ = programs::program("licenceserver");
    let _ = programs::program("licenceedit");
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("LICENCE_IN_NAMESPACES", "1")
        .status()
        .unwrap();
    assert!(
        status.success(),
        "{test} in namespaces of its own; it needs root, unshare, ip and nft"
    );
    false
}

fn run(line: &str) {
    let status = Command::new("sh").args(["-ec", line]).status().unwrap();
    assert!(status.success(), "{line}");
}

#[test]
fn packets_that_are_dropped_and_come_through_again_cost_nobody_a_seat() {
    if !in_namespaces("packets_that_are_dropped_and_come_through_again_cost_nobody_a_seat") {
        return;
    }
    run("ip link set lo up");
    let scene = Scene::new(3);
    let way = Way::to(&scene, &[], &datafile(&scene));
    let mut crowd = Crowd::start(&scene, Application::ThinClient);
    crowd.seat(&way, 1, 2, 2);
    drop_packets(&format!("tcp dport {}", scene.port()));
    let state = crowd.wait(|state| state["connected"] == 0);
    assert_eq!(
        (&state["obtained"], &state["certain"]),
        (&2.into(), &0.into())
    );
    // Long enough for the server to give the seats up: ExpireSeconds is 3 here.
    thread::sleep(Duration::from_secs(5));
    run("nft delete table inet t");
    let state = crowd.wait(|state| state["connected"] == 2 && state["certain"] == 2);
    assert_eq!(state["obtained"], 2);
    assert_eq!((scene.sessions(), crowd.open()), (2, 2));
    crowd.close();
}

/// Lets the packets of a table's rule be dropped until it is deleted.
fn drop_packets(rule: &str) {
    run(&format!(
        "nft add table inet t && nft add chain inet t i '{{ type filter hook input priority 0; }}' && \
         nft add rule inet t i {rule} drop"
    ));
}

#[test]
fn packets_of_which_every_third_is_lost_cost_time_and_nobody_a_seat() {
    if !in_namespaces("packets_of_which_every_third_is_lost_cost_time_and_nobody_a_seat") {
        return;
    }
    run("ip link set lo up");
    let scene = Scene::new(6);
    let way = Way::to(&scene, &[], &datafile(&scene));
    let mut crowd = Crowd::start(&scene, Application::ThinClient);
    crowd.seat(&way, 1, 2, 2);
    let port = scene.port();
    drop_packets(&format!(
        "tcp dport {port} numgen random mod 3 == 0 drop; nft add rule inet t i tcp sport {port} numgen random mod 3 == 0"
    ));
    // What is lost comes again, later; who had no answer in time asks again.
    let begun = Instant::now();
    for session in 10..14 {
        while crowd.try_seat(&way, session)["seated"] != 1 {
            assert!(begun.elapsed() < PATIENCE, "session {session} gets no seat");
        }
    }
    assert_eq!(crowd.state()["obtained"], 6);
    run("nft delete table inet t");
    let state = crowd.wait(|state| state["certain"] == 6);
    assert_eq!(state["obtained"], 6);
    assert_eq!((scene.sessions(), crowd.open()), (6, 6));
    crowd.close();
    scene.wait_for_sessions(0);
}

#[test]
fn a_seat_that_was_granted_without_anybody_hearing_it_is_given_back() {
    if !in_namespaces("a_seat_that_was_granted_without_anybody_hearing_it_is_given_back") {
        return;
    }
    run("ip link set lo up");
    let scene = Scene::new(3);
    let way = Way::to(&scene, &[], &datafile(&scene));
    let mut crowd = Crowd::start(&scene, Application::ThinClient);
    crowd.seat(&way, 1, 2, 2);
    // Answers alone are lost: the server does what it is asked, and nobody hears of it.
    drop_packets(&format!("tcp sport {}", scene.port()));
    let told = crowd.try_seat(&way, 3);
    assert_eq!(told["seated"], 0, "{told}");
    run("nft delete table inet t");
    let state = crowd.wait(|state| state["connected"] == 2 && state["certain"] == 2);
    assert_eq!(state["obtained"], 2);
    scene.wait_for_sessions(2);
    let (_, events) = scene.api("/api/events");
    let granted = events.to_string().matches("Пользователь 3").count();
    assert!(granted >= 2, "it was granted and given back: {events}");
    crowd.close();
}

#[test]
fn a_server_whose_name_gets_another_address_is_found_there() {
    if !in_namespaces("a_server_whose_name_gets_another_address_is_found_there") {
        return;
    }
    run("ip link set lo up");
    let mut scene = Scene::new(3);
    let hosts = scene.root().join("hosts");
    fs::write(&hosts, "127.0.0.1 localhost licences.test\n").unwrap();
    run(&format!("mount --bind {} /etc/hosts", hosts.display()));
    let file = datafile(&scene);
    let mut way = Way::to(&scene, &[], &file);
    way.server = "licences.test".into();
    let mut crowd = Crowd::start(&scene, Application::ThinClient);
    crowd.seat(&way, 1, 2, 2);
    let port = scene.port();
    scene.kill_server();
    let conf = scene.conf_folder().join("licenceserver.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(
        &conf,
        text.replace("ServerAddr=127.0.0.1", "ServerAddr=127.0.0.2"),
    )
    .unwrap();
    let state = crowd.wait(|state| state["connected"] == 0);
    assert_eq!(state["obtained"], 2);
    fs::write(&hosts, "127.0.0.1 localhost\n127.0.0.2 licences.test\n").unwrap();
    scene.start();
    assert_eq!(scene.port(), port);
    let state = crowd.wait(|state| state["connected"] == 2 && state["certain"] == 2);
    assert_eq!(state["obtained"], 2);
    assert_eq!(crowd.open(), 2);
    crowd.close();
}
