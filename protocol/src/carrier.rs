//! What the maker of USB keys signs of each: that its holder key was made inside.

use minicbor::{Decode, Encode};

use crate::{
    envelope::{self, FormatError},
    licence::Holder,
    signature::{Context, PublicKey, Signed, Signs},
};

/// The largest certificate, in bytes.
pub const MAX_CERTIFICATE: usize = 4096;

/// A key's serial number and the public halves of its holder key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Certificate {
    /// The serial number, as the USB descriptor has it.
    #[n(0)]
    pub serial: String,
    /// The public halves.
    #[n(1)]
    pub holder: Holder,
}

impl Certificate {
    /// The bytes that the key keeps.
    ///
    /// # Errors
    /// Those of the maker's key.
    pub fn to_bytes<S: Signs>(&self, maker: &S) -> Result<Vec<u8>, S::Error> {
        let signed = maker.sign(Context::Carrier, envelope::to_cbor(self))?;
        Ok(envelope::to_cbor(&signed))
    }

    /// Reads one that this maker signed.
    ///
    /// # Errors
    /// Damaged, or another maker's.
    pub fn from_bytes(bytes: &[u8], maker: &PublicKey) -> Result<Self, FormatError> {
        if bytes.len() > MAX_CERTIFICATE {
            return Err(FormatError::Damaged(format!(
                "over {MAX_CERTIFICATE} bytes"
            )));
        }
        let signed: Signed = envelope::from_cbor(bytes)?;
        envelope::from_cbor(signed.verify(Context::Carrier, maker)?)
    }

    /// Whether it is of that key.
    pub fn is_of(&self, serial: &str, holder: &Holder) -> bool {
        self.serial == serial && self.holder == *holder
    }
}
