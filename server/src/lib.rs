//! The licence server: accounting, keys, REST API.
