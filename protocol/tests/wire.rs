//! The wire: a handshake and sealed messages between both halves, and against altered bytes. Its recorded bytes
//! are in `wire_recordings.rs`.

#![cfg(feature = "issue")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[expect(dead_code, reason = "the golden files need more of it")]
#[path = "golden/fixed.rs"]
mod fixed;
#[expect(dead_code, reason = "the recordings need more of it")]
#[path = "golden/wire.rs"]
mod values;

use protocol::{
    KeyId,
    delegation::{CLOCK_TOLERANCE, MAX_LIFE},
    envelope,
    licence::CredentialError,
    seal,
    signature::Algorithm,
    wire::{
        MAX_NOISE,
        channel::{Plain, PlainAnswer, Sealer},
        frame::Frame,
        handshake::{Established, HandshakeError, Initiator, respond},
        message::{Answer, Request},
    },
};
use values::{CHANNEL, HOST, NOW};

const NOISE: &str = "Noise_NX_25519_ChaChaPoly_BLAKE2s";

/// A frame that went through its bytes, as over HTTP.
fn carried(frame: &Frame) -> Frame {
    Frame::from_bytes(&frame.to_bytes()).unwrap()
}

/// The server's half of a handshake over a body.
fn server(body: &[u8], host: &str) -> Result<(Sealer, Frame), HandshakeError> {
    let Frame::HandshakeRequest { clear, noise } = Frame::from_bytes(body).unwrap() else {
        panic!("not a handshake request");
    };
    let hello = values::server_hello();
    respond(&clear, &noise, host, &values::instance(), CHANNEL, &hello)
}

fn handshake() -> (Established, Sealer) {
    let (initiator, first) = Initiator::start(fixed::SERIES, HOST).unwrap();
    let (sealer, reply) = server(&first.to_bytes(), HOST).unwrap();
    (initiator.finish(carried(&reply)).unwrap(), sealer)
}

#[test]
fn a_handshake_gives_both_sides_one_channel_and_the_component_a_proof() {
    let (established, _) = handshake();
    assert_eq!(established.channel, CHANNEL);
    assert_eq!(established.server, seal::public_of(&values::instance()));
    assert_eq!(established.hello, values::server_hello());
    let vendor = fixed::cryptkey(Algorithm::Ed25519)
        .signing
        .public()
        .unwrap();
    let credential = &established.hello.credential;
    let check = |server, now| credential.verify(&vendor.clone().into(), fixed::SERIES, server, now);
    assert_eq!(
        check(&established.server, NOW).unwrap(),
        fixed::voucher(),
        "the chain from the vendor to this server holds"
    );
    assert_eq!(
        check(&[9; 32], NOW),
        Err(CredentialError::Delegation),
        "another server cannot show this one's credential"
    );
    let end = NOW + MAX_LIFE + CLOCK_TOLERANCE;
    assert!(check(&established.server, end).is_ok());
    assert_eq!(
        check(&established.server, end + 1),
        Err(CredentialError::Delegation)
    );
}

#[test]
fn a_sealed_request_and_its_answer_come_through_under_one_number() {
    let (established, server) = handshake();
    for (number, (name, request)) in values::requests().into_iter().enumerate() {
        let number = number as u64;
        let plain = Plain::split(envelope::to_cbor(&request), 0)
            .unwrap()
            .remove(0)
            .acknowledging(number);
        let frame = carried(&Frame::Request {
            channel: established.channel,
            number,
            noise: established.sealer.seal(number, &plain.to_bytes()).unwrap(),
        });
        let Frame::Request { number, noise, .. } = frame else {
            panic!("{frame:?}");
        };
        let opened = Plain::from_bytes(&server.open(number, &noise).unwrap()).unwrap();
        assert_eq!(opened, plain);
        let Plain::Whole { payload, .. } = opened else {
            panic!("{name} was split");
        };
        assert_eq!(envelope::from_cbor::<Request>(&payload).unwrap(), request);

        let answer = PlainAnswer::Whole(envelope::to_cbor(&Answer::Done));
        let sealed = server.seal(number, &answer.to_bytes()).unwrap();
        let opened = established.sealer.open(number, &sealed).unwrap();
        assert_eq!(PlainAnswer::from_bytes(&opened).unwrap(), answer);
    }
}

