//! Every reader of the crate against bytes that nobody of ours wrote: none panics, none runs away with memory,
//! and no altered file passes for a genuine one.

#![cfg(feature = "issue")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[expect(dead_code, reason = "the golden files need more of it")]
#[path = "golden/fixed.rs"]
mod fixed;

use std::sync::LazyLock;

use proptest::{collection::vec, prelude::*};
use protocol::{
    KeyId,
    cryptkey::CryptKey,
    datafile::{self, SignedDirectory},
    delegation::Delegation,
    envelope::{self, FormatError, Kind},
    facts::{SessionFacts, SessionKey, normalised_infobase},
    licence::{Document, Licence},
    request::Request,
    series,
    signature::{Algorithm, PublicKey, Signed},
};

const ALGORITHM: Algorithm = Algorithm::Ed25519;

static LICENCE: LazyLock<Vec<u8>> =
    LazyLock::new(|| fixed::licence(&fixed::cryptkey(ALGORITHM)).to_bytes());
static REQUEST: LazyLock<Vec<u8>> =
    LazyLock::new(|| fixed::request().to_bytes(&fixed::holder_signing()).unwrap());
static DATAFILE: LazyLock<Vec<u8>> = LazyLock::new(|| fixed::datafile(&fixed::cryptkey(ALGORITHM)));

fn vendor(algorithm: Algorithm) -> PublicKey {
    fixed::cryptkey(algorithm).signing.public().unwrap()
}

fn read_licence(bytes: &[u8], key: &PublicKey) -> Result<Licence, FormatError> {
    let document = Document::from_bytes(bytes)?;
    let claims = document.claims();
    let licence = document.verify(key)?;
    assert_eq!(claims, Ok((licence.voucher.key_id, licence.voucher.key_no)));
    Ok(licence)
}

/// Everything that a datafile gives to those who hold the content key.
fn read_datafile(bytes: &[u8]) -> Result<Vec<Option<Vec<u8>>>, FormatError> {
    let signed = datafile::read_directory(&mut &bytes[..], Some(&vendor(ALGORITHM)))?;
    let keys = fixed::cryptkey(ALGORITHM);
    let objects = signed.directory.objects.iter().map(|entry| {
        let key = signed
            .directory
            .object_key(&keys.newest_content_key()?.key, entry);
        let (offset, _) = signed.place(&entry.name)?;
        let mut plain = Vec::new();
        let ciphertext = bytes.get(offset as usize..)?;
        datafile::open_object(&signed, entry, &key, ciphertext, &mut plain).ok()?;
        Some(plain)
    });
    Ok(objects.collect())
}

