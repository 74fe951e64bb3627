//! The datafile: its directory and its objects' ciphertexts. An edited directory is also signed anew, so that
//! the code behind the signature is reached.

#![no_main]

use std::{io, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use protocol::{
    cryptkey::CryptKey,
    datafile::{self, Compression, ObjectEntry, SignedDirectory},
    envelope::{self, HEAD},
    signature::{Context, Secret, Signed},
};

static KEYS: LazyLock<CryptKey> = LazyLock::new(|| {
    CryptKey::from_bytes(include_bytes!(
        "../../protocol/tests/golden/ed25519.cryptkey"
    ))
    .expect("the golden cryptkey is one")
});
static GENUINE: LazyLock<SignedDirectory> = LazyLock::new(|| {
    let file = include_bytes!("../../protocol/tests/golden/ed25519.datafile");
    datafile::read_directory(&mut &file[..], None).expect("the golden datafile is genuine")
});

fuzz_target!(|bytes: &[u8]| {
    let _ = SignedDirectory::read(bytes, None);
    if let Ok(signed) = datafile::read_directory(&mut &bytes[..], None) {
        let vendor = KEYS.signing.public().expect("the golden key is one");
        if signed.directory.public_key == vendor {
            assert_eq!(signed.directory, GENUINE.directory);
        }
        signed.file_size();
        let content_key = KEYS
            .newest_content_key()
            .expect("the golden cryptkey has one");
        for object in &signed.directory.objects {
            let key = signed.directory.object_key(&content_key.key, object);
            let (offset, _) = signed
                .place(&object.name)
                .expect("a listed object has a place");
            open(
                &signed,
                object,
                &key,
                bytes.get(offset as usize..).unwrap_or_default(),
            );
        }
    }
    signed_anew(bytes);
    // The bytes as the ciphertext of an object that claims some size.
    for compression in [Compression::None, Compression::Deflate] {
        let object = ObjectEntry {
            name: "x".into(),
            version: 0,
            flags: 0,
            compression,
            plain_size: bytes.len() as u64 * 3,
            packed_size: bytes.len() as u64 * 2,
        };
        open(&GENUINE, &object, &Secret([7; 32]), bytes);
    }
});

fn open(signed: &SignedDirectory, object: &ObjectEntry, key: &Secret, ciphertext: &[u8]) {
    let _ = datafile::open_object(signed, object, key, ciphertext, &mut io::sink());
}

fn signed_anew(bytes: &[u8]) {
    let Some((length, rest)) = bytes
        .get(HEAD..)
        .and_then(|rest| rest.split_first_chunk::<4>())
    else {
        return;
    };
    let length = rest.len().min(u32::from_be_bytes(*length) as usize);
    let Ok(edited) = envelope::from_cbor::<Signed>(&rest[..length]) else {
        return;
    };
    let signed = KEYS
        .signing
        .sign(Context::Directory, edited.unverified().to_vec());
    let signed = envelope::to_cbor(&signed.expect("the golden key signs"));
    let vendor = KEYS.signing.public().expect("the golden key is one");
    if let Ok(signed) = SignedDirectory::read(&signed, Some(&vendor)) {
        let size = signed.file_size();
        for object in &signed.directory.objects {
            let (offset, length) = signed
                .place(&object.name)
                .expect("a listed object has a place");
            assert!(offset + length <= size);
            open(&signed, object, &Secret([7; 32]), bytes);
        }
    }
}
