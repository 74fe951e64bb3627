//! A centre's answer, wherever it came from: checked against the request that waits for it, and acted on once.

use protocol::{
    centre::{Outcome, Reply},
    code::ActivationCode,
};

use super::{CentreError, pending, reserve::Kept};
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
    let given_back = Kept::all(ring.data())
        .into_iter()
        .find(|kept| kept.id() == id);
    if let Some(kept) = given_back {
        let code = kept.settle(ring, answer.outcome, &mut |_| Ok(()))?;
        return Ok(Accepted::GivenBack(code));
    }
    let waiting = pending::find(ring.data(), &id).ok_or(CentreError::NotWaiting)?;
    match answer.outcome {
        Outcome::Licence(bytes) => {
            let _alone = ring.alone()?;
            let installed = install_document(ring, &bytes, "the centre's answer".as_ref())?;
            // A reserve code that came back to this computer: the centre has taken the key, or there were no licence.
            let code = waiting.body.code.as_str();
            for kept in Kept::all(ring.data()) {
                if kept.code_is(code) {
                    kept.done(ring)?;
                }
            }
            // Used up here, it is told to nobody any more.
            for kept in Kept::retired(ring.data()) {
                if kept.code_is(code) {
                    kept.forget();
                }
            }
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
