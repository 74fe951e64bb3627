//! What a server shows so that a component believes it, and the whole chain of that proof.

use minicbor::{Decode, Encode};

use super::{PeriodError, Voucher, verified_voucher};
use crate::{
    KeyId, UnixSeconds, delegation::Delegation, envelope::FormatError, series::SeriesKeys,
    signature::Signed,
};

/// What a server shows to prove that it may speak for a key: the voucher, and the holder's delegation to it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Credential {
    /// The voucher.
    #[n(0)]
    pub voucher: Signed,
    /// The delegation.
    #[n(1)]
    pub delegation: Signed,
}

/// Why a component does not believe a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// A signature or a format is wrong.
    #[error("the server's licence is not the vendor's: {0}")]
    Format(#[from] FormatError),
    /// It is of another series.
    #[error("the server showed a licence of series {0}")]
    OtherSeries(KeyId),
    /// It does not work at this time.
    #[error("the licence does not work at this time")]
    Period(PeriodError),
    /// No holder of the licence delegated to this server, or not now.
    #[error(
        "the server may not speak for the licence now; check the clocks of this computer and of the server"
    )]
    Delegation,
}

impl Credential {
    /// Checks the whole chain: series key → voucher → holder → this server, at this time.
    ///
    /// # Errors
    /// Names the link that is broken.
    pub fn verify(
        &self,
        series: &SeriesKeys,
        key_id: KeyId,
        server: &[u8; 32],
        now: UnixSeconds,
    ) -> Result<Voucher, CredentialError> {
        let voucher = series.find(|key| verified_voucher(&self.voucher, key))?;
        if voucher.key_id != key_id {
            return Err(CredentialError::OtherSeries(voucher.key_id));
        }
        voucher.check_period(now).map_err(CredentialError::Period)?;
        let delegated = voucher.holders.iter().any(|holder| {
            Delegation::verify(&self.delegation, &holder.signing)
                .is_ok_and(|delegation| delegation.covers(holder, server, &voucher, now))
        });
        if delegated {
            Ok(voucher)
        } else {
            Err(CredentialError::Delegation)
        }
    }
}
