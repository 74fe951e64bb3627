//! The whole centre in one file under its passphrase, and back.

use std::{fs, path::Path};

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
        // The folder is its owner's alone.
        self.connection.execute("VACUUM INTO ?1", params![path])?;
        let bytes = fs::read(copy).map_err(|error| CentreError::File(copy.into(), error))?;
        let bytes = Zeroizing::new(bytes);
        let locked = locked::lock(&bytes, passphrase)
            .map_err(|error| CentreError::Locked(to.into(), error))?;
        write_whole(to, &locked, Access::Owner).map_err(|error| CentreError::File(to.into(), error))
    }
}

/// Makes a centre out of a backup.
///
/// # Errors
/// When the folder holds a centre, or the passphrase is not that of the backup.
pub fn restore(folder: &Path, from: &Path, passphrase: &str) -> Result<(), CentreError> {
    let target = store::file(folder);
    if target.exists() {
        return Err(CentreError::CentreExists(folder.into()));
    }
    let bytes =
        read_limited(from, MAX_FILE).map_err(|error| CentreError::File(from.into(), error))?;
    let plain = locked::unlock(&bytes, passphrase)
        .map_err(|error| CentreError::Locked(from.into(), error))?;
    store::make_folder(folder)?;
    write_whole(&target, &plain, Access::Owner)
        .map_err(|error| CentreError::File(target.clone(), error))?;
    let mut centre = Centre::open(folder)?;
    centre.unlock(passphrase)
}
