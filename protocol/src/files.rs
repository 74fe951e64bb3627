//! Writing a file whole or not at all, and reading one with a limit.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, within the folder's own rights.
    Shared,
    /// The owner alone: mode 0600. On Windows whoever the folder's own rights let in.
    Owner,
}

/// A file being written: invisible under its name until [`NewFile::finish`], gone when dropped before.
#[derive(Debug)]
pub struct NewFile {
    file: Option<File>,
    temporary: PathBuf,
    target: PathBuf,
}

impl NewFile {
    /// Begins a file beside `target`.
    ///
    /// # Errors
    /// Those of creating a file in the target's folder.
    pub fn create(target: &Path, access: Access) -> io::Result<Self> {
        Self::create_through(target.parent().unwrap_or(Path::new("")), target, access)
    }

    /// Begins a file in another folder of the same disk, from where it is moved to `target`. On Windows it keeps the rights
    /// that it got there.
    ///
    /// # Errors
    /// Those of creating a file in that folder.
    pub fn create_through(folder: &Path, target: &Path, access: Access) -> io::Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::other("the path has no file name"))?;
        let suffix = base16ct::lower::encode_string(&crate::random_bytes::<6>());
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{suffix}.new"));
        let temporary = folder.join(hidden);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if access == Access::Owner {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        // On Windows a file takes the rights of the folder in which it is made, which the installer narrows.
        #[cfg(not(unix))]
        let _ = access;
        let file = options.open(&temporary)?;
        let new = Self {
            file: Some(file),
            temporary,
            target: target.to_owned(),
        };
        #[cfg(unix)]
        new.belong_to_the_folders_owner();
        Ok(new)
    }

    /// What root writes into a folder of the server's own user, for example a licence that an administrator installs,
    /// has to be readable by that user. Others than root cannot give files away, and need not.
    #[cfg(unix)]
    fn belong_to_the_folders_owner(&self) {
        use std::os::unix::fs::{MetadataExt, fchown};

        let folder = self.folder();
        let (Some(file), Ok(folder)) = (&self.file, fs::metadata(folder)) else {
            return;
        };
        if file.metadata().is_ok_and(|own| own.uid() != folder.uid()) {
            // A refusal is the rule for everybody but root.
            let _ = fchown(file, Some(folder.uid()), Some(folder.gid()));
        }
    }

    #[cfg(unix)]
    fn folder(&self) -> &Path {
        let folder = self.target.parent();
        folder
            .filter(|path| !path.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
    }

    /// Syncs the file, gives it its name and syncs the folder.
    ///
    /// # Errors
    /// Those of the disk; the target is untouched then.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_all()?;
        }
        fs::rename(&self.temporary, &self.target)?;
        // A folder cannot be opened as a file on Windows; its rename is journaled by the file system.
        #[cfg(unix)]
        File::open(self.folder())?.sync_all()?;
        Ok(())
    }

    fn open(&mut self) -> io::Result<&mut File> {
        self.file
            .as_mut()
            .ok_or_else(|| io::Error::other("the file is already finished"))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        self.file = None;
        // After `finish` there is nothing under this name; before it the half-written file must go.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Replaces a file by `bytes`: temporary file, sync, rename, sync of the folder.
///
/// # Errors
/// Those of the disk; the target is untouched then.
pub fn write_whole(target: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut file = NewFile::create(target, access)?;
    file.write_all(bytes)?;
    file.finish()
}

/// Moves a file into another folder of the same disk, in place of one of its name there; both folders are synced, so that no
/// two moves change their order when the power fails.
///
/// # Errors
/// Those of the disk.
pub fn move_into(file: &Path, folder: &Path) -> io::Result<()> {
    let name = file
        .file_name()
        .ok_or_else(|| io::Error::other("the path has no file name"))?;
    fs::rename(file, folder.join(name))?;
    // On Windows the file system journals renames.
    #[cfg(unix)]
    for folder in [Some(folder), file.parent()].into_iter().flatten() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Opens a regular file for reading. Another kind of file is refused before it is opened, because opening a
/// pipe waits for its writer.
///
/// # Errors
/// `InvalidInput` for a folder, pipe or device, else those of the disk.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let regular = |metadata: fs::Metadata| {
        if metadata.is_file() {
            return Ok(());
        }
        let kind = io::ErrorKind::InvalidInput;
        Err(io::Error::new(kind, "it is not a regular file"))
    };
    regular(fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Somebody may have put another file there meanwhile.
    regular(file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open_regular`], and `FileTooLarge` past the limit.
pub fn read_limited(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(length.min(limit as u64) as usize);
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_leaves_the_old_one_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.conf");
        write_whole(&target, b"old", Access::Shared).unwrap();
        let mut half = NewFile::create(&target, Access::Owner).unwrap();
        half.write_all(b"ne").unwrap();
        drop(half);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_root_writes_belongs_to_the_folders_owner() {
        use std::os::unix::fs::{MetadataExt, chown};

        let folder = tempfile::tempdir().unwrap();
        // Only root can give a folder away; for others the file is their own, as the folder is.
        let given = chown(folder.path(), Some(12_345), Some(54_321)).is_ok();
        let target = folder.path().join("a.licence");
        write_whole(&target, b"x", Access::Owner).unwrap();
        let (folder, file) = (folder.path().metadata(), target.metadata());
        let (folder, file) = (folder.unwrap(), file.unwrap());
        assert_eq!(file.uid(), folder.uid());
        assert_eq!(file.mode() & 0o777, 0o600);
        assert!(!given || file.gid() == 54_321);
    }

    #[test]
    fn a_folder_and_a_large_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            read_limited(folder.path(), 10).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        let target = folder.path().join("big");
        write_whole(&target, &[0; 11], Access::Shared).unwrap();
        assert_eq!(
            read_limited(&target, 10).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        assert_eq!(read_limited(&target, 11).unwrap().len(), 11);
    }
}
