//! A centre's answer, wherever it came from: checked against the request that waits for it, and acted on once.

use protocol::{
    centre::{Outcome, Reply},
    code::ActivationCode,
};

use super::{CentreError, pending};
use crate::keys::{Installed, KeyRing, install_document};

/// What an answer brought.
#[derive(Debug)]
pub enum Accepted {
    /// A licence, which is installed now.
    Installed(Box<Installed>),
    /// The centre has the key again; this code activates it elsewhere.
    GivenBack(ActivationCode),
}

/// Takes an answer.
///
/// # Errors
/// An answer that is to no request here, that the vendor did not sign, or that says no.
pub fn accept(ring: &KeyRing, reply: Reply) -> Result<Accepted, CentreError> {
    let answer = match reply {
        Reply::Refusal(refusal) => return Err(CentreError::Refused(refusal)),
        Reply::Answer(answer) => answer,
    };
    let (key_id, id) = answer.claims().map_err(CentreError::Answer)?;
    let public = ring
        .public_key(key_id)
        .ok_or(CentreError::UnknownSeries(key_id))?;
    let answer = answer.verify(&public).map_err(CentreError::Answer)?;
    let waiting = pending::find(ring.data(), &id).ok_or(CentreError::NotWaiting)?;
    match answer.outcome {
        Outcome::Licence(bytes) => {
            let installed = install_document(ring, &bytes, "the centre's answer".as_ref())?;
            waiting.done();
            Ok(Accepted::Installed(Box::new(installed)))
        }
        Outcome::Refused(refusal) => {
            waiting.done();
            Err(CentreError::Refused(refusal))
        }
        Outcome::Released => Err(CentreError::OtherAnswer),
    }
}
