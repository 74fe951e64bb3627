//! The series' keys at rest: each sealed with a master key, and that one under the passphrase.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use protocol::{
    KeyId,
    cryptkey::CryptKey,
    locked::{self, LockError},
    signature::Secret,
};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::CentreError;

const SALT: usize = 16;

/// A new master key under a passphrase.
pub(super) fn new_lock(passphrase: &str) -> Result<Vec<u8>, CentreError> {
    lock(&Secret::random(), passphrase)
}

/// The master key under a passphrase.
pub(super) fn lock(master: &Secret, passphrase: &str) -> Result<Vec<u8>, CentreError> {
    locked::lock(&master.0, passphrase).map_err(|error| match error {
        LockError::Empty => CentreError::NoPassphrase,
        _ => CentreError::Passphrase,
    })
}

/// The master key.
pub(super) fn open_lock(lock: &[u8], passphrase: &str) -> Result<Secret, CentreError> {
    let master = locked::unlock(lock, passphrase).map_err(|error| match error {
        LockError::Empty => CentreError::NoPassphrase,
        _ => CentreError::Passphrase,
    })?;
    let master = master.as_slice().try_into();
    Ok(Secret(master.map_err(|_| CentreError::Passphrase)?))
}

/// A series' keys, sealed.
pub(super) fn seal(master: &Secret, keys: &CryptKey) -> Vec<u8> {
    let salt: [u8; SALT] = protocol::random_bytes();
    let plain = keys.to_bytes();
    let payload = Payload {
        msg: &plain,
        aad: b"",
    };
    // The key is made for this salt, and seals once.
    let sealed = cipher(master, keys.key_id, &salt).encrypt(&[0; 12].into(), payload);
    let sealed = sealed.expect("a short text is within the cipher's limit");
    [&salt[..], &sealed].concat()
}

/// A series' keys.
pub(super) fn open(master: &Secret, key_id: KeyId, sealed: &[u8]) -> Result<CryptKey, CentreError> {
    let damaged = || CentreError::DamagedKeys(key_id);
    let (salt, sealed) = sealed.split_first_chunk::<SALT>().ok_or_else(damaged)?;
    let plain = cipher(master, key_id, salt)
        .decrypt(&[0; 12].into(), sealed)
        .map(Zeroizing::new)
        .map_err(|_| damaged())?;
    CryptKey::from_bytes(&plain).map_err(|_| damaged())
}

fn cipher(master: &Secret, key_id: KeyId, salt: &[u8; SALT]) -> ChaCha20Poly1305 {
    let mut key = Secret([0; 32]);
    let info = [&b"licencecenter-series-v1\0"[..], &key_id.0.to_be_bytes()].concat();
    Hkdf::<Sha256>::new(Some(salt), &master.0)
        .expand(&info, &mut key.0)
        .expect("32 bytes are within what HKDF gives");
    ChaCha20Poly1305::new(&key.0.into())
}
