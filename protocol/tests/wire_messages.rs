//! The wire's readers against values and bytes that nobody chose: what is written is read back, all else is
//! read or refused, and every limit holds.

#![cfg(feature = "issue")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[expect(dead_code, reason = "the golden files need more of it")]
#[path = "golden/fixed.rs"]
mod fixed;
#[expect(dead_code, reason = "the recording needs more of it")]
#[path = "golden/wire.rs"]
mod values;

use proptest::{collection::vec, option, prelude::*};
use protocol::{
    Reason, envelope,
    facts::{ComponentFacts, Identity, SessionFacts, SessionKey, Terminal},
    licence::Credential,
    signature::Secret,
    wire::{
        MAX_NOISE, MAX_SESSIONS,
        channel::{Plain, PlainAnswer},
        frame::{Frame, FrameError},
        message::{
            Acquire, Alive, Answer, Denied, Granted, Hello, Id, LostSession, ObjectKey, Request,
            Resume, ResumedSession, SeatHolder, SessionOperation, Welcome,
        },
    },
};

fn small_text() -> impl Strategy<Value = String> {
    "[ -~А-я]{0,24}"
}

fn id() -> impl Strategy<Value = Id> {
    any::<[u8; 16]>().prop_map(Id)
}

fn secret() -> impl Strategy<Value = Secret> {
    any::<[u8; 32]>().prop_map(Secret)
}

prop_compose! {
    fn session_key()(
        infobase in small_text(), number in any::<u32>(), started in any::<i64>(),
    ) -> SessionKey {
        SessionKey { infobase, number, started }
    }
}

prop_compose! {
    fn session_facts()(
        key in session_key(), parent in option::of(session_key()),
        texts in [small_text(), small_text(), small_text()], gathered_on_server in option::of(any::<bool>()),
    ) -> SessionFacts {
        let [user_name, computer_name, app_name] = texts;
        SessionFacts { key, user_name, computer_name, app_name, parent, gathered_on_server }
    }
}

prop_compose! {
    fn terminal()(
        name in small_text(), address in small_text(), from_environment in any::<bool>(),
    ) -> Terminal {
        Terminal { name, address, from_environment }
    }
}

prop_compose! {
    fn hello()(
        operation in id(), access_code in small_text(), process in small_text(), pid in any::<u32>(),
        is_server in any::<bool>(), terminal in option::of(terminal()),
        resume in option::of((id(), secret(), vec((id(), any::<[u8; 32]>()), 0..4))),
    ) -> Request {
        Request::Hello(Box::new(Hello {
            operation,
            facts: ComponentFacts { process, pid, is_server, terminal, ..Default::default() },
            access_code,
            resume: resume.map(|(connection, token, sessions)| Resume {
                connection,
                token,
                sessions: sessions
                    .into_iter()
                    .map(|(session, identity)| ResumedSession { session, identity: Identity(identity) })
                    .collect(),
            }),
        }))
    }
}

fn request() -> impl Strategy<Value = Request> {
    let operation = || {
        (id(), id(), option::of(any::<bool>())).prop_map(|(operation, session, moved)| {
            SessionOperation {
                operation,
                session,
                moved,
            }
        })
    };
    prop_oneof![
        hello(),
        Just(Request::Heartbeat),
        (id(), session_facts(), any::<u32>()).prop_map(|(operation, facts, flags)| {
            Request::Acquire(Acquire {
                operation,
                facts,
                flags,
            })
        }),
        operation().prop_map(Request::Release),
        operation().prop_map(Request::Detach),
        (
            id(),
            any::<[u8; 32]>(),
            option::of(vec(any::<u8>(), 0..64)),
            small_text()
        )
            .prop_map(|(session, directory_hash, directory, name)| {
                let directory = directory.map(Into::into);
                Request::ObjectKey(ObjectKey {
                    session,
                    directory_hash,
                    directory,
                    name,
                })
            }),
        id().prop_map(Request::Bye),
        Just(Request::ServerInfo),
    ]
}

fn reason() -> impl Strategy<Value = Reason> {
    prop::sample::select(Reason::ALL)
}

prop_compose! {
    fn welcome()(
        connection in id(), token in secret(), seconds in any::<[u32; 3]>(), sessions in vec(id(), 0..4),
        grace_seconds in option::of(any::<u32>()),
    ) -> Answer {
        let [heartbeat_seconds, expire_seconds, linger_seconds] = seconds;
        Answer::Welcome(Welcome {
            connection, token, heartbeat_seconds, expire_seconds, linger_seconds, sessions, grace_seconds,
        })
    }
}

prop_compose! {
    fn seat_holder()(
        texts in [small_text(), small_text(), small_text()],
        session_number in any::<u32>(), since in any::<i64>(),
    ) -> SeatHolder {
        let [user_name, computer_name, app_name] = texts;
        SeatHolder { user_name, computer_name, app_name, session_number, since }
    }
}

