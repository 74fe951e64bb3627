//! The recorded bytes of protocol revision 1, so that no byte of it changes unnoticed.
//!
//! A wire that should change gets a new protocol number and a new folder beside `golden/wire-1`. To make files
//! that are missing: `LICENCE_GOLDEN=write cargo test -p licence-protocol --all-features --test wire_recordings`.

#![cfg(feature = "issue")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[expect(dead_code, reason = "the golden files need more of it")]
#[path = "golden/fixed.rs"]
mod fixed;
#[path = "golden/wire.rs"]
mod values;

use std::{collections::BTreeSet, fs, path::PathBuf};

use protocol::{
    envelope,
    wire::{
        MAX_NOISE,
        channel::{Plain, PlainAnswer},
        frame::Frame,
        handshake::{ServerHello, prologue, respond},
        message::{Answer, Request},
    },
};
use values::{CHANNEL, HOST};

const NOISE: &str = "Noise_NX_25519_ChaChaPoly_BLAKE2s";

/// One message: what it is, and its bytes.
type Record = (&'static str, Vec<u8>);

/// A whole conversation with fixed ephemeral keys.
fn conversation() -> Vec<Record> {
    let prologue = prologue(1, fixed::SERIES, HOST);
    let builder = |ephemeral: &'static [u8; 32]| {
        snow::Builder::new(NOISE.parse().unwrap())
            .prologue(&prologue)
            .unwrap()
            .fixed_ephemeral_key_for_testing_only(ephemeral)
    };
    let mut component = builder(&[0xE1; 32]).build_initiator().unwrap();
    let instance = values::instance();
    let mut server = builder(&[0xE2; 32])
        .local_private_key(&instance.0)
        .unwrap()
        .build_responder()
        .unwrap();
    let hello = envelope::to_cbor(&values::server_hello());
    let mut buffer = vec![0; MAX_NOISE];
    let mut payload = vec![0; MAX_NOISE];

    let length = component.write_message(&[], &mut buffer).unwrap();
    let first = Frame::HandshakeRequest {
        clear: values::clear(),
        noise: buffer[..length].to_vec(),
    };
    server
        .read_message(&buffer[..length], &mut payload)
        .unwrap();
    let length = server.write_message(&hello, &mut buffer).unwrap();
    let second = Frame::HandshakeReply {
        channel: CHANNEL,
        noise: buffer[..length].to_vec(),
    };
    component
        .read_message(&buffer[..length], &mut payload)
        .unwrap();
    let component = component.into_stateless_transport_mode().unwrap();
    let server = server.into_stateless_transport_mode().unwrap();

    let mut seal = |state: &snow::StatelessTransportState, number, plain: &[u8]| {
        let length = state.write_message(number, plain, &mut buffer).unwrap();
        buffer[..length].to_vec()
    };
    let request = Plain::Whole {
        ack: 0,
        payload: envelope::to_cbor(&Request::Heartbeat),
    };
    let answer = PlainAnswer::Whole(envelope::to_cbor(&Answer::Done));
    let third = Frame::Request {
        channel: CHANNEL,
        number: 0,
        noise: seal(&component, 0, &request.to_bytes()),
    };
    let fourth = Frame::Reply {
        number: 0,
        noise: seal(&server, 0, &answer.to_bytes()),
    };
    vec![
        (
            "the prologue of series 672B at Licences.Example:9099",
            prologue.clone(),
        ),
        (
            "the server's payload of the handshake, before sealing",
            hello,
        ),
        (
            "handshake request; the component's ephemeral secret is 32 bytes E1",
            first.to_bytes(),
        ),
        (
            "handshake reply; the server's ephemeral secret is 32 bytes E2, its static one 32 bytes 71",
            second.to_bytes(),
        ),
        ("Heartbeat under number 0", third.to_bytes()),
        ("Done under number 0", fourth.to_bytes()),
    ]
}

