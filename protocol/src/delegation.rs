//! A holder's short-lived word that a server may speak for a key.

use minicbor::{Decode, Encode};

use crate::{
    KeyId, UnixSeconds,
    envelope::{self, FormatError},
    licence::{DAY, Holder, Voucher},
    signature::{Context, PublicKey, Signed, Signs},
};

/// The longest life of a delegation by a software key, in seconds.
pub const MAX_LIFE: i64 = DAY;
/// The longest life of a delegation by a carrier, in seconds.
pub const MAX_CARRIER_LIFE: i64 = 60;
/// How far the clocks of two computers may differ, in seconds. Six hours: a wrong time zone under a right
/// wall clock is the common mistake, and the 1C user must not notice it.
pub const CLOCK_TOLERANCE: i64 = 6 * 60 * 60;

/// The signed statement.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Delegation {
    /// The server's static Noise key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub server: [u8; 32],
    /// The series.
    #[n(1)]
    pub key_id: KeyId,
    /// The key.
    #[n(2)]
    pub key_no: u32,
    /// When it was signed, by the server's clock.
    #[n(3)]
    pub issued_at: UnixSeconds,
    /// When it ends, by the server's clock.
    #[n(4)]
    pub not_after: UnixSeconds,
}

impl Delegation {
    /// Signs it with a holder key.
    ///
    /// # Errors
    /// Those of the holder key.
    pub fn sign<S: Signs>(&self, holder: &S) -> Result<Signed, S::Error> {
        holder.sign(Context::Delegation, envelope::to_cbor(self))
    }

    /// Reads one signed by that holder.
    ///
    /// # Errors
    /// [`FormatError::Signature`] when the holder did not sign it.
    pub fn verify(signed: &Signed, holder: &PublicKey) -> Result<Self, FormatError> {
        envelope::from_cbor(signed.verify(Context::Delegation, holder)?)
    }

    /// Whether it lets that server speak for that key now, if it is that holder's.
    pub fn covers(
        &self,
        holder: &Holder,
        server: &[u8; 32],
        voucher: &Voucher,
        now: UnixSeconds,
    ) -> bool {
        let longest = if holder.is_carrier() {
            MAX_CARRIER_LIFE
        } else {
            MAX_LIFE
        };
        let life = self.not_after.saturating_sub(self.issued_at);
        self.server == *server
            && self.key_id == voucher.key_id
            && self.key_no == voucher.key_no
            && (0..=longest).contains(&life)
            && now.saturating_add(CLOCK_TOLERANCE) >= self.issued_at
            && now.saturating_sub(CLOCK_TOLERANCE) <= self.not_after
    }
}
