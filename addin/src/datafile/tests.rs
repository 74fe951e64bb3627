//! Loading, sharing and opening of datafiles, good and bad.

use std::{fs, sync::Barrier, thread};

use protocol::{
    KeyId,
    cryptkey::{ContentKey, CryptKey},
    datafile::pack,
    signature::{Algorithm, SigningKey},
};

use super::*;

struct Vendor(CryptKey);

impl Vendor {
    fn new() -> Self {
        Self(CryptKey {
            key_id: KeyId(0x672B),
            name: "Test".into(),
            created_at: 0,
            signing: SigningKey::generate(Algorithm::Ed25519),
            content_keys: vec![ContentKey {
                version: 1,
                key: Secret::random(),
            }],
            earlier: None,
        })
    }

    fn pack(&self, content: &[u8]) -> Vec<u8> {
        let input = pack::Input {
            name: "Отчёт".into(),
            version: 2,
            flags: 5,
            content: content.into(),
        };
        let mut file = Vec::new();
        pack::write(&[input], &self.0, pack::Draw::random(), &mut file).unwrap();
        file
    }

    fn key(&self, file: &DataFile) -> Secret {
        let directory = &file.directory().directory;
        directory.object_key(&self.0.content_keys[0].key, &directory.objects[0])
    }
}

fn reason<T>(result: Result<T, CallError>) -> Option<Reason> {
    result.err().map(|error| error.reason())
}

fn content() -> Vec<u8> {
    (0..200_000_u32)
        .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
        .collect()
}

#[test]
fn an_object_comes_back_from_memory_and_from_a_file_that_was_deleted_meanwhile() {
    let vendor = Vendor::new();
    let bytes = vendor.pack(&content());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.datafile");
    fs::write(&path, &bytes).unwrap();
    let from_file = DataFile::from_file(path.to_str().unwrap(), None).unwrap();
    fs::remove_file(&path).unwrap();
    for file in [from_file, DataFile::from_bytes(bytes, None).unwrap()] {
        let deferred = file.deferred("Отчёт", vendor.key(&file)).unwrap();
        let mut buffer = vec![0; deferred.length()];
        deferred.write(&mut buffer).unwrap();
        assert_eq!(buffer, content());
        let out = folder.path().join("out.epf");
        file.write("Отчёт", &vendor.key(&file), out.to_str().unwrap())
            .unwrap();
        assert_eq!(fs::read(&out).unwrap(), content());
        fs::remove_file(out).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn one_datafile_is_in_memory_once() {
    let bytes = Vendor::new().pack(b"x");
    let one = DataFile::from_bytes(bytes.clone(), None).unwrap();
    let two = DataFile::from_bytes(bytes.clone(), None).unwrap();
    assert!(Arc::ptr_eq(&one, &two));
    let weak = Arc::downgrade(&one);
    drop((one, two));
    assert!(weak.upgrade().is_none());
    DataFile::from_bytes(bytes, None).unwrap();
}

#[test]
fn bad_datafiles_each_have_their_reason() {
    let vendor = Vendor::new();
    let good = vendor.pack(b"content");
    let load = |bytes: &[u8]| reason(DataFile::from_bytes(bytes.to_vec(), None));
    assert_eq!(load(b""), Some(Reason::NotDataFile));
    assert_eq!(load(b"PK\x03\x04 a ZIP file"), Some(Reason::NotDataFile));
    assert_eq!(load(&good[..good.len() - 1]), Some(Reason::Truncated));
    assert_eq!(load(&good[..20]), Some(Reason::Truncated));
    assert_eq!(
        load(&[good.clone(), vec![0]].concat()),
        Some(Reason::Altered)
    );
    let mut newer = good.clone();
    newer[4] = 2;
    assert_eq!(load(&newer), Some(Reason::NewerFormat));
    let mut altered = good.clone();
    altered[40] ^= 1;
    assert!(load(&altered).is_some());
    let other = SigningKey::generate(Algorithm::Ed25519).public().unwrap();
    assert_eq!(
        reason(DataFile::from_bytes(good, Some(&other.into()))),
        Some(Reason::Altered)
    );
    assert_eq!(
        reason(DataFile::from_file("/nonexistent", None)),
        Some(Reason::FileUnreadable)
    );
    assert_eq!(
        reason(DataFile::from_file("/", None)),
        Some(Reason::FileUnreadable)
    );
}

#[test]
fn an_altered_object_or_a_wrong_key_leaves_no_file() {
    let vendor = Vendor::new();
    let mut bytes = vendor.pack(&content());
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let file = DataFile::from_bytes(bytes, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.epf");
    fs::write(&out, "old").unwrap();
    for key in [vendor.key(&file), Secret::random()] {
        let written = file.write("Отчёт", &key, out.to_str().unwrap());
        assert_eq!(reason(written), Some(Reason::Altered));
    }
    assert_eq!(fs::read(&out).unwrap(), b"old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let nowhere = file.write("Отчёт", &vendor.key(&file), "/nonexistent/out.epf");
    assert_eq!(reason(nowhere), Some(Reason::CannotWrite));
    assert_eq!(
        reason(file.deferred("Other", Secret::random())),
        Some(Reason::UnknownObject)
    );
}

#[test]
fn threads_that_load_a_datafile_at_the_same_moment_get_one_copy() {
    let bytes = Vendor::new().pack(&content());
    for _ in 0..8 {
        let barrier = Barrier::new(32);
        let load = || {
            let bytes = bytes.clone();
            barrier.wait();
            DataFile::from_bytes(bytes, None).unwrap()
        };
        let files: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..32).map(|_| scope.spawn(load)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(files.iter().all(|file| Arc::ptr_eq(file, &files[0])));
    }
}
