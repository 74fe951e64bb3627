//! The datafile with protected objects: loaded once per process, decrypted straight into its destination.

mod content;

use std::{
    collections::HashMap,
    io::{self, BufReader, BufWriter, Cursor, Write},
    path::Path,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use protocol::{
    Reason,
    datafile::{ObjectEntry, SignedDirectory, open_object, read_directory},
    envelope::FormatError,
    files::{Access, NewFile},
    series::SeriesKeys,
    signature::{PublicKey, Secret},
};
use serde_json::{Value as Json, json};

use self::content::Content;
use crate::{
    per_process::PerProcess,
    table::{CallError, Deferred},
    texts::{error, error_about},
};

/// The datafiles of this process, by what names their content.
static LOADED: PerProcess<Mutex<Loaded>> = PerProcess::new();

type Loaded = HashMap<[u8; 32], Weak<DataFile>>;

/// A datafile whose directory was checked.
#[derive(Debug)]
pub struct DataFile {
    signed: SignedDirectory,
    content: Content,
}

impl DataFile {
    /// Loads binary data, or finds it loaded.
    ///
    /// # Errors
    /// Not a datafile, newer, cut, altered, or signed by another vendor than `keys`.
    pub fn from_bytes(bytes: Vec<u8>, keys: Option<&SeriesKeys>) -> Result<Arc<Self>, CallError> {
        let name = protocol::sha256(&bytes);
        Self::load(name, Content::Memory(bytes), keys)
    }

    /// Loads a file, or finds it loaded. The file stays open, so that it may be deleted meanwhile.
    ///
    /// # Errors
    /// As [`DataFile::from_bytes`], and when the file cannot be read.
    pub fn from_file(path: &str, keys: Option<&SeriesKeys>) -> Result<Arc<Self>, CallError> {
        let unreadable = |why: io::Error| {
            log::warn!("{path}: {why}");
            error_about(Reason::FileUnreadable, path)
        };
        let content = Content::open(Path::new(path)).map_err(unreadable)?;
        let name = content.name().map_err(unreadable)?;
        Self::load(name, content, keys)
    }

    fn load(
        name: [u8; 32],
        content: Content,
        keys: Option<&SeriesKeys>,
    ) -> Result<Arc<Self>, CallError> {
        let known = |all: &Loaded| {
            all.get(&name).and_then(Weak::upgrade).filter(|known| {
                let signer = &known.signed.directory.public_key;
                keys.is_none_or(|keys| keys.iter().any(|key| key == signer))
            })
        };
        if let Some(known) = known(&LOADED.lock()) {
            return Ok(known);
        }
        let read =
            |key: Option<&PublicKey>| read_directory(&mut BufReader::new(content.from(0)), key);
        let signed = match keys {
            Some(keys) => keys.find(|key| read(Some(key))),
            None => read(None),
        };
        let signed = signed.map_err(|why| format_error(&why))?;
        let length = content.length();
        if length < signed.file_size() {
            return Err(error(Reason::Truncated));
        }
        if length > signed.file_size() {
            return Err(error(Reason::Altered));
        }
        let loaded = Arc::new(Self { signed, content });
        let mut all = LOADED.lock();
        // Another thread may have been faster: then its copy is everybody's.
        if let Some(known) = known(&all) {
            return Ok(known);
        }
        all.retain(|_, file| file.strong_count() > 0);
        all.insert(name, Arc::downgrade(&loaded));
        Ok(loaded)
    }

    /// The checked directory.
    #[must_use]
    pub const fn directory(&self) -> &SignedDirectory {
        &self.signed
    }

    /// The objects as JSON, for `ListObjects()`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let objects = self.signed.directory.objects.iter();
        objects
            .map(|object| {
                json!({
                    "Name": object.name,
                    "Version": object.version,
                    "Flags": object.flags,
                    "Size": object.plain_size,
                })
            })
            .collect()
    }

    /// An object of the directory.
    ///
    /// # Errors
    /// No object has that name.
    pub fn object(&self, name: &str) -> Result<&ObjectEntry, CallError> {
        self.signed
            .directory
            .object(name)
            .ok_or_else(|| error_about(Reason::UnknownObject, name))
    }

    /// An object that is decrypted once the platform's memory for it is there.
    ///
    /// # Errors
    /// No object has that name, or it does not fit into memory.
    pub fn deferred(self: &Arc<Self>, name: &str, key: Secret) -> Result<Deferred, CallError> {
        // The platform counts binary data in 32 bits.
        let length = u32::try_from(self.object(name)?.plain_size)
            .ok()
            .and_then(|length| usize::try_from(length).ok())
            .ok_or_else(|| error(Reason::NoMemory))?;
        let (file, name) = (Arc::clone(self), name.to_owned());
        Ok(Deferred::new(length, move |buffer| {
            file.decrypt(&name, &key, &mut Cursor::new(buffer))
        }))
    }

    /// Writes an object to a file, whole or not at all.
    ///
    /// # Errors
    /// No object has that name, it does not decrypt, or the file cannot be written.
    pub fn write(&self, name: &str, key: &Secret, path: &str) -> Result<(), CallError> {
        let cannot = |why: io::Error| {
            log::warn!("{path}: {why}");
            error_about(Reason::CannotWrite, path)
        };
        // Plain objects are for the user who asked, and for nobody else.
        let file = NewFile::create(Path::new(path), Access::Owner).map_err(cannot)?;
        let mut buffered = BufWriter::with_capacity(64 * 1024, file);
        self.decrypt(name, key, &mut buffered)?;
        let file = buffered
            .into_inner()
            .map_err(|why| cannot(why.into_error()))?;
        file.finish().map_err(cannot)
    }

    fn decrypt(&self, name: &str, key: &Secret, out: &mut impl Write) -> Result<(), CallError> {
        let entry = self.object(name)?;
        let Some((offset, _)) = self.signed.place(name) else {
            return Err(error_about(Reason::UnknownObject, name));
        };
        let ciphertext = self.content.from(offset);
        open_object(&self.signed, entry, key, ciphertext, out).map_err(|why| {
            log::warn!("object {name}: {why}");
            error_about(
                match why.kind() {
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Reason::Altered,
                    io::ErrorKind::UnexpectedEof => Reason::Truncated,
                    _ => Reason::CannotWrite,
                },
                name,
            )
        })
    }
}

fn format_error(why: &FormatError) -> CallError {
    log::warn!("the datafile: {why}");
    error(match why {
        FormatError::NotOurs(_) => Reason::NotDataFile,
        FormatError::Newer(_) => Reason::NewerFormat,
        FormatError::Truncated => Reason::Truncated,
        FormatError::Damaged(_) | FormatError::Signature => Reason::Altered,
    })
}

#[cfg(test)]
mod tests;
