//! What a backup holds: the server's files, each with its place.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use minicbor::{Decode, Encode};
use protocol::{
    envelope::{self, FormatError, Kind},
    files::{Access, read_limited},
};
use rusqlite::{Connection, OpenFlags, params};
use zeroize::Zeroizing;

use super::BackupError;
use crate::places::Places;

/// The largest file that is taken in, the ledger apart, in bytes.
const MAX_ONE: usize = 16 * 1024 * 1024;
/// How many files a backup has at most.
const MAX_FILES: usize = 10_000;

/// A server as of one moment.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Archive {
    #[n(0)]
    pub(super) made_at: i64,
    /// The server's version.
    #[n(1)]
    pub(super) version: String,
    #[n(2)]
    pub(super) computer_id: String,
    #[n(3)]
    pub(super) computer_name: String,
    #[n(4)]
    pub(super) files: Vec<Entry>,
    /// Whether the administrator had given the computer an id.
    #[n(5)]
    pub(super) explicit_id: bool,
}

/// A file.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Entry {
    #[n(0)]
    pub(super) place: Place,
    /// Its path below that folder, with `/`.
    #[n(1)]
    pub(super) name: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(super) bytes: Vec<u8>,
}

/// A folder of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Place {
    #[n(0)]
    Config,
    #[n(1)]
    Data,
}

impl Archive {
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(envelope::seal(Kind::Backup, self))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let archive: Self = envelope::open(Kind::Backup, bytes)?;
        let good = archive.files.len() <= MAX_FILES && archive.files.iter().all(Entry::is_good);
        if good {
            Ok(archive)
        } else {
            Err(FormatError::Damaged("a file's name in it".into()))
        }
    }
}

impl Entry {
    /// Whether it is one of the files that [`gather`] takes: nothing is ever written elsewhere.
    fn is_good(&self) -> bool {
        let path = Path::new(&self.name);
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
            && !self.name.contains(['\\', ':', '\0']);
        let (folder, file) = self.name.split_once('/').unwrap_or(("", &self.name));
        let extension = Path::new(file).extension().and_then(|text| text.to_str());
        let extension = extension.map(str::to_ascii_lowercase);
        plain
            && !file.is_empty()
            && !file.contains('/')
            && match (self.place, folder) {
                (Place::Config, "") => {
                    file == "licenceserver.conf" || extension.as_deref() == Some("series")
                }
                (Place::Config, "series.d") => extension.as_deref() == Some("series"),
                (Place::Data, "") => {
                    matches!(
                        file,
                        "server.key" | "server.holder" | "server.db" | "machine-id"
                    ) || matches!(extension.as_deref(), Some("licence" | "reserve"))
                }
                (Place::Data, "retired") => {
                    matches!(extension.as_deref(), Some("licence" | "reserve"))
                }
                (Place::Data, "pending") => extension.as_deref() == Some("activation"),
                _ => false,
            }
    }

    /// Where it belongs.
    pub(super) fn target(&self, places: &Places) -> PathBuf {
        let folder = match self.place {
            Place::Config => &places.config,
            Place::Data => &places.data,
        };
        self.name
            .split('/')
            .fold(folder.clone(), |path, part| path.join(part))
    }

    /// Who may read it: the configuration has a password's hash, the series are everybody's.
    pub(super) fn access(&self) -> Access {
        if self.name == "licenceserver.conf" {
            Access::Owner
        } else {
            Access::Shared
        }
    }
}

/// All files of a server. The instance key is the last one.
pub(super) fn gather(places: &Places, series_file: &Path) -> Result<Vec<Entry>, BackupError> {
    let mut files = Vec::new();
    let series = series_file.file_name().and_then(|name| name.to_str());
    let in_config = series_file.parent() == Some(&*places.config);
    let mut config = vec!["licenceserver.conf".to_owned()];
    config.extend(series.filter(|_| in_config).map(str::to_owned));
    config.extend(names(&places.config, "series.d")?);
    for name in config {
        add(&mut files, Place::Config, &places.config, name)?;
    }
    let mut data = vec!["server.holder".to_owned(), "machine-id".to_owned()];
    for folder in ["", "retired", "pending"] {
        data.extend(names(&places.data, folder)?);
    }
    for name in data {
        add(&mut files, Place::Data, &places.data, name)?;
    }
    if places.store().exists() {
        files.push(Entry {
            place: Place::Data,
            name: "server.db".into(),
            bytes: ledger(places)?,
        });
    }
    add(&mut files, Place::Data, &places.data, "server.key".into())?;
    // Of one name once, and only what a restore takes.
    let mut seen = std::collections::HashSet::new();
    files.retain(|entry| entry.is_good() && seen.insert((entry.place as u8, entry.name.clone())));
    Ok(files)
}

/// The names of the files in a folder below another, with the folder's.
fn names(root: &Path, folder: &str) -> Result<Vec<String>, BackupError> {
    let path = root.join(folder);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupError::File(path, error)),
    };
    let files = entries.flatten().filter(|entry| {
        let kind = entry.file_type();
        kind.is_ok_and(|kind| kind.is_file())
    });
    let mut names: Vec<String> = files
        .filter_map(|entry| entry.file_name().into_string().ok())
        .map(|name| {
            if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            }
        })
        .collect();
    names.sort();
    names.truncate(MAX_FILES / 4);
    Ok(names)
}

/// Takes a file in, if it is there and one of ours.
fn add(files: &mut Vec<Entry>, place: Place, root: &Path, name: String) -> Result<(), BackupError> {
    let mut entry = Entry {
        place,
        name,
        bytes: Vec::new(),
    };
    // The ledger is copied by its own library.
    if entry.name == "server.db" || !entry.is_good() {
        return Ok(());
    }
    let path = root.join(&entry.name);
    match read_limited(&path, MAX_ONE) {
        Ok(bytes) => entry.bytes = bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // Too large to be ours: somebody else's file stays where it is.
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(()),
        Err(error) => return Err(BackupError::File(path, error)),
    }
    files.push(entry);
    Ok(())
}

/// A copy of the ledger as of one moment, while the server may be writing.
fn ledger(places: &Places) -> Result<Vec<u8>, BackupError> {
    let store = places.store();
    let copy = places.data.join(".backup.db");
    let _ = fs::remove_file(&copy);
    let failed = |error| BackupError::Ledger(store.clone(), error);
    let copied = (|| {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&store, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.execute("VACUUM INTO ?1", params![copy.to_string_lossy()])
    })();
    let bytes = copied
        .map_err(failed)
        .and_then(|_| fs::read(&copy).map_err(BackupError::file(&copy)));
    let _ = fs::remove_file(&copy);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ever_written_outside_the_servers_own_places() {
        let good = |place, name: &str| {
            Entry {
                place,
                name: name.into(),
                bytes: Vec::new(),
            }
            .is_good()
        };
        for name in ["licenceserver.conf", "licence.series", "series.d/a.series"] {
            assert!(good(Place::Config, name), "{name}");
        }
        for name in [
            "server.key",
            "672B.1.licence",
            "672B.1.reserve",
            "pending/A.activation",
        ] {
            assert!(good(Place::Data, name), "{name}");
        }
        for name in [
            "",
            "/etc/passwd",
            "../server.key",
            "retired/../../x.licence",
            "retired/a/b.licence",
            "retired",
            "series.d/",
            "C:\\x.licence",
            "x\\y.licence",
            "server.db-wal",
            "other",
        ] {
            assert!(
                !good(Place::Data, name) && !good(Place::Config, name),
                "{name}"
            );
        }
    }
}
