//! The licence centre: what was sold, to whom, on which computer it works, and who may have it next.
//!
//! One SQLite file holds everything. [`Centre`] opens it; each use case is a file that adds methods to it. The
//! rules of activation, giving back and renewal are in [`exchange`]; HTTP and the command line only call them.

pub mod backup;
pub mod cli;
pub mod codes;
pub mod error;
pub mod exchange;
pub mod http;
pub mod journal;
pub mod offer;
pub mod report;
pub mod series;
mod store;
pub mod tokens;
mod vault;

pub use error::{CentreError, Lang};
pub use offer::Offer;
pub use store::Centre;
