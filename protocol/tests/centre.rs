//! What a server and a licence centre say to each other, kept byte for byte, and believed only byte for byte.
//!
//! To make files that are missing: `LICENCE_GOLDEN=write cargo test -p licence-protocol --all-features --test centre`.

#![cfg(feature = "issue")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]
#![allow(
    dead_code,
    reason = "the fixed values are shared with other tests, which use the others of them"
)]

#[path = "golden/fixed.rs"]
mod fixed;

use std::{fs, path::PathBuf};

use protocol::{
    centre::{
        Activation, Answer, CentreReason, FromCarrier, Message, Outcome, Refusal, Release, Reply,
        Reserve, Update, from_qr, to_qr,
    },
    code::ActivationCode,
    envelope::FormatError,
    locked,
    signature::Algorithm,
};

const CODE: &str = "0246-8ACE-GJMP-RTWY-X1CD";
const NOW: i64 = 1_750_000_000;
const PHRASE: &str = "слово";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{}: {error}", path(name).display()))
}

fn messages() -> [(&'static str, Message); 3] {
    let code = ActivationCode::parse(CODE).unwrap();
    let activation = Activation {
        request: fixed::request(),
        code: code.reveal(),
        itn: Some("7707083893".into()),
        iec: Some("770101001".into()),
        series: Some(fixed::SERIES),
    };
    let holder = fixed::holder_signing().public().unwrap();
    let release = Release {
        id: [0x71; 16],
        created_at: NOW,
        holder: holder.clone(),
        key_id: fixed::SERIES,
        key_no: 7_131_766,
        voucher: [0x72; 32],
        code_hash: code.hash(),
        computer_name: "app-server".into(),
    };
    let update = Update {
        id: [0x71; 16],
        created_at: NOW,
        holder,
        key_id: fixed::SERIES,
        key_no: 7_131_766,
        voucher: [0x72; 32],
        server: [0x32; 32],
        computer_id: "AB".repeat(20),
        computer_name: "app-server".into(),
        version: "3.0.1.1".into(),
        facts: fixed::request().facts,
        code: Some(code.reveal()),
    };
    [
        (
            "server.activation",
            Message::Activation(Box::new(activation)),
        ),
        ("server.release", Message::Release(Box::new(release))),
        ("server.update", Message::Update(Box::new(update))),
    ]
}

fn reserve(carrier: Option<FromCarrier>) -> Reserve {
    let [_, (_, message), _] = messages();
    let Message::Release(release) = &message else {
        panic!("the second message gives a key back")
    };
    Reserve {
        request: message.to_bytes(&fixed::holder_signing()).unwrap(),
        release: release.clone(),
        code: ActivationCode::parse(CODE).unwrap(),
        carrier,
    }
}

fn refusal() -> Refusal {
    Refusal::new(
        CentreReason::Revoked,
        "The vendor took this key back; ask him why.",
        "Поставщик отозвал этот ключ; обратитесь к нему.",
    )
}

fn answers() -> [(&'static str, Answer); 3] {
    let answer = |outcome| Answer {
        id: [0x71; 16],
        key_id: fixed::SERIES,
        at: NOW,
        outcome,
    };
    [
        (
            "licence.answer",
            answer(Outcome::Licence(golden("ed25519.licence"))),
        ),
        ("released.answer", answer(Outcome::Released)),
        ("refused.answer", answer(Outcome::Refused(refusal()))),
    ]
}

fn reproducible() -> Vec<(&'static str, Vec<u8>)> {
    let mut files = Vec::new();
    for (name, message) in messages() {
        files.push((name, message.to_bytes(&fixed::holder_signing()).unwrap()));
    }
    let vendor = fixed::cryptkey(Algorithm::Ed25519).signing;
    for (name, answer) in answers() {
        files.push((name, answer.to_bytes(&vendor).unwrap()));
    }
    files.push(("centre.refusal", refusal().to_bytes()));
    files.push(("key.reserve", reserve(None).to_bytes()));
    let carrier = FromCarrier {
        number: 3_456_789,
        licence: golden("p256.licence"),
        erased: true,
    };
    files.push(("carrier.reserve", reserve(Some(carrier)).to_bytes()));
    files
}

#[test]
fn regenerate() {
    if std::env::var_os("LICENCE_GOLDEN").is_none_or(|value| value != "write") {
        return;
    }
    let mut files = reproducible();
    let keys = golden("ed25519.cryptkey");
    files.push(("phrase.cryptkey", locked::lock(&keys, PHRASE).unwrap()));
    for (name, bytes) in files {
        // A golden file is never replaced: the formats of yesterday's files must go on being read.
        if !path(name).exists() {
            fs::write(path(name), bytes).unwrap();
        }
    }
}

#[test]
fn every_message_is_written_and_read_as_it_was() {
    for (name, bytes) in reproducible() {
        assert!(golden(name) == bytes, "the format of {name} has changed");
    }
    for (name, message) in messages() {
        assert_eq!(Message::from_bytes(&golden(name)), Ok(message), "{name}");
        let text = to_qr(&golden(name));
        assert_eq!(from_qr(text.as_bytes()), Some(golden(name)), "{name}");
    }
    let vendor = fixed::cryptkey(Algorithm::Ed25519)
        .signing
        .public()
        .unwrap();
    for (name, answer) in answers() {
        let Ok(Reply::Answer(signed)) = Reply::from_bytes(&golden(name)) else {
            panic!("{name}")
        };
        assert_eq!(signed.claims(), Ok((answer.key_id, answer.id)), "{name}");
        assert_eq!(signed.verify(&vendor), Ok(answer), "{name}");
    }
    assert_eq!(
        Reply::from_bytes(&golden("centre.refusal")),
        Ok(Reply::Refusal(refusal()))
    );
    let keys = locked::unlock(&golden("phrase.cryptkey"), PHRASE).unwrap();
    assert_eq!(*keys, golden("ed25519.cryptkey"));
}

/// The file with each byte altered in turn, then cut at each length.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
    let altered = (0..bytes.len()).map(|at| {
        let mut other = bytes.to_vec();
        other[at] ^= 1 << (at % 8);
        (format!("byte {at} altered"), other)
    });
    let cut = (0..bytes.len()).map(|length| (format!("cut to {length}"), bytes[..length].to_vec()));
    altered.chain(cut)
}

#[test]
fn no_request_with_one_byte_altered_is_believed() {
    for (name, _) in messages() {
        for (how, bytes) in damaged(&golden(name)) {
            let read = Message::from_bytes(&bytes);
            assert!(read.is_err(), "{name}, {how}: {read:?}");
        }
    }
}

#[test]
fn no_reserve_code_with_one_byte_altered_is_believed() {
    for name in ["key.reserve", "carrier.reserve"] {
        let genuine = Reserve::from_bytes(&golden(name)).unwrap();
        assert_eq!(genuine.to_bytes(), golden(name), "{name}");
        for (how, bytes) in damaged(&golden(name)) {
            let Ok(read) = Reserve::from_bytes(&bytes) else {
                continue;
            };
            // Only what the carrier had is not signed here: the carrier's licence is checked as any other.
            let theirs = (&read.request, &read.code);
            assert_eq!(theirs, (&genuine.request, &genuine.code), "{name}, {how}");
            assert!(
                read == genuine || genuine.carrier.is_some(),
                "{name}, {how}"
            );
        }
    }
    let mut other = reserve(None);
    other.code = ActivationCode::random();
    assert!(Reserve::from_bytes(&other.to_bytes()).is_err());
}

#[test]
fn no_answer_with_one_byte_altered_is_believed() {
    let vendor = fixed::cryptkey(Algorithm::Ed25519)
        .signing
        .public()
        .unwrap();
    for (name, _) in answers() {
        for (how, bytes) in damaged(&golden(name)) {
            // A head with other letters may make an unsigned refusal of it, which nobody acts on.
            if let Ok(Reply::Answer(answer)) = Reply::from_bytes(&bytes) {
                let verified = answer.verify(&vendor);
                assert!(verified.is_err(), "{name}, {how}: {verified:?}");
            }
        }
    }
}

#[test]
fn what_is_longer_than_its_limit_is_refused_before_it_is_read() {
    let long = vec![b'L'; protocol::centre::MAX_REQUEST + 1];
    assert!(matches!(
        Message::from_bytes(&long),
        Err(FormatError::Damaged(_))
    ));
    let long = vec![b'L'; protocol::centre::MAX_ANSWER + 1];
    assert!(matches!(
        Reply::from_bytes(&long),
        Err(FormatError::Damaged(_))
    ));
    let mut refusal = refusal();
    refusal.english = "x".repeat(5000);
    assert!(Reply::from_bytes(&refusal.to_bytes()).is_err());
    let [(_, Message::Activation(mut body)), ..] = messages() else {
        panic!()
    };
    body.code = "x".repeat(2000);
    let bytes = Message::Activation(body)
        .to_bytes(&fixed::holder_signing())
        .unwrap();
    assert!(matches!(
        Message::from_bytes(&bytes),
        Err(FormatError::Damaged(_))
    ));
}
