//! The datafile: protected objects of a series, each compressed and encrypted, under one signed directory.
//!
//! Layout: the envelope's head; the directory's length as four bytes, most significant first; the signed
//! directory; the objects' ciphertexts one after another, in the directory's order.

mod open;
pub mod pack;
#[cfg(test)]
mod tests;

use std::io::Read;

use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use sha2::Sha256;

use crate::{
    KeyId,
    envelope::{self, FormatError, HEAD, Kind},
    series::{MAX_EARLIER, Series, SeriesKeys, by_any},
    signature::{Context, PublicKey, Secret, Signed},
};

pub use open::open_object;

/// The largest signed directory, in bytes.
pub const MAX_DIRECTORY: usize = 1024 * 1024;
/// The most objects of one file.
pub const MAX_OBJECTS: usize = 4096;
/// The longest name of an object, in bytes of UTF-8.
pub const MAX_NAME: usize = 512;
/// The largest object, in bytes.
pub const MAX_OBJECT: u64 = 4 << 30;
/// The plain bytes of one encrypted chunk.
pub const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// How an object is compressed before it is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Compression {
    /// Not at all.
    #[n(0)]
    None,
    /// Raw deflate (RFC 1951).
    #[n(1)]
    Deflate,
}

/// One object of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ObjectEntry {
    /// Its name, unique in the file.
    #[n(0)]
    pub name: String,
    /// The vendor's version of it.
    #[n(1)]
    pub version: u32,
    /// The flags that a key must have to open it.
    #[n(2)]
    pub flags: u32,
    /// Its compression.
    #[n(3)]
    pub compression: Compression,
    /// Its plain length, in bytes.
    #[n(4)]
    pub plain_size: u64,
    /// Its compressed length, in bytes; the ciphertext adds 16 a chunk.
    #[n(5)]
    pub packed_size: u64,
}

impl ObjectEntry {
    /// The bytes that its ciphertext takes in the file.
    pub fn stored_size(&self) -> u64 {
        let chunks = self.packed_size.div_ceil(CHUNK as u64).max(1);
        self.packed_size + chunks * TAG as u64
    }
}

/// The directory.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Directory {
    /// The series.
    #[n(0)]
    pub key_id: KeyId,
    /// The series' public key: what a component checks licences with.
    #[n(1)]
    pub public_key: PublicKey,
    /// Names this file.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub file_id: [u8; 16],
    /// Drawn at each packing, so that no object key is used twice.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub salt: [u8; 32],
    /// Which content key the object keys come from.
    #[n(4)]
    pub content_key_version: u32,
    /// The objects.
    #[n(5)]
    pub objects: Vec<ObjectEntry>,
    /// The public keys that the series had before: licences that they signed stay good.
    #[n(6)]
    pub earlier_keys: Option<Vec<PublicKey>>,
}

impl Directory {
    fn check(&self) -> Result<(), FormatError> {
        let damaged = |what: &str| Err(FormatError::Damaged(what.into()));
        if self.objects.len() > MAX_OBJECTS {
            return damaged("the number of objects");
        }
        if self
            .earlier_keys
            .as_ref()
            .is_some_and(|keys| keys.len() > MAX_EARLIER)
        {
            return damaged("the number of earlier keys");
        }
        for (index, object) in self.objects.iter().enumerate() {
            if object.name.is_empty() || object.name.len() > MAX_NAME {
                return damaged("an object's name");
            }
            if object.plain_size > MAX_OBJECT || object.packed_size > MAX_OBJECT {
                return damaged("an object's size");
            }
            if self.objects[..index]
                .iter()
                .any(|other| other.name == object.name)
            {
                return damaged("two objects of one name");
            }
        }
        Ok(())
    }

    /// What a component checks licences with.
    pub fn keys(&self) -> SeriesKeys {
        let earlier = self.earlier_keys.clone().unwrap_or_default();
        SeriesKeys::new(self.public_key.clone(), earlier)
    }

    /// The object of that name, as it is spelt.
    pub fn object(&self, name: &str) -> Option<&ObjectEntry> {
        self.objects.iter().find(|object| object.name == name)
    }

