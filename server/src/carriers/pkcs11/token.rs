//! One token: its holder key is two key pairs under ids of ours, its licences are data objects.

use std::{cell::Cell, sync::Arc};

use cryptoki::{
    context::Pkcs11,
    error::{Error, RvError},
    mechanism::{
        Mechanism, MechanismType,
        rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource},
    },
    object::{Attribute, AttributeInfo, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
    slot::Slot,
};
use protocol::{
    licence::{Holder, MAX_FILE},
    seal::{self, RSA_EXPONENT},
    signature::{Algorithm, PublicKey},
};
use zeroize::Zeroizing;

use super::{point::compressed, sign_in::sign_in};
use crate::carriers::{About, Carrier, CarrierError, MAX_LICENCES, pin::PinFile};

/// CKA_APPLICATION of licences.
const APPLICATION: &[u8] = b"licence 3.0";
/// CKA_ID of the pair that signs.
const SIGN_ID: &[u8] = b"licence3-sign";
/// CKA_ID of the pair that decrypts.
const DECRYPT_ID: &[u8] = b"licence3-decrypt";
/// P-256 as CKA_EC_PARAMS: the DER of 1.2.840.10045.3.1.7.
const P256: &[u8] = &[6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];
/// The bits of new RSA keys.
// As wide as the platform has it: 32 bits on Windows and on 32-bit systems.
const RSA_BITS: std::ffi::c_ulong = 2048;

/// A token that is connected.
pub(super) struct Token {
    library: Pkcs11,
    slot: Slot,
    about: About,
    session: Session,
    pin: Arc<PinFile>,
    signed_in: Cell<bool>,
}

/// What a failed call means.
pub(super) fn failed(number: u32, error: Error) -> CarrierError {
    let Error::Pkcs11(code, _) = &error else {
        return CarrierError::Device {
            number,
            error: error.to_string(),
        };
    };
    match code {
        RvError::DeviceMemory => CarrierError::Full(number),
        RvError::TokenWriteProtected | RvError::SessionReadOnly => CarrierError::ReadOnly(number),
        RvError::DeviceRemoved
        | RvError::DeviceError
        | RvError::TokenNotPresent
        | RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::ObjectHandleInvalid
        | RvError::KeyHandleInvalid
        | RvError::CryptokiNotInitialized => CarrierError::Gone(number),
        RvError::MechanismInvalid | RvError::MechanismParamInvalid | RvError::CurveNotSupported => {
            CarrierError::Unable {
                number,
                what: code.to_string(),
            }
        }
        _ => CarrierError::Device {
            number,
            error: error.to_string(),
        },
    }
}

impl Token {
    pub(super) fn open(
        library: &Pkcs11,
        slot: Slot,
        about: About,
        pin: Arc<PinFile>,
    ) -> Result<Self, CarrierError> {
        let session = library
            .open_ro_session(slot)
            .map_err(|error| failed(about.number, error))?;
        Ok(Self {
            library: library.clone(),
            slot,
            about,
            session,
            pin,
            signed_in: Cell::new(false),
        })
    }

    fn failed(&self, error: Error) -> CarrierError {
        failed(self.about.number, error)
    }

    fn nonsense(&self, what: &str) -> CarrierError {
        CarrierError::Nonsense {
            number: self.about.number,
            what: what.into(),
        }
    }

    fn sign_in(&self) -> Result<(), CarrierError> {
        if self.signed_in.get() {
            return Ok(());
        }
        let info = self
            .library
            .get_token_info(self.slot)
            .map_err(|error| self.failed(error))?;
        sign_in(&self.pin, &self.session, &info, &self.about)?;
        self.signed_in.set(true);
        Ok(())
    }

    /// A session that may write, for as long as something is written.
    fn writing(&self) -> Result<Session, CarrierError> {
        self.sign_in()?;
        if self.about.read_only {
            return Err(CarrierError::ReadOnly(self.about.number));
        }
        self.library
            .open_rw_session(self.slot)
            .map_err(|error| self.failed(error))
    }

