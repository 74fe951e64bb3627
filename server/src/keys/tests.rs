//! Keys in a folder: which of them work, and what is said of the others.

use std::{fs, path::Path};

use protocol::{
    KeyId,
    cryptkey::CryptKey,
    files::{Access, write_whole},
    licence::KeyType,
    series::{self, Series},
};

#[path = "../../tests/support/vendor.rs"]
mod vendor_support;

pub(crate) use vendor_support::vendor;

use super::*;
use crate::{accounting::Moment, places::Places};

/// A licence without an end.
pub(crate) fn issue(
    keys: &CryptKey,
    request: &[u8],
    key_no: u32,
    key_type: KeyType,
    count: u32,
) -> Vec<u8> {
    vendor_support::issue(keys, request, key_no, key_type, count, None)
}

const SERIES: KeyId = KeyId(0x672B);
const NOW: i64 = 1_800_000_000;

/// A place of its own for a server, with a series that it knows.
pub(crate) fn place(root: &Path, keys: &CryptKey) -> Places {
    let places = Places {
        config: root.join("config"),
        data: root.join("data"),
        logs: root.join("config/logs"),
    };
    fs::create_dir_all(&places.config).unwrap();
    let public = keys.signing.public().unwrap();
    let known = Series::new(keys.key_id, keys.name.clone(), public);
    let text = series::with("", &known);
    write_whole(
        &places.config.join("licence.series"),
        text.as_bytes(),
        Access::Shared,
    )
    .unwrap();
    places
}

fn ring(places: &Places) -> KeyRing {
    KeyRing::open(places, places.config.join("licence.series")).unwrap()
}

#[test]
fn an_issued_licence_is_installed_under_its_name_and_speaks_for_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vendor(SERIES);
    let places = place(folder.path(), &keys);
    let ring = ring(&places);
    let licence = issue(&keys, &ring.request(NOW).unwrap(), 7, KeyType::Main, 3);
    let file = folder.path().join("from-mail.licence");
    fs::write(&file, &licence).unwrap();
    let installed = install(&ring, &file).unwrap();
    assert_eq!(installed.file, places.data.join("672B.7.licence"));
    assert_eq!(fs::read(&installed.file).unwrap(), licence);
    assert_eq!(ring.pool(SERIES).len(), 1);
    let now = Moment::from_seconds(NOW);
    let credential = ring.any_credential(SERIES, now, now).unwrap();
    let public = keys.signing.public().unwrap();
    let voucher = credential
        .verify(&public.into(), SERIES, &ring.instance.public, NOW)
        .unwrap();
    assert_eq!((voucher.key_no, voucher.licence_count), (7, 3));
    // Half a day later a new delegation is made.
    let later = ring
        .any_credential(
            SERIES,
            now,
            now.after(std::time::Duration::from_secs(13 * 3600)),
        )
        .unwrap();
    assert_ne!(later, credential);
    install(&ring, &file).unwrap();
    assert_eq!(ring.installed().len(), 1);
}

#[test]
fn bad_licences_are_named_foreign_files_are_untouched_and_the_good_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vendor(SERIES);
    let places = place(folder.path(), &keys);
    let first = ring(&places);
    let request = first.request(NOW).unwrap();
    let good = issue(&keys, &request, 1, KeyType::Main, 3);
    let mut altered = issue(&keys, &request, 2, KeyType::Main, 3);
    let middle = altered.len() - 10;
    altered[middle] ^= 1;
    let unknown = issue(&vendor(KeyId(0x0001)), &request, 3, KeyType::Main, 3);
    let other_root = folder.path().join("other");
    let elsewhere = ring(&place(&other_root, &keys)).request(NOW).unwrap();
    let other = issue(&keys, &elsewhere, 4, KeyType::Main, 3);
    let write = |name: &str, bytes: &[u8]| fs::write(places.data.join(name), bytes).unwrap();
    write("good.licence", &good);
    write("copy.licence", &good);
    write("altered.licence", &altered);
    write("unknown.licence", &unknown);
    write("other.licence", &other);
    write("cut.licence", &good[..good.len() / 2]);
    write("genuine.licence", b"somebody else's");
    first.reload();
    let said = |name: &str| {
        let found = first
            .installed()
            .into_iter()
            .find(|one| one.file.ends_with(name));
        found
            .unwrap()
            .error
            .map(|error| error.text(crate::conf::Lang::English))
    };
    // Of the same key twice, the first by name works.
    assert_eq!(said("copy.licence"), None);
    assert!(said("good.licence").unwrap().contains("copy.licence"));
    assert!(said("altered.licence").unwrap().contains("signature"));
    assert!(said("unknown.licence").unwrap().contains("Series 0001"));
    assert!(
        said("other.licence")
            .unwrap()
            .contains("issued for another computer")
    );
    assert!(said("cut.licence").unwrap().contains("cannot be used"));
    assert_eq!(
        fs::read(places.data.join("genuine.licence")).unwrap(),
        b"somebody else's"
    );
    assert_eq!(first.installed().len(), 6);
    assert_eq!(
        first.pool(SERIES).iter().filter(|key| key.workable).count(),
        1
    );
}

