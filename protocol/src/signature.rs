//! Public keys, signing keys and signed byte strings, each with an algorithm id.

use std::{fmt, str::FromStr};

use base64ct::{Base64, Encoding};
use minicbor::{Decode, Decoder, Encode, Encoder};
use p256::ecdsa::signature::{Signer, Verifier};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::envelope::FormatError;

/// How a signature is made. The number is part of the formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), verified strictly.
    #[n(1)]
    Ed25519,
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5); signatures are r‖s, 64 bytes; keys are compressed points.
    #[n(2)]
    EcdsaP256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "p256",
        }
    }

    const fn key_length(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::EcdsaP256 => 33,
        }
    }
}

/// What a signature is about: it stands before the payload, so that no signature serves for another purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// A licence's voucher, by the series key.
    Voucher,
    /// A licence's private part, by the series key.
    Private,
    /// A delegation, by a holder key.
    Delegation,
    /// A licence request, by the holder key that it presents.
    Request,
    /// A datafile's directory, by the series key.
    Directory,
    /// A request to activate a code, by the holder key that it presents.
    Activation,
    /// A key given back, by its holder key.
    Release,
    /// A request to renew a licence, by its holder key.
    Update,
    /// A licence centre's answer, by the series key.
    Answer,
    /// Random bytes, by a carrier that proves that it is there.
    Presence,
    /// What was made inside a USB key, by the keys' maker.
    Carrier,
}

impl Context {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Voucher => b"licence-voucher-v1\0",
            Self::Private => b"licence-private-v1\0",
            Self::Delegation => b"licence-delegation-v1\0",
            Self::Request => b"licence-request-v1\0",
            Self::Directory => b"licence-directory-v1\0",
            Self::Activation => b"licence-activation-v1\0",
            Self::Release => b"licence-release-v1\0",
            Self::Update => b"licence-update-v1\0",
            Self::Answer => b"licence-answer-v1\0",
            Self::Presence => b"licence-presence-v1\0",
            Self::Carrier => b"licence-carrier-v1\0",
        }
    }

    fn message(self, payload: &[u8]) -> Vec<u8> {
        [self.label(), payload].concat()
    }
}

/// A public key with its algorithm, shown as `ed25519:…` or `p256:…` in base64.
#[derive(Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct PublicKey {
    /// The algorithm of its signatures.
    #[n(0)]
    pub algorithm: Algorithm,
    #[cbor(n(1), with = "minicbor::bytes")]
    bytes: Vec<u8>,
}

impl PublicKey {
    /// A key of that algorithm.
    ///
    /// # Errors
    /// When the bytes are no valid point of the curve.
    pub fn new(algorithm: Algorithm, bytes: Vec<u8>) -> Result<Self, KeyError> {
        let key = Self { algorithm, bytes };
        key.check()?;
        Ok(key)
    }

    /// The raw key: 32 bytes for Ed25519, 33 for P-256.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn check(&self) -> Result<(), KeyError> {
        if self.bytes.len() != self.algorithm.key_length() {
            return Err(KeyError);
        }
        match self.algorithm {
            Algorithm::Ed25519 => self.ed25519().map(drop),
            Algorithm::EcdsaP256 => self.p256().map(drop),
        }
    }

    fn ed25519(&self) -> Result<ed25519_dalek::VerifyingKey, KeyError> {
        let bytes = self.bytes.as_slice().try_into().map_err(|_| KeyError)?;
        ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError)
    }

    fn p256(&self) -> Result<p256::ecdsa::VerifyingKey, KeyError> {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.bytes).map_err(|_| KeyError)
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519 => self.ed25519().is_ok_and(|key| {
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }),
            Algorithm::EcdsaP256 => self.p256().is_ok_and(|key| {
                p256::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}",
            self.algorithm.name(),
            Base64::encode_string(&self.bytes)
        )
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, key) = text.trim().split_once(':').ok_or(KeyError)?;
        let algorithm = [Algorithm::Ed25519, Algorithm::EcdsaP256]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or(KeyError)?;
        Self::new(algorithm, Base64::decode_vec(key).map_err(|_| KeyError)?)
    }
}

/// A text or bytes that are no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a public key; one looks like ed25519:… or p256:… and stands in licence.series")]
pub struct KeyError;

