//! The licence server: accounting, keys, REST API.

pub mod accounting;
pub mod keys;
pub mod store;
