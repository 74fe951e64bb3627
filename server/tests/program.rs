//! The program itself: a process of its own, real sockets, real files.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/running.rs"]
mod running;

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use running::Running;

const PROGRAM: &str = env!("CARGO_BIN_EXE_licenceserver");

fn program(root: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env("LICENCE_ROOT", root)
        .env("LICENCE_MACHINE_ID", "test-machine");
    command
}

fn conf(root: &Path) -> PathBuf {
    root.join("var/1C/licence/3.0/licenceserver.conf")
}

fn write_conf(root: &Path, text: &str) {
    let file = conf(root);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn start(root: &Path) -> Running {
    Running::start(program(root).arg("-r"))
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn one_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[cfg(unix)]
#[test]
fn it_starts_on_a_free_port_serves_and_ends_gracefully_on_sigterm() {
    let root = tempfile::tempdir().unwrap();
    write_conf(root.path(), "[Common]\nServerPort=0\n");
    let mut server = start(root.path());
    let told =
        std::fs::read_to_string(root.path().join("var/1C/licence/data/server.port")).unwrap();
    assert_eq!(told.trim(), server.port.to_string());
    let answer = get(server.port, "/api/licences");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"Licences\":[]}"),
        "{answer}"
    );
    let key = std::fs::metadata(root.path().join("var/1C/licence/data/server.key")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&key) & 0o777, 0o600);
    let text = std::fs::read_to_string(conf(root.path())).unwrap();
    assert!(text.starts_with("[Common]\nServerPort=0\n"), "{text}");
    let killed = Command::new("kill")
        .arg(server.process.id().to_string())
        .status()
        .unwrap();
    assert!(killed.success());
    assert!(server.process.wait().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_taken_port_names_the_process_that_has_it() {
    let root = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    write_conf(root.path(), &format!("[Common]\nServerPort={port}\n"));
    let output = program(root.path()).arg("run").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = one_line(&output);
    assert!(said.contains(&format!("port {port} is taken by")), "{said}");
    assert!(
        said.contains(&format!("(process {})", std::process::id())),
        "{said}"
    );
}

#[test]
fn wrong_settings_and_commands_end_with_one_clear_line() {
    let root = tempfile::tempdir().unwrap();
    write_conf(root.path(), "[Common]\nServerPort=high\n");
    let output = program(root.path()).arg("run").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    // The language is a setting of the file that is wrong, so it is said in both.
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("licenceserver.conf, line 2: ServerPort=high is wrong"));
    assert!(said.contains("licenceserver.conf, строка 2: ServerPort=high неверно"));
    write_conf(root.path(), "");
    let output = program(root.path())
        .args(["install", "nowhere.licence"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output).contains("nowhere.licence"));
    let output = program(root.path()).arg("--version").output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("licenceserver {}\n", protocol::Version::CURRENT)
    );
}

#[test]
fn a_request_is_written_whole_and_readable_by_the_vendor() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("my.request");
    let output = program(root.path())
        .arg("request")
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let first = protocol::request::Request::from_bytes(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(first.computer_id.len(), 40);
    assert!(
        program(root.path())
            .arg("request")
            .arg(&file)
            .output()
            .unwrap()
            .status
            .success()
    );
    let second = protocol::request::Request::from_bytes(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        (first.holder, first.server),
        (second.holder, second.server),
        "the computer's keys stay"
    );
}

/// The doctor's table and exit code.
fn doctor(root: &Path) -> (String, Option<i32>) {
    let output = program(root)
        .arg("doctor")
        .env("HOME", "/home/tester")
        .output()
        .unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

#[test]
fn the_doctor_finds_nothing_bad_with_a_running_server_and_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    write_conf(root.path(), "[Common]\nServerPort=0\n");
    let server = start(root.path());
    let before = std::fs::read(conf(root.path())).unwrap();
    let (said, code) = doctor(root.path());
    assert_eq!(code, Some(0), "{said}");
    for wanted in [
        format!("the server runs and answers on {}", server.port),
        "server.db is whole".into(),
        "the password is still admin".into(),
        "licence.series is missing".into(),
        "no licence is installed".into(),
        "folders are writable".into(),
        "else localhost:9099".into(),
    ] {
        assert!(said.contains(&wanted), "{wanted}\n{said}");
    }
    assert_eq!(std::fs::read(conf(root.path())).unwrap(), before);
    drop(server);
    let (said, code) = doctor(root.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("server.db is whole"), "{said}");
}

