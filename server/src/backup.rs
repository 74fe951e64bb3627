//! The whole server in one file under a passphrase, and back.
//!
//! A software licence is a computer's. So a backup carries it back to the computer that it was made on, and on any other one
//! only tells of it: the vendor's centre decides who has a key, not whoever has a copy.

mod archive;
mod format;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use protocol::{
    files::{Access, read_limited, write_whole},
    licence::Document,
    locked::{self, LockError},
};

use self::format::{Archive, Entry, Place};
use crate::{
    conf::Lang,
    keys::{Computer, HolderKeys, make_folder},
    places::Places,
};

/// The largest backup that is read, in bytes.
const MAX_FILE: usize = 2 * 1024 * 1024 * 1024 - 1;
/// The file of a restore that has begun to put things into place: the hash of its backup.
pub(crate) const BEGUN: &str = "begun";

/// Why there is no backup, or nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error("{}: {error}", .0.display(), error = .1)]
    File(PathBuf, io::Error),
    /// The ledger cannot be copied.
    #[error("the ledger {} cannot be copied: {error}", .0.display(), error = .1)]
    Ledger(PathBuf, rusqlite::Error),
    /// The passphrase.
    #[error("{}: {error}", .0.display(), error = .1)]
    Locked(PathBuf, LockError),
    /// What it holds is no server's.
    #[error("{} is no backup of a licence server: {error}", .0.display(), error = .1)]
    NoBackup(PathBuf, protocol::envelope::FormatError),
    /// There is a server already.
    #[error("{} is there already; restore where no server has worked yet, or move its files away", .0.display())]
    Occupied(PathBuf),
    /// A restore from another backup broke off here.
    #[error("{} is there: a restore from another backup broke off; go on with that one", .0.display())]
    OtherBackup(PathBuf),
    /// There is nothing to save.
    #[error("{} is missing: no server has worked here yet, so there is nothing to save", .0.display())]
    Nothing(PathBuf),
    /// No passphrase.
    #[error("a passphrase is needed: give --passphrase-file or set LICENCESERVER_PASSPHRASE")]
    NoPassphrase,
    /// The folder of the keys.
    #[error(transparent)]
    Keys(#[from] crate::keys::KeysError),
}

impl BackupError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::File(path.into(), error)
    }

    /// The message in a language.
    pub fn text(&self, lang: Lang) -> String {
        if lang == Lang::English {
            return self.to_string();
        }
        match self {
            Self::File(path, error) => format!("{}: {error}", path.display()),
            Self::Ledger(path, error) => {
                format!("хранилище {} не копируется: {error}", path.display())
            }
            Self::Locked(path, LockError::Passphrase) => {
                format!("{}: парольная фраза неверна или файл изменён", path.display())
            }
            Self::Locked(path, error) => format!("{}: {error}", path.display()),
            Self::NoBackup(path, error) => {
                format!("{} не является резервной копией сервера: {error}", path.display())
            }
            Self::Occupied(path) => format!(
                "{} уже есть; восстанавливайте туда, где сервер ещё не работал, или уберите его файлы",
                path.display()
            ),
            Self::OtherBackup(path) => format!(
                "{} уже есть: восстановление из другой копии прервалось; закончите его",
                path.display()
            ),
            Self::Nothing(path) => format!(
                "{} не найден: сервер здесь ещё не работал, сохранять нечего",
                path.display()
            ),
            Self::NoPassphrase => {
                "нужна парольная фраза: укажите --passphrase-file или переменную LICENCESERVER_PASSPHRASE".into()
            }
            Self::Keys(error) => format!("папка ключей: {error}"),
        }
    }
}

/// Writes everything into a file, as of one moment, while the server works on: settings, series, ledger and journal, the instance
/// key, the holder key (which stays sealed to this computer) and the licences.
///
/// # Errors
/// [`BackupError`].
pub fn backup(
    places: &Places,
    series_file: &Path,
    to: &Path,
    passphrase: &str,
    now: i64,
) -> Result<(), BackupError> {
    if !places.instance_key().exists() {
        return Err(BackupError::Nothing(places.instance_key()));
    }
    let computer = Computer::look(&places.machine_id());
    let archive = Archive {
        explicit_id: computer.has_explicit_id(),
        made_at: now,
        version: protocol::Version::CURRENT.to_string(),
        computer_id: computer.id,
        computer_name: computer.name,
        files: archive::gather(places, series_file)?,
    };
    let locked = locked::lock(&archive.to_bytes(), passphrase)
        .map_err(|error| BackupError::Locked(to.into(), error))?;
    write_whole(to, &locked, Access::Owner).map_err(BackupError::file(to))
}