    fn find(&self, template: &[Attribute]) -> Result<Vec<ObjectHandle>, CarrierError> {
        let found = self
            .session
            .iter_objects(template)
            .map_err(|error| self.failed(error))?;
        found
            .take(MAX_LICENCES)
            .collect::<Result<_, _>>()
            .map_err(|error| self.failed(error))
    }

    fn key(&self, class: ObjectClass, id: &[u8]) -> Result<Option<ObjectHandle>, CarrierError> {
        let template = [
            Attribute::Class(class),
            Attribute::Id(id.to_vec()),
            Attribute::Token(true),
        ];
        Ok(self.find(&template)?.first().copied())
    }

    fn private_key(&self, id: &[u8]) -> Result<ObjectHandle, CarrierError> {
        self.sign_in()?;
        self.key(ObjectClass::PRIVATE_KEY, id)?
            .ok_or_else(|| self.nonsense("no holder key, though there was one"))
    }

    /// An attribute's bytes, if they are not more than `limit`.
    fn bytes(
        &self,
        object: ObjectHandle,
        kind: AttributeType,
        limit: usize,
    ) -> Result<Vec<u8>, CarrierError> {
        let info = self
            .session
            .get_attribute_info(object, &[kind])
            .map_err(|error| self.failed(error))?;
        // The size is the token's word: nothing is allocated before it was looked at.
        match info.first() {
            Some(AttributeInfo::Available(size)) if *size <= limit => {}
            _ => return Err(self.nonsense("an attribute that is missing or too long")),
        }
        let found = self
            .session
            .get_attributes(object, &[kind])
            .map_err(|error| self.failed(error))?;
        match found.into_iter().next() {
            Some(
                Attribute::EcPoint(bytes)
                | Attribute::Modulus(bytes)
                | Attribute::PublicExponent(bytes)
                | Attribute::Value(bytes)
                | Attribute::Label(bytes),
            ) if bytes.len() <= limit => Ok(bytes),
            _ => Err(self.nonsense("another attribute than was asked for")),
        }
    }

    fn signing(&self) -> Result<Option<PublicKey>, CarrierError> {
        let Some(key) = self.key(ObjectClass::PUBLIC_KEY, SIGN_ID)? else {
            return Ok(None);
        };
        let point = self.bytes(key, AttributeType::EcPoint, 80)?;
        let point = compressed(&point).ok_or_else(|| self.nonsense("no point of P-256"))?;
        PublicKey::new(Algorithm::EcdsaP256, point)
            .map(Some)
            .map_err(|_| self.nonsense("no point of P-256"))
    }

    fn modulus(&self) -> Result<Option<Vec<u8>>, CarrierError> {
        let Some(key) = self.key(ObjectClass::PUBLIC_KEY, DECRYPT_ID)? else {
            return Ok(None);
        };
        let exponent = self.bytes(key, AttributeType::PublicExponent, 8)?;
        let leading = exponent.iter().take_while(|byte| **byte == 0).count();
        if exponent[leading..] != RSA_EXPONENT.to_be_bytes()[1..] {
            return Err(self.nonsense("an RSA key of another exponent"));
        }
        self.bytes(key, AttributeType::Modulus, 600).map(Some)
    }

    fn licence_objects(&self) -> Result<Vec<ObjectHandle>, CarrierError> {
        self.find(&[
            Attribute::Class(ObjectClass::DATA),
            Attribute::Application(APPLICATION.to_vec()),
            Attribute::Token(true),
        ])
    }

    fn named(&self, name: &str) -> Result<Vec<ObjectHandle>, CarrierError> {
        let mut named = Vec::new();
        for object in self.licence_objects()? {
            if self.bytes(object, AttributeType::Label, 64)? == name.as_bytes() {
                named.push(object);
            }
        }
        Ok(named)
    }

