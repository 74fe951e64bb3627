//! What this server does with the vendor's licence centre: activating codes, giving keys back, renewing licences.
//!
//! Whatever a step needs later is on the disk before anything is sent, so that the power may fail between any
//! two steps: the command that was under way is given again and goes on from where it was.

mod activation;
mod answer;
mod error;
mod link;
mod pending;
mod qr;
mod renewal;
mod reserve;
#[cfg(test)]
mod tests;

pub use activation::{Order, activate, prepare};
pub use answer::{Accepted, accept};
pub use error::CentreError;
pub use link::Link;
pub(crate) use link::is_good;
pub use qr::svg;
pub use renewal::{is_renewable, renew, renewed_at};
pub(in crate::keys) use reserve::{given_back, is_reserve};
pub use reserve::{reserve, reserve_offline, which};
