//! The keys that this server guards: its own instance key, the holder keys of its licences, the licences.
//!
//! A licence is believed only after its signatures, its binding to this computer and its holder key were
//! checked; what is refused stays listed with the reason, and the rest goes on.

mod computer;
mod holder;
mod instance;
mod licences;
mod open_error;
mod request;

pub use computer::{computer_id, facts};
pub use holder::{HolderKey, HolderKeys};
pub use instance::instance_key;
pub use licences::{Installed, Keyring, Opened, install};
pub use open_error::OpenError;
pub use request::make_request;
