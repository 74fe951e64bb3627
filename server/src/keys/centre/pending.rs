//! Requests that wait for an answer: `data/pending/ID.activation`. An answer is good for one of them, once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use protocol::{
    centre::{Activation, MAX_REQUEST, Message},
    files::{Access, read_limited, write_whole},
};

use super::CentreError;
use crate::keys::{KeysError, make_folder};

/// How many requests may wait.
const MAX_WAITING: usize = 1000;

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) file: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) body: Box<Activation>,
}

/// All requests that wait.
pub(super) fn all(data: &Path) -> Vec<Waiting> {
    let folder = fs::read_dir(folder(data)).into_iter().flatten().flatten();
    folder
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "activation")
        })
        .take(MAX_WAITING)
        .filter_map(read)
        .collect()
}

/// The request of that id.
pub(super) fn find(data: &Path, id: &[u8; 16]) -> Option<Waiting> {
    read(path(data, id))
}

/// Keeps a request.
pub(super) fn keep(data: &Path, id: &[u8; 16], bytes: &[u8]) -> Result<(), CentreError> {
    let folder = folder(data);
    make_folder(&folder)?;
    let count = fs::read_dir(&folder).into_iter().flatten().count();
    if count >= MAX_WAITING {
        return Err(CentreError::TooManyWaiting(folder));
    }
    let path = path(data, id);
    write_whole(&path, bytes, Access::Owner).map_err(|error| KeysError::File { path, error }.into())
}

impl Waiting {
    /// It was answered.
    pub(super) fn done(&self) {
        if let Err(error) = fs::remove_file(&self.file) {
            log::warn!("{}: {error}", self.file.display());
        }
    }
}

fn read(file: PathBuf) -> Option<Waiting> {
    let bytes = read_limited(&file, MAX_REQUEST).ok()?;
    match Message::from_bytes(&bytes).ok()? {
        Message::Activation(body) => Some(Waiting { file, bytes, body }),
        _ => None,
    }
}

fn folder(data: &Path) -> PathBuf {
    data.join("pending")
}

fn path(data: &Path, id: &[u8; 16]) -> PathBuf {
    folder(data).join(format!("{}.activation", data_encoding::HEXUPPER.encode(id)))
}
