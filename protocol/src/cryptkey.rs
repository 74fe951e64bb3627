//! The vendor's secrets of a series, the `.cryptkey` file. It never leaves the vendor.

use minicbor::{Decode, Encode};

use crate::{
    KeyId, UnixSeconds,
    envelope::{self, FormatError, Kind},
    series::{MAX_EARLIER, Series, SeriesKeys},
    signature::{Algorithm, KeyError, PublicKey, Secret, SigningKey},
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
    /// The public halves of the signing keys that the series had before, the latest first.
    #[n(5)]
    pub earlier: Option<Vec<PublicKey>>,
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
        let many = key
            .earlier
            .as_ref()
            .is_some_and(|keys| keys.len() > MAX_EARLIER);
        if key.content_keys.is_empty() || key.signing.public().is_err() || many {
            return Err(FormatError::Damaged("a key in it".into()));
        }
        Ok(key)
    }

    /// The series as customers' servers get to know it.
    ///
    /// # Errors
    /// A damaged signing key.
    pub fn series(&self) -> Result<Series, KeyError> {
        Ok(Series {
            earlier_keys: self.earlier.clone().unwrap_or_default(),
            ..Series::new(self.key_id, self.name.clone(), self.signing.public()?)
        })
    }

    /// All public keys of the series.
    ///
    /// # Errors
    /// A damaged signing key.
    pub fn public_keys(&self) -> Result<SeriesKeys, KeyError> {
        let earlier = self.earlier.clone().unwrap_or_default();
        Ok(SeriesKeys::new(self.signing.public()?, earlier))
    }

    /// The same series with a new signing key of that algorithm. The keys that it had stay known; when there are too many, the
    /// oldest is forgotten.
    ///
    /// # Errors
    /// A damaged signing key.
    pub fn rotated(&self, algorithm: Algorithm) -> Result<Self, KeyError> {
        let mut earlier = self.earlier.clone().unwrap_or_default();
        earlier.insert(0, self.signing.public()?);
        earlier.truncate(MAX_EARLIER);
        Ok(Self {
            signing: SigningKey::generate(algorithm),
            earlier: Some(earlier),
            ..self.clone()
        })
    }

    /// The key that packs new datafiles.
    pub fn newest_content_key(&self) -> Option<&ContentKey> {
        self.content_keys.iter().max_by_key(|key| key.version)
    }
}
