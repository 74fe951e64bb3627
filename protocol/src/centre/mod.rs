//! What a server and the vendor's licence centre say to each other, over HTTPS or as files: a request is signed by
//! the holder key, an answer by the series key, and an answer names the one request that it belongs to.

mod answer;
mod refusal;
mod request;
mod reserve;
mod text;

pub use answer::{Answer, Outcome, Reply, SignedAnswer};
pub use refusal::{CentreReason, Refusal};
pub use request::{Activation, Message, Release, Update};
pub use reserve::{FromCarrier, MAX_RESERVE, Reserve};
pub use text::{from_qr, to_qr};

/// The largest request, in bytes.
pub const MAX_REQUEST: usize = 64 * 1024;
/// The largest answer, in bytes: a licence and what stands around it.
pub const MAX_ANSWER: usize = crate::licence::MAX_FILE + 4096;
/// The longest text in a request, in bytes.
pub const MAX_TEXT: usize = 1024;
/// Where a centre takes requests, after its address.
pub const PATH: &str = "/centre/v1/exchange";