prop_compose! {
    fn denied()(
        reason in reason(), total in any::<u32>(), used in any::<u32>(),
        holders in vec(seat_holder(), 0..4), detail in option::of(small_text()),
    ) -> Answer {
        Answer::Denied(Denied { reason, total, used, holders, detail })
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    let credential: Credential = values::server_hello().credential;
    let lost = (id(), reason(), option::of(small_text())).prop_map(|(session, reason, message)| {
        LostSession {
            session,
            reason,
            message,
        }
    });
    prop_oneof![
        welcome(),
        vec(lost, 0..4).prop_map(|lost| Answer::Alive(Alive { lost })),
        (id(), any::<u32>()).prop_map(move |(session, key_no)| {
            let credential = credential.clone();
            Answer::Granted(Box::new(Granted {
                session,
                key_no,
                credential,
            }))
        }),
        denied(),
        Just(Answer::Done),
        secret().prop_map(Answer::Key),
        small_text().prop_map(Answer::Info),
    ]
}

/// Bytes that begin as a frame or do not.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let tail = || vec(any::<u8>(), 0..200);
    prop_oneof![
        tail(),
        (0..8u8, tail()).prop_map(|(kind, tail)| [b"LCW1", &[kind][..], &tail].concat()),
        (
            prop::sample::select(values::frames()),
            any::<prop::sample::Index>(),
            any::<u8>()
        )
            .prop_map(|((_, frame), at, byte)| {
                let mut bytes = frame.to_bytes();
                let at = at.index(bytes.len());
                bytes[at] = byte;
                bytes
            }),
    ]
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused_and_what_is_read_is_written_the_same(bytes in body()) {
        match Frame::from_bytes(&bytes) {
            Ok(frame) => prop_assert_eq!(Frame::from_bytes(&frame.to_bytes()), Ok(frame)),
            Err(FrameError::NotOurs) => prop_assert!(!bytes.starts_with(b"LCW1")),
            Err(FrameError::Damaged(_)) => prop_assert!(bytes.starts_with(b"LCW1")),
        }
        if let Ok(plain) = Plain::from_bytes(&bytes) {
            prop_assert_eq!(plain.to_bytes(), bytes.as_slice());
        }
        if let Ok(plain) = PlainAnswer::from_bytes(&bytes) {
            prop_assert_eq!(plain.to_bytes(), bytes.as_slice());
        }
    }

    #[test]
    fn every_request_comes_back_from_its_bytes(request in request()) {
        prop_assert_eq!(request.check(), Ok(()));
        let bytes = envelope::to_cbor(&request);
        prop_assert_eq!(envelope::from_cbor::<Request>(&bytes), Ok(request));
        for length in 0..bytes.len() {
            prop_assert!(envelope::from_cbor::<Request>(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn every_answer_comes_back_from_its_bytes(answer in answer()) {
        let bytes = envelope::to_cbor(&answer);
        prop_assert_eq!(envelope::from_cbor::<Answer>(&bytes), Ok(answer));
        for length in 0..bytes.len() {
            prop_assert!(envelope::from_cbor::<Answer>(&bytes[..length]).is_err());
        }
    }
}

#[test]
fn bodies_past_a_limit_are_refused() {
    let sized = |length| {
        Frame::Reply {
            number: 0,
            noise: vec![0; length],
        }
        .to_bytes()
    };
    assert!(Frame::from_bytes(&sized(MAX_NOISE)).is_ok());
    assert!(Frame::from_bytes(&sized(MAX_NOISE + 1)).is_err());
    let clear = [b"LCW1\x01\x04\x01".as_slice(), &[0; 2048]].concat();
    assert!(
        Frame::from_bytes(&clear).is_err(),
        "a clear part of 1,025 bytes"
    );

    let mut parts = b"\x01\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    parts.extend([0, 33, 0, 34]);
    assert!(Plain::from_bytes(&parts).is_err(), "34 parts");
    parts[13..].copy_from_slice(&[0, 32, 0, 33]);
    assert!(Plain::from_bytes(&parts).is_ok(), "33 parts");
    parts[13..].copy_from_slice(&[0, 33, 0, 33]);
    assert!(
        Plain::from_bytes(&parts).is_err(),
        "part 33 of 33 counts from 0"
    );
}

#[test]
fn requests_past_a_limit_are_refused() {
    let (_, Request::Hello(hello)) = values::requests().remove(1) else {
        panic!("the second request is a Hello");
    };
    let refused = |edit: fn(&mut Hello)| {
        let mut hello = hello.clone();
        edit(&mut hello);
        Request::Hello(hello).check().is_err()
    };
    assert!(!refused(|_| ()));
    assert!(refused(|hello| hello.access_code = "x".repeat(1025)));
    assert!(refused(|hello| hello.facts.process = "x".repeat(1025)));
    assert!(refused(|hello| {
        let resume = hello.resume.as_mut().unwrap();
        resume.sessions = vec![resume.sessions[0].clone(); MAX_SESSIONS + 1];
    }));
    let facts = SessionFacts {
        key: SessionKey {
            infobase: "x".repeat(2049),
            ..Default::default()
        },
        ..Default::default()
    };
    let acquire = Acquire {
        operation: Id([0; 16]),
        facts,
        flags: 0,
    };
    assert!(Request::Acquire(acquire).check().is_err());
}

#[test]
fn a_later_revisions_unknown_keys_are_skipped() {
    // Denied {0: 302, 1: 5, 2: 5, 3: [], 9: "new"}
    let bytes = b"\x82\x03\x81\xa5\x00\x19\x01\x2e\x01\x05\x02\x05\x03\x80\x09\x63new";
    let expected = Denied {
        total: 5,
        used: 5,
        ..Denied::because(Reason::NoSeats)
    };
    assert_eq!(envelope::from_cbor(bytes), Ok(Answer::Denied(expected)));
    // A reason that this revision does not know is read as a fault inside.
    let bytes = b"\x82\x03\x81\xa4\x00\x19\x03\xe7\x01\x00\x02\x00\x03\x80";
    let expected = Denied::because(Reason::Internal);
    assert_eq!(envelope::from_cbor(bytes), Ok(Answer::Denied(expected)));
}
