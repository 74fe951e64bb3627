//! Who watches the server: probes by HTTP and by the command line, and systemd.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/place.rs"]
mod place;
#[path = "support/running.rs"]
mod running;
#[path = "support/small_disk.rs"]
mod small_disk;
#[path = "support/vendor.rs"]
mod vendor;

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixDatagram,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use place::Place;
use running::Running;

/// Longer than anything here may take on a busy computer.
const PATIENCE: Duration = Duration::from_secs(60);
const CONF: &str = "[Common]\nServerPort=0\n";

fn place(root: &Path) -> Place {
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    Place::new(root, program, 5, None, CONF)
}

/// Code and text of a page, asked for with a password that nobody has.
fn page(port: u16, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic eDp5\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].to_owned(), body.to_owned())
}

fn signal(name: &str, pid: u32) {
    let pid = pid.to_string();
    let sent = Command::new("kill").args([name, &pid]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn probes_answer_while_the_server_works_and_the_command_tells_when_it_does_not() {
    let root = tempfile::tempdir().unwrap();
    let place = place(root.path());
    let asked = || place.command().arg("ready").output().unwrap();
    let none = asked();
    assert_eq!(none.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&none.stderr).contains("no server of this computer answers"),
        "{none:?}"
    );
    let server = place.start();
    for (path, text) in [("/livez", "alive\n"), ("/readyz", "ready\n")] {
        assert_eq!(page(server.port, path), ("200".into(), text.into()));
    }
    let some = asked();
    assert!(some.status.success(), "{some:?}");
    assert_eq!(String::from_utf8_lossy(&some.stdout), "ready\n");
}

#[test]
fn a_disk_that_takes_nothing_makes_the_server_unready_until_it_has_room_again() {
    let root = tempfile::tempdir().unwrap();
    place(root.path());
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    let (server, seen) = small_disk::start(root.path(), program, "1m");
    let mut filler = std::fs::File::create(seen.join("filler")).unwrap();
    while filler.write_all(&[0; 4096]).is_ok() {}
    // Wrong passwords are lines of the journal; what the store has of room already lasts for a while.
    let begun = Instant::now();
    while page(server.port, "/readyz").0 != "503" {
        assert!(
            begun.elapsed() < PATIENCE,
            "the disk is full, and it is ready"
        );
        assert_eq!(page(server.port, "/api/licences").0, "401");
    }
    let (_, text) = page(server.port, "/readyz");
    assert!(
        text.starts_with("not ready: the store cannot write"),
        "{text}"
    );
    assert_eq!(
        page(server.port, "/livez").0,
        "200",
        "a restart would not help"
    );
    drop(filler);
    std::fs::remove_file(seen.join("filler")).unwrap();
    // The file system may count the room a moment later.
    let begun = Instant::now();
    let ready = loop {
        let answer = page(server.port, "/readyz");
        if answer.0 == "200" || begun.elapsed() > PATIENCE {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ready, ("200".into(), "ready\n".into()));
}

#[test]
fn systemd_hears_of_readiness_life_and_the_end_and_of_nothing_while_the_server_hangs() {
    let root = tempfile::tempdir().unwrap();
    let place = place(root.path());
    let socket = root.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    let mut command = place.command();
    command
        .arg("run")
        .env("NOTIFY_SOCKET", &socket)
        // Microseconds: a ping every 0.2 s.
        .env("WATCHDOG_USEC", "600000");
    let mut server = Running::start(&mut command);
    let heard = |patience| {
        systemd.set_read_timeout(Some(patience)).unwrap();
        let mut word = [0; 256];
        let length = systemd.recv(&mut word).ok()?;
        Some(String::from_utf8_lossy(&word[..length]).trim().to_owned())
    };
    assert_eq!(heard(PATIENCE).as_deref(), Some("READY=1"));
    for _ in 0..3 {
        assert_eq!(heard(PATIENCE).as_deref(), Some("WATCHDOG=1"));
    }
    signal("-STOP", server.process.id());
    // What was said before it stopped is still on its way.
    while heard(Duration::from_secs(2)).is_some() {}
    signal("-CONT", server.process.id());
    assert_eq!(heard(PATIENCE).as_deref(), Some("WATCHDOG=1"));
    signal("-TERM", server.process.id());
    let begun = Instant::now();
    loop {
        let word = heard(PATIENCE).unwrap();
        if word == "STOPPING=1" {
            break;
        }
        assert_eq!(word, "WATCHDOG=1");
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!(server.process.wait().unwrap().success());
}
