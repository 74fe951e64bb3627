//! The licence server: accounting, keys, REST API.

pub mod accounting;
pub mod component;
pub mod conf;
pub mod keys;
pub mod logs;
pub mod places;
pub mod store;
