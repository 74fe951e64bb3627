//! The centre's SQLite file.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use protocol::{UnixSeconds, signature::Secret};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    CentreError,
    journal::{self, About},
    vault,
};

/// The number of the tables below.
const VERSION: i64 = 2;

/// What brings the tables of a version to the next one; the first is from 1 to 2.
const STEPS: [&str; VERSION as usize - 1] = [FORMER];

/// Holders that an activation replaced: the same computer came with a new holder key. Whoever comes with the old one
/// has old files.
const FORMER: &str = "
CREATE TABLE former (
    key_no INTEGER NOT NULL REFERENCES keys(key_no), signing TEXT NOT NULL, PRIMARY KEY (key_no, signing)
) STRICT;
";

const SCHEMA: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
CREATE TABLE series (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, public_key TEXT NOT NULL, sealed_keys BLOB NOT NULL,
    moves_per_year INTEGER NOT NULL, needs_owner INTEGER NOT NULL, added_at INTEGER NOT NULL
) STRICT;
CREATE TABLE articles (
    series INTEGER NOT NULL REFERENCES series(id), article TEXT NOT NULL, offer TEXT NOT NULL,
    PRIMARY KEY (series, article)
) STRICT;
CREATE TABLE keys (
    key_no INTEGER PRIMARY KEY, series INTEGER NOT NULL REFERENCES series(id), offer TEXT NOT NULL,
    order_number TEXT, customer TEXT, itn TEXT, iec TEXT, made_at INTEGER NOT NULL, activated_at INTEGER,
    support_until INTEGER, industry_support_until INTEGER, moves_per_year INTEGER, revoked_at INTEGER
) STRICT;
CREATE INDEX keys_series ON keys(series);
CREATE TABLE codes (
    id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, key_no INTEGER NOT NULL REFERENCES keys(key_no),
    reserve INTEGER NOT NULL, made_at INTEGER NOT NULL, ends_at INTEGER, used_at INTEGER, revoked_at INTEGER
) STRICT;
CREATE INDEX codes_key ON codes(key_no);
CREATE TABLE activations (
    id INTEGER PRIMARY KEY, key_no INTEGER NOT NULL REFERENCES keys(key_no), code INTEGER NOT NULL REFERENCES codes(id),
    computer BLOB NOT NULL, signing TEXT NOT NULL, server BLOB NOT NULL, computer_id TEXT NOT NULL,
    computer_name TEXT NOT NULL, request BLOB NOT NULL, voucher BLOB NOT NULL, previous BLOB NOT NULL,
    begun_at INTEGER NOT NULL, heard_at INTEGER NOT NULL, ended_at INTEGER,
    recovered INTEGER NOT NULL
) STRICT;
CREATE INDEX activations_key ON activations(key_no);
CREATE INDEX activations_code ON activations(code);
CREATE TABLE requests (id BLOB PRIMARY KEY, hash BLOB NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE journal (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, event TEXT NOT NULL, series INTEGER, key_no INTEGER,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE tokens (name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, made_at INTEGER NOT NULL) STRICT;
";

/// A licence centre.
#[derive(Debug)]
pub struct Centre {
    pub(super) connection: Connection,
    pub(super) folder: PathBuf,
    /// What opens the series' keys, once the passphrase was given.
    pub(super) master: Option<Secret>,
}

/// The store's file in a centre's folder.
pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join("centre.db")
}

impl Centre {
    /// Makes a centre in a folder, its keys under a passphrase; keys are numbered from `first_key_no`.
    ///
    /// # Errors
    /// When one is there already, or the folder cannot be written.
    pub fn make(folder: &Path, passphrase: &str, first_key_no: u32) -> Result<(), CentreError> {
        let path = file(folder);
        if path.exists() {
            return Err(CentreError::CentreExists(folder.into()));
        }
        let lock = vault::new_lock(passphrase)?;
        make_folder(folder)?;
        // Made aside and renamed, so that a half-made centre is none.
        let half = folder.join(".centre.db.new");
        let _ = fs::remove_file(&half);
        let connection = Connection::open(&half)?;
        narrow(&half)?;
        connection.execute_batch(&format!(
            "BEGIN; {SCHEMA} {} PRAGMA user_version = {VERSION}; COMMIT;",
            STEPS.concat()
        ))?;
        let set = "INSERT INTO meta (name, value) VALUES (?1, ?2)";
        connection.execute(set, params!["lock", lock])?;
        connection.execute(set, params!["next_key_no", i64::from(first_key_no)])?;
        connection
            .close()
            .map_err(|(_, error)| CentreError::Store(error))?;
        fs::rename(&half, &path).map_err(|error| CentreError::File(path, error))
    }

    /// Opens the centre of a folder; its keys stay closed.
    ///
    /// # Errors
    /// When there is none, or a newer one.
    pub fn open(folder: &Path) -> Result<Self, CentreError> {
        let path = file(folder);
        if !path.exists() {
            return Err(CentreError::NoCentre(folder.into()));
        }
        let connection = Connection::open(&path)?;
        // The command line and the service work on one file.
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let mut centre = Self {
            connection,
            folder: folder.into(),
            master: None,
        };
        centre.bring_up_to_date()?;
        Ok(centre)
    }

    /// Brings the tables of an earlier version to this one, all of it or nothing.
    fn bring_up_to_date(&mut self) -> Result<(), CentreError> {
        let version = |connection: &Connection| {
            connection.pragma_query_value(None, "user_version", |row| row.get(0))
        };
        if version(&self.connection)? == VERSION {
            return Ok(());
        }
        let transaction = self.transaction()?;
        // Another process may have done it meanwhile.
        let found: i64 = version(&transaction)?;
        let steps = usize::try_from(found - 1)
            .ok()
            .and_then(|done| STEPS.get(done..))
            .ok_or(CentreError::Newer(found))?;
        for step in steps {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
        Ok(())
    }

    /// Opens the keys.
    ///
    /// # Errors
    /// [`CentreError::Passphrase`].
    pub fn unlock(&mut self, passphrase: &str) -> Result<(), CentreError> {
        let lock: Vec<u8> = self.meta("lock")?.unwrap_or_default();
        self.master = Some(vault::open_lock(&lock, passphrase)?);
        Ok(())
    }

    /// Puts the keys under another passphrase.
    ///
    /// # Errors
    /// When the keys were not opened before.
    pub fn change_passphrase(
        &mut self,
        passphrase: &str,
        who: &str,
        now: UnixSeconds,
    ) -> Result<(), CentreError> {
        let master = self.master.as_ref().ok_or(CentreError::NoPassphrase)?;
        let lock = vault::lock(master, passphrase)?;
        let transaction = self.transaction()?;
        transaction.execute(
            "UPDATE meta SET value = ?1 WHERE name = 'lock'",
            params![lock],
        )?;
        let about = About::default();
        journal::write(&transaction, now, who, "passphrase-changed", about, "")?;
        transaction.commit()?;
        Ok(())
    }

    /// Begins anew under another passphrase, because the earlier one was lost. The centre's copies of all series' keys go with
    /// it: until each `.cryptkey` is taken in again, its series is not answered. Nothing else changes.
    ///
    /// # Errors
    /// An empty passphrase, and those of the store.
    pub fn forget_passphrase(
        &mut self,
        passphrase: &str,
        who: &str,
        now: UnixSeconds,
    ) -> Result<(), CentreError> {
        let lock = vault::new_lock(passphrase)?;
        let transaction = self.transaction()?;
        transaction.execute(
            "UPDATE meta SET value = ?1 WHERE name = 'lock'",
            params![lock],
        )?;
        transaction.execute("UPDATE series SET sealed_keys = x''", [])?;
        let text = "the keys of all series are to be taken in again";
        let about = About::default();
        journal::write(&transaction, now, who, "passphrase-forgotten", about, text)?;
        transaction.commit()?;
        self.unlock(passphrase)
    }

    /// When this centre was made out of a backup, the last time.
    pub(super) fn restored_at(
        connection: &Connection,
    ) -> Result<Option<UnixSeconds>, rusqlite::Error> {
        connection
            .query_row(
                "SELECT value FROM meta WHERE name = 'restored_at'",
                [],
                |row| row.get(0),
            )
            .optional()
    }

    fn meta<T: rusqlite::types::FromSql>(&self, name: &str) -> Result<Option<T>, CentreError> {
        Ok(self
            .connection
            .query_row(
                "SELECT value FROM meta WHERE name = ?1",
                params![name],
                |row| row.get(0),
            )
            .optional()?)
    }

    pub(super) fn transaction(&mut self) -> Result<Transaction<'_>, CentreError> {
        Ok(self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

/// The number of the next key.
pub(super) fn next_key_no(transaction: &Transaction<'_>) -> Result<u32, CentreError> {
    Ok(transaction.query_row(
        "UPDATE meta SET value = value + 1 WHERE name = 'next_key_no' RETURNING value - 1",
        [],
        |row| row.get(0),
    )?)
}

pub(super) fn make_folder(folder: &Path) -> Result<(), CentreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| CentreError::File(folder.into(), error))
}

/// Leaves a file to its owner alone. On Windows it takes the rights of its folder.
pub(super) fn narrow(path: &Path) -> Result<(), CentreError> {
    #[cfg(unix)]
    {
        let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(path, only_owner)
            .map_err(|error| CentreError::File(path.into(), error))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
