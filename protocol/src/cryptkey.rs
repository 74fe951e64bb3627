//! The vendor's secrets of a series, the `.cryptkey` file. It never leaves the vendor.

use minicbor::{Decode, Encode};

use crate::{
    KeyId, UnixSeconds,
    envelope::{self, FormatError, Kind},
    signature::{Secret, SigningKey},
};

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 64 * 1024;

/// A content key and its version number.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ContentKey {
    /// Its version; datafiles name the one they were packed with.
    #[n(0)]
    pub version: u32,
    /// The key.
    #[n(1)]
    pub key: Secret,
}

/// The secrets of a series.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CryptKey {
    /// The series.
    #[n(0)]
    pub key_id: KeyId,
    /// The product's name.
    #[n(1)]
    pub name: String,
    /// When the series was made.
    #[n(2)]
    pub created_at: UnixSeconds,
    /// Signs licences and datafiles.
    #[n(3)]
    pub signing: SigningKey,
    /// All content keys, oldest first; the last one packs.
    #[n(4)]
    pub content_keys: Vec<ContentKey>,
}

impl CryptKey {
    /// The bytes of the file.
    pub fn to_bytes(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(envelope::seal(Kind::CryptKey, self))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Not ours, newer, cut or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let key: Self = envelope::open(Kind::CryptKey, bytes)?;
        if key.content_keys.is_empty() || key.signing.public().is_err() {
            return Err(FormatError::Damaged("a key in it".into()));
        }
        Ok(key)
    }

    /// The key that packs new datafiles.
    pub fn newest_content_key(&self) -> Option<&ContentKey> {
        self.content_keys.iter().max_by_key(|key| key.version)
    }
}