    fn make_pair(
        &self,
        mechanism: &Mechanism<'_>,
        id: &[u8],
        public: Vec<Attribute>,
        private: Attribute,
    ) -> Result<(), CarrierError> {
        let writing = self.writing()?;
        let label = Attribute::Label(b"licence holder".to_vec());
        let (token, id) = (Attribute::Token(true), Attribute::Id(id.to_vec()));
        let mut public_template = vec![token.clone(), id.clone(), label.clone()];
        public_template.extend(public);
        let private_template = [
            token,
            id,
            label,
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            private,
        ];
        writing
            .generate_key_pair(mechanism, &public_template, &private_template)
            .map_err(|error| self.failed(error))?;
        Ok(())
    }
}

impl Carrier for Token {
    fn about(&self) -> &About {
        &self.about
    }

    fn holder(&self) -> Result<Option<Holder>, CarrierError> {
        self.sign_in()?;
        let (Some(signing), Some(modulus)) = (self.signing()?, self.modulus()?) else {
            return Ok(None);
        };
        seal::carrier_holder(signing, &modulus)
            .map(Some)
            .map_err(|error| self.nonsense(&error.to_string()))
    }

    fn make_holder(&self) -> Result<Holder, CarrierError> {
        // One of the two may be there already, when the token was pulled out in between.
        if self.signing()?.is_none() {
            let public = vec![Attribute::EcParams(P256.to_vec()), Attribute::Verify(true)];
            self.make_pair(
                &Mechanism::EccKeyPairGen,
                SIGN_ID,
                public,
                Attribute::Sign(true),
            )?;
        }
        if self.modulus()?.is_none() {
            let public = vec![
                Attribute::ModulusBits(RSA_BITS.into()),
                Attribute::PublicExponent(RSA_EXPONENT.to_be_bytes()[1..].to_vec()),
                Attribute::Encrypt(true),
            ];
            self.make_pair(
                &Mechanism::RsaPkcsKeyPairGen,
                DECRYPT_ID,
                public,
                Attribute::Decrypt(true),
            )?;
        }
        self.holder()?
            .ok_or_else(|| self.nonsense("no holder key, though one was made"))
    }

    fn licences(&self) -> Result<Vec<Vec<u8>>, CarrierError> {
        let objects = self.licence_objects()?;
        let documents = objects
            .into_iter()
            .map(|object| self.bytes(object, AttributeType::Value, MAX_FILE));
        documents.collect()
    }

    fn write(&self, name: &str, document: &[u8]) -> Result<(), CarrierError> {
        let writing = self.writing()?;
        let former = self.named(name)?;
        // More are not read.
        if former.is_empty() && self.licence_objects()?.len() >= MAX_LICENCES {
            return Err(CarrierError::Full(self.about.number));
        }
        let template = [
            Attribute::Class(ObjectClass::DATA),
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Application(APPLICATION.to_vec()),
            Attribute::Label(name.as_bytes().to_vec()),
            Attribute::Value(document.to_vec()),
        ];
        let new = writing
            .create_object(&template)
            .map_err(|error| self.failed(error))?;
        if self.bytes(new, AttributeType::Value, MAX_FILE)? != document {
            return Err(self.nonsense("back another licence than was written"));
        }
        for object in former {
            writing
                .destroy_object(object)
                .map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn erase(&self, name: &str) -> Result<(), CarrierError> {
        let writing = self.writing()?;
        for object in self.named(name)? {
            writing
                .destroy_object(object)
                .map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn sign(&self, digest: &[u8; 32]) -> Result<[u8; 64], CarrierError> {
        let key = self.private_key(SIGN_ID)?;
        let signature = self
            .session
            .sign(&Mechanism::Ecdsa, key, digest)
            .map_err(|error| self.failed(error))?;
        signature
            .try_into()
            .map_err(|_| self.nonsense("a signature of a wrong length"))
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CarrierError> {
        let key = self.private_key(DECRYPT_ID)?;
        let oaep = PkcsOaepParams::new(
            MechanismType::SHA1,
            PkcsMgfType::MGF1_SHA1,
            PkcsOaepSource::empty(),
        );
        self.session
            .decrypt(&Mechanism::RsaPkcsOaep(oaep), key, ciphertext)
            .map(Zeroizing::new)
            .map_err(|error| self.failed(error))
    }
}
