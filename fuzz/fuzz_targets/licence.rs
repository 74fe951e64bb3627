//! The files that come from elsewhere and are read whole: licence, request, cryptkey, facts, series.
//!
//! A licence that verifies must say what the golden one says: no mutation may find another that passes. What
//! an edited licence claims is also signed anew, so that the code behind the signature is reached.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use protocol::{
    cryptkey::CryptKey,
    envelope::{self, Kind},
    facts::{SessionFacts, normalised_infobase},
    licence::{Credential, Document, Licence, Private, Voucher},
    request::Request,
    series,
    signature::PublicKey,
};

static KEYS: LazyLock<CryptKey> = LazyLock::new(|| {
    CryptKey::from_bytes(include_bytes!(
        "../../protocol/tests/golden/ed25519.cryptkey"
    ))
    .expect("the golden cryptkey is one")
});
static VENDOR: LazyLock<PublicKey> =
    LazyLock::new(|| KEYS.signing.public().expect("the golden key is one"));
static GENUINE: LazyLock<Licence> = LazyLock::new(|| {
    Document::from_bytes(include_bytes!(
        "../../protocol/tests/golden/ed25519.licence"
    ))
    .and_then(|document| document.verify(&VENDOR))
    .expect("the golden licence is genuine")
});

fuzz_target!(|bytes: &[u8]| {
    match Kind::of(bytes) {
        Some(Kind::Licence) => {
            if let Ok(document) = Document::from_bytes(bytes) {
                let _ = document.claims();
                if let Ok(licence) = document.verify(&VENDOR) {
                    assert_eq!(licence, *GENUINE);
                }
            }
            signed_anew(bytes);
        }
        Some(Kind::Request) => {
            let _ = Request::from_bytes(bytes);
        }
        Some(Kind::CryptKey) => {
            if let Ok(keys) = CryptKey::from_bytes(bytes) {
                keys.newest_content_key()
                    .expect("a key that was read has content keys");
                CryptKey::from_bytes(&keys.to_bytes()).expect("what was written is read");
            }
        }
        _ => {
            let text = String::from_utf8_lossy(bytes);
            normalised_infobase(&text);
            series::read(&text);
            if let Ok(facts) = SessionFacts::from_text(&text) {
                assert_eq!(SessionFacts::from_text(&facts.to_text()), Ok(facts));
            }
        }
    }
});

/// A credential has a licence's layout, two signed parts, and gives them away.
fn signed_anew(bytes: &[u8]) {
    let Ok(parts) = envelope::open::<Credential>(Kind::Licence, bytes) else {
        return;
    };
    let voucher = envelope::from_cbor::<Voucher>(parts.voucher.unverified());
    let private = envelope::from_cbor::<Private>(parts.delegation.unverified());
    let (Ok(voucher), Ok(private)) = (voucher, private) else {
        return;
    };
    for now in [i64::MIN, 0, i64::MAX] {
        let _ = voucher.check_period(now);
    }
    let holders = (voucher.holders.len(), private.holders.len());
    if let Ok(document) = Document::issue(voucher, &private, &KEYS.signing) {
        let read = Document::from_bytes(&document.to_bytes()).expect("what was written is read");
        assert_eq!(read.verify(&VENDOR).is_ok(), holders.0 == holders.1);
    }
}