    /// The key of one object: HKDF-SHA256 of the content key with the directory's salt.
    pub fn object_key(&self, content_key: &Secret, object: &ObjectEntry) -> Secret {
        let mut info = b"licence-object-v1\0".to_vec();
        info.extend(self.key_id.0.to_be_bytes());
        info.extend(self.file_id);
        info.extend((object.name.len() as u16).to_be_bytes());
        info.extend(object.name.as_bytes());
        info.extend(object.version.to_be_bytes());
        info.extend(object.flags.to_be_bytes());
        let mut key = Secret([0; 32]);
        Hkdf::<Sha256>::new(Some(&self.salt), &content_key.0)
            .expand(&info, &mut key.0)
            .expect("32 bytes are within what HKDF-SHA256 gives");
        key
    }
}

/// A directory whose signature was checked, with the bytes it came from.
#[derive(Clone, Debug)]
pub struct SignedDirectory {
    /// What it says.
    pub directory: Directory,
    /// The signed bytes, as a server wants them.
    pub bytes: Vec<u8>,
    /// SHA-256 of the signed bytes: names the directory, and is every chunk's associated data.
    pub hash: [u8; 32],
}

impl SignedDirectory {
    /// Reads signed bytes and checks the signature with the key of the series; `None` takes the key that
    /// the directory itself names (a component that was not given another).
    ///
    /// # Errors
    /// Cut, damaged or altered.
    pub fn read(bytes: &[u8], key: Option<&PublicKey>) -> Result<Self, FormatError> {
        if bytes.len() > MAX_DIRECTORY {
            return Err(FormatError::Damaged("the directory is too large".into()));
        }
        let signed: Signed = envelope::from_cbor(bytes)?;
        let directory: Directory = envelope::from_cbor(signed.unverified())?;
        signed.verify(Context::Directory, key.unwrap_or(&directory.public_key))?;
        directory.check()?;
        Ok(Self {
            directory,
            bytes: bytes.to_vec(),
            hash: crate::sha256(bytes),
        })
    }

    /// The same with any of a series' keys.
    ///
    /// # Errors
    /// As [`SignedDirectory::read`].
    pub fn read_by(bytes: &[u8], series: &Series) -> Result<Self, FormatError> {
        by_any(series.keys(), |key| Self::read(bytes, Some(key)))
    }

    /// Where the ciphertexts begin in the file.
    fn first_offset(&self) -> u64 {
        (HEAD + 4 + self.bytes.len()) as u64
    }

    /// Where an object's ciphertext stands in the file, and how long it is; `None` for a name not in it.
    pub fn place(&self, name: &str) -> Option<(u64, u64)> {
        let mut offset = self.first_offset();
        for object in &self.directory.objects {
            if object.name == name {
                return Some((offset, object.stored_size()));
            }
            offset += object.stored_size();
        }
        None
    }

    /// How long the whole file must be.
    pub fn file_size(&self) -> u64 {
        self.first_offset()
            + self
                .directory
                .objects
                .iter()
                .map(ObjectEntry::stored_size)
                .sum::<u64>()
    }
}

/// Reads the beginning of a datafile, up to the first object.
///
/// # Errors
/// Not ours, newer, cut, damaged or altered; `Truncated` for what the reader itself fails on.
pub fn read_directory(
    file: &mut impl Read,
    key: Option<&PublicKey>,
) -> Result<SignedDirectory, FormatError> {
    let mut head = Vec::with_capacity(HEAD + 4);
    let mut start = file.take((HEAD + 4) as u64);
    start
        .read_to_end(&mut head)
        .map_err(|_| FormatError::Truncated)?;
    let length = envelope::check_head(Kind::DataFile, &head)?;
    let length =
        u32::from_be_bytes(length.try_into().map_err(|_| FormatError::Truncated)?) as usize;
    if length > MAX_DIRECTORY {
        return Err(FormatError::Damaged("the directory's length".into()));
    }
    let mut bytes = Vec::new();
    let mut body = start.into_inner().take(length as u64);
    body.read_to_end(&mut bytes)
        .map_err(|_| FormatError::Truncated)?;
    if bytes.len() < length {
        return Err(FormatError::Truncated);
    }
    SignedDirectory::read(&bytes, key)
}
