//! The licence server: accounting, keys, REST API, web console.
//!
//! The rooms: [`accounting`] has the rules and knows nothing of the others; [`store`] keeps the ledger;
//! [`keys`] reads and checks licences; [`component`], [`api`] and [`console`] are the doors; [`Server`] holds them together.

pub mod access;
pub mod accounting;
mod administration;
pub mod api;
pub mod backup;
pub mod carriers;
pub mod cli;
mod clock;
pub mod component;
pub mod conf;
pub mod console;
pub mod doctor;
pub mod health;
mod hot;
pub mod keys;
pub mod logs;
pub mod net;
#[cfg(unix)]
mod owner;
pub mod places;
mod port;
pub mod read;
mod reaper;
mod renewal;
mod router;
mod server;
#[cfg(windows)]
mod service;
pub mod store;
mod supervisor;
mod sync;
mod watch;

pub use router::Addresses;
pub use server::{Listeners, Server, StartError, now};
