//! The way to the licence servers.

mod http;
mod order;
mod resolve;
