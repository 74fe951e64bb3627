//! One small file of each format, kept byte for byte, so that no format changes unnoticed.
//!
//! A format that should change gets a new version byte, and a new golden file beside the old one, which must
//! still be read. To make files that are missing: `LICENCE_GOLDEN=write cargo test -p licence-protocol
//! --all-features --test golden`.

#![cfg(feature = "issue")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "golden/fixed.rs"]
mod fixed;

use std::{fs, path::PathBuf};

use protocol::{
    binding,
    cryptkey::CryptKey,
    datafile,
    delegation::Delegation,
    envelope,
    facts::SessionFacts,
    licence::Document,
    request::Request,
    series,
    signature::{Algorithm, Signed},
};

const ALGORITHMS: [(Algorithm, &str); 2] = [
    (Algorithm::Ed25519, "ed25519"),
    (Algorithm::EcdsaP256, "p256"),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{}: {error}", path(name).display()))
}

/// Every file whose bytes follow from fixed keys and draws.
fn reproducible() -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        (
            "server.request".to_owned(),
            fixed::request().to_bytes(&fixed::holder_signing()).unwrap(),
        ),
        ("delegation.cbor".to_owned(), fixed::signed_delegation()),
        (
            "session-facts.txt".to_owned(),
            fixed::facts().to_text().into_bytes(),
        ),
        (
            "licence.series".to_owned(),
            fixed::series_text().into_bytes(),
        ),
    ];
    for (algorithm, name) in ALGORITHMS {
        let keys = fixed::cryptkey(algorithm);
        files.push((format!("{name}.cryptkey"), keys.to_bytes().to_vec()));
        files.push((format!("{name}.datafile"), fixed::datafile(&keys)));
    }
    files
}

#[test]
fn regenerate() {
    if std::env::var_os("LICENCE_GOLDEN").is_none_or(|value| value != "write") {
        return;
    }
    let mut files = reproducible();
    for (algorithm, name) in ALGORITHMS {
        let licence = fixed::licence(&fixed::cryptkey(algorithm)).to_bytes();
        files.push((format!("{name}.licence"), licence));
    }
    for (name, bytes) in files {
        // A golden file is never replaced: the formats of yesterday's files must go on being read.
        if !path(&name).exists() {
            fs::write(path(&name), bytes).unwrap();
        }
    }
}

#[test]
fn every_format_is_written_as_it_was() {
    for (name, bytes) in reproducible() {
        assert!(golden(&name) == bytes, "the format of {name} has changed");
    }
}

#[test]
fn the_request_and_the_vendors_keys_read_as_they_were() {
    assert_eq!(
        Request::from_bytes(&golden("server.request")),
        Ok(fixed::request())
    );
    for (algorithm, name) in ALGORITHMS {
        let read = CryptKey::from_bytes(&golden(&format!("{name}.cryptkey"))).unwrap();
        assert_eq!(*read.to_bytes(), *fixed::cryptkey(algorithm).to_bytes());
        assert_eq!(read.newest_content_key().unwrap().version, 2);
    }
}

#[test]
fn the_licence_verifies_and_its_holder_opens_the_content_keys() {
    for (algorithm, name) in ALGORITHMS {
        let keys = fixed::cryptkey(algorithm);
        let document = Document::from_bytes(&golden(&format!("{name}.licence"))).unwrap();
        assert_eq!(document.claims(), Ok((fixed::SERIES, 7_131_766)));
        let licence = document.verify(&keys.signing.public().unwrap()).unwrap();
        let expected = protocol::licence::Voucher {
            private_hash: licence.voucher.private_hash,
            ..fixed::voucher()
        };
        assert_eq!(licence.voucher, expected);
        assert_eq!(licence.private.itn.as_deref(), Some("0274062111"));
        let holder = &licence.private.holders[0];
        let comparison = binding::compare(&fixed::computer(), &holder.facts, &holder.salt);
        assert_eq!((comparison.matched, comparison.listed), (4, 4));
        for (sealed, key) in holder.content_keys.iter().zip(&keys.content_keys) {
            assert_eq!(
                fixed::holder_sealing().open(fixed::SERIES, sealed),
                Ok(key.key.clone())
            );
        }
    }
}

#[test]
fn the_licences_voucher_is_written_as_it_was() {
    for (algorithm, name) in ALGORITHMS {
        let key = fixed::cryptkey(algorithm).signing;
        let document = Document::from_bytes(&golden(&format!("{name}.licence"))).unwrap();
        let licence = document.verify(&key.public().unwrap()).unwrap();
        let again = Document::issue(fixed::voucher(), &licence.private, &key).unwrap();
        assert_eq!(
            again, document,
            "signatures are deterministic, so {name}.licence comes out the same"
        );
    }
}

#[test]
fn the_datafile_gives_its_objects() {
    for (algorithm, name) in ALGORITHMS {
        let keys = fixed::cryptkey(algorithm);
        let file = golden(&format!("{name}.datafile"));
        let public = keys.signing.public().unwrap();
        let signed = datafile::read_directory(&mut &file[..], Some(&public)).unwrap();
        assert_eq!(signed.file_size(), file.len() as u64);
        for input in fixed::inputs() {
            let entry = signed.directory.object(&input.name).unwrap();
            assert_eq!((entry.version, entry.flags), (input.version, input.flags));
            let key = signed
                .directory
                .object_key(&keys.newest_content_key().unwrap().key, entry);
            let (offset, _) = signed.place(&input.name).unwrap();
            let mut plain = Vec::new();
            datafile::open_object(&signed, entry, &key, &file[offset as usize..], &mut plain)
                .unwrap();
            assert_eq!(plain, input.content);
        }
    }
}

#[test]
fn the_delegation_the_facts_and_the_series_read_as_they_were() {
    let signed: Signed = envelope::from_cbor(&golden("delegation.cbor")).unwrap();
    let holder = fixed::holder_signing().public().unwrap();
    assert_eq!(
        Delegation::verify(&signed, &holder),
        Ok(fixed::delegation())
    );
    let text = String::from_utf8(golden("session-facts.txt")).unwrap();
    assert_eq!(SessionFacts::from_text(&text), Ok(fixed::facts()));
    let (list, errors) = series::read(&String::from_utf8(golden("licence.series")).unwrap());
    assert_eq!(errors, []);
    assert_eq!(
        list[0].public_key,
        fixed::cryptkey(Algorithm::Ed25519)
            .signing
            .public()
            .unwrap()
    );
    assert_eq!(
        list[1].public_key,
        fixed::cryptkey(Algorithm::EcdsaP256)
            .signing
            .public()
            .unwrap()
    );
}
