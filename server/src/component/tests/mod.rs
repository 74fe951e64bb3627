//! A component's talk with the server, byte for byte through the real router.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
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

use crate::{
    Addresses, Server, conf,
    keys::{self, tests as vendors},
    places::Places,
};

mod lives;
mod seats;
mod wire;

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
    let request = HttpRequest::post(path)
        .header(header::HOST, HOST)
        .body(Body::from(body))
        .unwrap();
    let peer = SocketAddr::from(([127, 0, 0, 1], 5));
    let response = Addresses::new(Arc::clone(server))
        .answer(peer, request)
        .await;
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
        self.hello_from("AA", pid, resume).await
    }

    async fn hello_from(&mut self, computer: &str, pid: u32, resume: Option<Resume>) -> Welcome {
        let facts = ComponentFacts {
            is_server: true,
            pid,
            computer_id: computer.into(),
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
