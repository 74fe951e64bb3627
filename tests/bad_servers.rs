//! Addresses at which nothing, or nothing good, answers: each has its own number and sentence, no call
//! outlasts its limit, and the seats of others stay.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    thread,
};

use licence::{
    host::Value,
    process::{Answer, Application, Process},
    scene::Scene,
};
use socket2::{Domain, Socket, Type};

fn datafile(scene: &Scene) -> PathBuf {
    let file = scene.root().join("object.bin");
    fs::write(&file, "x").unwrap();
    scene.pack(&file, "Расчет")
}

/// A process that is to go to these ports, in turn.
fn connect(scene: &Scene, ports: &[u16]) -> (Process, Answer) {
    let mut process = scene.process(Application::ThinClient);
    scene.prepare(&mut process, &datafile(scene), 2);
    process.set("ServerPort", Value::Int(ports[0].into()));
    let rest: Vec<_> = ports[1..]
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    process.set("ReservedServers", rest.join(",").as_str().into());
    let told = process.call("Connect", &[]);
    (process, told)
}

/// A port at which nothing listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A port that takes every connection and says nothing.
fn silent_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut held = Vec::new();
        for socket in listener.incoming() {
            held.push(socket);
        }
    });
    port
}

/// An address that answers nothing at all, not even to the first packet: its queue is full.
struct BlackHole {
    port: u16,
    _sockets: (Socket, Vec<TcpStream>),
}

impl BlackHole {
    fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let patience = std::time::Duration::from_millis(200);
        // The queue is full once nothing gets in.
        let mut taken = Vec::new();
        while let Ok(socket) = TcpStream::connect_timeout(&address, patience) {
            taken.push(socket);
        }
        Self {
            port: address.port(),
            _sockets: (listener, taken),
        }
    }
}

#[test]
fn a_closed_port_a_silent_one_and_a_black_hole_each_say_so_and_nobody_loses_a_seat() {
    let scene = Scene::new(2);
    let (_seated, obtained) = scene.client(&datafile(&scene), 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    let closed = closed_port();
    let (mut process, told) = connect(&scene, &[closed]);
    told.assert_refused(201);
    assert!(
        told.en.contains(&format!("127.0.0.1:{closed}: ")),
        "{}",
        told.en
    );
    process.call("ObtainLicence", &[]).assert_refused(108);
    assert_eq!(process.get("Connected"), Value::Bool(false));
    let (_, told) = connect(&scene, &[silent_port()]);
    told.assert_refused(202);
    let hole = BlackHole::new();
    let (_, told) = connect(&scene, &[hole.port]);
    told.assert_refused(202);
    assert_eq!(scene.sessions(), 1);
}

#[test]
fn the_error_lists_every_address_with_its_reason_and_a_good_one_after_bad_ones_serves() {
    let scene = Scene::new(1);
    let hole = BlackHole::new();
    let bad = [hole.port, closed_port(), silent_port()];
    let (_, told) = connect(&scene, &bad);
    told.assert_refused(210);
    for text in [&told.ru, &told.en] {
        for port in bad {
            let lines = text
                .lines()
                .filter(|line| line.starts_with(&format!("127.0.0.1:{port}: ")));
            assert_eq!(lines.count(), 1, "{text}");
        }
    }
    let (mut process, told) = connect(&scene, &[bad.as_slice(), &[scene.port()]].concat());
    assert!(told.is_true(), "{}", told.en);
    assert!(process.call("ObtainLicence", &[]).is_true());
    assert_eq!(scene.sessions(), 1);
}

#[test]
fn a_server_without_a_licence_of_the_series_says_so_until_one_is_installed() {
    let mut scene = Scene::bare();
    scene.start();
    let (mut process, told) = connect(&scene, &[scene.port()]);
    told.assert_refused(301);
    assert_eq!(scene.sessions(), 0);
    scene.install_licence(1);
    let begun = std::time::Instant::now();
    while !process.call("Connect", &[]).is_true() {
        assert!(
            begun.elapsed() < licence::scene::PATIENCE,
            "the licence is not taken up"
        );
    }
    assert!(process.call("ObtainLicence", &[]).is_true());
    assert_eq!(scene.sessions(), 1);
}

#[test]
fn a_program_that_is_no_licence_server_is_named_as_such() {
    let scene = Scene::new(1);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            use std::io::{Read, Write};
            let mut socket = socket.unwrap();
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>");
        }
    });
    let (_, told) = connect(&scene, &[port]);
    told.assert_refused(204);
}

#[test]
fn all_seats_taken_is_told_with_their_holders_and_what_to_do() {
    let scene = Scene::new(1);
    let datafile = datafile(&scene);
    let (_seated, obtained) = scene.client(&datafile, 1);
    assert!(obtained.is_true(), "{}", obtained.en);
    let (mut second, refused) = scene.client(&datafile, 2);
    refused.assert_refused(302);
    for text in [&refused.ru, &refused.en] {
        assert!(text.contains("Пользователь 1"), "{text}");
    }
    assert_eq!(second.get("LicenceObtained"), Value::Bool(false));
    second
        .call("GetObject", &["Расчет".into()])
        .assert_refused(109);
    assert_eq!(scene.sessions(), 1);
}
