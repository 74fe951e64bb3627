//! Trust on Linux: the file and each folder above it belong to root, nobody else may write there, no links.

use std::{
    fs::{Metadata, OpenOptions},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use super::{MAX_LIBRARY, Refusal, Trusted, elf};

const ROOT: u32 = 0;
/// The rights of group and others to write.
const WRITE: u32 = 0o022;

pub(super) fn folders() -> Vec<PathBuf> {
    vec!["/opt/1C/licence/3.0".into()]
}

pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Goes down from the root: once a folder is found to be root's alone, what is in it can only change by
/// root's hand, so each step stands on the one before it.
pub(super) fn open(path: &Path) -> Result<Trusted, Refusal> {
    let mut folder = PathBuf::new();
    for part in path.parent().unwrap_or(Path::new("")).components() {
        match part {
            Component::RootDir | Component::Normal(_) => folder.push(part),
            _ => return Err(Refusal::Link(path.into())),
        }
        let metadata = folder.symlink_metadata().map_err(unreadable(&folder))?;
        if metadata.is_symlink() {
            return Err(Refusal::Link(folder));
        }
        check(&folder, &metadata)?;
    }
    let found = path.symlink_metadata().map_err(unreadable(path))?;
    if found.is_symlink() {
        return Err(Refusal::Link(path.into()));
    }
    if !found.is_file() || found.len() > MAX_LIBRARY {
        return Err(Refusal::NotAFile);
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
        .map_err(unreadable(path))?;
    // What was opened counts, not what the name meant a moment ago.
    let metadata = file.metadata().map_err(unreadable(path))?;
    if !metadata.is_file() {
        return Err(Refusal::NotAFile);
    }
    check(path, &metadata)?;
    Ok(Trusted {
        path: path.into(),
        file,
    })
}

/// Refuses a library that the loader would trip over.
pub(super) fn check_whole(trusted: &Trusted) -> Result<(), Refusal> {
    match elf::complaint(&trusted.file) {
        Ok(None) => Ok(()),
        Ok(Some(complaint)) => Err(Refusal::NotLoaded(complaint.into())),
        Err(error) => Err(unreadable(&trusted.path)(error)),
    }
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), Refusal> {
    if metadata.uid() != ROOT {
        return Err(Refusal::Owner(path.into()));
    }
    if metadata.mode() & WRITE != 0 {
        return Err(Refusal::Writable(path.into()));
    }
    Ok(())
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Refusal {
    move |error| Refusal::Unreadable(path.into(), error.to_string())
}
