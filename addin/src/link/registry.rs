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
use protocol::{KeyId, facts::Identity, series::SeriesKeys};

use super::connection::Connection;
use crate::{
    native::{host::HostHandle, module::pin_module},
    per_process::PerProcess,
    place::Place,
    settings::Address,
    table::CallError,
};

/// How long the last object waits for the farewell, so that a process that ends now has said it.
const FAREWELL: Duration = Duration::from_millis(6);

/// Those that say good-bye are among them until they have. A forked child begins with none: it has the parent's in
/// memory, but none of their threads.
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
    pub(crate) fn join(key: &Key, place: &Place, host: HostHandle) -> Self {
        let id = NEXT_OWNER.fetch_add(1, Ordering::Relaxed);
        let join = |made: Option<Connection>| {
            let mut connections = CONNECTIONS.lock();
            // Where forks cannot be told the parent's may be among them.
            let known = connections.iter().find(|known| {
                known.key() == key && known.is_of_this_process() && !known.is_ending()
            });
            let joined = known.cloned().or_else(|| {
                let made = Arc::new(made?);
                connections.push(Arc::clone(&made));
                Some(made)
            })?;
            joined.add_owner(id, host.clone());
            Some(joined)
        };
        let connection = join(None).unwrap_or_else(|| {
            // From now on threads may run in the module at any time.
            if !pin_module() {
                log::warn!("the module could not be kept in memory");
            }
            // What the system tells of itself may take long, and nobody is to wait for that.
            let made = Connection::new(key.clone(), place);
            join(Some(made)).expect("it joins the one that was made, if no other")
        });
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
            // Nobody joins from here on.
            let _connections = CONNECTIONS.lock();
            let last = self.connection.remove_owner(self.id);
            if last {
                self.connection.stop();
            }
            last
        };
        if last {
            self.connection.end(FAREWELL);
        }
    }
}

/// The connection has said good-bye.
pub(super) fn forget(connection: &Connection) {
    CONNECTIONS
        .lock()
        .retain(|known| !std::ptr::eq(&**known, connection));
}

/// Waits until no other connection of this process is about to give this session's seat back: to the server it is
/// one seat, and what it hears late would end its new use. False when that takes too long.
pub(super) fn wait_for_leaving(own: &Connection, identity: &Identity, deadline: Instant) -> bool {
    let mut others = CONNECTIONS.lock().clone();
    others.retain(|other| {
        !std::ptr::eq(&**other, own)
            && other.key().key_id == own.key().key_id
            && other.is_of_this_process()
    });
    others
        .iter()
        .all(|other| other.wait_for_leaving(identity, deadline))
}