/// One change of a valid file.
#[derive(Clone, Debug)]
enum Edit {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = any::<prop::sample::Index>;
    let edit = prop_oneof![
        1 => at().prop_map(Edit::Cut),
        4 => (at(), 0..8u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (at(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        2 => (at(), 1..9usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        1 => (at(), 1..64usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ];
    vec(edit, 1..4)
}

fn edited(file: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        let span = |at: &prop::sample::Index, length: &usize| {
            let start = at.index(bytes.len());
            start..bytes.len().min(start + length)
        };
        let count = bytes.len();
        match edit {
            Edit::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Edit::Flip(at, bit) => bytes[at.index(count)] ^= 1 << bit,
            Edit::Set(at, byte) => bytes[at.index(count)] = *byte,
            Edit::Insert(at, new) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
            Edit::Remove(at, length) => {
                bytes.drain(span(at, length));
            }
            Edit::Repeat(at, length) => {
                let span = span(at, length);
                let again = bytes[span.clone()].to_vec();
                bytes.splice(span.end..span.end, again);
            }
        }
    }
    bytes
}

/// Random bytes, half of them behind a right head, so that they reach the CBOR reader.
fn noise(kind: Kind) -> impl Strategy<Value = Vec<u8>> {
    (any::<bool>(), vec(any::<u8>(), 0..600)).prop_map(move |(ours, noise)| {
        let head = if ours {
            kind.head().to_vec()
        } else {
            Vec::new()
        };
        [head, noise].concat()
    })
}

#[test]
fn one_flipped_bit_anywhere_in_a_licence_is_an_error_that_fits_its_place() {
    for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let file = fixed::licence(&fixed::cryptkey(algorithm)).to_bytes();
        let key = vendor(algorithm);
        read_licence(&file, &key).unwrap();
        for place in 0..file.len() {
            // P-256 is slow to check: one bit of each byte there, every bit with Ed25519.
            let bits = if algorithm == Algorithm::Ed25519 {
                0..8
            } else {
                place % 8..place % 8 + 1
            };
            for bit in bits {
                let mut altered = file.clone();
                altered[place] ^= 1 << bit;
                let error =
                    read_licence(&altered, &key).expect_err("an altered licence is refused");
                let fits = match place {
                    0..4 => error == FormatError::NotOurs(Kind::Licence),
                    4 => matches!(error, FormatError::Newer(_) | FormatError::Damaged(_)),
                    5..8 => error == FormatError::Damaged("the head".into()),
                    _ => matches!(
                        error,
                        FormatError::Truncated | FormatError::Damaged(_) | FormatError::Signature
                    ),
                };
                assert!(fits, "{algorithm:?}, byte {place}, bit {bit}: {error}");
            }
        }
    }
}

#[test]
fn a_licence_or_request_cut_anywhere_is_called_cut() {
    let key = vendor(ALGORITHM);
    for length in 1..LICENCE.len() {
        assert_eq!(
            read_licence(&LICENCE[..length], &key),
            Err(FormatError::Truncated),
            "{length}"
        );
    }
    for length in 1..REQUEST.len() {
        assert_eq!(
            Request::from_bytes(&REQUEST[..length]),
            Err(FormatError::Truncated),
            "{length}"
        );
    }
    assert_eq!(
        read_licence(b"", &key),
        Err(FormatError::NotOurs(Kind::Licence))
    );
}

#[test]
fn a_signature_of_one_purpose_or_key_does_not_serve_for_another() {
    let other = fixed::holder_signing().public().unwrap();
    assert_eq!(read_licence(&LICENCE, &other), Err(FormatError::Signature));
    let request = envelope::check_head(Kind::Request, &REQUEST).unwrap();
    let signed: Signed = envelope::from_cbor(request).unwrap();
    assert_eq!(
        Delegation::verify(&signed, &other),
        Err(FormatError::Signature)
    );
    assert!(datafile::read_directory(&mut &DATAFILE[..], Some(&other)).is_err());
}

#[test]
fn deep_nesting_and_lengths_beyond_the_file_are_errors() {
    let nested = [[0x81; 60_000].as_slice(), &[0x9f; 1000], &[0xd8, 0x18]].concat();
    // An unknown key of the outer map, whose value is skipped; arrays, texts and bytes of 2^63 - 1 elements.
    let bodies: [&[u8]; 5] = [
        &[&[0xa1, 0x18, 0x63][..], &nested].concat(),
        &nested,
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x00\xa1\x01\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xa2\x01\x7b\x7f\xff\xff\xff\xff\xff\xff\xff\x00\xbb\x7f\xff\xff\xff\xff\xff\xff\xff",
    ];
    for body in bodies {
        let file = |kind: Kind| [&kind.head()[..], body].concat();
        assert!(Document::from_bytes(&file(Kind::Licence)).is_err());
        assert!(Request::from_bytes(&file(Kind::Request)).is_err());
        assert!(CryptKey::from_bytes(&file(Kind::CryptKey)).is_err());
        assert!(SignedDirectory::read(body, None).is_err());
        let text = format!("LF1.{}", data_encoding::BASE64URL_NOPAD.encode(body));
        assert!(SessionFacts::from_text(&text).is_err());
    }
    let endless = [&Kind::DataFile.head()[..], &[0xff; 4]].concat();
    let mut endless = std::io::Read::chain(&endless[..], std::io::repeat(0));
    assert!(matches!(
        datafile::read_directory(&mut endless, None),
        Err(FormatError::Damaged(_))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_never_a_licence(bytes in noise(Kind::Licence)) {
        prop_assert!(read_licence(&bytes, &vendor(ALGORITHM)).is_err());
    }

    #[test]
    fn noise_is_never_a_request(bytes in noise(Kind::Request)) {
        prop_assert!(Request::from_bytes(&bytes).is_err());
    }

    #[test]
    fn noise_is_never_a_cryptkey(bytes in noise(Kind::CryptKey)) {
        prop_assert!(CryptKey::from_bytes(&bytes).is_err());
    }

    #[test]
    fn noise_is_never_a_datafile(bytes in noise(Kind::DataFile)) {
        prop_assert!(datafile::read_directory(&mut &bytes[..], None).is_err());
        prop_assert!(SignedDirectory::read(&bytes, None).is_err());
    }

    #[test]
    fn an_edited_licence_says_what_it_said_or_is_refused(edits in edits()) {
        let key = vendor(ALGORITHM);
        if let Ok(read) = read_licence(&edited(&LICENCE, &edits), &key) {
            prop_assert_eq!(read, read_licence(&LICENCE, &key).unwrap());
        }
    }

    #[test]
    fn an_edited_request_says_what_it_said_or_is_refused(edits in edits()) {
        if let Ok(read) = Request::from_bytes(&edited(&REQUEST, &edits)) {
            prop_assert_eq!(read, fixed::request());
        }
    }

    #[test]
    fn an_edited_datafile_gives_its_objects_or_nothing(edits in edits()) {
        if let Ok(objects) = read_datafile(&edited(&DATAFILE, &edits)) {
            prop_assert_eq!(objects.len(), 2);
            for (object, input) in objects.into_iter().zip(fixed::inputs()) {
                prop_assert!(object.is_none_or(|object| object == input.content));
            }
        }
    }

    #[test]
    fn an_edited_cryptkey_is_refused_or_can_be_used(edits in edits()) {
        let file = fixed::cryptkey(ALGORITHM).to_bytes();
        if let Ok(keys) = CryptKey::from_bytes(&edited(&file, &edits)) {
            prop_assert!(keys.signing.public().is_ok());
            prop_assert!(keys.newest_content_key().is_some());
            prop_assert!(CryptKey::from_bytes(&keys.to_bytes()).is_ok());
        }
    }

    #[test]
    fn the_text_of_facts_is_refused_or_read_within_its_limits(edits in edits(), text in ".{0,200}") {
        let valid = fixed::facts().to_text();
        let edited = String::from_utf8_lossy(&edited(valid.as_bytes(), &edits)).into_owned();
        for text in [edited, text.clone(), format!("LF1.{text}")] {
            if let Ok(facts) = SessionFacts::from_text(&text) {
                prop_assert_eq!(facts.check(), Ok(()));
                prop_assert_eq!(SessionFacts::from_text(&facts.to_text()), Ok(facts));
            }
        }
    }

    #[test]
    fn any_infobase_string_has_one_identity(text in "(?s).{0,80}|([a-zA-Z]{1,4}=[\"a-z:;/\\\\]{0,9};){0,4}") {
        let key = SessionKey { infobase: text.clone(), number: 1, started: 0 };
        prop_assert_eq!(key.identity(), key.identity());
        prop_assert!(normalised_infobase(&text).len() <= 4 * text.len() + 16);
        key.is_file_infobase();
    }

    #[test]
    fn a_series_list_of_any_text_is_read_and_a_good_section_survives_bad_ones(
        text in "(?s).{0,200}",
        lines in vec("(\\[[0-9A-Fа-яz]{0,5}\\]|Name=[^\\\\\"'\r\n]{0,9}|PublicKey=(ed25519|p256|x):[A-Za-z0-9+/=]{0,60}|;.{0,9})", 0..12),
    ) {
        series::read(&text);
        text.parse::<PublicKey>().ok();
        text.parse::<KeyId>().ok();
        let ours = series::Series::new(KeyId(0x672B), "x", vendor(ALGORITHM));
        let (_, errors) = series::read(&lines.join("\n"));
        if !errors.iter().any(|error| matches!(error, series::SeriesError::Syntax(_))) {
            let (list, _) = series::read(&series::with(&lines.join("\n"), &ours));
            prop_assert!(list.contains(&ours));
        }
    }
}
