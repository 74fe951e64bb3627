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
    router::router_within,
};

const SOON: Duration = Duration::from_millis(300);

struct Running {
    folder: tempfile::TempDir,
    port: u16,
    tls_port: u16,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

async fn run() -> Running {
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
    let router = router_within(server, SOON);
    let task = tokio::spawn(serve(plain, Some((sealed, tls)), router, SOON, async {
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

#[tokio::test]
async fn tls_answers_on_its_port_with_the_administrators_certificate() {
    let running = run().await;
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
    let mut stream = connector.connect(name, stream).await.unwrap();
    let answer = talk(&mut stream, ASK).await;
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
