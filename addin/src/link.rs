//! The way to the licence servers: connections that the objects of a process share.
//!
//! `registry` finds the connection of an object, `connection` answers calls, `worker` keeps the connection
//! alive in the background. Below them a `server` renews its `channel` and keeps account of its `seats`, a channel
//! sends frames by `http`, and `trust` decides what is believed.

mod channel;
mod connection;
mod http;
mod order;
mod registry;
mod resolve;
mod seats;
mod server;
mod trust;
mod worker;

use std::time::Duration;

pub(crate) use registry::{Key, Owner};

/// A server that granted a seat.
pub(crate) type ServerRef = std::sync::Arc<server::Server>;

/// The longest that Connect may take, and any other call that asks a server.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests;
