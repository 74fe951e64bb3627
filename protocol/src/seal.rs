//! Sealing content keys to a holder, and opening them (HPKE, RFC 9180).

use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem,
};

use crate::{
    KeyId,
    licence::{Holder, SealAlgorithm, SealedKey},
    signature::{PublicKey, Secret},
};

type X25519 = kem::X25519HkdfSha256;

/// Why a content key cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The holder's public key is no point of the curve.
    #[error("the holder's public key is damaged; make the licence request again")]
    Holder,
    /// It was sealed to another holder, or altered.
    #[error(
        "the content key is sealed to another computer or was altered; ask the vendor for the licence again"
    )]
    NotOurs,
}

/// A secret X25519 key that content keys are sealed to.
#[derive(Clone, Debug)]
pub struct SealingKey(Secret);

impl SealingKey {
    /// A new key.
    pub fn generate() -> Self {
        Self(Secret::random())
    }

    /// A key from its secret bytes.
    pub fn from_secret(secret: Secret) -> Self {
        Self(secret)
    }

    /// The secret bytes, for keeping.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        public_of(&self.0)
    }

    /// The holder that is made of this key and a signing key's public half.
    pub fn holder(&self, signing: PublicKey) -> Holder {
        Holder {
            signing,
            seal_algorithm: SealAlgorithm::HpkeX25519,
            sealing: self.public().to_vec(),
        }
    }

    /// Opens a content key of a series.
    ///
    /// # Errors
    /// [`SealError::NotOurs`].
    pub fn open(&self, key_id: KeyId, sealed: &SealedKey) -> Result<Secret, SealError> {
        let private =
            <X25519 as Kem>::PrivateKey::from_bytes(&self.0.0).map_err(|_| SealError::NotOurs)?;
        let encapsulated = <X25519 as Kem>::EncappedKey::from_bytes(&sealed.encapsulated)
            .map_err(|_| SealError::NotOurs)?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            &info(key_id, sealed.version),
            &sealed.ciphertext,
            b"",
        )
        .map_err(|_| SealError::NotOurs)?;
        let opened = zeroize::Zeroizing::new(opened);
        Ok(Secret(
            opened
                .as_slice()
                .try_into()
                .map_err(|_| SealError::NotOurs)?,
        ))
    }
}

/// The public half of any X25519 secret of ours: holder keys and the server's instance key.
pub fn public_of(secret: &Secret) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(secret.0)).to_bytes()
}

/// Seals a content key of a series to a holder.
///
/// # Errors
/// [`SealError::Holder`].
pub fn seal(
    holder: &Holder,
    key_id: KeyId,
    version: u32,
    key: &Secret,
) -> Result<SealedKey, SealError> {
    let public =
        <X25519 as Kem>::PublicKey::from_bytes(&holder.sealing).map_err(|_| SealError::Holder)?;
    let (encapsulated, ciphertext) =
        hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519, _>(
            &OpModeS::Base,
            &public,
            &info(key_id, version),
            &key.0,
            b"",
            &mut Generator,
        )
        .map_err(|_| SealError::Holder)?;
    Ok(SealedKey {
        version,
        encapsulated: encapsulated.to_bytes().to_vec(),
        ciphertext,
    })
}

fn info(key_id: KeyId, version: u32) -> Vec<u8> {
    [
        &b"licence-content-key-v1\0"[..],
        &key_id.0.to_be_bytes(),
        &version.to_be_bytes(),
    ]
    .concat()
}

/// The operating system's generator in the form that hpke asks for.
struct Generator;

impl hpke::rand_core::RngCore for Generator {
    fn next_u32(&mut self) -> u32 {
        u32::from_ne_bytes(crate::random_bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_ne_bytes(crate::random_bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            chunk.copy_from_slice(&crate::random_bytes::<32>()[..chunk.len()]);
        }
    }
}

impl hpke::rand_core::CryptoRng for Generator {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Algorithm, SigningKey};

    #[test]
    fn a_content_key_opens_with_its_holder_series_and_version_alone() {
        let ours = SealingKey::generate();
        let holder = ours.holder(SigningKey::generate(Algorithm::Ed25519).public().unwrap());
        let key = Secret::random();
        let sealed = seal(&holder, KeyId(0x672B), 3, &key).unwrap();
        assert_eq!(ours.open(KeyId(0x672B), &sealed), Ok(key));
        assert_eq!(ours.open(KeyId(0x672C), &sealed), Err(SealError::NotOurs));
        assert_eq!(
            SealingKey::generate().open(KeyId(0x672B), &sealed),
            Err(SealError::NotOurs)
        );
        let other_version = SealedKey {
            version: 4,
            ..sealed
        };
        assert_eq!(
            ours.open(KeyId(0x672B), &other_version),
            Err(SealError::NotOurs)
        );
    }
}
