//! What a licence centre and a server say to each other, and what people type: requests, answers, refusals, QR texts, files under
//! a passphrase, reserve codes, activation codes, ИНН and КПП, series files.
//!
//! A message that is believed must be one of the golden ones: no mutation may find another that passes. What an edited message
//! claims is also signed anew, so that the code behind the signature is reached.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use protocol::{
    centre::{
        Activation, Answer, Message, Outcome, Release, Reply, Reserve, Update, from_qr, to_qr,
    },
    code::ActivationCode,
    cryptkey::CryptKey,
    envelope::{self, Kind},
    locked,
    owner::{Iec, Itn},
    series,
    signature::{Algorithm, Secret, Signed, SigningKey},
};

static KEYS: LazyLock<CryptKey> = LazyLock::new(|| {
    CryptKey::from_bytes(include_bytes!(
        "../../protocol/tests/golden/ed25519.cryptkey"
    ))
    .expect("the golden cryptkey is one")
});
/// Who signs what was edited.
static HOLDER: LazyLock<SigningKey> = LazyLock::new(|| {
    SigningKey::from_secret(Algorithm::Ed25519, Secret([0x77; 32])).expect("any seed is a key")
});
static GENUINE: LazyLock<[Message; 3]> = LazyLock::new(|| {
    let files: [&[u8]; 3] = [
        include_bytes!("../../protocol/tests/golden/server.activation"),
        include_bytes!("../../protocol/tests/golden/server.release"),
        include_bytes!("../../protocol/tests/golden/server.update"),
    ];
    files.map(|file| Message::from_bytes(file).expect("a golden request is one"))
});

fuzz_target!(|bytes: &[u8]| {
    match Kind::of(bytes) {
        Some(Kind::Activation | Kind::Release | Kind::Update) => {
            if let Ok(message) = Message::from_bytes(bytes) {
                let theirs = GENUINE.iter().any(|genuine| *genuine == message);
                assert!(
                    theirs || !is_golden_holder(&message),
                    "a forged request passes"
                );
            }
            requests_signed_anew(bytes);
        }
        Some(Kind::Answer | Kind::Refusal) => {
            if let Ok(Reply::Answer(answer)) = Reply::from_bytes(bytes) {
                let _ = answer.claims();
                let vendor = KEYS.signing.public().expect("the golden key is one");
                if let Ok(answer) = answer.verify(&vendor) {
                    assert_eq!(answer.id, [0x71; 16], "a forged answer passes");
                }
            }
            answers_signed_anew(bytes);
        }
        // Its code and request were drawn together, so no edit finds another pair.
        Some(Kind::Reserve) => {
            if let Ok(read) = Reserve::from_bytes(bytes) {
                assert_eq!(read.code.hash(), read.release.code_hash);
                assert_eq!(Reserve::from_bytes(&read.to_bytes()), Ok(read));
            }
        }
        // The passphrase costs too much time to be tried for each input: its cost is bounded before that, and an empty one is
        // refused after the file was read.
        Some(Kind::Locked) => assert!(locked::unlock(bytes, "").is_err()),
        _ => texts(bytes),
    }
});

fn is_golden_holder(message: &Message) -> bool {
    let of = |message: &Message| match message {
        Message::Activation(body) => body.request.holder.signing.clone(),
        Message::Release(body) => body.holder.clone(),
        Message::Update(body) => body.holder.clone(),
    };
    of(message) == of(&GENUINE[1])
}

fn requests_signed_anew(bytes: &[u8]) {
    let public = || HOLDER.public().expect("the key is one");
    let opened = |kind| {
        envelope::open::<Signed>(kind, bytes)
            .ok()
            .map(|signed| signed.unverified().to_vec())
    };
    let message = if let Some(payload) = opened(Kind::Activation) {
        envelope::from_cbor::<Activation>(&payload).map(|mut body| {
            body.request.holder.signing = public();
            Message::Activation(Box::new(body))
        })
    } else if let Some(payload) = opened(Kind::Release) {
        envelope::from_cbor::<Release>(&payload).map(|mut body| {
            body.holder = public();
            Message::Release(Box::new(body))
        })
    } else if let Some(payload) = opened(Kind::Update) {
        envelope::from_cbor::<Update>(&payload).map(|mut body| {
            body.holder = public();
            Message::Update(Box::new(body))
        })
    } else {
        return;
    };
    let Ok(message) = message else { return };
    let written = message.to_bytes(&*HOLDER).expect("the key is one");
    // A limit may refuse it; nothing else does.
    if let Ok(read) = Message::from_bytes(&written) {
        assert_eq!(read, message);
        let _ = (read.id(), read.computer_name().len());
        if let Message::Activation(body) = &read {
            let _ = ActivationCode::parse(&body.code);
        }
    }
    assert_eq!(
        from_qr(to_qr(&written).as_bytes()).as_deref(),
        Some(&written[..])
    );
}

fn answers_signed_anew(bytes: &[u8]) {
    let Ok(signed) = envelope::open::<Signed>(Kind::Answer, bytes) else {
        return;
    };
    let Ok(answer) = envelope::from_cbor::<Answer>(signed.unverified()) else {
        return;
    };
    let written = answer
        .to_bytes(&KEYS.signing)
        .expect("the golden key is one");
    if let Ok(Reply::Answer(read)) = Reply::from_bytes(&written) {
        let vendor = KEYS.signing.public().expect("the golden key is one");
        assert_eq!(read.verify(&vendor), Ok(answer.clone()));
    }
    if let Outcome::Licence(licence) = &answer.outcome {
        let _ = protocol::licence::Document::from_bytes(licence);
    }
}

fn texts(bytes: &[u8]) {
    if let Some(file) = from_qr(bytes) {
        assert_eq!(from_qr(to_qr(&file).as_bytes()), Some(file));
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(code) = ActivationCode::parse(&text) {
        assert_eq!(ActivationCode::parse(&code.reveal()), Ok(code));
    }
    if let Ok(itn) = text.parse::<Itn>() {
        assert!(matches!(itn.as_str().len(), 10 | 12));
    }
    if let Ok(iec) = text.parse::<Iec>() {
        assert_eq!(iec.as_str().len(), 9);
    }
    let (list, _) = series::read(&text);
    for one in &list {
        series::with(&text, one);
        assert!(one.keys().count() <= series::MAX_EARLIER + 1);
    }
}