#[test]
fn a_computer_that_changed_too_much_is_told_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vendor(SERIES);
    let places = place(folder.path(), &keys);
    let mut ring = ring(&places);
    let fact = |kind, value: &str| protocol::binding::Fact {
        kind,
        value: value.into(),
    };
    use protocol::binding::FactKind::{CpuModel, DiskSerial, Mac, MachineId};
    let id = fact(MachineId, "m");
    ring.computer.facts = vec![
        id.clone(),
        fact(CpuModel, "c"),
        fact(DiskSerial, "d"),
        fact(Mac, "e"),
    ];
    let licence = issue(&keys, &ring.request(NOW).unwrap(), 1, KeyType::Main, 3);
    fs::write(places.data.join("672B.1.licence"), licence).unwrap();
    ring.computer.facts = vec![
        id.clone(),
        fact(CpuModel, "c"),
        fact(DiskSerial, "new"),
        fact(Mac, "e"),
    ];
    ring.reload();
    assert_eq!(ring.installed()[0].error, None);
    ring.computer.facts = vec![
        id,
        fact(CpuModel, "new"),
        fact(DiskSerial, "new"),
        fact(Mac, "e"),
    ];
    ring.reload();
    assert_eq!(
        ring.installed()[0].error,
        Some(OpenError::OtherComputer {
            matched: 2,
            listed: 4,
            needed: 3,
            changed: vec![CpuModel, DiskSerial]
        })
    );
}

#[test]
fn a_demo_works_alone_and_a_main_key_retires_it() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vendor(SERIES);
    let places = place(folder.path(), &keys);
    let ring = ring(&places);
    let request = ring.request(NOW).unwrap();
    let file = |key_no: u32, key_type| {
        let path = folder.path().join(format!("{key_no}.licence"));
        fs::write(&path, issue(&keys, &request, key_no, key_type, 2)).unwrap();
        path
    };
    install(&ring, &file(1, KeyType::Demo)).unwrap();
    install(&ring, &file(2, KeyType::Main)).unwrap();
    assert!(places.data.join("retired/672B.1.licence").exists());
    assert_eq!(ring.installed().len(), 1);
    let refused = install(&ring, &file(3, KeyType::Demo));
    assert!(matches!(
        refused,
        Err(InstallError::DemoBesideOther(SERIES))
    ));
    assert!(!places.data.join("672B.3.licence").exists());
}

#[test]
fn a_changed_folder_is_read_when_two_looks_agree() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vendor(SERIES);
    let places = place(folder.path(), &keys);
    let ring = ring(&places);
    let licence = issue(&keys, &ring.request(NOW).unwrap(), 1, KeyType::Main, 3);
    ring.reload_if_changed();
    ring.reload_if_changed();
    assert!(!ring.reload_if_changed());
    let file = places.data.join("672B.1.licence");
    fs::write(&file, &licence[..100]).unwrap();
    assert!(!ring.reload_if_changed(), "it may still be being written");
    fs::write(&file, &licence).unwrap();
    assert!(!ring.reload_if_changed());
    assert!(ring.reload_if_changed());
    assert!(ring.pool(SERIES)[0].workable);
    fs::remove_file(&file).unwrap();
    assert!(!ring.reload_if_changed());
    assert!(ring.reload_if_changed());
    assert!(ring.pool(SERIES).is_empty());
}

