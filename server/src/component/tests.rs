//! A component's talk with the server, byte for byte through the real router.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request as HttpRequest, header},
};
use http_body_util::BodyExt;
use protocol::{
    KeyId, Reason,
    cryptkey::CryptKey,
    datafile, envelope,
    facts::{ComponentFacts, SessionFacts, SessionKey},
    licence::KeyType,
    wire::{
        HANDSHAKE_PATH, MESSAGE_PATH,
        channel::{Plain, PlainAnswer},
        frame::Frame,
        handshake::{Established, Initiator},
        message::{
            Acquire, Answer, Hello, Id, ObjectKey, Request, Resume, ResumedSession,
            SessionOperation, Welcome,
        },
    },
};
use tower::ServiceExt;

use crate::{
    Server, conf,
    keys::{self, tests as vendors},
    places::Places,
};

const SERIES: KeyId = KeyId(0x672B);
const HOST: &str = "Server:9099";

struct Place {
    _folder: tempfile::TempDir,
    vendor: CryptKey,
    places: Places,
    server: Arc<Server>,
}

async fn place(seats: u32, conf_text: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let vendor = vendors::vendor(SERIES);
    let places = vendors::place(folder.path(), &vendor);
    std::fs::write(places.conf(), conf_text).unwrap();
    let server = open(&places).await;
    let request = server.keys.request(crate::now().seconds()).unwrap();
    let file = folder.path().join("a.licence");
    std::fs::write(
        &file,
        vendors::issue(&vendor, &request, 7, KeyType::Main, seats),
    )
    .unwrap();
    keys::install(&server.keys, &file).unwrap();
    server.keys_changed().await.unwrap();
    Place {
        _folder: folder,
        vendor,
        places,
        server,
    }
}

async fn open(places: &Places) -> Arc<Server> {
    Server::open(places.clone(), conf::load(&places.conf()).unwrap())
        .await
        .unwrap()
}

async fn post(server: &Arc<Server>, path: &str, body: Vec<u8>) -> Frame {
    let mut request = HttpRequest::post(path)
        .header(header::HOST, HOST)
        .body(Body::from(body))
        .unwrap();
    request
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 5))));
    let response = crate::router(Arc::clone(server))
        .oneshot(request)
        .await
        .unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Frame::from_bytes(&bytes).unwrap()
}

/// A component of the simplest kind: one request after the other.
struct Component {
    server: Arc<Server>,
    channel: Established,
    next: u64,
}

impl Component {
    async fn handshake(server: &Arc<Server>) -> Self {
        let (initiator, frame) = Initiator::start(SERIES, HOST).unwrap();
        let reply = post(server, HANDSHAKE_PATH, frame.to_bytes()).await;
        Self {
            server: Arc::clone(server),
            channel: initiator.finish(reply).unwrap(),
            next: 0,
        }
    }

    async fn connect(server: &Arc<Server>, pid: u32) -> (Self, Welcome) {
        let mut component = Self::handshake(server).await;
        let welcome = component.hello(pid, None).await;
        (component, welcome)
    }

    async fn hello(&mut self, pid: u32, resume: Option<Resume>) -> Welcome {
        let facts = ComponentFacts {
            is_server: true,
            pid,
            computer_id: "AA".into(),
            ..Default::default()
        };
        let hello = Hello {
            operation: Id::random(),
            facts,
            access_code: String::new(),
            resume,
        };
        match self.ask(Request::Hello(Box::new(hello))).await {
            Answer::Welcome(welcome) => welcome,
            other => panic!("{other:?}"),
        }
    }

    fn sealed(&mut self, plain: &Plain) -> (u64, Vec<u8>) {
        let number = self.next;
        self.next += 1;
        let noise = self.channel.sealer.seal(number, &plain.to_bytes()).unwrap();
        (
            number,
            Frame::Request {
                channel: self.channel.channel,
                number,
                noise,
            }
            .to_bytes(),
        )
    }

