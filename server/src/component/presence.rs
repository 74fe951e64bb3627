//! Who was heard of when, and what they must be told. In memory only: heartbeats write nothing.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::{
    KeyId, Reason,
    wire::message::{Id, LostSession},
};

use crate::accounting::{Cause, ConnectionId, Lost};

const SHARDS: usize = 64;
/// Lost sessions kept for one connection: more than this it learns from the refusals of its requests.
const MAX_NOTICES: usize = 16_384;

/// When each connection was heard of last.
pub(super) struct Presence {
    shards: Vec<Mutex<HashMap<ConnectionId, Heard>>>,
}

struct Heard {
    key_id: KeyId,
    at: Instant,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Presence {
    // Ids are drawn at random by this server, so any of their bytes spreads well.
    fn shard(&self, id: &ConnectionId) -> &Mutex<HashMap<ConnectionId, Heard>> {
        &self.shards[usize::from(id.0[0]) % SHARDS]
    }

    pub(super) fn came(&self, id: ConnectionId, key_id: KeyId) {
        self.shard(&id).lock().insert(
            id,
            Heard {
                key_id,
                at: Instant::now(),
            },
        );
    }

    /// False when the connection is gone.
    pub(super) fn heard(&self, id: ConnectionId) -> bool {
        match self.shard(&id).lock().get_mut(&id) {
            Some(heard) => {
                heard.at = Instant::now();
                true
            }
            None => false,
        }
    }

    pub(super) fn left(&self, id: ConnectionId) {
        self.shard(&id).lock().remove(&id);
    }

    pub(super) fn silence(&self, id: ConnectionId) -> Option<Duration> {
        self.shard(&id)
            .lock()
            .get(&id)
            .map(|heard| heard.at.elapsed())
    }

    /// Connections that were silent for too long. They are gone from here at once, so that a late heartbeat
    /// cannot keep what the ledger is about to free.
    pub(super) fn take_silent(&self, limit: Duration) -> Vec<(KeyId, ConnectionId)> {
        let mut silent = Vec::new();
        for shard in &self.shards {
            shard.lock().retain(|id, heard| {
                let keep = heard.at.elapsed() < limit;
                if !keep {
                    silent.push((heard.key_id, *id));
                }
                keep
            });
        }
        silent
    }
}

/// Sessions that ended without their components asking for it, until each component was told.
#[derive(Default)]
pub struct Notices(Mutex<HashMap<ConnectionId, Vec<LostSession>>>);

impl Notices {
    /// Notes what the ledger reports.
    pub fn add(&self, lost: Vec<Lost>) {
        let mut notices = self.0.lock();
        for lost in lost {
            for connection in lost.connections {
                let list = notices.entry(connection).or_default();
                if list.len() < MAX_NOTICES {
                    list.push(LostSession {
                        session: Id(lost.session.0),
                        reason: reason(lost.cause),
                        message: None,
                    });
                }
            }
        }
    }

    pub(super) fn take(&self, connection: ConnectionId) -> Vec<LostSession> {
        self.0.lock().remove(&connection).unwrap_or_default()
    }
}

fn reason(cause: Cause) -> Reason {
    match cause {
        Cause::Administrator => Reason::ReleasedByAdministrator,
        Cause::ParentEnded => Reason::NoParentSeat,
        Cause::Released => Reason::UnknownSession,
        Cause::Expired | Cause::LingerEnded | Cause::KeyGone => Reason::LicenceLost,
    }
}
