//! The rules of the interface with the real program and real sockets, from this computer, and to its loopback from its own
//! address in the network, which is for the server one like any other.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/running.rs"]
mod running;

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    path::Path,
    process::Command,
};

use running::Running;

fn start(root: &Path, conf: &str) -> Running {
    let folder = root.join("var/1C/licence/3.0");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("licenceserver.conf"),
        format!("[Common]\nServerPort=0\n{conf}"),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_licenceserver"));
    Running::start(command.arg("run").env("LICENCE_ROOT", root))
}

/// An address of this computer that is not loopback.
fn far() -> IpAddr {
    let interfaces = if_addrs::get_if_addrs().unwrap();
    let addresses = interfaces.iter().map(if_addrs::Interface::ip);
    addresses
        .filter(IpAddr::is_ipv4)
        .find(|ip| !ip.is_loopback())
        .expect("this computer has an address besides loopback")
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const ADMIN: &str = "YWRtaW46YWRtaW4=";
const OTHER: &str = "YWRtaW46b3RoZXI=";

/// A connection to the server from there.
fn connect(from: IpAddr, port: u16) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        socket.connect(SocketAddr::new(HERE, port)).await.unwrap()
    });
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

/// The status that a request from there is answered with.
fn status(server: &Running, from: IpAddr, request: &str, headers: &str, secret: &str) -> u16 {
    let mut stream = connect(from, server.port);
    let host = if headers.contains("Host:") {
        String::new()
    } else {
        format!("Host: {HERE}:{}\r\n", server.port)
    };
    let text = format!(
        "{request} HTTP/1.1\r\n{host}{headers}Authorization: Basic {secret}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.get(9..12).unwrap().parse().unwrap();
    assert!(
        status < 400 || answer.contains(&format!("{{\"Code\":{status},")),
        "{answer}"
    );
    status
}

#[test]
fn another_name_another_site_and_another_network_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let server = start(
        root.path(),
        "[Console]\nPassword=other\nHostNames=licences.example.ru\nLocalAccessOnly=1\n",
    );
    let get = |from, headers: &str| status(&server, from, "GET /api", headers, OTHER);
    assert_eq!(get(HERE, ""), 200);
    assert_eq!(get(far(), ""), 403, "LocalAccessOnly");
    assert_eq!(get(HERE, "Host: evil.example\r\n"), 403, "DNS rebinding");
    assert_eq!(get(HERE, "Host: licences.example.ru\r\n"), 200);
    let delete = |headers: &str| status(&server, HERE, "DELETE /api/sessions/1", headers, OTHER);
    assert_eq!(delete("Origin: http://evil.example\r\n"), 403);
    assert_eq!(delete(""), 404);
}

#[test]
fn the_default_password_changes_nothing_from_the_network() {
    let root = tempfile::tempdir().unwrap();
    let server = start(root.path(), "");
    let delete = |from| status(&server, from, "DELETE /api/sessions/1", "", ADMIN);
    assert_eq!(delete(far()), 403);
    assert_eq!(delete(HERE), 404);
    assert_eq!(status(&server, far(), "GET /api", "", ADMIN), 200);
}

#[test]
fn guesses_from_the_network_are_throttled_and_this_computer_is_not_locked_out() {
    let root = tempfile::tempdir().unwrap();
    let server = start(root.path(), "[Console]\nPassword=other\n");
    for _ in 0..10 {
        assert_eq!(status(&server, far(), "GET /api", "", ADMIN), 401);
    }
    assert_eq!(status(&server, far(), "GET /api", "", OTHER), 403);
    assert_eq!(status(&server, HERE, "GET /api", "", OTHER), 200);
}

#[test]
fn a_flood_of_requests_from_one_address_is_told_to_wait_and_others_are_served() {
    let root = tempfile::tempdir().unwrap();
    let server = start(root.path(), "");
    let flood = (0..20_000).find(|_| status(&server, far(), "GET /systeminfo", "", "") == 503);
    assert!(flood.is_some_and(|at| at >= 300), "{flood:?}");
    assert_eq!(status(&server, HERE, "GET /systeminfo", "", ""), 200);
}
