//! Fixed values of everything that goes over the wire, one of every kind.

use minicbor::bytes::ByteVec;
use protocol::{
    Reason,
    delegation::{Delegation, MAX_LIFE},
    envelope,
    facts::{ComponentFacts, SessionFacts, SessionKey, Terminal},
    licence::Credential,
    seal,
    signature::{Algorithm, Secret},
    wire::{
        channel::{Plain, PlainAnswer},
        frame::{ChannelId, Clear, Frame, Refusal},
        handshake::ServerHello,
        message::{
            Acquire, Alive, Answer, Denied, Granted, Hello, Id, LostSession, ObjectKey, Request,
            Resume, ResumedSession, SeatHolder, SessionOperation, Welcome,
        },
    },
};

use crate::fixed::{self, CREATED_AT, SERIES};

pub(crate) const HOST: &str = "Licences.Example:9099";
pub(crate) const CHANNEL: ChannelId = [0xC0; 16];
pub(crate) const NOW: i64 = CREATED_AT + 400;

/// The server's static Noise key.
pub(crate) fn instance() -> Secret {
    Secret([0x71; 32])
}

/// What a server with that instance key may say.
pub(crate) fn server_hello() -> ServerHello {
    let delegation = Delegation {
        server: seal::public_of(&instance()),
        key_id: SERIES,
        key_no: fixed::voucher().key_no,
        issued_at: NOW,
        not_after: NOW + MAX_LIFE,
    };
    let voucher = fixed::cryptkey(Algorithm::Ed25519)
        .signing
        .sign(
            protocol::signature::Context::Voucher,
            envelope::to_cbor(&fixed::voucher()),
        )
        .unwrap();
    ServerHello {
        version: "3.0.1.1".into(),
        now: NOW,
        credential: Credential {
            voucher,
            delegation: delegation.sign(&fixed::holder_signing()).unwrap(),
        },
    }
}

pub(crate) fn clear() -> Clear {
    Clear {
        protocol: 1,
        version: "3.0.1.1".into(),
        key_id: SERIES,
    }
}

pub(crate) fn frames() -> Vec<(&'static str, Frame)> {
    let refusal = Refusal {
        reason: Reason::OldVersion,
        english: "OldVersion: the component is older than the server".into(),
        russian: "OldVersion: компонента старше сервера".into(),
    };
    vec![
        (
            "handshake request: the clear part, then 32 bytes of Noise",
            Frame::HandshakeRequest {
                clear: clear(),
                noise: vec![0xA1; 32],
            },
        ),
        (
            "handshake reply: the channel, then 40 bytes for the Noise message",
            Frame::HandshakeReply {
                channel: CHANNEL,
                noise: vec![0xA2; 40],
            },
        ),
        (
            "sealed request: the channel, number 258, then 20 bytes for the ciphertext",
            Frame::Request {
                channel: CHANNEL,
                number: 258,
                noise: vec![0xA3; 20],
            },
        ),
        (
            "sealed reply: number 258, then 20 bytes for the ciphertext",
            Frame::Reply {
                number: 258,
                noise: vec![0xA4; 20],
            },
        ),
        ("refusal", Frame::Refusal(refusal)),
    ]
}

pub(crate) fn plain_requests() -> Vec<(&'static str, Plain)> {
    vec![
        (
            "a whole request, acknowledging 5",
            Plain::Whole {
                ack: 5,
                payload: vec![1, 2, 3],
            },
        ),
        (
            "part 1 of 3 of transfer 7, acknowledging 5",
            Plain::Part {
                ack: 5,
                transfer: 7,
                index: 1,
                count: 3,
                bytes: vec![1, 2, 3],
            },
        ),
        (
            "part 2 of the answer to request 9 is wanted, acknowledging 5",
            Plain::More {
                ack: 5,
                number: 9,
                index: 2,
            },
        ),
    ]
}

pub(crate) fn plain_answers() -> Vec<(&'static str, PlainAnswer)> {
    vec![
        ("a whole answer", PlainAnswer::Whole(vec![1, 2, 3])),
        (
            "the first of 3 parts",
            PlainAnswer::First {
                count: 3,
                bytes: vec![1, 2, 3],
            },
        ),
        ("a further part", PlainAnswer::Further(vec![1, 2, 3])),
        (
            "the part arrived, others are missing",
            PlainAnswer::Continue,
        ),
    ]
}

fn component() -> ComponentFacts {
    ComponentFacts {
        os_version: "Debian GNU/Linux 12 (x86_64)".into(),
        computer_name: "pc-7".into(),
        local_ip: "10.0.0.7".into(),
        process: "/opt/1cv8/1cv8c".into(),
        cpu: "x86_64".into(),
        pid: 4242,
        is_server: false,
        platform_version: "8.3.27.1508".into(),
        module_name: "licenceaddin.so".into(),
        version: "3.0.1.1".into(),
        computer_id: "0123456789ABCDEF0123456789ABCDEF01234567".into(),
        terminal: Some(Terminal {
            name: "thin-3".into(),
            address: "10.0.0.33".into(),
            from_environment: true,
        }),
    }
}

