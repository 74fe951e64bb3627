//! The whole centre in one file under its passphrase, and back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use protocol::{
    UnixSeconds,
    files::{Access, read_limited, write_whole},
    locked,
};
use rusqlite::params;
use zeroize::Zeroizing;

use super::{
    Centre, CentreError,
    journal::{self, About},
    store,
};

/// The largest backup that is read, in bytes.
const MAX_FILE: usize = 2 * 1024 * 1024 * 1024 - 1;

impl Centre {
    /// Writes everything into a file, as of one moment, while the service goes on. The passphrase is the centre's.
    ///
    /// # Errors
    /// A wrong passphrase, a file that cannot be written.
    pub fn backup(
        &mut self,
        to: &Path,
        passphrase: &str,
        who: &str,
        now: UnixSeconds,
    ) -> Result<(), CentreError> {
        self.unlock(passphrase)?;
        let copy = self.folder.join(".backup.db");
        let _ = fs::remove_file(&copy);
        let path = copy.to_str().ok_or_else(|| {
            CentreError::Usage(format!("{} is not in Unicode", self.folder.display()))
        })?;
        let result = self.copied(path, &copy, to, passphrase);
        let _ = fs::remove_file(&copy);
        result?;
        journal::write(
            &self.connection,
            now,
            who,
            "backup",
            About::default(),
            &to.display().to_string(),
        )?;
        Ok(())
    }

    fn copied(
        &self,
        path: &str,
        copy: &Path,
        to: &Path,
        passphrase: &str,
    ) -> Result<(), CentreError> {
        // Its owner's alone, whatever the rights of the folder: SQLite fills an empty file that is there.
        write_whole(copy, b"", Access::Owner)
            .map_err(|error| CentreError::File(copy.into(), error))?;
        self.connection.execute("VACUUM INTO ?1", params![path])?;
        let bytes = fs::read(copy).map_err(|error| CentreError::File(copy.into(), error))?;
        let bytes = Zeroizing::new(bytes);
        let locked = locked::lock(&bytes, passphrase)
            .map_err(|error| CentreError::Locked(to.into(), error))?;
        write_whole(to, &locked, Access::Owner).map_err(|error| CentreError::File(to.into(), error))
    }
}

/// How many numbers of keys a restored centre leaves out: those that were given out after the backup are among them,
/// and no number is given out twice.
const LEFT_OUT: u32 = 100_000;

/// Makes a centre out of a backup.
///
/// What happened after the backup is not known to it: it gives out numbers that were surely free, and tells servers
/// that it does not know so without ending their licences.
///
/// # Errors
/// When the folder holds a centre or what is left of one, or the passphrase is not that of the backup.
pub fn restore(
    folder: &Path,
    from: &Path,
    passphrase: &str,
    who: &str,
    now: UnixSeconds,
) -> Result<(), CentreError> {
    let target = store::file(folder);
    if target.exists() {
        return Err(CentreError::CentreExists(folder.into()));
    }
    // SQLite would take them for the restored file's own, and write their pages into it.
    for left in ["-wal", "-shm", "-journal"].map(|end| beside(&target, end)) {
        if left.exists() {
            return Err(CentreError::LeftOver(left));
        }
    }
    let bytes =
        read_limited(from, MAX_FILE).map_err(|error| CentreError::File(from.into(), error))?;
    let plain = locked::unlock(&bytes, passphrase)
        .map_err(|error| CentreError::Locked(from.into(), error))?;
    store::make_folder(folder)?;
    // Made aside and renamed, so that a centre that would give numbers out twice is never there.
    let half = folder.join(".restore");
    let aside = store::file(&half);
    let _ = fs::remove_dir_all(&half);
    store::make_folder(&half)?;
    let made = (|| {
        write_whole(&aside, &plain, Access::Owner)
            .map_err(|error| CentreError::File(aside.clone(), error))?;
        let mut centre = Centre::open(&half)?;
        centre.unlock(passphrase)?;
        centre.begin_again(who, now)?;
        // One file, without the log of writes beside it.
        centre
            .connection
            .pragma_update(None, "journal_mode", "DELETE")?;
        centre
            .connection
            .close()
            .map_err(|(_, error)| CentreError::Store(error))?;
        fs::rename(&aside, &target).map_err(|error| CentreError::File(target.clone(), error))
    })();
    let _ = fs::remove_dir_all(&half);
    made
}

impl Centre {
    /// Remembers that it was restored, and leaves out the numbers that may have been given out since the backup.
    fn begin_again(&mut self, who: &str, now: UnixSeconds) -> Result<(), CentreError> {
        let transaction = self.transaction()?;
        let next: u32 = transaction.query_row(
            "UPDATE meta SET value = value + ?1 WHERE name = 'next_key_no' RETURNING value",
            params![LEFT_OUT],
            |row| row.get(0),
        )?;
        transaction.execute(
            "INSERT INTO meta (name, value) VALUES ('restored_at', ?1)
             ON CONFLICT (name) DO UPDATE SET value = ?1",
            params![now],
        )?;
        let text = format!("out of a backup; keys are numbered from {next}");
        journal::write(&transaction, now, who, "restored", About::default(), &text)?;
        transaction.commit()?;
        Ok(())
    }
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}
