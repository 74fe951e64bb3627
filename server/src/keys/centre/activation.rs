//! Activating a code: at the centre, or by a request file that somebody carries there.

use protocol::{
    KeyId,
    centre::{Activation, Message},
    code::ActivationCode,
    owner::{Iec, Itn},
};

use super::{Accepted, CentreError, Link, accept, pending};
use crate::keys::{Installed, KeyRing, request};

/// What is to be activated.
#[derive(Clone, Debug)]
pub struct Order {
    /// The code.
    pub code: ActivationCode,
    /// The owner's ИНН.
    pub itn: Option<Itn>,
    /// The owner's КПП.
    pub iec: Option<Iec>,
    /// The series that the code should be of.
    pub series: Option<KeyId>,
    /// The number of the carrier that is to hold the licence; this computer holds it when there is none.
    pub carrier: Option<u32>,
}

/// Activates a code at the centre, and installs the licence. Waits for the network, at most half a minute.
///
/// # Errors
/// [`CentreError`]; the same order again goes on from where it was.
pub fn activate(
    ring: &KeyRing,
    link: &Link,
    order: &Order,
    now: i64,
) -> Result<Installed, CentreError> {
    let request = prepare(ring, order, now)?;
    match accept(ring, link.send(&request)?)? {
        Accepted::Installed(installed) => Ok(*installed),
        Accepted::GivenBack(_) => Err(CentreError::OtherAnswer),
    }
}

/// The request for an order, kept until it is answered. The same order again gives the same bytes.
///
/// # Errors
/// When there is no holder key, or the request cannot be kept.
pub fn prepare(ring: &KeyRing, order: &Order, now: i64) -> Result<Vec<u8>, CentreError> {
    let signer = ring.signer(order.carrier)?;
    let body = Activation {
        request: request::new(&signer, &ring.instance, now, order.code.salt()),
        code: order.code.reveal(),
        itn: order.itn.as_ref().map(Itn::to_string),
        iec: order.iec.as_ref().map(Iec::to_string),
        series: order.series,
    };
    let same = |waiting: &pending::Waiting| {
        let other = &waiting.body;
        other.request.holder == body.request.holder
            && other.request.facts == body.request.facts
            && (&other.code, &other.itn, &other.iec, other.series)
                == (&body.code, &body.itn, &body.iec, body.series)
    };
    if let Some(waiting) = pending::all(ring.data()).into_iter().find(same) {
        return Ok(waiting.bytes);
    }
    let id = body.request.id;
    let bytes = Message::Activation(Box::new(body)).to_bytes(&signer)?;
    pending::keep(ring.data(), &id, &bytes)?;
    Ok(bytes)
}
