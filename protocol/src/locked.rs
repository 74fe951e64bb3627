//! A file under a passphrase: a vendor's secret keys, a backup.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead, aead::Payload};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::{
    envelope::{self, FormatError, Kind},
    signature::Secret,
};

/// What is taken to make the key out of a passphrase: 64 MiB, three passes.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// What is taken at most, whatever a file asks for.
const MAX_MEMORY: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 16;

#[derive(Encode, Decode)]
#[cbor(map)]
struct Locked {
    /// KiB.
    #[n(0)]
    memory: u32,
    #[n(1)]
    passes: u32,
    #[cbor(n(2), with = "minicbor::bytes")]
    salt: [u8; 16],
    #[cbor(n(3), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

/// Why a file does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// It is not a file of ours, or damaged.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The passphrase does not open it.
    #[error("the passphrase is wrong, or the file was altered")]
    Passphrase,
    /// A passphrase has to be there.
    #[error("the passphrase is empty")]
    Empty,
    /// No memory for the key.
    #[error("there is not enough memory to work with the passphrase")]
    Memory,
}

/// Whether these are the bytes of a locked file.
pub fn is_locked(bytes: &[u8]) -> bool {
    Kind::of(bytes) == Some(Kind::Locked)
}

/// The content under a passphrase.
///
/// # Errors
/// [`LockError::Empty`], [`LockError::Memory`].
pub fn lock(content: &[u8], passphrase: &str) -> Result<Vec<u8>, LockError> {
    let mut locked = Locked {
        memory: MEMORY,
        passes: PASSES,
        salt: crate::random_bytes(),
        sealed: Vec::new(),
    };
    // A key is made for one salt and seals one content: the nonce is never used twice.
    locked.sealed = ChaCha20Poly1305::new(&locked.key(passphrase)?.0.into())
        .encrypt(&[0; 12].into(), payload(content))
        .map_err(|_| LockError::Memory)?;
    Ok(envelope::seal(Kind::Locked, &locked))
}

/// The content of a locked file.
///
/// # Errors
/// [`LockError`].
pub fn unlock(bytes: &[u8], passphrase: &str) -> Result<Zeroizing<Vec<u8>>, LockError> {
    let locked: Locked = envelope::open(Kind::Locked, bytes)?;
    ChaCha20Poly1305::new(&locked.key(passphrase)?.0.into())
        .decrypt(&[0; 12].into(), payload(&locked.sealed))
        .map(Zeroizing::new)
        .map_err(|_| LockError::Passphrase)
}

fn payload(msg: &[u8]) -> Payload<'_, '_> {
    Payload {
        msg,
        aad: b"licence-locked-v1\0",
    }
}

impl Locked {
    fn key(&self, passphrase: &str) -> Result<Secret, LockError> {
        if passphrase.is_empty() {
            return Err(LockError::Empty);
        }
        if self.memory > MAX_MEMORY || self.passes > MAX_PASSES {
            return Err(FormatError::Damaged("the cost of its passphrase".into()).into());
        }
        let params = Params::new(self.memory, self.passes, 1, Some(32))
            .map_err(|_| FormatError::Damaged("the cost of its passphrase".into()))?;
        let mut key = Secret([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, &mut key.0)
            .map_err(|_| LockError::Memory)?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_opens_what_it_locked_and_nothing_else_does() {
        let locked = lock(b"keys", "пароль").unwrap();
        assert!(is_locked(&locked));
        assert_eq!(
            unlock(&locked, "пароль").as_deref().map(Vec::as_slice),
            Ok(&b"keys"[..])
        );
        assert_eq!(unlock(&locked, "Пароль"), Err(LockError::Passphrase));
        assert_eq!(unlock(&locked, ""), Err(LockError::Empty));
        assert_eq!(
            unlock(&locked[..locked.len() - 1], "x"),
            Err(LockError::Format(FormatError::Truncated))
        );
        let mut altered = locked.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert_eq!(unlock(&altered, "пароль"), Err(LockError::Passphrase));
    }

    #[test]
    fn no_byte_can_be_altered() {
        let mut cheap = Locked {
            memory: 8,
            passes: 1,
            salt: [1; 16],
            sealed: Vec::new(),
        };
        let key = cheap.key("x").unwrap();
        cheap.sealed = ChaCha20Poly1305::new(&key.0.into())
            .encrypt(&[0; 12].into(), payload(b"keys"))
            .unwrap();
        let bytes = envelope::seal(Kind::Locked, &cheap);
        assert_eq!(
            unlock(&bytes, "x").as_deref().map(Vec::as_slice),
            Ok(&b"keys"[..])
        );
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << (at % 8);
            assert!(unlock(&altered, "x").is_err(), "byte {at}");
            assert!(unlock(&bytes[..at], "x").is_err(), "cut to {at}");
        }
    }

    #[test]
    fn a_file_that_asks_for_too_much_memory_is_refused_before_any_is_taken() {
        let greedy = Locked {
            memory: u32::MAX,
            passes: 1,
            salt: [0; 16],
            sealed: Vec::new(),
        };
        let bytes = envelope::seal(Kind::Locked, &greedy);
        assert!(matches!(
            unlock(&bytes, "x"),
            Err(LockError::Format(FormatError::Damaged(_)))
        ));
    }
}