/// What a restore brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The computer that the backup was made on.
    pub computer_name: String,
    /// The keys that stay that computer's, when this is another one.
    pub left: Vec<u32>,
    /// Whether this is another computer.
    pub elsewhere: bool,
}

/// Brings a server back where none has worked yet. On another computer its software licences stay behind: their files
/// go into `data/retired`, for whoever has to activate their codes again.
///
/// # Errors
/// [`BackupError`]; when it broke off, the same call goes on.
pub fn restore(places: &Places, from: &Path, passphrase: &str) -> Result<Restored, BackupError> {
    let computer = Computer::look(&places.machine_id());
    restore_to(&computer, places, from, passphrase)
}

fn restore_to(
    computer: &Computer,
    places: &Places,
    from: &Path,
    passphrase: &str,
) -> Result<Restored, BackupError> {
    let half = places.half_restored();
    let bytes = read_limited(from, MAX_FILE).map_err(BackupError::file(from))?;
    let name = protocol::sha256(&bytes);
    // What a restore that broke off has put into place is its own.
    match fs::read(half.join(BEGUN)) {
        Ok(begun) if begun == name => {}
        Ok(_) => return Err(BackupError::OtherBackup(half)),
        Err(_) => {
            if let Some(there) = occupied(places) {
                return Err(BackupError::Occupied(there));
            }
        }
    }
    let plain = locked::unlock(&bytes, passphrase)
        .map_err(|error| BackupError::Locked(from.into(), error))?;
    let archive =
        Archive::from_bytes(&plain).map_err(|error| BackupError::NoBackup(from.into(), error))?;
    make_folder(&places.data)?;
    make_folder(&half)?;
    let elsewhere = !is_of(computer, &archive, &half)?;
    let mut restored = Restored {
        computer_name: archive.computer_name.clone(),
        left: Vec::new(),
        elsewhere,
    };
    let mut files = Vec::new();
    for mut entry in archive.files {
        if elsewhere && entry.place == Place::Data {
            if entry.name.ends_with(".licence") && !entry.name.contains('/') {
                restored.left.extend(key_no(&entry.bytes));
                entry.name = format!("retired/{}", entry.name);
            } else if !entry.name.ends_with(".reserve")
                && !matches!(entry.name.as_str(), "server.db" | "server.key")
            {
                // A reserve code opens nothing here, and is a paid key elsewhere.
                continue;
            }
        }
        files.push(entry);
    }
    restored.left.sort_unstable();
    put(places, &half, &name, &files)?;
    Ok(restored)
}

/// First everything is beside, then each file is put into place; the instance key is the last one.
fn put(places: &Places, half: &Path, name: &[u8], files: &[Entry]) -> Result<(), BackupError> {
    let aside = |at: usize| half.join(at.to_string());
    for (at, entry) in files.iter().enumerate() {
        let path = aside(at);
        write_whole(&path, &entry.bytes, Access::Owner).map_err(BackupError::file(&path))?;
    }
    let begun = half.join(BEGUN);
    write_whole(&begun, name, Access::Owner).map_err(BackupError::file(&begun))?;
    for (at, entry) in files.iter().enumerate() {
        let target = entry.target(places);
        if let Some(folder) = target.parent() {
            match entry.place {
                Place::Data => make_folder(folder)?,
                Place::Config => fs::create_dir_all(folder).map_err(BackupError::file(folder))?,
            }
        }
        let access = match entry.place {
            Place::Data => Access::Owner,
            Place::Config => entry.access(),
        };
        write_whole(&target, &entry.bytes, access).map_err(BackupError::file(&target))?;
        let _ = fs::remove_file(aside(at));
    }
    fs::remove_dir_all(half).map_err(BackupError::file(half))
}

