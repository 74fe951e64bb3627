//! The vendor's side: making a series, packing its datafiles, issuing its licences, looking into files.
//!
//! One use case is one file; `cli` names them and their arguments. Nothing here prints: each use case
//! returns what there is to say, so that it can be tested and used by the licence centre too.

pub mod centre;
pub mod certify;
pub mod cli;
pub mod error;
pub mod inspect;
pub mod issue;
pub mod pack;
pub mod series_change;
pub mod series_new;
pub mod text;

mod dates;
mod output;
mod printable;

pub use error::Error;
