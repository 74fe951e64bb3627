//! A computer's request for a licence: who it is, hashed, and the holder key that it made.

use minicbor::{Decode, Encode};

use crate::{
    UnixSeconds,
    binding::{FactHash, MAX_FACTS},
    envelope::{self, FormatError, Kind},
    licence::Holder,
    signature::{Context, Signed, Signs},
};

/// The largest request file that is read, in bytes.
pub const MAX_FILE: usize = 64 * 1024;

/// What a server asks a licence with.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Request {
    /// Names this request once.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// When it was made, by the server's clock.
    #[n(1)]
    pub created_at: UnixSeconds,
    /// The server's version.
    #[n(2)]
    pub version: String,
    /// The computer's name, for people.
    #[n(3)]
    pub computer_name: String,
    /// 40 hex digits that name the computer.
    #[n(4)]
    pub computer_id: String,
    /// The server's static Noise key.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub server: [u8; 32],
    /// The holder key made for the licence.
    #[n(6)]
    pub holder: Holder,
    /// The salt of the facts.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// The computer's facts, hashed.
    #[n(8)]
    pub facts: Vec<FactHash>,
}

impl Request {
    /// The file, signed with the holder key to prove that the computer has it.
    ///
    /// # Errors
    /// Those of the holder key.
    pub fn to_bytes<S: Signs>(&self, holder: &S) -> Result<Vec<u8>, S::Error> {
        Ok(envelope::seal(
            Kind::Request,
            &holder.sign(Context::Request, envelope::to_cbor(self))?,
        ))
    }

    /// Reads a file and checks that it was signed with the holder key that it presents.
    ///
    /// # Errors
    /// Not ours, newer, cut, damaged or altered.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_FILE {
            return Err(FormatError::Damaged(format!("over {MAX_FILE} bytes")));
        }
        let signed: Signed = envelope::open(Kind::Request, bytes)?;
        let request: Self = envelope::from_cbor(signed.unverified())?;
        signed.verify(Context::Request, &request.holder.signing)?;
        if request.facts.len() > MAX_FACTS {
            return Err(FormatError::Damaged("the number of facts".into()));
        }
        Ok(request)
    }
}
