//! The holder key of this computer's licences: made at the first request, sealed to the computer.
//!
//! The file has the two secrets encrypted with a key of its own, and that key sealed to each lasting fact of the
//! computer by itself: any one of them opens it, so that a changed board does not lose the licences, whose own
//! binding asks for more. A copied file does not open elsewhere.

use std::{
    io,
    path::{Path, PathBuf},
};

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead, aead::Payload};
use hkdf::Hkdf;
use minicbor::{Decode, Encode};
use protocol::{
    binding::{Fact, FactKind},
    envelope::{self, FormatError, Kind},
    files::{Access, read_limited, write_whole},
    licence::Holder,
    seal::SealingKey,
    signature::{Algorithm, KeyError, Secret, SigningKey},
};
use sha2::Sha256;

use crate::carriers::CarrierError;

const MAX_FILE: usize = 64 * 1024;

/// The secret halves of a holder key.
#[derive(Clone, Debug)]
pub struct HolderKeys {
    /// Signs delegations and requests.
    pub signing: SigningKey,
    /// Opens content keys.
    pub sealing: SealingKey,
}

/// Why there is no holder key.
#[derive(Debug, thiserror::Error)]
pub enum HolderError {
    /// The file cannot be read or written.
    #[error("{}: {error}; check the rights of the server's user", .0.display(), error = .1)]
    File(PathBuf, io::Error),
    /// The file is not one.
    #[error("{}: {error}", .0.display(), error = .1)]
    Format(PathBuf, FormatError),
    /// It is another computer's, or every lasting fact of this one changed.
    #[error("{} was made on another computer; activate the code here, or make a new licence request", .0.display())]
    OtherComputer(PathBuf),
    /// The computer tells nothing of itself.
    #[error("this computer tells nothing that a licence could be bound to; write an id of your own into {} or set LICENCE_MACHINE_ID", .0.display())]
    NoFacts(PathBuf),
    /// The key is damaged.
    #[error("{}: {error}", .0.display(), error = .1)]
    Key(PathBuf, KeyError),
    /// The folder of the keys.
    #[error(transparent)]
    Folder(Box<super::KeysError>),
    /// It is in a carrier.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Sealed {
    #[cbor(n(0), with = "minicbor::bytes")]
    salt: [u8; 16],
    /// The file's key, sealed to one fact each.
    #[n(1)]
    keys: Vec<minicbor::bytes::ByteVec>,
    /// The secrets, sealed to the file's key.
    #[cbor(n(2), with = "minicbor::bytes")]
    secrets: Vec<u8>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Secrets {
    #[n(0)]
    signing: Secret,
    #[n(1)]
    sealing: Secret,
}

impl HolderKeys {
    /// The holder as requests and licences list it.
    ///
    /// # Errors
    /// When the secret is damaged.
    pub fn holder(&self) -> Result<Holder, KeyError> {
        Ok(self.sealing.holder(self.signing.public()?))
    }

    /// Opens the file; nothing when there is none.
    ///
    /// # Errors
    /// [`HolderError`].
    pub fn open(path: &Path, facts: &[Fact]) -> Result<Option<Self>, HolderError> {
        let bytes = match read_limited(path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(HolderError::File(path.into(), error)),
        };
        let sealed: Sealed = envelope::open(Kind::HolderKey, &bytes)
            .map_err(|error| HolderError::Format(path.into(), error))?;
        let key = lasting(facts)
            .iter()
            .flat_map(|fact| {
                let key = fact_key(fact, &sealed.salt);
                sealed
                    .keys
                    .iter()
                    .filter_map(move |box_| open_with(&key, b"key", box_))
            })
            .find_map(|bytes| Some(Secret(bytes.as_slice().try_into().ok()?)))
            .ok_or_else(|| HolderError::OtherComputer(path.into()))?;
        let damaged =
            || HolderError::Format(path.into(), FormatError::Damaged("the secrets".into()));
        let bytes = open_with(&key, b"secrets", &sealed.secrets).ok_or_else(damaged)?;
        let secrets: Secrets = envelope::from_cbor(&bytes).map_err(|_| damaged())?;
        let signing = SigningKey::from_secret(Algorithm::Ed25519, secrets.signing)
            .map_err(|error| HolderError::Key(path.into(), error))?;
        Ok(Some(Self {
            signing,
            sealing: SealingKey::from_secret(secrets.sealing),
        }))
    }