/// The first file that says that a server has worked here. The administrator's machine id is his word, and stays.
fn occupied(places: &Places) -> Option<PathBuf> {
    let licences = fs::read_dir(&places.data)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "licence" || extension == "reserve")
        });
    [
        places.store(),
        places.instance_key(),
        places.data.join("server.holder"),
    ]
    .into_iter()
    .chain(["server.db-wal", "server.db-shm"].map(|name| places.data.join(name)))
    .chain(licences)
    .find(|path| path.exists())
}

/// Whether the backup is this computer's: its holder key opens by what this computer is, without anything out of the backup. Where
/// the administrator's id names one of the two, as for containers, it has to name both: what a host tells is no container's.
fn is_of(computer: &Computer, archive: &Archive, half: &Path) -> Result<bool, BackupError> {
    if archive.explicit_id || computer.has_explicit_id() {
        return Ok(archive.computer_id == computer.id);
    }
    let holder = archive
        .files
        .iter()
        .find(|entry| entry.place == Place::Data && entry.name == "server.holder");
    let Some(holder) = holder else {
        return Ok(archive.computer_id == computer.id);
    };
    let path = half.join("holder");
    write_whole(&path, &holder.bytes, Access::Owner).map_err(BackupError::file(&path))?;
    let opened = HolderKeys::open(&path, &computer.facts).is_ok();
    fs::remove_file(&path).map_err(BackupError::file(&path))?;
    Ok(opened)
}

fn key_no(bytes: &[u8]) -> Option<u32> {
    Some(Document::from_bytes(bytes).ok()?.claims().ok()?.1)
}

#[cfg(test)]
mod tests {
    use protocol::{
        KeyId,
        binding::{Fact, FactKind},
        licence::KeyType,
    };

    use super::*;
    use crate::keys::{
        self, KeyRing,
        tests::{issue, place, vendor},
    };

    const SERIES: KeyId = KeyId(0x672B);
    const NOW: i64 = 1_800_000_000;
    const PHRASE: &str = "слово";

    /// A server that has worked, and its backup.
    struct Scene {
        folder: tempfile::TempDir,
        keys: protocol::cryptkey::CryptKey,
        places: Places,
        file: PathBuf,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let keys = vendor(SERIES);
            let places = place(&folder.path().join("old"), &keys);
            let series = places.config.join("licence.series");
            fs::create_dir_all(places.config.join("series.d")).unwrap();
            fs::write(places.config.join("series.d/a.series"), "; nothing\n").unwrap();
            fs::write(places.conf(), "[Common]\nServerPort=9199\n").unwrap();
            let ring = KeyRing::open(&places, series.clone()).unwrap();
            let licence = issue(&keys, &ring.request(NOW).unwrap(), 7, KeyType::Main, 3);
            keys::install_document(&ring, &licence, Path::new("x")).unwrap();
            fs::write(places.data.join("672B.9.reserve"), b"a code").unwrap();
            // An administrator's id, which a container is bound to, must not travel either.
            fs::write(places.machine_id(), "cloud-1").unwrap();
            let ledger = rusqlite::Connection::open(places.store()).unwrap();
            ledger
                .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (5);")
                .unwrap();
            let file = folder.path().join("backup");
            backup(&places, &series, &file, PHRASE, NOW).unwrap();
            Self {
                folder,
                keys,
                places,
                file,
            }
        }

        fn new_places(&self, name: &str) -> Places {
            let root = self.folder.path().join(name);
            Places {
                config: root.join("config"),
                data: root.join("data"),
                logs: root.join("config/logs"),
            }
        }

