//! The wire: frames, the handshake from both sides, sealed requests and answers, the window of a channel.
//!
//! The first byte chooses what the others are. What is read must be written back to the same meaning.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use protocol::{
    KeyId,
    cryptkey::CryptKey,
    envelope,
    licence::{Credential, Document},
    sha256,
    signature::Secret,
    wire::{
        channel::{Plain, PlainAnswer},
        frame::Frame,
        handshake::{self, Initiator, ServerHello},
        message::{Answer, Request},
        window::{Admission, Window},
    },
};

const HOST: &str = "localhost:9099";

static HELLO: LazyLock<ServerHello> = LazyLock::new(|| {
    let keys = include_bytes!("../../protocol/tests/golden/ed25519.cryptkey");
    let licence = include_bytes!("../../protocol/tests/golden/ed25519.licence");
    let delegation = include_bytes!("../../protocol/tests/golden/delegation.cbor");
    let keys = CryptKey::from_bytes(keys).expect("the golden cryptkey is one");
    let licence = Document::from_bytes(licence).expect("the golden licence is one");
    let vendor = keys.signing.public().expect("the golden key is one");
    ServerHello {
        version: "3.0.1.1".into(),
        now: 0,
        credential: Credential {
            voucher: licence
                .verify(&vendor)
                .expect("the golden licence is genuine")
                .signed_voucher,
            delegation: envelope::from_cbor(delegation).expect("the golden delegation is one"),
        },
    }
});

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    match choice % 6 {
        0 => frame(bytes),
        1 => {
            if let Ok(plain) = Plain::from_bytes(bytes) {
                assert_eq!(plain.to_bytes(), bytes);
            }
            if let Ok(answer) = PlainAnswer::from_bytes(bytes) {
                assert_eq!(answer.to_bytes(), bytes);
            }
        }
        2 => {
            if let Ok(request) = envelope::from_cbor::<Request>(bytes) {
                let _ = request.check();
                assert_eq!(
                    envelope::from_cbor(&envelope::to_cbor(&request)),
                    Ok(request)
                );
            }
        }
        3 => {
            if let Ok(answer) = envelope::from_cbor::<Answer>(bytes) {
                assert_eq!(envelope::from_cbor(&envelope::to_cbor(&answer)), Ok(answer));
            }
        }
        4 => window(bytes),
        _ => whole_handshake(bytes),
    }
});

fn frame(bytes: &[u8]) {
    let Ok(frame) = Frame::from_bytes(bytes) else {
        return;
    };
    assert_eq!(Frame::from_bytes(&frame.to_bytes()).as_ref(), Ok(&frame));
    match &frame {
        Frame::HandshakeRequest { clear, noise } => {
            let _ = handshake::respond(clear, noise, HOST, &Secret([1; 32]), [2; 16], &HELLO);
        }
        Frame::HandshakeReply { .. } => {
            let (initiator, _) = Initiator::start(KeyId(0x672B), HOST).expect("a handshake begins");
            initiator
                .finish(frame)
                .expect_err("nobody answers a key that was drawn just now");
        }
        _ => {}
    }
}

/// Admits numbers and acknowledgements as a server does: only what was opened acknowledges.
fn window(bytes: &[u8]) {
    let mut window = Window::default();
    for step in bytes.chunks_exact(4) {
        let number = u64::from(step[0]);
        let ack = if step[1] == 0xff {
            u64::MAX
        } else {
            u64::from(step[1])
        };
        match window.admit(number, sha256(&step[2..3])) {
            Admission::New => {
                window.acknowledge(ack);
                window.answered(number, Arc::from(&step[2..3]));
                let again = window.admit(number, sha256(&step[2..3]));
                assert_eq!(again, Admission::Answered(Arc::from(&step[2..3])));
            }
            Admission::Answered(answer) => assert_eq!(*answer, step[2..3]),
            Admission::UnderWay => unreachable!("every step ends what it begins"),
            Admission::Refused => {}
        }
    }
}

/// An honest handshake, then bytes that neither side sealed.
fn whole_handshake(bytes: &[u8]) {
    let (initiator, first) = Initiator::start(KeyId(0x672B), HOST).expect("a handshake begins");
    let Frame::HandshakeRequest { clear, noise } = first else {
        unreachable!("a handshake begins with its request");
    };
    let (server, reply) =
        handshake::respond(&clear, &noise, HOST, &Secret([1; 32]), [2; 16], &HELLO)
            .expect("the honest server answers");
    let component = initiator
        .finish(reply)
        .expect("the honest component believes")
        .sealer;
    assert!(server.open(0, bytes).is_err() && component.open(0, bytes).is_err());
    if let Ok(sealed) = component.seal(7, bytes) {
        assert_eq!(server.open(7, &sealed).as_deref().ok(), Some(bytes));
        assert!(server.open(8, &sealed).is_err());
    }
}