#[test]
fn no_licence_with_one_byte_altered_or_missing_works() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vendor(SERIES);
    let ring = ring(&place(folder.path(), &keys));
    let licence = issue(&keys, &ring.request(NOW).unwrap(), 7, KeyType::Main, 3);
    assert_eq!(ring.inspect(&licence, "x".into()).error, None);
    let installed = |bytes: &[u8]| install_document(&ring, bytes, Path::new("x"));
    for at in 0..licence.len() {
        let mut altered = licence.clone();
        altered[at] ^= 1 << (at % 8);
        assert!(
            ring.inspect(&altered, "x".into()).error.is_some(),
            "byte {at}"
        );
        assert!(installed(&altered).is_err(), "byte {at}");
        assert!(installed(&licence[..at]).is_err(), "cut to {at}");
    }
    // One of a later version of the format is told apart from a damaged one.
    let mut newer = licence.clone();
    newer[4] = 2;
    let error = installed(&newer).unwrap_err().to_string();
    assert!(error.contains("update the server"), "{error}");
    assert!(ring.installed().is_empty());
    installed(&licence).unwrap();
}

#[test]
fn a_licence_that_begins_later_is_installed_and_waits() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vendor(SERIES);
    let ring = ring(&place(folder.path(), &keys));
    let licence = issue(&keys, &ring.request(NOW).unwrap(), 7, KeyType::Main, 3);
    let document = protocol::licence::Document::from_bytes(&licence).unwrap();
    let read = document.verify(&keys.signing.public().unwrap()).unwrap();
    let later = protocol::licence::Voucher {
        start_date: Some(NOW + 86_400),
        ..read.voucher
    };
    let document = protocol::licence::Document::issue(later, &read.private, &keys.signing).unwrap();
    install_document(&ring, &document.to_bytes(), Path::new("x")).unwrap();
    let at = |seconds| {
        let now = Moment::from_seconds(seconds);
        ring.any_credential(SERIES, now, now)
    };
    assert_eq!(at(NOW).err(), Some(protocol::Reason::NotStarted));
    assert!(at(NOW + 86_400).is_ok());
}

#[test]
fn after_a_rotation_old_licences_work_and_new_ones_need_the_new_series_file() {
    let folder = tempfile::tempdir().unwrap();
    let keys = vendor(SERIES);
    let places = place(folder.path(), &keys);
    let ring = ring(&places);
    let request = ring.request(NOW).unwrap();
    let old = issue(&keys, &request, 1, KeyType::Main, 3);
    install_document(&ring, &old, Path::new("x")).unwrap();
    let rotated = keys
        .rotated(protocol::signature::Algorithm::EcdsaP256)
        .unwrap();
    let new = issue(&rotated, &request, 2, KeyType::Additional, 3);
    let error = install_document(&ring, &new, Path::new("x")).unwrap_err();
    assert!(error.to_string().contains("signature"), "{error}");
    let text = series::with("", &rotated.series().unwrap());
    fs::write(places.config.join("licence.series"), text).unwrap();
    ring.reload();
    install_document(&ring, &new, Path::new("x")).unwrap();
    let workable = || ring.pool(SERIES).iter().filter(|key| key.workable).count();
    assert_eq!(workable(), 2);
    // What an earlier key signed opens here, and is believed by a component that knows both.
    let now = Moment::from_seconds(NOW);
    let public = rotated.public_keys().unwrap();
    for key_no in [1, 2] {
        let credential = ring.credential(SERIES, key_no, now).unwrap();
        let verified = credential.verify(&public, SERIES, &ring.instance.public, NOW);
        assert_eq!(verified.unwrap().key_no, key_no);
    }
    let forgotten = Series {
        earlier_keys: Vec::new(),
        ..rotated.series().unwrap()
    };
    fs::write(
        places.config.join("licence.series"),
        series::with("", &forgotten),
    )
    .unwrap();
    ring.reload();
    // The additional key has no main one beside it any more; the file itself is good.
    let errors: Vec<bool> = ring
        .installed()
        .iter()
        .map(|one| one.error.is_some())
        .collect();
    assert_eq!(errors, [true, false]);
}