fn records() -> [(&'static str, Vec<Record>); 8] {
    fn all<T>(values: Vec<(&'static str, T)>, bytes: fn(&T) -> Vec<u8>) -> Vec<Record> {
        let one = |(name, value): (_, T)| (name, bytes(&value));
        values.into_iter().map(one).collect()
    }
    [
        ("frames.hex", all(values::frames(), Frame::to_bytes)),
        (
            "plain-requests.hex",
            all(values::plain_requests(), Plain::to_bytes),
        ),
        (
            "plain-answers.hex",
            all(values::plain_answers(), PlainAnswer::to_bytes),
        ),
        ("requests.hex", all(values::requests(), envelope::to_cbor)),
        ("answers.hex", all(values::answers(), envelope::to_cbor)),
        (
            "later-requests.hex",
            all(values::later_requests(), envelope::to_cbor),
        ),
        (
            "later-answers.hex",
            all(values::later_answers(), envelope::to_cbor),
        ),
        ("conversation.hex", conversation()),
    ]
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/wire-1")
        .join(name)
}

fn text(records: &[Record]) -> String {
    let line =
        |(name, bytes): &Record| format!("# {name}\n{}\n", data_encoding::HEXLOWER.encode(bytes));
    records.iter().map(line).collect()
}

fn golden(name: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path(name)).unwrap();
    let messages = text.lines().filter(|line| !line.starts_with('#'));
    messages
        .map(|line| data_encoding::HEXLOWER.decode(line.as_bytes()).unwrap())
        .collect()
}

#[test]
fn regenerate() {
    if std::env::var_os("LICENCE_GOLDEN").is_none_or(|value| value != "write") {
        return;
    }
    fs::create_dir_all(path("")).unwrap();
    for (name, records) in records() {
        // A recording is never replaced: what spoke so yesterday must go on being understood.
        if !path(name).exists() {
            fs::write(path(name), text(&records)).unwrap();
        }
    }
}

#[test]
fn every_message_of_revision_1_is_written_as_it_was() {
    for (name, records) in records() {
        let written = text(&records);
        let recorded = fs::read_to_string(path(name)).unwrap();
        for (now, then) in written.lines().zip(recorded.lines()) {
            assert_eq!(now, then, "wire-1/{name} has changed");
        }
        assert_eq!(written, recorded, "wire-1/{name} has changed");
    }
}

#[test]
fn every_message_of_revision_1_is_read_as_it_was() {
    let frames = values::frames().into_iter().zip(golden("frames.hex"));
    for ((name, frame), bytes) in frames {
        assert_eq!(Frame::from_bytes(&bytes), Ok(frame), "{name}");
    }
    let plain = values::plain_requests().into_iter();
    for ((name, plain), bytes) in plain.zip(golden("plain-requests.hex")) {
        assert_eq!(Plain::from_bytes(&bytes), Ok(plain), "{name}");
    }
    let plain = values::plain_answers().into_iter();
    for ((name, plain), bytes) in plain.zip(golden("plain-answers.hex")) {
        assert_eq!(PlainAnswer::from_bytes(&bytes), Ok(plain), "{name}");
    }
    let requests = values::requests().into_iter().zip(golden("requests.hex"));
    let later = values::later_requests().into_iter();
    for ((name, request), bytes) in requests.chain(later.zip(golden("later-requests.hex"))) {
        assert_eq!(envelope::from_cbor(&bytes), Ok(request), "{name}");
    }
    let answers = values::answers().into_iter().zip(golden("answers.hex"));
    let later = values::later_answers().into_iter();
    for ((name, answer), bytes) in answers.chain(later.zip(golden("later-answers.hex"))) {
        assert_eq!(envelope::from_cbor(&bytes), Ok(answer), "{name}");
    }
}

#[test]
fn the_recording_has_every_kind_of_request_and_answer() {
    let kinds = |name| {
        // A request or an answer is an array of two: its number, then its fields.
        let kind = |message: Vec<u8>| {
            assert_eq!(message[0], 0x82);
            message[1]
        };
        golden(name).into_iter().map(kind).collect::<BTreeSet<u8>>()
    };
    assert_eq!(kinds("requests.hex"), (0..8).collect());
    assert_eq!(kinds("answers.hex"), (0..7).collect());
}

#[test]
fn the_recorded_first_message_is_answered_as_the_recorded_component_expects() {
    let recorded = golden("conversation.hex");
    let Frame::HandshakeRequest { clear, noise } = Frame::from_bytes(&recorded[2]).unwrap() else {
        panic!("the third record is no handshake request");
    };
    let hello = values::server_hello();
    let instance = values::instance();
    let (_, reply) = respond(&clear, &noise, HOST, &instance, CHANNEL, &hello).unwrap();
    let Frame::HandshakeReply { noise, .. } = reply else {
        panic!("{reply:?}");
    };
    let mut component = snow::Builder::new(NOISE.parse().unwrap())
        .prologue(&recorded[0])
        .unwrap()
        .fixed_ephemeral_key_for_testing_only(&[0xE1; 32])
        .build_initiator()
        .unwrap();
    let mut buffer = vec![0; MAX_NOISE];
    component.write_message(&[], &mut buffer).unwrap();
    let length = component.read_message(&noise, &mut buffer).unwrap();
    assert_eq!(buffer[..length], recorded[1]);
    assert_eq!(
        envelope::from_cbor::<ServerHello>(&recorded[1]).unwrap(),
        values::server_hello()
    );
}
