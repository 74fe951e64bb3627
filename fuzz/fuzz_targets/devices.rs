//! What devices answer: the frames of USB keys and what lies in them, the makers' certificates, the points of PKCS#11 tokens.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use protocol::{
    carrier::Certificate,
    cryptkey::CryptKey,
    seal,
    signature::{Algorithm, PublicKey},
};

/// What the server's file looks for around it.
mod carriers {
    pub const MAX_LICENCES: usize = 32;
}
#[allow(
    dead_code,
    reason = "the server's own file; what it sends is not read here"
)]
#[path = "../../server/src/carriers/usb/frame.rs"]
mod frame;
#[path = "../../server/src/carriers/pkcs11/point.rs"]
mod point;

static MAKER: LazyLock<PublicKey> = LazyLock::new(|| {
    CryptKey::from_bytes(include_bytes!("../../protocol/tests/golden/p256.cryptkey"))
        .and_then(|keys| {
            keys.signing
                .public()
                .map_err(|error| protocol::envelope::FormatError::Damaged(error.to_string()))
        })
        .expect("the golden cryptkey is one")
});

fuzz_target!(|bytes: &[u8]| {
    for command in [frame::Command::Holder, frame::Command::Read] {
        for limit in [0, 64, frame::MAX_PAYLOAD] {
            if let Ok((_, length)) = frame::answer(command, 1, limit, bytes) {
                assert!(length <= limit, "more than was asked for is taken");
            }
        }
    }
    let _ = frame::hello(bytes);
    if let Ok(names) = frame::names(bytes) {
        assert!(names.len() <= 32);
        let written: Vec<u8> = names
            .iter()
            .flat_map(|name| frame::named(name, &[]))
            .collect();
        assert_eq!(frame::names(&written).ok(), Some(names));
    }
    // Nobody but the maker certifies, and the golden files have no certificate of his.
    assert!(Certificate::from_bytes(bytes, &MAKER).is_err());
    if let Some(compressed) = point::compressed(bytes) {
        assert_eq!(compressed.len(), 33);
        let _ = PublicKey::new(Algorithm::EcdsaP256, compressed);
    }
    if let Some((point, modulus)) = bytes.split_at_checked(33)
        && let Ok(signing) = PublicKey::new(Algorithm::EcdsaP256, point.to_vec())
        && let Ok(holder) = seal::carrier_holder(signing, modulus)
    {
        assert!(holder.is_carrier());
    }
});
