//! The port with real sockets: slow clients hold nothing, TLS works, the end is an end.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::*;
use crate::{
    Server, conf,
    keys::tests::{place, vendor},
    router::Addresses,
};

const SOON: Duration = Duration::from_millis(300);
/// A password is hashed slowly in a debug build.
const SIGN_IN_PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    folder: tempfile::TempDir,
    port: u16,
    tls_port: u16,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

async fn run() -> Running {
    run_with(SOON).await
}

/// The same with another limit of a request's time.
async fn run_with(limit: Duration) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let places = place(folder.path(), &vendor(protocol::KeyId(0x672B)));
    let server = Server::open(places.clone(), conf::load(&places.conf()).unwrap())
        .await
        .unwrap();
    let made = rcgen::generate_simple_self_signed(["licence.example".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("a.crt"), folder.path().join("a.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Arc::new(Tls::open(&certificate, &key).unwrap());
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sealed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, tls_port) = (
        plain.local_addr().unwrap().port(),
        sealed.local_addr().unwrap().port(),
    );
    let (stop, stopped) = oneshot::channel();
    let addresses = Addresses::within(server, limit);
    let task = tokio::spawn(serve(plain, Some((sealed, tls)), addresses, SOON, async {
        let _ = stopped.await;
    }));
    Running {
        folder,
        port,
        tls_port,
        stop: Some(stop),
        task,
    }
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

/// Sends a text and reads until the server closes.
async fn talk<S: AsyncReadExt + AsyncWriteExt + Unpin>(stream: &mut S, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A close without goodbye is a close.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

const ASK: &str = "GET /systeminfo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn clients_that_say_half_of_it_are_let_go_while_others_are_served() {
    let running = run().await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = connect(running.port).await;
        stream
            .write_all(b"GET /systeminfo HTTP/1.1\r\nHost: loc")
            .await
            .unwrap();
        slow.push(stream);
    }
    let answer = talk(&mut connect(running.port).await, ASK).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for mut stream in slow {
        assert!(
            !talk(&mut stream, "").await.contains(" 200 "),
            "it was closed"
        );
    }
    // The same for a second request on a kept connection.
    let kept = "GET /systeminfo HTTP/1.1\r\nHost: localhost\r\n\r\nGET /sys";
    let answer = talk(&mut connect(running.port).await, kept).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_in_time() {
    let running = run().await;
    let begun =
        "POST /component/v1/handshake HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbegun";
    let answer = talk(&mut connect(running.port).await, begun).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.contains("\"Exception\":\"EHTTPServiceUnavailable\""),
        "{answer}"
    );
}

/// A connection to the port with TLS, with that certificate alone trusted.
async fn connect_by_tls(running: &Running) -> TlsStream<TcpStream> {
    let certificate = CertificateDer::from_pem_file(running.folder.path().join("a.crt")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("licence.example").unwrap();
    let stream = connect(running.tls_port).await;
    connector.connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn tls_answers_on_its_port_with_the_administrators_certificate() {
    let running = run().await;
    let answer = talk(&mut connect_by_tls(&running).await, ASK).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("Version: "),
        "{answer}"
    );
    let answer = talk(&mut connect(running.tls_port).await, ASK).await;
    assert!(
        !answer.contains("HTTP/1.1 200"),
        "plain text gets nothing there"
    );
}

/// Signs in at the console, and tells the cookie, which signs in at the same port.
async fn sign_in(running: &Running, tls: bool) -> String {
    let ask = async |text: String| {
        if tls {
            talk(&mut connect_by_tls(running).await, &text).await
        } else {
            talk(&mut connect(running.port).await, &text).await
        }
    };
    let head = "HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close";
    let page = ask(format!("GET /sign-in {head}\r\n\r\n")).await;
    let (_, token) = page.split_once("name=\"token\" value=\"").unwrap();
    let (token, _) = token.split_once('"').unwrap();
    let form = format!("token={token}&user=admin&password=admin");
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let length = form.len();
    let answer = ask(format!(
        "POST /sign-in {head}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{form}"
    ))
    .await;
    let set = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let set = set.unwrap_or_else(|| panic!("{answer}")).to_owned();
    let (cookie, _) = set.split_once(';').unwrap();
    let settings = ask(format!("GET /settings {head}\r\nCookie: {cookie}\r\n\r\n")).await;
    assert!(settings.starts_with("HTTP/1.1 200"), "{settings}");
    set
}

#[tokio::test]
async fn a_sign_in_by_tls_is_sent_by_tls_alone() {
    let running = run_with(SIGN_IN_PATIENCE).await;
    let by_tls = sign_in(&running, true).await;
    assert!(
        by_tls.starts_with("__Host-licence_")
            && by_tls.contains("; Path=/; HttpOnly; SameSite=Strict; Secure"),
        "{by_tls}"
    );
    let plain = sign_in(&running, false).await;
    assert!(
        plain.starts_with("licence_") && !plain.contains("Secure"),
        "{plain}"
    );
    let (cookie, _) = by_tls.split_once(';').unwrap();
    let ask = format!(
        "GET /settings HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    let answer = talk(&mut connect(running.port).await, &ask).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
}

#[tokio::test]
async fn a_stop_ends_kept_connections_and_frees_the_ports() {
    let mut running = run().await;
    let mut kept = connect(running.port).await;
    kept.write_all(ASK.replace("close", "keep-alive").as_bytes())
        .await
        .unwrap();
    let mut first = [0; 12];
    kept.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    running.stop.take().unwrap().send(()).unwrap();
    running.task.await.unwrap();
    talk(&mut kept, "").await;
    TcpListener::bind(("127.0.0.1", running.port))
        .await
        .unwrap();
}

#[test]
fn who_comes_by_an_address_of_this_computer_itself_is_this_computer() {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    let local = Some(address("[::ffff:192.168.1.5]:9099"));
    let from = |peer| at_home(address(peer), local).to_string();
    assert_eq!(from("192.168.1.5:40000"), "127.0.0.1:40000");
    assert_eq!(from("192.168.1.6:40000"), "192.168.1.6:40000");
    assert_eq!(
        at_home(address("192.168.1.5:1"), None),
        address("192.168.1.5:1")
    );
}

#[tokio::test]
async fn what_is_no_request_is_refused_without_a_body() {
    let running = run().await;
    let lines: Vec<String> = (0..200).map(|at| format!("x{at}: y\r\n")).collect();
    let lines = lines.concat();
    let long = "y".repeat(1_000_000);
    for (text, status) in [
        ("no request at all\r\n\r\n".to_owned(), "400"),
        (
            format!("GET /api HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"),
            "431",
        ),
        (
            format!("GET /api HTTP/1.1\r\nHost: localhost\r\nx: {long}\r\n\r\n"),
            "431",
        ),
    ] {
        let answer = talk(&mut connect(running.port).await, &text).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(body, "");
    }
}
