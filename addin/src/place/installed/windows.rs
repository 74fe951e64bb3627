//! Trust on Windows: the file and each folder above it belong to the system or the administrators, nobody else
//! has a right to change them, no reparse points. All are held open without the right to delete, so that what was
//! checked is what the path means until it is loaded.

use std::{
    fs::{File, OpenOptions},
    os::windows::fs::{MetadataExt, OpenOptionsExt},
    path::{Component, Path, PathBuf, Prefix},
};

use known_folders::{KnownFolder, get_known_folder_path};

use super::{MAX_LIBRARY, Refusal, Trusted};
use crate::native::rights::{self, Place, Verdict};

const READ_CONTROL: u32 = 0x0002_0000;
const FILE_READ_ATTRIBUTES: u32 = 0x80;
const GENERIC_READ: u32 = 0x8000_0000;
const SHARE_READ: u32 = 1;
const SHARE_READ_AND_WRITE: u32 = 3;
/// Lets folders be opened, and links themselves instead of what they lead to.
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
const REPARSE_POINT: u32 = 0x400;

/// The installer puts the component of each kind of processes into the folder for programs of that kind, which is the one that
/// a process is told. Before it comes the 64-bit one, for whoever keeps both there.
pub(super) fn folders() -> Vec<PathBuf> {
    let wide = windows_registry::LOCAL_MACHINE
        .open(r"SOFTWARE\Microsoft\Windows\CurrentVersion")
        .and_then(|key| key.get_string("ProgramW6432Dir"))
        .ok()
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from);
    let own = get_known_folder_path(KnownFolder::ProgramFiles);
    let mut all: Vec<_> = wide
        .into_iter()
        .chain(own)
        .map(|folder| folder.join(r"1C\Licence\3.0"))
        .collect();
    all.dedup();
    all
}

/// Paths of existing files have one spelling here after they were made canonical.
pub(super) fn same_file(_: &Path, _: &Path) -> bool {
    false
}

pub(super) fn open(path: &Path) -> Result<Trusted, Refusal> {
    let mut folder = PathBuf::new();
    let mut folders = Vec::new();
    for part in path.parent().unwrap_or(Path::new("")).components() {
        folder.push(part);
        let place = match part {
            Component::Prefix(prefix) if matches!(prefix.kind(), Prefix::Disk(_)) => continue,
            Component::RootDir => Place::Drive,
            Component::Normal(_) => Place::Inside,
            _ => return Err(Refusal::Link(folder)),
        };
        let opened = open_one(
            &folder,
            READ_CONTROL | FILE_READ_ATTRIBUTES,
            SHARE_READ_AND_WRITE,
        )?;
        check(&folder, &opened, place)?;
        folders.push(opened);
    }
    let file = open_one(path, READ_CONTROL | GENERIC_READ, SHARE_READ)?;
    check(path, &file, Place::Inside)?;
    let metadata = file.metadata().map_err(unreadable(path))?;
    if !metadata.is_file() || metadata.len() > MAX_LIBRARY {
        return Err(Refusal::NotAFile);
    }
    Ok(Trusted {
        path: path.into(),
        file,
        _folders: folders,
    })
}

/// The system's loader looks at sizes itself.
pub(super) fn check_whole(_: &Trusted) -> Result<(), Refusal> {
    Ok(())
}

fn open_one(path: &Path, access: u32, share: u32) -> Result<File, Refusal> {
    let file = OpenOptions::new()
        .access_mode(access)
        .share_mode(share)
        .custom_flags(BACKUP_SEMANTICS | OPEN_REPARSE_POINT)
        .open(path)
        .map_err(unreadable(path))?;
    let attributes = file.metadata().map_err(unreadable(path))?.file_attributes();
    if attributes & REPARSE_POINT != 0 {
        return Err(Refusal::Link(path.into()));
    }
    Ok(file)
}

fn check(path: &Path, opened: &File, place: Place) -> Result<(), Refusal> {
    match rights::of(opened, place).map_err(unreadable(path))? {
        Verdict::SystemOnly => Ok(()),
        Verdict::Owner => Err(Refusal::Owner(path.into())),
        Verdict::Writable => Err(Refusal::Writable(path.into())),
    }
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Refusal {
    move |error| Refusal::Unreadable(path.into(), error.to_string())
}
