//! The three requests: to activate a code, to give a key back, to renew a licence.

use minicbor::{Decode, Encode};

use super::{MAX_REQUEST, MAX_TEXT};
use crate::{
    KeyId, UnixSeconds,
    binding::{FactHash, MAX_FACTS},
    envelope::{self, FormatError, Kind},
    request::Request,
    signature::{Context, PublicKey, Signed, Signs},
};

/// Asks for the licence that an activation code stands for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Activation {
    /// The computer and its holder key; its id is this request's. The facts are hashed with the code's salt.
    #[n(0)]
    pub request: Request,
    /// The code's 20 characters, without separators or in groups.
    #[n(1)]
    pub code: String,
    /// The owner's ИНН.
    #[n(2)]
    pub itn: Option<String>,
    /// The owner's КПП.
    #[n(3)]
    pub iec: Option<String>,
    /// The series that the code should be of, when the server wants one.
    #[n(4)]
    pub series: Option<KeyId>,
}

/// Gives a key back, so that a new code (the reserve code, drawn by the server) activates it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Release {
    /// Names this request once.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// When it was made, by the server's clock.
    #[n(1)]
    pub created_at: UnixSeconds,
    /// The signing half of the holder key, which signs this.
    #[n(2)]
    pub holder: PublicKey,
    /// The series.
    #[n(3)]
    pub key_id: KeyId,
    /// The key that is given back.
    #[n(4)]
    pub key_no: u32,
    /// SHA-256 of the voucher that works no more.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub voucher: [u8; 32],
    /// The hash of the reserve code.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub code_hash: [u8; 32],
    /// The computer's name, for people.
    #[n(7)]
    pub computer_name: String,
}

/// Asks for an installed licence as the vendor knows it now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Update {
    /// Names this request once.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// When it was made, by the server's clock.
    #[n(1)]
    pub created_at: UnixSeconds,
    /// The signing half of the holder key, which signs this.
    #[n(2)]
    pub holder: PublicKey,
    /// The series.
    #[n(3)]
    pub key_id: KeyId,
    /// The key.
    #[n(4)]
    pub key_no: u32,
    /// SHA-256 of the voucher that is installed. Each renewal makes another one, so that two copies of one
    /// computer, which both renew, are seen.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub voucher: [u8; 32],
    /// The server's static Noise key.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub server: [u8; 32],
    /// 40 hex digits that name the computer.
    #[n(7)]
    pub computer_id: String,
    /// The computer's name, for people.
    #[n(8)]
    pub computer_name: String,
    /// The server's version.
    #[n(9)]
    pub version: String,
    /// The computer's facts as they are now, hashed with the licence's salt.
    #[n(10)]
    pub facts: Vec<FactHash>,
    /// The code that the licence has in its private part: the centre keeps no codes, and writes it into the new one.
    #[n(11)]
    pub code: Option<String>,
}

/// Any of the three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To activate a code.
    Activation(Box<Activation>),
    /// To give a key back.
    Release(Box<Release>),
    /// To renew a licence.
    Update(Box<Update>),
}

impl Message {
    /// The file, signed with the holder key.
    ///
    /// # Errors
    /// Those of the holder key.
    pub fn to_bytes<S: Signs>(&self, holder: &S) -> Result<Vec<u8>, S::Error> {
        let (kind, context, payload) = match self {
            Self::Activation(body) => (
                Kind::Activation,
                Context::Activation,
                envelope::to_cbor(body),
            ),
            Self::Release(body) => (Kind::Release, Context::Release, envelope::to_cbor(body)),
            Self::Update(body) => (Kind::Update, Context::Update, envelope::to_cbor(body)),
        };
        Ok(envelope::seal(kind, &holder.sign(context, payload)?))
    }

    /// Reads a file and checks its limits, and that it was signed with the holder key that it presents.
    ///
    /// # Errors
    /// Not ours, newer, cut, damaged or altered.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_REQUEST {
            return Err(FormatError::Damaged(format!("over {MAX_REQUEST} bytes")));
        }
        let message = match Kind::of(bytes) {
            Some(Kind::Release) => Self::Release(Box::new(open(
                Kind::Release,
                Context::Release,
                bytes,
                |body: &Release| &body.holder,
            )?)),
            Some(Kind::Update) => Self::Update(Box::new(open(
                Kind::Update,
                Context::Update,
                bytes,
                |body: &Update| &body.holder,
            )?)),
            _ => Self::Activation(Box::new(open(
                Kind::Activation,
                Context::Activation,
                bytes,
                |body: &Activation| &body.request.holder.signing,
            )?)),
        };
        message.check_limits()?;
        Ok(message)
    }

    /// Names the request once.
    pub fn id(&self) -> [u8; 16] {
        match self {
            Self::Activation(body) => body.request.id,
            Self::Release(body) => body.id,
            Self::Update(body) => body.id,
        }
    }

    /// The computer's name, for people.
    pub fn computer_name(&self) -> &str {
        match self {
            Self::Activation(body) => &body.request.computer_name,
            Self::Release(body) => &body.computer_name,
            Self::Update(body) => &body.computer_name,
        }
    }

    fn check_limits(&self) -> Result<(), FormatError> {
        let (texts, facts): (Vec<&str>, usize) = match self {
            Self::Activation(body) => (
                vec![
                    &body.code,
                    body.itn.as_deref().unwrap_or_default(),
                    body.iec.as_deref().unwrap_or_default(),
                    &body.request.computer_name,
                    &body.request.computer_id,
                    &body.request.version,
                ],
                body.request.facts.len(),
            ),
            Self::Release(body) => (vec![&body.computer_name], 0),
            Self::Update(body) => (
                vec![
                    &body.computer_name,
                    &body.computer_id,
                    &body.version,
                    body.code.as_deref().unwrap_or_default(),
                ],
                body.facts.len(),
            ),
        };
        if texts.iter().any(|text| text.len() > MAX_TEXT) {
            return Err(FormatError::Damaged("a text is too long".into()));
        }
        if facts > MAX_FACTS {
            return Err(FormatError::Damaged("the number of facts".into()));
        }
        Ok(())
    }
}

fn open<T: for<'b> Decode<'b, ()>>(
    kind: Kind,
    context: Context,
    bytes: &[u8],
    signer: impl Fn(&T) -> &PublicKey,
) -> Result<T, FormatError> {
    let signed: Signed = envelope::open(kind, bytes)?;
    let body: T = envelope::from_cbor(signed.unverified())?;
    signed.verify(context, signer(&body))?;
    Ok(body)
}
