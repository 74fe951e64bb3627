//! The connections of this process: objects with the same series, servers and access code share one, so
//! that tenants never do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::{KeyId, facts::ComponentFacts, series::SeriesKeys};

use super::connection::Connection;
use crate::{
    native::{host::HostHandle, module::pin_module},
    per_process::PerProcess,
    settings::Address,
    table::CallError,
};

/// How long the last object waits for the farewell, so that a process that ends now has said it.
const FAREWELL: Duration = Duration::from_millis(6);

/// A forked child begins with none: it has the parent's in memory, but none of their threads.
static CONNECTIONS: PerProcess<Mutex<Vec<Arc<Connection>>>> = PerProcess::new();
static NEXT_OWNER: AtomicU64 = AtomicU64::new(1);

/// What makes two objects share a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The series.
    pub key_id: KeyId,
    /// The series' public key.
    pub public_keys: SeriesKeys,
    /// The servers in effect.
    pub servers: Vec<Address>,
    /// The access code.
    pub access_code: String,
}

/// One object's share of a connection. The connection ends with its last owner.
#[derive(Debug)]
pub(crate) struct Owner {
    connection: Arc<Connection>,
    id: u64,
}

impl Owner {
    /// Joins the connection of that key, or makes it. Events of the connection go to `host`.
    pub(crate) fn join(
        key: &Key,
        facts: impl FnOnce() -> ComponentFacts,
        host: HostHandle,
    ) -> Self {
        let id = NEXT_OWNER.fetch_add(1, Ordering::Relaxed);
        let mut connections = CONNECTIONS.lock();
        // Where forks cannot be told the parent's may be among them.
        let known = connections
            .iter()
            .find(|known| known.key() == key && known.is_of_this_process());
        let connection = known.cloned().unwrap_or_else(|| {
            // From now on threads may run in the module at any time.
            if !pin_module() {
                log::warn!("the module could not be kept in memory");
            }
            let made = Arc::new(Connection::new(key.clone(), facts()));
            connections.push(Arc::clone(&made));
            made
        });
        connection.add_owner(id, host);
        Self { connection, id }
    }

    /// The connection.
    pub(crate) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Connects unless that is done.
    pub(crate) fn connect(&self, deadline: Instant) -> Result<(), CallError> {
        self.connection.connect(deadline)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if !self.connection.is_of_this_process() {
            return;
        }
        let last = {
            let mut connections = CONNECTIONS.lock();
            let last = self.connection.remove_owner(self.id);
            if last {
                connections.retain(|known| !Arc::ptr_eq(known, &self.connection));
            }
            last
        };
        if last {
            self.connection.end(FAREWELL);
        }
    }
}
