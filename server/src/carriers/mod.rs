//! Hardware carriers: what holds a licence and its holder key instead of the computer.
//!
//! A [`Reader`] finds carriers of one kind, a [`Carrier`] is one that is connected. The secrets stay inside: a carrier signs
//! and decrypts by itself. [`Carriers`] is all of them together; what their licences are worth is judged by [`crate::keys`].

mod about;
mod error;
mod pin;
mod pkcs11;
mod set;
mod usb;

pub use about::{About, Kind};
pub use error::CarrierError;
pub(crate) use set::Present;
pub use set::{Carriers, Seen, Settings};
pub use usb::TEST_ID;

use protocol::{
    KeyId,
    licence::{Holder, SealedKey},
    seal,
    signature::{Context, Secret, Signed},
};
use zeroize::Zeroizing;

/// How many licences are read from one carrier.
pub const MAX_LICENCES: usize = 32;

/// The name under which a carrier keeps a licence.
pub fn licence_name(key_id: KeyId, key_no: u32) -> String {
    format!("{key_id}.{key_no}")
}

/// One connected carrier. Every call may wait for the device.
pub trait Carrier: Send {
    /// Which one it is.
    fn about(&self) -> &About;

    /// The public halves of its holder key; nothing while it has none.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn holder(&self) -> Result<Option<Holder>, CarrierError>;

    /// Makes the holder key inside, or what of it is missing.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn make_holder(&self) -> Result<Holder, CarrierError>;

    /// All licences on it, as documents that nobody has checked.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn licences(&self) -> Result<Vec<Vec<u8>>, CarrierError>;

    /// Puts a licence there in place of the one of that name, which stays until the new one is whole.
    ///
    /// # Errors
    /// [`CarrierError`]; the former one is there then, perhaps with the new one beside it.
    fn write(&self, name: &str, document: &[u8]) -> Result<(), CarrierError>;

    /// Takes the licence of that name away.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn erase(&self, name: &str) -> Result<(), CarrierError>;

    /// Signs a SHA-256 by the P-256 half of the holder key: r‖s.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn sign(&self, digest: &[u8; 32]) -> Result<[u8; 64], CarrierError>;

    /// Decrypts by the RSA half of the holder key.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CarrierError>;

    /// Unwraps a content key.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn unwrap_key(&self, key_id: KeyId, sealed: &SealedKey) -> Result<Secret, CarrierError> {
        let plain = self.decrypt(&sealed.ciphertext)?;
        seal::content_key(key_id, sealed.version, &plain).map_err(|error| CarrierError::Nonsense {
            number: self.about().number,
            what: error.to_string(),
        })
    }

    /// Signs a payload, and checks that it was that holder's key that did it.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn sign_as(
        &self,
        holder: &Holder,
        context: Context,
        payload: Vec<u8>,
    ) -> Result<Signed, CarrierError> {
        let signed = Signed::by_p256(context, payload, |digest| self.sign(digest))?;
        signed
            .verify(context, &holder.signing)
            .map_err(|_| CarrierError::Nonsense {
                number: self.about().number,
                what: "a signature by another key than its own".into(),
            })?;
        Ok(signed)
    }

    /// Proves that it is there, and has the secrets: it signs what nobody could know before.
    ///
    /// # Errors
    /// [`CarrierError`].
    fn prove(&self, holder: &Holder) -> Result<(), CarrierError> {
        let random = protocol::random_bytes::<32>().to_vec();
        self.sign_as(holder, Context::Presence, random).map(drop)
    }
}

/// What finds carriers of one kind.
pub trait Reader: Send {
    /// Looks what is connected. `known` are those that are in use; new ones come with the answer.
    ///
    /// # Errors
    /// When nothing can be found out; then nothing is there.
    fn look(&mut self, known: &[&About]) -> Result<Look, CarrierError>;
}

/// What a look showed.
#[derive(Default)]
pub struct Look {
    /// The places of the known ones that are still there.
    pub here: Vec<String>,
    /// Those that came.
    pub new: Vec<Box<dyn Carrier>>,
}
