//! A key that is being given back, `.reserve`: the request to the centre, and the only copy of its reserve code.

use minicbor::{Decode, Encode};

use super::{MAX_REQUEST, Message, Release};
use crate::{
    code::ActivationCode,
    envelope::{self, FormatError, Kind},
    licence::MAX_FILE,
};

/// The largest file, in bytes: a request, a code and a licence.
pub const MAX_RESERVE: usize = MAX_REQUEST + MAX_FILE + 4096;

/// The content of such a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// The request as it goes to the centre, again and again the same bytes.
    pub request: Vec<u8>,
    /// What the request says.
    pub release: Box<Release>,
    /// The code that activates the key elsewhere.
    pub code: ActivationCode,
    /// The licence that a carrier had, until the centre has answered.
    pub carrier: Option<FromCarrier>,
}

/// A licence that is taken from its carrier.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FromCarrier {
    /// The carrier's number.
    #[n(0)]
    pub number: u32,
    /// The licence's document, to be written back if the centre refuses.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub licence: Vec<u8>,
    /// Whether the carrier has it no more.
    #[n(2)]
    pub erased: bool,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct File {
    #[cbor(n(0), with = "minicbor::bytes")]
    request: Vec<u8>,
    #[n(1)]
    code: String,
    #[n(2)]
    carrier: Option<FromCarrier>,
}

impl Reserve {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = File {
            request: self.request.clone(),
            code: self.code.reveal(),
            carrier: self.carrier.clone(),
        };
        envelope::seal(Kind::Reserve, &file)
    }

    /// Reads a file; the request in it is one, and gives back that very code.
    ///
    /// # Errors
    /// Not ours, newer, cut or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let damaged = |what: &str| FormatError::Damaged(what.into());
        if bytes.len() > MAX_RESERVE {
            return Err(FormatError::Damaged(format!("over {MAX_RESERVE} bytes")));
        }
        let File {
            request,
            code,
            carrier,
        } = envelope::open(Kind::Reserve, bytes)?;
        let Message::Release(release) = Message::from_bytes(&request)? else {
            return Err(damaged("it gives no key back"));
        };
        let code = ActivationCode::parse(&code).map_err(|_| damaged("the code"))?;
        if code.hash() != release.code_hash {
            return Err(damaged("the code is not the request's"));
        }
        Ok(Self {
            request,
            release,
            code,
            carrier,
        })
    }
}
