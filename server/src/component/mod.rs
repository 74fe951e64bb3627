//! What components talk to: handshake, channels and the requests inside them.

mod channels;
mod directories;
mod handshake;
mod lives;
mod message;
mod refusal;
mod requests;
#[cfg(test)]
mod tests;

pub use channels::{Channel, Channels};
pub use directories::Directories;
pub use handshake::handshake;
pub use lives::{Life, Lives};
pub use message::message;

use axum::{http::header, response::IntoResponse};
use protocol::{Reason, wire::CONTENT_TYPE};

use crate::accounting::{Cause, Unusable};

/// The reason's number for a key that gives no seats.
pub(crate) fn reason_of(unusable: Unusable) -> Reason {
    match unusable {
        Unusable::NotStarted(_) => Reason::NotStarted,
        Unusable::Expired(_) => Reason::Expired,
        Unusable::Disabled => Reason::Disabled,
        Unusable::NotWorkable | Unusable::NoMainKey | Unusable::BesideOther => Reason::NotWorkable,
    }
}

/// The reason's number for a session that ended.
fn reason_of_loss(cause: Cause) -> Reason {
    match cause {
        Cause::Administrator => Reason::ReleasedByAdministrator,
        Cause::Released => Reason::UnknownSession,
        Cause::ParentEnded => Reason::NoParentSeat,
        Cause::Expired | Cause::LingerEnded | Cause::KeyGone => Reason::LicenceLost,
    }
}

/// A frame as an HTTP answer. Refusals come with 200 as well: the frame says what they are.
fn framed(bytes: Vec<u8>) -> axum::response::Response {
    (
        [
            (header::CONTENT_TYPE, CONTENT_TYPE),
            (header::CACHE_CONTROL, "no-store"),
        ],
        bytes,
    )
        .into_response()
}