    /// Opens the file, or makes a new key where there is none.
    ///
    /// # Errors
    /// [`HolderError`].
    pub fn open_or_make(path: &Path, facts: &[Fact]) -> Result<Self, HolderError> {
        if let Some(keys) = Self::open(path, facts)? {
            return Ok(keys);
        }
        if facts.is_empty() {
            return Err(HolderError::NoFacts(path.with_file_name("machine-id")));
        }
        let signing = Secret::random();
        let sealing = SealingKey::generate();
        let secrets = Secrets {
            signing: signing.clone(),
            sealing: sealing.secret().clone(),
        };
        let plain = zeroize::Zeroizing::new(envelope::to_cbor(&secrets));
        let (salt, key) = (protocol::random_bytes(), Secret::random());
        let sealed = Sealed {
            salt,
            keys: lasting(facts)
                .iter()
                .map(|fact| seal_with(&fact_key(fact, &salt), b"key", &key.0).into())
                .collect(),
            secrets: seal_with(&key, b"secrets", &plain),
        };
        write_whole(
            path,
            &envelope::seal(Kind::HolderKey, &sealed),
            Access::Owner,
        )
        .map_err(|error| HolderError::File(path.into(), error))?;
        let signing = SigningKey::from_secret(Algorithm::Ed25519, signing)
            .map_err(|error| HolderError::Key(path.into(), error))?;
        Ok(Self { signing, sealing })
    }
}

/// The facts that last; where there are none of them, all.
fn lasting(facts: &[Fact]) -> Vec<&Fact> {
    let kinds = [
        FactKind::ExplicitId,
        FactKind::MachineId,
        FactKind::DmiUuid,
        FactKind::BoardSerial,
    ];
    let lasting: Vec<&Fact> = facts
        .iter()
        .filter(|fact| kinds.contains(&fact.kind))
        .collect();
    if lasting.is_empty() {
        facts.iter().collect()
    } else {
        lasting
    }
}

fn fact_key(fact: &Fact, salt: &[u8; 16]) -> Secret {
    let mut key = Secret([0; 32]);
    let mut info = b"licence-holder-v1\0".to_vec();
    info.push(fact.kind as u8);
    Hkdf::<Sha256>::new(Some(salt), fact.value.trim().to_uppercase().as_bytes())
        .expand(&info, &mut key.0)
        .expect("32 bytes are within what HKDF gives");
    key
}

/// Every key here seals one text, once: a nonce of zeros is never used twice.
const ONCE: [u8; 12] = [0; 12];

fn seal_with(key: &Secret, what: &[u8], plain: &[u8]) -> Vec<u8> {
    ChaCha20Poly1305::new(&key.0.into())
        .encrypt(
            &ONCE.into(),
            Payload {
                msg: plain,
                aad: what,
            },
        )
        .expect("a short text is within the cipher's limit")
}

fn open_with(key: &Secret, what: &[u8], sealed: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let cipher = ChaCha20Poly1305::new(&key.0.into());
    cipher
        .decrypt(
            &ONCE.into(),
            Payload {
                msg: sealed,
                aad: what,
            },
        )
        .ok()
        .map(zeroize::Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_lasting_fact_opens_the_file_and_another_computer_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.holder");
        let fact = |kind, value: &str| Fact {
            kind,
            value: value.into(),
        };
        let (id, dmi, mac) = (
            fact(FactKind::MachineId, "a"),
            fact(FactKind::DmiUuid, "b"),
            fact(FactKind::Mac, "c"),
        );
        assert!(
            HolderKeys::open(&path, std::slice::from_ref(&id))
                .unwrap()
                .is_none()
        );
        assert!(matches!(
            HolderKeys::open_or_make(&path, &[]),
            Err(HolderError::NoFacts(_))
        ));
        let made =
            HolderKeys::open_or_make(&path, &[id.clone(), dmi.clone(), mac.clone()]).unwrap();
        let again =
            HolderKeys::open_or_make(&path, &[fact(FactKind::MachineId, "x"), dmi]).unwrap();
        assert_eq!(made.holder().unwrap(), again.holder().unwrap());
        assert!(matches!(
            HolderKeys::open(&path, &[mac]),
            Err(HolderError::OtherComputer(_))
        ));
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777,
            0o600
        );
    }
}
