//! The server's files for a backup, and where each of them belongs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use protocol::files::{Access, read_limited};
use rusqlite::{Connection, OpenFlags, params};

use super::{
    BackupError,
    format::{Entry, MAX_FILES, Place},
};
use crate::places::Places;

/// The largest file that is taken in, the ledger apart, in bytes.
const MAX_ONE: usize = 16 * 1024 * 1024;

impl Entry {
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