fn operation(session: u8) -> SessionOperation {
    SessionOperation {
        moved: None,
        operation: Id([0x81; 16]),
        session: Id([session; 16]),
    }
}

pub(crate) fn requests() -> Vec<(&'static str, Request)> {
    let hello = |resume| {
        Request::Hello(Box::new(Hello {
            operation: Id([0x81; 16]),
            facts: component(),
            access_code: "shop".into(),
            resume,
        }))
    };
    let resume = Resume {
        connection: Id([0x82; 16]),
        token: Secret([0x83; 32]),
        sessions: vec![ResumedSession {
            session: Id([0x84; 16]),
            identity: fixed::facts().key.identity(),
        }],
    };
    let acquire = |facts| {
        Request::Acquire(Acquire {
            operation: Id([0x81; 16]),
            facts,
            flags: 0b101,
        })
    };
    let child = SessionFacts {
        key: SessionKey {
            infobase: fixed::facts().key.infobase,
            number: 7,
            started: CREATED_AT + 350,
        },
        app_name: "BackgroundJob".into(),
        parent: Some(fixed::facts().key),
        ..fixed::facts()
    };
    let object = |directory: Option<&[u8]>| {
        Request::ObjectKey(ObjectKey {
            session: Id([0x84; 16]),
            directory_hash: [0x85; 32],
            directory: directory.map(|bytes| ByteVec::from(bytes.to_vec())),
            name: "Обработка".into(),
        })
    };
    vec![
        ("Hello", hello(None)),
        (
            "Hello that takes a former connection up again",
            hello(Some(resume)),
        ),
        ("Heartbeat", Request::Heartbeat),
        ("Acquire", acquire(fixed::facts())),
        ("Acquire for a technical session", acquire(child)),
        ("Release", Request::Release(operation(0x84))),
        ("Detach", Request::Detach(operation(0x84))),
        ("ObjectKey by the directory's hash", object(None)),
        (
            "ObjectKey with the directory",
            object(Some(b"signed directory")),
        ),
        ("Bye", Request::Bye(Id([0x81; 16]))),
        ("ServerInfo", Request::ServerInfo),
    ]
}

/// What keys that came later add to requests.
pub(crate) fn later_requests() -> Vec<(&'static str, Request)> {
    let facts = SessionFacts {
        gathered_on_server: Some(true),
        ..fixed::facts()
    };
    let acquire = Acquire {
        operation: Id([0x81; 16]),
        facts,
        flags: 0,
    };
    vec![(
        "Acquire with facts that a server gathered",
        Request::Acquire(acquire),
    )]
}

/// What keys that came later add to answers.
pub(crate) fn later_answers() -> Vec<(&'static str, Answer)> {
    let told = Welcome {
        grace_seconds: Some(300),
        ..welcome()
    };
    vec![("Welcome that tells the grace", Answer::Welcome(told))]
}

fn welcome() -> Welcome {
    Welcome {
        connection: Id([0x82; 16]),
        token: Secret([0x83; 32]),
        heartbeat_seconds: 10,
        expire_seconds: 20,
        linger_seconds: 1500,
        sessions: vec![Id([0x84; 16])],
        grace_seconds: None,
    }
}

pub(crate) fn answers() -> Vec<(&'static str, Answer)> {
    let lost = |reason, message: Option<&str>| LostSession {
        session: Id([0x84; 16]),
        reason,
        message: message.map(Into::into),
    };
    let alive = Alive {
        lost: vec![
            lost(
                Reason::ReleasedByAdministrator,
                Some("Обновление в полдень"),
            ),
            lost(Reason::LicenceLost, None),
        ],
    };
    let granted = Granted {
        session: Id([0x84; 16]),
        key_no: fixed::voucher().key_no,
        credential: server_hello().credential,
    };
    let denied = Denied {
        reason: Reason::NoSeats,
        total: 5,
        used: 5,
        holders: vec![SeatHolder {
            user_name: "Иванов И.И.".into(),
            computer_name: "pc-7".into(),
            app_name: "1CV8C".into(),
            session_number: 6,
            since: CREATED_AT + 300,
        }],
        detail: Some("5".into()),
    };
    vec![
        ("Welcome", Answer::Welcome(welcome())),
        (
            "Alive with nothing lost",
            Answer::Alive(Alive { lost: Vec::new() }),
        ),
        ("Alive with two sessions lost", Answer::Alive(alive)),
        ("Granted", Answer::Granted(Box::new(granted))),
        ("Denied with who holds the seats", Answer::Denied(denied)),
        (
            "Denied with a reason alone",
            Answer::Denied(Denied::because(Reason::NoLicence)),
        ),
        ("Done", Answer::Done),
        ("Key", Answer::Key(Secret([0x86; 32]))),
        ("Info", Answer::Info("{\"Version\":\"3.0.1.1\"}".into())),
    ]
}