#[test]
fn a_message_opens_under_its_number_direction_and_channel_alone() {
    let (established, server) = handshake();
    let (_, other) = handshake();
    let sealed = established.sealer.seal(3, b"request").unwrap();
    assert_eq!(server.open(3, &sealed).unwrap(), b"request");
    assert_eq!(
        established.sealer.seal(3, b"request").unwrap(),
        sealed,
        "a retry has the same bytes"
    );
    assert!(server.open(4, &sealed).is_err(), "another number");
    assert!(
        established.sealer.open(3, &sealed).is_err(),
        "sent back to its sender"
    );
    assert!(other.open(3, &sealed).is_err(), "another channel");
    for length in 0..sealed.len() {
        assert!(
            server.open(3, &sealed[..length]).is_err(),
            "cut to {length}"
        );
    }
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[at] ^= 1 << bit;
            assert!(server.open(3, &altered).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_message_of_the_largest_size_is_sealed_and_a_larger_one_is_refused() {
    let (established, server) = handshake();
    let largest = vec![5; MAX_NOISE - 16];
    let sealed = established.sealer.seal(0, &largest).unwrap();
    assert_eq!(sealed.len(), MAX_NOISE);
    assert_eq!(server.open(0, &sealed).unwrap(), largest);
    assert!(established.sealer.seal(1, &[5; MAX_NOISE - 15]).is_err());
}

#[test]
fn a_handshake_through_another_host_or_about_another_series_fails() {
    let answered_for = |clear_of: KeyId, host: &str| {
        let (initiator, first) = Initiator::start(fixed::SERIES, HOST).unwrap();
        let Frame::HandshakeRequest { mut clear, noise } = first else {
            panic!("{first:?}");
        };
        clear.key_id = clear_of;
        let body = Frame::HandshakeRequest { clear, noise }.to_bytes();
        let (_, reply) = server(&body, host).unwrap();
        initiator.finish(reply).map(drop)
    };
    assert!(answered_for(fixed::SERIES, HOST).is_ok());
    assert!(
        answered_for(fixed::SERIES, &HOST.to_uppercase()).is_ok(),
        "host names have no case"
    );
    for host in ["licences.example", "licences.example:9098", ""] {
        let failed = answered_for(fixed::SERIES, host);
        assert!(matches!(failed, Err(HandshakeError::Noise(_))), "{host}");
    }
    let failed = answered_for(KeyId(0x672C), HOST);
    assert!(matches!(failed, Err(HandshakeError::Noise(_))));
}

#[test]
fn a_handshake_message_altered_or_cut_anywhere_fails() {
    // What is said in clear may be altered as far as it is not bound: the component's version.
    let (_, first) = Initiator::start(fixed::SERIES, HOST).unwrap();
    let first = first.to_bytes();
    for back in 1..=32 {
        let (initiator, first) = Initiator::start(fixed::SERIES, HOST).unwrap();
        let mut first = first.to_bytes();
        let at = first.len() - back;
        first[at] ^= 0x80;
        let Ok((_, reply)) = server(&first, HOST) else {
            continue;
        };
        assert!(initiator.finish(reply).is_err(), "byte {at} of the first");
    }
    assert!(server(&first[..first.len() - 1], HOST).is_err());

    let length = server(&first, HOST).unwrap().1.to_bytes().len();
    let channel_end = 4 + 1 + CHANNEL.len();
    for at in channel_end..length {
        let (initiator, first) = Initiator::start(fixed::SERIES, HOST).unwrap();
        let mut reply = server(&first.to_bytes(), HOST).unwrap().1.to_bytes();
        reply[at] ^= 1;
        let reply = Frame::from_bytes(&reply).unwrap();
        assert!(initiator.finish(reply).is_err(), "byte {at} of the reply");
    }
    for cut in [channel_end, channel_end + 32, length - 1] {
        let (initiator, first) = Initiator::start(fixed::SERIES, HOST).unwrap();
        let reply = server(&first.to_bytes(), HOST).unwrap().1.to_bytes();
        let reply = Frame::from_bytes(&reply[..cut]).unwrap();
        assert!(initiator.finish(reply).is_err(), "cut to {cut}");
    }
    let (initiator, first) = Initiator::start(fixed::SERIES, HOST).unwrap();
    assert!(matches!(
        initiator.finish(first),
        Err(HandshakeError::Unexpected)
    ));
}

#[test]
fn both_halves_work_with_a_peer_that_spells_the_handshake_out() {
    let mut spelt = b"licence-wire-v1\0\x01\x67\x2B\x00\x15".to_vec();
    spelt.extend(b"licences.example:9099");
    let peer = || {
        snow::Builder::new(NOISE.parse().unwrap())
            .prologue(&spelt)
            .unwrap()
    };
    let hello = envelope::to_cbor(&values::server_hello());
    let mut buffer = vec![0; MAX_NOISE];
    let mut payload = vec![0; MAX_NOISE];

    let (initiator, first) = Initiator::start(fixed::SERIES, HOST).unwrap();
    let Frame::HandshakeRequest { clear, noise } = first else {
        panic!("{first:?}");
    };
    assert_eq!((clear.protocol, noise.len()), (1, 32));
    let mut responder = peer()
        .local_private_key(&values::instance().0)
        .unwrap()
        .build_responder()
        .unwrap();
    assert_eq!(responder.read_message(&noise, &mut payload).unwrap(), 0);
    let length = responder.write_message(&hello, &mut buffer).unwrap();
    let reply = Frame::HandshakeReply {
        channel: CHANNEL,
        noise: buffer[..length].to_vec(),
    };
    assert_eq!(
        initiator.finish(reply).unwrap().hello,
        values::server_hello()
    );

    let mut initiator = peer().build_initiator().unwrap();
    let length = initiator.write_message(&[], &mut buffer).unwrap();
    let (_, reply) = respond(
        &values::clear(),
        &buffer[..length],
        HOST,
        &values::instance(),
        CHANNEL,
        &values::server_hello(),
    )
    .unwrap();
    let Frame::HandshakeReply { noise, .. } = reply else {
        panic!("{reply:?}");
    };
    let length = initiator.read_message(&noise, &mut payload).unwrap();
    assert_eq!(payload[..length], hello);
}