#[test]
fn the_doctor_says_what_is_bad_in_russian_too_and_ends_with_1() {
    let root = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    write_conf(
        root.path(),
        &format!(
            "[Common]\nLang=ru\nServerAddr=127.0.0.1\nServerPort={port}\nLicenceCenterUrl=http://127.0.0.1:1/\n"
        ),
    );
    let data = root.path().join("var/1C/licence/data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("server.db"), [b'x'; 5000]).unwrap();
    std::fs::write(
        root.path().join("var/1C/licence/3.0/licenceaddin.conf"),
        "[Common]\nServerAddr=one\n[672В]\nForceUseConfig=1\nServerAddr=two\nReservedServers=three\n",
    )
    .unwrap();
    // Whoever listens there says nothing; the doctor must not wait for it for ever.
    let (said, code) = doctor(root.path());
    assert_eq!(code, Some(1), "{said}");
    for wanted in [
        format!("порт {port} занят другой программой"),
        "хранилище: ".into(),
        "http://127.0.0.1:1/ недоступен".into(),
        "[Common]: one:9099, если код не задаёт другое".into(),
        "[672В]: two:9099 three, что бы ни говорил код".into(),
        "ПЛОХО".into(),
    ] {
        assert!(said.contains(&wanted), "{wanted}\n{said}");
    }
    write_conf(root.path(), "[Common]\nServerPort=high\n");
    let (said, code) = doctor(root.path());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("ServerPort=high is wrong"), "{said}");
}

/// A way to a licence centre that goes by a proxy alone: whoever asks that for any host is with the centre, which has this
/// certificate.
fn centre_behind_a_proxy(certificate: &Path) -> u16 {
    use tokio_rustls::rustls::{
        ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer,
    };
    let made = rcgen::generate_simple_self_signed(["centre.licence.invalid".into()]).unwrap();
    std::fs::write(certificate, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = std::sync::Arc::new(config);
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = proxy.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in proxy.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            assert!(head.starts_with(b"CONNECT centre.licence.invalid:443 "));
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let connection = ServerConnection::new(std::sync::Arc::clone(&config)).unwrap();
            let mut centre = StreamOwned::new(connection, stream);
            let mut some = [0; 1024];
            let _ = centre.read(&mut some).unwrap();
            centre
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
        }
    });
    port
}

#[test]
fn the_doctor_takes_the_way_to_the_centre_that_licences_take() {
    let root = tempfile::tempdir().unwrap();
    let certificate = root.path().join("centre.pem");
    let proxy = centre_behind_a_proxy(&certificate);
    let conf = |by_proxy: u8| {
        write_conf(
            root.path(),
            &format!(
                "[Common]\nServerPort=0\nLicenceCenterUrl=https://centre.licence.invalid\nLicenceCenterUseProxy={by_proxy}\nLicenceCenterCertificates={}\n",
                certificate.display()
            ),
        );
        let output = program(root.path())
            .arg("doctor")
            .env("HTTPS_PROXY", format!("http://127.0.0.1:{proxy}"))
            .output()
            .unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            output.status.code(),
        )
    };
    let (said, code) = conf(1);
    assert!(
        said.contains("https://centre.licence.invalid answers"),
        "{said}"
    );
    assert_eq!(code, Some(0), "{said}");
    let (said, code) = conf(0);
    assert!(said.contains("cannot be reached"), "{said}");
    assert_eq!(code, Some(1), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_with_an_address_of_the_network_is_open_to_its_own_computer() {
    let root = tempfile::tempdir().unwrap();
    write_conf(
        root.path(),
        "[Common]\nServerAddr=10.77.0.1\n[Console]\nLocalAccessOnly=1\n",
    );
    // A network of its own, with an address that is not the loopback's.
    let script = r#"ip link set lo up && ip address add 10.77.0.1/32 dev lo && "$1" run >"$2" & server=$!
        until [ -s "$2" ]; do sleep 0.05; done
        "$1" doctor; said=$?; kill $server; exit $said"#;
    let output = Command::new("unshare")
        .args([
            "--map-root-user",
            "--net",
            "sh",
            "-c",
            script,
            "sh",
            PROGRAM,
        ])
        .arg(root.path().join("said"))
        .env("LICENCE_ROOT", root.path())
        .env("LICENCE_MACHINE_ID", "test-machine")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("the server runs and answers on 9099"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0), "{said}");
}
