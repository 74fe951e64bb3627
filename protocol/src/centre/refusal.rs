//! Why a centre says no: a number for programs, a sentence in both languages for people.

use minicbor::{Decode, Encode};

use crate::envelope::{self, FormatError, Kind};

/// The longest sentence, in bytes.
const MAX_SENTENCE: usize = 4096;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Refusal {
    /// [`CentreReason`]'s number; a newer centre may have more.
    #[n(0)]
    pub reason: u16,
    /// What happened and what to do, in English.
    #[n(1)]
    pub english: String,
    /// The same in Russian.
    #[n(2)]
    pub russian: String,
}

/// The reasons. A number never gets a second meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CentreReason {
    /// The centre never gave out such a code.
    UnknownCode = 1,
    /// The code was activated on another computer.
    UsedElsewhere = 2,
    /// The vendor took the code or the key back.
    Revoked = 3,
    /// The code's time to be activated is over.
    CodeExpired = 4,
    /// The code is of another series than was asked for.
    OtherSeries = 5,
    /// The key belongs to another owner.
    OtherOwner = 6,
    /// The owner's ИНН is needed.
    OwnerNeeded = 7,
    /// The key was moved as often as the vendor allows in a year.
    TooManyMoves = 8,
    /// The centre has no such key.
    UnknownKey = 9,
    /// The key is held by somebody else now.
    NotTheHolder = 10,
    /// The request does not decode, or a value in it is wrong.
    BadRequest = 11,
    /// A request of the same id and other content was answered before.
    RequestUsed = 12,
    /// Too many requests came from the address.
    TooManyRequests = 13,
    /// The request tells no facts of its computer.
    NoFacts = 14,
    /// A fault inside the centre.
    Internal = 15,
    /// Too many facts of the computer changed.
    OtherComputer = 16,
    /// The centre was restored from a backup and does not know the holder; his licence works on.
    CentreRestored = 17,
}

impl Refusal {
    /// A refusal with its sentences.
    pub fn new(
        reason: CentreReason,
        english: impl Into<String>,
        russian: impl Into<String>,
    ) -> Self {
        Self {
            reason: reason as u16,
            english: english.into(),
            russian: russian.into(),
        }
    }

    /// Whether it is for that reason.
    pub fn is(&self, reason: CentreReason) -> bool {
        self.reason == reason as u16
    }

    /// The file, which is not signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        envelope::seal(Kind::Refusal, self)
    }

    pub(super) fn checked(self) -> Result<Self, FormatError> {
        if self.english.len() > MAX_SENTENCE || self.russian.len() > MAX_SENTENCE {
            return Err(FormatError::Damaged("a sentence is too long".into()));
        }
        Ok(self)
    }
}
