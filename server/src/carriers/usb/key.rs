//! One USB key as a carrier.

use std::{cell::RefCell, sync::Arc};

use protocol::{
    carrier::Certificate,
    licence::{Holder, MAX_FILE},
    seal,
    signature::{Algorithm, PublicKey},
};
use zeroize::Zeroizing;

use super::{
    frame::{self, Command, Nonsense, Status},
    wire::{Claimed, Wire},
};
use crate::carriers::{About, Carrier, CarrierError, pin::PinFile};

/// Bytes of a compressed point.
const POINT: usize = 33;
/// The longest modulus, in bytes.
const MAX_MODULUS: usize = 512;
/// The longest certificate.
const MAX_CERTIFICATE: usize = 4096;

/// A key that is connected.
pub(super) struct Key {
    wire: Wire,
    about: About,
    maker: Option<PublicKey>,
    pin: Arc<PinFile>,
    /// The holder key that the maker's certificate was seen for.
    certified: RefCell<Option<Holder>>,
}

impl Key {
    /// Greets a key.
    pub(super) fn open(
        wire: Wire,
        mut about: About,
        maker: Option<PublicKey>,
        pin: Arc<PinFile>,
    ) -> Result<Self, CarrierError> {
        about.read_only = wire.claim()?.hello()?.read_only;
        Ok(Self {
            wire,
            about,
            maker,
            pin,
            certified: RefCell::new(None),
        })
    }

    /// Gives it the PIN. One wrong PIN is tried once, and the last try is left to a person.
    fn unlock(&self, key: &Claimed<'_>) -> Result<(), CarrierError> {
        if self.about.read_only {
            return Err(CarrierError::ReadOnly(self.about.number));
        }
        let pin = self.pin.of(&self.about)?;
        match key.hello()?.tries {
            0 => return Err(CarrierError::Locked(self.about.number)),
            1 => return Err(CarrierError::LastTry(self.about.number)),
            _ => {}
        }
        let done = key.ask(Command::Unlock, pin.as_bytes(), 0);
        if matches!(done, Err(CarrierError::WrongPin(_))) {
            self.pin.refused(&self.about, &pin);
        }
        done.map(drop)
    }

    fn held(&self, key: &Claimed<'_>, bytes: &[u8]) -> Result<Holder, CarrierError> {
        let nonsense = |what| self.wire.nonsense(Nonsense(what));
        let (point, modulus) = bytes
            .split_at_checked(POINT)
            .ok_or_else(|| nonsense("no holder key"))?;
        let signing = PublicKey::new(Algorithm::EcdsaP256, point.to_vec())
            .map_err(|_| nonsense("no point of P-256"))?;
        let holder =
            seal::carrier_holder(signing, modulus).map_err(|_| nonsense("no RSA key of ours"))?;
        self.certify(key, &holder)?;
        Ok(holder)
    }

    /// Where the settings name a maker, a key that the maker did not sign is none.
    fn certify(&self, key: &Claimed<'_>, holder: &Holder) -> Result<(), CarrierError> {
        let Some(maker) = self
            .maker
            .as_ref()
            .filter(|_| self.certified.borrow().as_ref() != Some(holder))
        else {
            return Ok(());
        };
        let bytes = key.ask(Command::Certificate, &[], MAX_CERTIFICATE)?;
        let good = Certificate::from_bytes(&bytes, maker)
            .is_ok_and(|certificate| certificate.is_of(&self.about.serial, holder));
        if !good {
            return Err(CarrierError::NotGenuine(self.about.number));
        }
        *self.certified.borrow_mut() = Some(holder.clone());
        Ok(())
    }

    fn fixed<const N: usize>(&self, bytes: &[u8]) -> Result<[u8; N], CarrierError> {
        let wrong = |_| self.wire.nonsense(Nonsense("an answer of a wrong length"));
        bytes.try_into().map_err(wrong)
    }
}

impl Carrier for Key {
    fn about(&self) -> &About {
        &self.about
    }

    fn holder(&self) -> Result<Option<Holder>, CarrierError> {
        let key = self.wire.claim()?;
        match key.tell(Command::Holder, &[], POINT + MAX_MODULUS)? {
            (Status::Nothing, _) => Ok(None),
            (Status::Done, bytes) => self.held(&key, &bytes).map(Some),
            (_, _) => Err(self.wire.nonsense(Nonsense("no word of its holder key"))),
        }
    }

    fn make_holder(&self) -> Result<Holder, CarrierError> {
        let key = self.wire.claim()?;
        self.unlock(&key)?;
        let bytes = key.ask(Command::MakeHolder, &[], POINT + MAX_MODULUS)?;
        self.held(&key, &bytes)
    }

    fn licences(&self) -> Result<Vec<Vec<u8>>, CarrierError> {
        let key = self.wire.claim()?;
        let list = key.ask(Command::List, &[], 4096)?;
        let names = frame::names(&list).map_err(|what| self.wire.nonsense(what))?;
        let documents = names
            .iter()
            .map(|name| key.ask(Command::Read, name.as_bytes(), MAX_FILE));
        documents.collect()
    }

    fn write(&self, name: &str, document: &[u8]) -> Result<(), CarrierError> {
        let key = self.wire.claim()?;
        self.unlock(&key)?;
        key.ask(Command::Write, &frame::named(name, document), 0)?;
        if key.ask(Command::Read, name.as_bytes(), MAX_FILE)? != document {
            let what = Nonsense("back another licence than was written");
            return Err(self.wire.nonsense(what));
        }
        Ok(())
    }

    fn erase(&self, name: &str) -> Result<(), CarrierError> {
        let key = self.wire.claim()?;
        self.unlock(&key)?;
        key.ask(Command::Erase, name.as_bytes(), 0).map(drop)
    }

    fn sign(&self, digest: &[u8; 32]) -> Result<[u8; 64], CarrierError> {
        let key = self.wire.claim()?;
        self.fixed(&key.ask(Command::Sign, digest, 64)?)
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CarrierError> {
        let key = self.wire.claim()?;
        key.ask(Command::Decrypt, ciphertext, MAX_MODULUS)
            .map(Zeroizing::new)
    }
}
