//! What a centre answers: signed by the series key, or a plain refusal that nobody acts on.

use minicbor::{Decode, Encode};

use super::{MAX_ANSWER, Refusal};
use crate::{
    KeyId, UnixSeconds,
    envelope::{self, FormatError, Kind},
    signature::{Context, KeyError, PublicKey, Signed, SigningKey},
};

/// A centre's answer about a key of a series.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Answer {
    /// The request's id: an answer to another request is none.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The series whose key signs this.
    #[n(1)]
    pub key_id: KeyId,
    /// The centre's clock.
    #[n(2)]
    pub at: UnixSeconds,
    /// What came of the request.
    #[n(3)]
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// To an activation or update: the licence, a `.licence` file's bytes.
    #[n(0)]
    Licence(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// To a release: the key is the centre's again, and the reserve code works.
    #[n(1)]
    Released,
    /// The centre says no, and the server may act on it.
    #[n(2)]
    Refused(#[n(0)] Refusal),
}

/// An answer whose signature was not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAnswer(Signed);

/// What came from a centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer, to be verified.
    Answer(SignedAnswer),
    /// A refusal that is not signed: to be shown, not to be acted on.
    Refusal(Refusal),
}

impl Answer {
    /// The file, signed with the series key.
    ///
    /// # Errors
    /// When the series key is damaged.
    pub fn to_bytes(&self, series: &SigningKey) -> Result<Vec<u8>, KeyError> {
        let signed = series.sign(Context::Answer, envelope::to_cbor(self))?;
        Ok(envelope::seal(Kind::Answer, &signed))
    }
}

impl SignedAnswer {
    /// The series and the request that it claims to be about.
    ///
    /// # Errors
    /// When it does not decode.
    pub fn claims(&self) -> Result<(KeyId, [u8; 16]), FormatError> {
        let answer: Answer = envelope::from_cbor(self.0.unverified())?;
        Ok((answer.key_id, answer.id))
    }

    /// The answer, if the series key signed it.
    ///
    /// # Errors
    /// [`FormatError::Signature`] for an altered or foreign one.
    pub fn verify(&self, series: &PublicKey) -> Result<Answer, FormatError> {
        envelope::from_cbor(self.0.verify(Context::Answer, series)?)
    }
}

impl Reply {
    /// Reads a file; nothing of it is believed yet.
    ///
    /// # Errors
    /// Not ours, newer, cut or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_ANSWER {
            return Err(FormatError::Damaged(format!("over {MAX_ANSWER} bytes")));
        }
        if Kind::of(bytes) == Some(Kind::Refusal) {
            let refusal: Refusal = envelope::open(Kind::Refusal, bytes)?;
            return Ok(Self::Refusal(refusal.checked()?));
        }
        let answer = SignedAnswer(envelope::open(Kind::Answer, bytes)?);
        let inside: Answer = envelope::from_cbor(answer.0.unverified())?;
        if let Outcome::Refused(refusal) = inside.outcome {
            refusal.checked()?;
        }
        Ok(Self::Answer(answer))
    }
}