        /// The same where the administrator has set the id again that the old place had.
        fn same_places(&self, name: &str) -> Places {
            let places = self.new_places(name);
            fs::create_dir_all(&places.data).unwrap();
            fs::write(places.machine_id(), "cloud-1").unwrap();
            places
        }
    }

    fn other_computer() -> Computer {
        Computer {
            facts: vec![Fact {
                kind: FactKind::MachineId,
                value: "quite another".into(),
            }],
            id: "AB".repeat(20),
            name: "other".into(),
            os_version: String::new(),
        }
    }

    fn workable(places: &Places) -> usize {
        let ring = KeyRing::open(places, places.config.join("licence.series")).unwrap();
        let pool = ring.pool(SERIES);
        pool.iter().filter(|key| key.workable).count()
    }

    #[test]
    fn a_server_comes_back_whole_on_its_own_computer() {
        let scene = Scene::new();
        let places = scene.same_places("again");
        assert!(matches!(
            restore(&places, &scene.file, "другое"),
            Err(BackupError::Locked(..))
        ));
        let restored = restore(&places, &scene.file, PHRASE).unwrap();
        assert_eq!((restored.elsewhere, restored.left), (false, vec![]));
        for name in [
            "server.key",
            "server.holder",
            "machine-id",
            "672B.7.licence",
        ] {
            assert_eq!(
                fs::read(places.data.join(name)).unwrap(),
                fs::read(scene.places.data.join(name)).unwrap(),
                "{name}"
            );
        }
        for name in ["licenceserver.conf", "licence.series", "series.d/a.series"] {
            assert_eq!(
                fs::read(places.config.join(name)).unwrap(),
                fs::read(scene.places.config.join(name)).unwrap(),
                "{name}"
            );
        }
        let ledger = rusqlite::Connection::open(places.store()).unwrap();
        let x: i64 = ledger
            .query_row("SELECT x FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(x, 5);
        assert_eq!(workable(&places), 1);
        assert!(!places.half_restored().exists());
        assert!(matches!(
            restore(&places, &scene.file, PHRASE),
            Err(BackupError::Occupied(_))
        ));
    }

    #[test]
    fn on_another_computer_no_software_licence_comes_along_and_that_is_told() {
        let scene = Scene::new();
        let places = scene.new_places("other");
        let restored = restore_to(&other_computer(), &places, &scene.file, PHRASE).unwrap();
        assert!(restored.elsewhere);
        assert_eq!(restored.left, [7]);
        assert!(!restored.computer_name.is_empty());
        for gone in ["server.holder", "machine-id", "672B.7.licence"] {
            assert!(!places.data.join(gone).exists(), "{gone}");
        }
        assert!(places.data.join("retired/672B.7.licence").exists());
        assert!(places.data.join("672B.9.reserve").exists());
        assert_eq!(
            fs::read(places.instance_key()).unwrap(),
            fs::read(scene.places.instance_key()).unwrap()
        );
        assert!(places.store().exists());
        // Not even on the old computer, where its facts would match again.
        assert_eq!(workable(&places), 0);
        // A licence that the vendor gives for this place works beside what was restored.
        let ring = KeyRing::open(&places, places.config.join("licence.series")).unwrap();
        let licence = issue(
            &scene.keys,
            &ring.request(NOW).unwrap(),
            8,
            KeyType::Main,
            1,
        );
        keys::install_document(&ring, &licence, Path::new("x")).unwrap();
        assert_eq!(workable(&places), 1);
    }

    #[test]
    fn a_container_without_its_id_is_another_computer_on_the_same_host_too() {
        let scene = Scene::new();
        let places = scene.new_places("beside");
        let restored = restore(&places, &scene.file, PHRASE).unwrap();
        assert!(restored.elsewhere);
        assert!(!places.machine_id().exists());
        assert_eq!(workable(&places), 0);
    }

    #[test]
    fn a_restore_that_broke_off_goes_on_and_a_backup_that_is_none_changes_nothing() {
        let scene = Scene::new();
        let places = scene.same_places("cut");
        restore(&places, &scene.file, PHRASE).unwrap();
        // The power failed when everything but the instance key was in its place.
        fs::remove_file(places.instance_key()).unwrap();
        let half = places.half_restored();
        fs::create_dir(&half).unwrap();
        let name = protocol::sha256(&fs::read(&scene.file).unwrap());
        fs::write(half.join(BEGUN), name).unwrap();
        let opened = KeyRing::open(&places, places.config.join("licence.series"));
        assert!(matches!(opened, Err(keys::KeysError::HalfRestored(_))));
        assert!(!places.instance_key().exists());
        let other = scene.folder.path().join("other");
        fs::write(&other, b"another").unwrap();
        assert!(matches!(
            restore(&places, &other, PHRASE),
            Err(BackupError::OtherBackup(_))
        ));
        restore(&places, &scene.file, PHRASE).unwrap();
        assert!(places.instance_key().exists() && !half.exists());
        let places = scene.new_places("none");
        let file = scene.folder.path().join("keys");
        fs::write(&file, locked::lock(b"something else", PHRASE).unwrap()).unwrap();
        assert!(matches!(
            restore(&places, &file, PHRASE),
            Err(BackupError::NoBackup(..))
        ));
        assert!(!places.data.exists());
    }
}
