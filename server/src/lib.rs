//! The licence server: accounting, keys, REST API.

pub mod accounting;
