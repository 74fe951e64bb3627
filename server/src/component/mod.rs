//! What components talk to: handshake, channels and the requests inside them.

mod budget;
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
use protocol::wire::CONTENT_TYPE;

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
