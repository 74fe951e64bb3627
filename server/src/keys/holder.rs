//! Holder keys of software licences, kept sealed to the computer.
//!
//! The private halves are encrypted with a random key, which is wrapped once for each stable fact of the
//! computer together with the instance key: any one of the facts that is still the same opens it.

use std::{fs, io, path::PathBuf};

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use hkdf::Hkdf;
use minicbor::{Decode, Encode, bytes::ByteVec};
use protocol::{
    binding::{Fact, FactKind},
    envelope::{self, FormatError, Kind},
    files::{self, Access},
    licence::Holder,
    seal::SealingKey,
    signature::{Algorithm, Secret, SigningKey},
};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A holder key, opened.
#[derive(Clone, Debug)]
pub struct HolderKey {
    /// Signs delegations.
    pub signing: SigningKey,
    /// Unwraps content keys.
    pub sealing: SealingKey,
}

impl HolderKey {
    fn generate() -> Self {
        Self {
            signing: SigningKey::generate(Algorithm::Ed25519),
            sealing: SealingKey::generate(),
        }
    }

    /// Its public halves.
    ///
    /// # Errors
    /// When the key is damaged.
    pub fn public(&self) -> io::Result<Holder> {
        let signing = self.signing.public().map_err(io::Error::other)?;
        Ok(self.sealing.holder(signing))
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct HolderFile {
    #[cbor(n(0), with = "minicbor::bytes")]
    salt: [u8; 32],
    #[n(1)]
    slots: Vec<Slot>,
    #[n(2)]
    sealed: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Slot {
    #[n(0)]
    kind: Option<FactKind>,
    #[n(1)]
    wrapped: ByteVec,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Halves {
    #[n(0)]
    signing: SigningKey,
    #[n(1)]
    sealing: Secret,
}

/// The folder of holder keys.
#[derive(Debug)]
pub struct HolderKeys {
    folder: PathBuf,
    instance: Secret,
    facts: Vec<Fact>,
}

impl HolderKeys {
    /// The holder keys below a data folder, for the computer with those facts.
    pub fn new(data: PathBuf, instance: Secret, facts: Vec<Fact>) -> Self {
        Self {
            folder: data.join("holders"),
            instance,
            facts,
        }
    }

    /// All keys that open here. A file that does not is logged and left alone.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn load(&self) -> io::Result<Vec<HolderKey>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path
                .extension()
                .is_none_or(|extension| extension != "holder")
            {
                continue;
            }
            match files::read_limited(&path, 64 * 1024) {
                Ok(bytes) => match self.open(&bytes) {
                    Ok(key) => keys.push(key),
                    Err(error) => log::warn!("holder key {}: {error}", path.display()),
                },
                Err(error) => log::warn!("holder key {}: {error}", path.display()),
            }
        }
        Ok(keys)
    }

    /// Makes a new key and keeps it.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn create(&self) -> io::Result<HolderKey> {
        let key = HolderKey::generate();
        let name = data_encoding::HEXLOWER.encode(&key.public()?.signing.as_bytes()[..8]);
        fs::create_dir_all(&self.folder)?;
        let bytes = self.seal(&key).map_err(io::Error::other)?;
        files::write_whole(
            &self.folder.join(format!("{name}.holder")),
            &bytes,
            Access::Owner,
        )?;
        Ok(key)
    }

    fn seal(&self, key: &HolderKey) -> Result<Vec<u8>, FormatError> {
        let salt = protocol::random_bytes();
        let inner = Secret::random();
        let halves = Halves {
            signing: key.signing.clone(),
            sealing: key.sealing.secret().clone(),
        };
        let plain = Zeroizing::new(envelope::to_cbor(&halves));
        let stable = self
            .facts
            .iter()
            .filter(|fact| is_stable(fact.kind))
            .map(Some);
        let mut openers: Vec<Option<&Fact>> = stable.collect();
        if openers.is_empty() {
            openers.push(None);
        }
        let mut slots = Vec::new();
        for fact in openers {
            let wrapped = encrypt(&self.slot_key(&salt, fact), &inner.0)?;
            slots.push(Slot {
                kind: fact.map(|fact| fact.kind),
                wrapped: wrapped.into(),
            });
        }
        let sealed = encrypt(&inner, &plain)?.into();
        Ok(envelope::seal(
            Kind::HolderKey,
            &HolderFile {
                salt,
                slots,
                sealed,
            },
        ))
    }

    fn open(&self, bytes: &[u8]) -> Result<HolderKey, FormatError> {
        let file: HolderFile = envelope::open(Kind::HolderKey, bytes)?;
        let inner = file
            .slots
            .iter()
            .find_map(|slot| self.open_slot(&file.salt, slot));
        let inner =
            inner.ok_or_else(|| FormatError::Damaged("it was made on another computer".into()))?;
        let plain = decrypt(&inner, &file.sealed)?;
        let halves: Halves = envelope::from_cbor(&plain)?;
        Ok(HolderKey {
            signing: halves.signing,
            sealing: SealingKey::from_secret(halves.sealing),
        })
    }

    fn open_slot(&self, salt: &[u8; 32], slot: &Slot) -> Option<Secret> {
        let same_kind = self
            .facts
            .iter()
            .filter(|fact| Some(fact.kind) == slot.kind)
            .map(Some);
        same_kind
            .chain(slot.kind.is_none().then_some(None))
            .find_map(|fact| {
                let inner = decrypt(&self.slot_key(salt, fact), &slot.wrapped).ok()?;
                Some(Secret(inner.as_slice().try_into().ok()?))
            })
    }

    /// Each slot's key is derived with a salt of its own file, so it encrypts one message only.
    fn slot_key(&self, salt: &[u8; 32], fact: Option<&Fact>) -> Secret {
        let mut info = b"licence-holder-slot-v1\0".to_vec();
        if let Some(fact) = fact {
            info.push(fact.kind as u8);
            info.extend(fact.value.trim().to_uppercase().as_bytes());
        }
        let mut key = Secret([0; 32]);
        Hkdf::<Sha256>::new(Some(salt), &self.instance.0)
            .expand(&info, &mut key.0)
            .expect("32 bytes are within what HKDF-SHA256 gives");
        key
    }
}

const fn is_stable(kind: FactKind) -> bool {
    matches!(
        kind,
        FactKind::ExplicitId | FactKind::MachineId | FactKind::DmiUuid
    )
}

/// ChaCha20-Poly1305 with a zero nonce: every key given here encrypts one message only.
fn encrypt(key: &Secret, plain: &[u8]) -> Result<Vec<u8>, FormatError> {
    ChaCha20Poly1305::new(&key.0.into())
        .encrypt(&[0; 12].into(), plain)
        .map_err(|_| FormatError::Damaged("it cannot be encrypted".into()))
}

fn decrypt(key: &Secret, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    ChaCha20Poly1305::new(&key.0.into())
        .decrypt(&[0; 12].into(), sealed)
        .map(Zeroizing::new)
        .map_err(|_| FormatError::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(kind: FactKind, value: &str) -> Fact {
        Fact {
            kind,
            value: value.into(),
        }
    }

    #[test]
    fn a_holder_key_opens_while_one_stable_fact_is_the_same_and_never_elsewhere() {
        let data = tempfile::tempdir().unwrap();
        let instance = Secret::random();
        let keys =
            |instance: &Secret, facts| HolderKeys::new(data.path().into(), instance.clone(), facts);
        let here = vec![fact(FactKind::MachineId, "m"), fact(FactKind::DmiUuid, "u")];
        let made = keys(&instance, here).create().unwrap();

        let reinstalled = keys(
            &instance,
            vec![fact(FactKind::MachineId, "x"), fact(FactKind::DmiUuid, "U")],
        );
        assert_eq!(
            reinstalled.load().unwrap()[0].public().unwrap(),
            made.public().unwrap()
        );
        let elsewhere = keys(
            &instance,
            vec![fact(FactKind::MachineId, "x"), fact(FactKind::DmiUuid, "y")],
        );
        assert!(elsewhere.load().unwrap().is_empty());
        let other_server = keys(&Secret::random(), vec![fact(FactKind::MachineId, "m")]);
        assert!(other_server.load().unwrap().is_empty());
    }
}
