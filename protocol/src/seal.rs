//! Sealing content keys to a holder, and opening them: HPKE (RFC 9180) for a computer, RSA-OAEP (RFC 8017) for a carrier.

use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem,
};

use crate::{
    KeyId,
    licence::{Holder, SealAlgorithm, SealedKey},
    signature::{Algorithm, PublicKey, Secret},
};

type X25519 = kem::X25519HkdfSha256;

/// How long an RSA key may be, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// The exponent of every carrier's RSA key.
pub const RSA_EXPONENT: u32 = 65537;

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
    match holder.seal_algorithm {
        SealAlgorithm::HpkeX25519 => seal_by_hpke(holder, key_id, version, key),
        SealAlgorithm::RsaOaepSha1 => seal_by_rsa(holder, key_id, version, key),
    }
}

fn seal_by_rsa(
    holder: &Holder,
    key_id: KeyId,
    version: u32,
    key: &Secret,
) -> Result<SealedKey, SealError> {
    let modulus = rsa::BigUint::from_bytes_be(&holder.sealing);
    if !(RSA_BITS.contains(&modulus.bits())) {
        return Err(SealError::Holder);
    }
    let public =
        rsa::RsaPublicKey::new(modulus, RSA_EXPONENT.into()).map_err(|_| SealError::Holder)?;
    // Carriers know no label, so what a label would bind stands before the key.
    let plain = zeroize::Zeroizing::new([&info(key_id, version)[..], &key.0].concat());
    let ciphertext = public
        .encrypt(&mut Generator, rsa::Oaep::new::<sha1::Sha1>(), &plain)
        .map_err(|_| SealError::Holder)?;
    Ok(SealedKey {
        version,
        encapsulated: Vec::new(),
        ciphertext,
    })
}

/// The content key in what a carrier decrypted.
///
/// # Errors
/// [`SealError::NotOurs`] when it is of another series or version, or none at all.
pub fn content_key(key_id: KeyId, version: u32, decrypted: &[u8]) -> Result<Secret, SealError> {
    let key = decrypted
        .strip_prefix(&info(key_id, version)[..])
        .ok_or(SealError::NotOurs)?;
    Ok(Secret(key.try_into().map_err(|_| SealError::NotOurs)?))
}

/// The holder whose secrets are in a carrier.
///
/// # Errors
/// [`SealError::Holder`] when the modulus is none that content keys are sealed to.
pub fn carrier_holder(signing: PublicKey, modulus: &[u8]) -> Result<Holder, SealError> {
    let modulus = rsa::BigUint::from_bytes_be(modulus);
    if signing.algorithm != Algorithm::EcdsaP256 || !RSA_BITS.contains(&modulus.bits()) {
        return Err(SealError::Holder);
    }
    Ok(Holder {
        signing,
        seal_algorithm: SealAlgorithm::RsaOaepSha1,
        // Holders are compared byte by byte: no leading zeros.
        sealing: modulus.to_bytes_be(),
    })
}

fn seal_by_hpke(
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

/// The same in the form that rsa asks for.
impl rsa::rand_core::RngCore for Generator {
    fn next_u32(&mut self) -> u32 {
        hpke::rand_core::RngCore::next_u32(self)
    }

    fn next_u64(&mut self) -> u64 {
        hpke::rand_core::RngCore::next_u64(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        hpke::rand_core::RngCore::fill_bytes(self, bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        hpke::rand_core::RngCore::fill_bytes(self, bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Generator {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SigningKey;

    #[test]
    fn a_carrier_opens_what_is_sealed_to_its_rsa_key_and_short_keys_are_refused() {
        let private = rsa::RsaPrivateKey::new(&mut Generator, 2048).unwrap();
        let modulus = rsa::traits::PublicKeyParts::n(&private).to_bytes_be();
        let signing = SigningKey::generate(Algorithm::EcdsaP256).public().unwrap();
        let holder = carrier_holder(signing.clone(), &modulus).unwrap();
        let key = Secret::random();
        let sealed = seal(&holder, KeyId(0x672B), 3, &key).unwrap();
        let opened = private
            .decrypt(rsa::Oaep::new::<sha1::Sha1>(), &sealed.ciphertext)
            .unwrap();
        assert_eq!(content_key(KeyId(0x672B), 3, &opened), Ok(key));
        assert_eq!(
            content_key(KeyId(0x672B), 4, &opened),
            Err(SealError::NotOurs)
        );
        assert_eq!(
            content_key(KeyId(0x672C), 3, &opened),
            Err(SealError::NotOurs)
        );
        assert_eq!(
            carrier_holder(signing, &modulus[1..]),
            Err(SealError::Holder)
        );
        let short = Holder {
            sealing: modulus[..128].to_vec(),
            ..holder
        };
        assert_eq!(
            seal(&short, KeyId(0x672B), 3, &Secret::random()),
            Err(SealError::Holder)
        );
    }

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