/// 32 secret bytes: wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// A new secret from the operating system's generator.
    pub fn random() -> Self {
        Self(crate::random_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<C> Encode<C> for Secret {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Secret {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let wrong = |_| minicbor::decode::Error::message("a secret has 32 bytes").at(at);
        Ok(Self(d.bytes()?.try_into().map_err(wrong)?))
    }
}

/// A secret key that signs.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub struct SigningKey {
    /// The algorithm of its signatures.
    #[n(0)]
    pub algorithm: Algorithm,
    #[n(1)]
    secret: Secret,
}

impl SigningKey {
    /// A new key.
    pub fn generate(algorithm: Algorithm) -> Self {
        loop {
            let key = Self {
                algorithm,
                secret: Secret::random(),
            };
            // One P-256 draw in 2^32 is no valid scalar.
            if key.public().is_ok() {
                return key;
            }
        }
    }

    /// A key from its 32 secret bytes.
    ///
    /// # Errors
    /// When the bytes are no scalar of the curve.
    pub fn from_secret(algorithm: Algorithm, secret: Secret) -> Result<Self, KeyError> {
        let key = Self { algorithm, secret };
        key.public().map(|_| key)
    }

    /// Its public half.
    ///
    /// # Errors
    /// When the secret is no scalar of the curve (a damaged file).
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        let bytes = match self.algorithm {
            Algorithm::Ed25519 => self.ed25519().verifying_key().to_bytes().to_vec(),
            Algorithm::EcdsaP256 => self
                .p256()?
                .verifying_key()
                .to_encoded_point(true)
                .as_bytes()
                .to_vec(),
        };
        PublicKey::new(self.algorithm, bytes)
    }

    /// Signs a payload for a purpose.
    ///
    /// # Errors
    /// When the secret is no scalar of the curve (a damaged file).
    pub fn sign(&self, context: Context, payload: Vec<u8>) -> Result<Signed, KeyError> {
        Signs::sign(self, context, payload)
    }

    fn ed25519(&self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&self.secret.0)
    }

    fn p256(&self) -> Result<p256::ecdsa::SigningKey, KeyError> {
        p256::ecdsa::SigningKey::from_slice(&self.secret.0).map_err(|_| KeyError)
    }
}

/// Whoever signs: a key in memory, or one that never leaves a carrier.
pub trait Signs {
    /// Why it cannot.
    type Error;

    /// Signs a payload for a purpose.
    ///
    /// # Errors
    /// A damaged key, a carrier that is not there.
    fn sign(&self, context: Context, payload: Vec<u8>) -> Result<Signed, Self::Error>;
}

impl Signs for SigningKey {
    type Error = KeyError;

    fn sign(&self, context: Context, payload: Vec<u8>) -> Result<Signed, KeyError> {
        let message = context.message(&payload);
        let signature = match self.algorithm {
            Algorithm::Ed25519 => self.ed25519().sign(&message).to_bytes().to_vec(),
            Algorithm::EcdsaP256 => {
                let signature: p256::ecdsa::Signature = self.p256()?.sign(&message);
                signature.to_bytes().to_vec()
            }
        };
        Ok(Signed {
            algorithm: self.algorithm,
            payload,
            signature,
        })
    }
}

/// A payload, as bytes, with its signature. The bytes that were signed are the bytes that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Signed {
    #[n(0)]
    algorithm: Algorithm,
    #[cbor(n(1), with = "minicbor::bytes")]
    payload: Vec<u8>,
    #[cbor(n(2), with = "minicbor::bytes")]
    signature: Vec<u8>,
}

impl Signed {
    /// Signs by a P-256 key that is elsewhere: `sign` gets the SHA-256 that is to be signed, and gives r‖s.
    ///
    /// # Errors
    /// Those of `sign`.
    pub fn by_p256<E>(
        context: Context,
        payload: Vec<u8>,
        sign: impl FnOnce(&[u8; 32]) -> Result<[u8; 64], E>,
    ) -> Result<Self, E> {
        let signature = sign(&crate::sha256(&context.message(&payload)))?.to_vec();
        Ok(Self {
            algorithm: Algorithm::EcdsaP256,
            payload,
            signature,
        })
    }

    /// The payload, if the signature over it is that key's for that purpose.
    ///
    /// # Errors
    /// [`FormatError::Signature`].
    pub fn verify(&self, context: Context, key: &PublicKey) -> Result<&[u8], FormatError> {
        if key.algorithm == self.algorithm
            && key.verifies(&context.message(&self.payload), &self.signature)
        {
            Ok(&self.payload)
        } else {
            Err(FormatError::Signature)
        }
    }

    /// The payload with nothing checked: for showing, and for finding which key to check with.
    pub fn unverified(&self) -> &[u8] {
        &self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_algorithms_sign_and_every_flipped_bit_is_noticed() {
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let key = SigningKey::generate(algorithm);
            let public = key.public().unwrap();
            let signed = key.sign(Context::Voucher, b"voucher".to_vec()).unwrap();
            assert_eq!(
                signed.verify(Context::Voucher, &public),
                Ok(&b"voucher"[..])
            );
            assert_eq!(
                signed.verify(Context::Private, &public),
                Err(FormatError::Signature)
            );
            for byte in 0..signed.payload.len() {
                let mut altered = signed.clone();
                altered.payload[byte] ^= 1;
                assert_eq!(
                    altered.verify(Context::Voucher, &public),
                    Err(FormatError::Signature)
                );
            }
            for byte in 0..signed.signature.len() {
                let mut altered = signed.clone();
                altered.signature[byte] ^= 1;
                assert_eq!(
                    altered.verify(Context::Voucher, &public),
                    Err(FormatError::Signature)
                );
            }
        }
    }

    #[test]
    fn a_public_key_survives_its_text_and_bad_texts_do_not_panic() {
        let public = SigningKey::generate(Algorithm::EcdsaP256).public().unwrap();
        assert_eq!(public.to_string().parse::<PublicKey>(), Ok(public));
        for bad in [
            "",
            ":",
            "ed25519:",
            "ed25519:AAAA",
            "rsa:AAAA",
            "p256:%%%",
            "ed25519",
        ] {
            assert_eq!(bad.parse::<PublicKey>(), Err(KeyError), "{bad}");
        }
    }
}