    fn open(&self, number: u64, frame: Frame) -> PlainAnswer {
        match frame {
            Frame::Reply {
                number: answered,
                noise,
            } => {
                assert_eq!(answered, number);
                PlainAnswer::from_bytes(&self.channel.sealer.open(number, &noise).unwrap()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    async fn ask(&mut self, request: Request) -> Answer {
        let mut last = None;
        for part in Plain::split(envelope::to_cbor(&request), self.next as u32).unwrap() {
            let part = part.acknowledging(self.next);
            let (number, body) = self.sealed(&part);
            let reply = post(&self.server, MESSAGE_PATH, body).await;
            last = Some(self.open(number, reply));
        }
        match last.unwrap() {
            PlainAnswer::Whole(bytes) => envelope::from_cbor(&bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn acquire(&mut self, number: u32) -> Answer {
        let acquire = Acquire {
            operation: Id::random(),
            facts: session(number),
            flags: 0,
        };
        self.ask(Request::Acquire(acquire)).await
    }
}

fn admin() -> crate::accounting::Admin {
    crate::accounting::Admin {
        user_name: "admin".into(),
        address: "127.0.0.1".into(),
        word: "Сервер останавливается".into(),
    }
}

fn session(number: u32) -> SessionFacts {
    SessionFacts {
        key: SessionKey {
            infobase: "Srvr=a;Ref=b;".into(),
            number,
            started: 5,
        },
        user_name: format!("user{number}"),
        ..Default::default()
    }
}

fn granted(answer: &Answer) -> Id {
    match answer {
        Answer::Granted(granted) => granted.session,
        other => panic!("a seat was expected, and not {other:?}"),
    }
}

fn denied(answer: &Answer) -> Reason {
    match answer {
        Answer::Denied(denied) => denied.reason,
        other => panic!("a denial was expected, and not {other:?}"),
    }
}

#[tokio::test]
async fn a_component_takes_three_seats_is_told_who_holds_them_and_frees_one() {
    let place = place(3, "").await;
    let (mut component, welcome) = Component::connect(&place.server, 1).await;
    let public = place.vendor.signing.public().unwrap();
    let hello = &component.channel.hello;
    let voucher = hello
        .credential
        .verify(&public, SERIES, &component.channel.server, hello.now)
        .unwrap();
    assert_eq!(voucher.licence_count, 3);
    assert_eq!(
        (
            welcome.heartbeat_seconds,
            welcome.expire_seconds,
            welcome.linger_seconds
        ),
        (10, 20, 1500)
    );
    let first = granted(&component.acquire(1).await);
    granted(&component.acquire(2).await);
    granted(&component.acquire(3).await);
    match component.acquire(4).await {
        Answer::Denied(no) => {
            assert_eq!((no.reason, no.total, no.used), (Reason::NoSeats, 3, 3));
            assert_eq!(no.holders.len(), 3);
        }
        other => panic!("{other:?}"),
    }
    let release = SessionOperation {
        moved: None,
        operation: Id::random(),
        session: first,
    };
    assert_eq!(component.ask(Request::Release(release)).await, Answer::Done);
    granted(&component.acquire(4).await);
    assert!(
        matches!(component.ask(Request::Heartbeat).await, Answer::Alive(alive) if alive.lost.is_empty())
    );
    assert!(
        matches!(component.ask(Request::ServerInfo).await, Answer::Info(json) if json.contains("ComputerID"))
    );
    assert_eq!(
        component.ask(Request::Bye(Id::random())).await,
        Answer::Done
    );
    // A server process that says goodbye leaves its sessions lingering.
    assert_eq!(place.server.store.sessions().await.unwrap().len(), 3);
    assert_eq!(place.server.store.connections().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_repetition_gets_the_same_bytes_and_altered_bytes_spoil_nothing() {
    let place = place(3, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let request = Request::Acquire(Acquire {
        operation: Id::random(),
        facts: session(1),
        flags: 0,
    });
    let (number, body) = component.sealed(&Plain::Whole {
        ack: 0,
        payload: envelope::to_cbor(&request),
    });
    // Twice at once, and once more: one seat, the same answer.
    let (one, two) = tokio::join!(
        post(&place.server, MESSAGE_PATH, body.clone()),
        post(&place.server, MESSAGE_PATH, body.clone())
    );
    assert_eq!(one, two);
    assert_eq!(post(&place.server, MESSAGE_PATH, body.clone()).await, one);
    assert!(matches!(component.open(number, one), PlainAnswer::Whole(_)));
    // Other bytes that the component itself sealed under the used number are refused as well.
    let noise = component.channel.sealer.seal(number, &[9; 30]).unwrap();
    let frame = Frame::Request {
        channel: component.channel.channel,
        number,
        noise,
    };
    assert!(matches!(
        post(&place.server, MESSAGE_PATH, frame.to_bytes()).await,
        Frame::Refusal(_)
    ));
    let mut other = body;
    *other.last_mut().unwrap() ^= 1;
    match post(&place.server, MESSAGE_PATH, other).await {
        Frame::Refusal(refusal) => assert_eq!(refusal.reason, Reason::BadMessage),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.server.store.sessions().await.unwrap().len(), 1);
    assert!(matches!(
        component.ask(Request::Heartbeat).await,
        Answer::Alive(_)
    ));
}

#[tokio::test]
async fn after_a_restart_a_component_resumes_with_its_sessions_and_a_stranger_does_not() {
    let mut place = place(3, "").await;
    let (mut component, welcome) = Component::connect(&place.server, 1).await;
    let kept = granted(&component.acquire(1).await);
    drop(component);
    let old = std::mem::replace(&mut place.server, {
        // The store is locked by the first server until it is gone.
        let folder = tempfile::tempdir().unwrap();
        open(&vendors::place(folder.path(), &place.vendor)).await
    });
    drop(old);
    place.server = open(&place.places).await;
    let resume = || Resume {
        connection: welcome.connection,
        token: welcome.token.clone(),
        sessions: vec![
            ResumedSession {
                session: kept,
                identity: session(1).key.identity(),
            },
            ResumedSession {
                session: Id::random(),
                identity: session(2).key.identity(),
            },
        ],
    };
    let mut stranger = Component::handshake(&place.server).await;
    let refused = stranger.hello(99, Some(resume())).await;
    assert!(refused.sessions.is_empty() && refused.connection != welcome.connection);
    let mut again = Component::handshake(&place.server).await;
    let resumed = again.hello(1, Some(resume())).await;
    assert_eq!(
        (resumed.connection, &resumed.sessions[..]),
        (welcome.connection, &[kept][..])
    );
    assert_eq!(granted(&again.acquire(1).await), kept);
}

#[tokio::test]
async fn a_silent_connection_expires_its_seats_are_free_and_its_heartbeat_is_told() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    granted(&component.acquire(1).await);
    let (mut other, _) = Component::connect(&place.server, 2).await;
    assert_eq!(denied(&other.acquire(2).await), Reason::NoSeats);
    let silent = place.server.lives.expired(Duration::ZERO);
    assert_eq!(silent.len(), 2);
    for (id, key_id) in silent {
        let command = crate::accounting::Command::ConnectionExpired(id);
        place.server.store.apply(key_id, command).await.unwrap();
        place.server.lives.remove(&id);
    }
    assert_eq!(
        denied(&component.ask(Request::Heartbeat).await),
        Reason::ConnectionLost
    );
    assert_eq!(denied(&component.acquire(1).await), Reason::ConnectionLost);
    let (mut third, _) = Component::connect(&place.server, 3).await;
    granted(&third.acquire(2).await);
}

#[tokio::test]
async fn an_administrators_release_is_told_with_the_next_heartbeat() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let session = granted(&component.acquire(1).await);
    let id = crate::accounting::SessionId(session.0);
    assert!(place.server.release_session(id, admin()).await.unwrap());
    assert!(!place.server.release_session(id, admin()).await.unwrap());
    match component.ask(Request::Heartbeat).await {
        Answer::Alive(alive) => {
            assert_eq!(
                (alive.lost[0].session, alive.lost[0].reason),
                (session, Reason::ReleasedByAdministrator)
            );
            assert_eq!(
                alive.lost[0].message.as_deref(),
                Some("Сервер останавливается")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_an_administrator_ends_hears_the_word_and_is_gone() {
    let place = place(1, "").await;
    let (mut component, welcome) = Component::connect(&place.server, 1).await;
    let session = granted(&component.acquire(1).await);
    let id = crate::accounting::ConnectionId(welcome.connection.0);
    assert!(place.server.drop_connection(id, admin()).await.unwrap());
    assert!(!place.server.drop_connection(id, admin()).await.unwrap());
    match component.ask(Request::Heartbeat).await {
        Answer::Alive(alive) => {
            assert_eq!(
                (alive.lost[0].session, alive.lost[0].reason),
                (session, Reason::ReleasedByAdministrator)
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        denied(&component.ask(Request::Heartbeat).await),
        Reason::ConnectionLost
    );
    let (mut other, _) = Component::connect(&place.server, 2).await;
    granted(&other.acquire(2).await);
}

#[tokio::test]
async fn a_key_that_is_switched_off_gives_no_seats_and_stays_off_after_a_restart() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    granted(&component.acquire(1).await);
    assert!(place.server.switch_key(7, false, admin()).await.unwrap());
    assert!(!place.server.switch_key(8, false, admin()).await.unwrap());
    assert_eq!(denied(&component.acquire(1).await), Reason::Disabled);
    let Place {
        places,
        server,
        _folder,
        ..
    } = place;
    drop(component);
    drop(server);
    let server = open(&places).await;
    assert!(!server.keys.installed()[0].enabled);
    assert_eq!(
        server
            .keys
            .any_credential(SERIES, crate::now())
            .unwrap_err(),
        Reason::Disabled
    );
    assert!(server.switch_key(7, true, admin()).await.unwrap());
    let (mut component, _) = Component::connect(&server, 2).await;
    granted(&component.acquire(2).await);
}

#[tokio::test]
async fn an_object_key_needs_a_seat_the_signed_directory_and_the_keys_flags() {
    let place = place(1, "").await;
    let input = |name: &str, flags| datafile::pack::Input {
        name: name.into(),
        version: 1,
        flags,
        content: b"object".to_vec(),
    };
    let mut file = Vec::new();
    let inputs = [input("Open", 0b100), input("Closed", 0b1000)];
    datafile::pack::write(
        &inputs,
        &place.vendor,
        datafile::pack::Draw::random(),
        &mut file,
    )
    .unwrap();
    let public = place.vendor.signing.public().unwrap();
    let directory = datafile::read_directory(&mut file.as_slice(), Some(&public)).unwrap();
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let session = granted(&component.acquire(1).await);
    let ask = |session, name: &str, send: bool| {
        Request::ObjectKey(ObjectKey {
            session,
            directory_hash: directory.hash,
            directory: send.then(|| directory.bytes.clone().into()),
            name: name.into(),
        })
    };
    assert_eq!(
        denied(&component.ask(ask(Id::random(), "Open", true)).await),
        Reason::UnknownSession
    );
    assert_eq!(
        denied(&component.ask(ask(session, "Open", false)).await),
        Reason::SendDirectory
    );
    let object = directory.directory.object("Open").unwrap();
    let expected = directory
        .directory
        .object_key(&place.vendor.content_keys[0].key, object);
    assert_eq!(
        component.ask(ask(session, "Open", true)).await,
        Answer::Key(expected.clone())
    );
    assert_eq!(
        component.ask(ask(session, "Open", false)).await,
        Answer::Key(expected)
    );
    assert_eq!(
        denied(&component.ask(ask(session, "Closed", false)).await),
        Reason::ObjectFlags
    );
    assert_eq!(
        denied(&component.ask(ask(session, "Missing", false)).await),
        Reason::UnknownObject
    );
}

#[tokio::test]
async fn other_versions_series_channels_and_texts_are_refused_by_name() {
    let place = place(1, "").await;
    let refused = |frame: Frame| match frame {
        Frame::Refusal(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    for (version, older) in [("2.9.9.9", "the component"), ("4.0.0.1", "the server")] {
        let (_, frame) = Initiator::start(SERIES, HOST).unwrap();
        let Frame::HandshakeRequest { mut clear, noise } = frame else {
            panic!()
        };
        clear.version = version.into();
        let frame = Frame::HandshakeRequest { clear, noise };
        let refusal = refused(post(&place.server, HANDSHAKE_PATH, frame.to_bytes()).await);
        assert_eq!(refusal.reason, Reason::OldVersion);
        assert!(refusal.english.contains("OldVersion") && refusal.russian.contains("OldVersion"));
        assert!(
            refusal.english.contains(&format!("{older} (")),
            "{}",
            refusal.english
        );
    }
    let (_, frame) = Initiator::start(KeyId(1), HOST).unwrap();
    let refusal = refused(post(&place.server, HANDSHAKE_PATH, frame.to_bytes()).await);
    assert_eq!(refusal.reason, Reason::NoLicence);
    let stray = Frame::Request {
        channel: [9; 16],
        number: 0,
        noise: vec![1; 40],
    };
    let refusal = refused(post(&place.server, MESSAGE_PATH, stray.to_bytes()).await);
    assert_eq!(refusal.reason, Reason::UnknownChannel);
    let refusal = refused(post(&place.server, HANDSHAKE_PATH, b"hello".to_vec()).await);
    assert_eq!(refusal.reason, Reason::BadMessage);
    let mut early = Component::handshake(&place.server).await;
    assert_eq!(
        denied(&early.ask(Request::Heartbeat).await),
        Reason::NotConnected
    );
    assert_eq!(denied(&early.acquire(1).await), Reason::NotConnected);
}

#[tokio::test]
async fn a_large_request_comes_in_parts() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let session = granted(&component.acquire(1).await);
    let ask = Request::ObjectKey(ObjectKey {
        session,
        directory_hash: [0; 32],
        directory: Some(vec![7; 200_000].into()),
        name: "x".into(),
    });
    assert_eq!(denied(&component.ask(ask).await), Reason::Altered);
}
