//! Which connections are alive. A heartbeat touches one number here and nothing on disk.
//!
//! Time-outs run on the monotonic clock, so that a corrected wall clock ends nobody's session.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    KeyId,
    wire::message::{Id, LostSession},
};

use crate::{
    accounting::{ConnectionId, Lost, Moment},
    sync::{
        Mutex, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

/// What `seen` says once the connection is being ended: no heartbeat brings it back.
const ENDED: i64 = i64::MIN;

/// One connection's life.
#[derive(Debug)]
pub struct Life {
    /// The connection.
    pub id: ConnectionId,
    /// Its series.
    pub key_id: KeyId,
    /// When it was heard last, in milliseconds of the process's life.
    seen: AtomicI64,
    has_lost: AtomicBool,
    lost: Mutex<Vec<LostSession>>,
}

impl Life {
    /// Notes that the component was heard. False when the connection is being ended.
    fn touch(&self, now: i64) -> bool {
        self.seen
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
                (seen != ENDED).then(|| seen.max(now))
            })
            .is_ok()
    }

    /// Sessions that ended since this was asked last.
    pub fn take_lost(&self) -> Vec<LostSession> {
        if self.has_lost.swap(false, Ordering::AcqRel) {
            std::mem::take(&mut *self.lost.lock())
        } else {
            Vec::new()
        }
    }

    fn end_if_silent(&self, since: i64) -> bool {
        self.seen
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |seen| {
                (seen <= since).then_some(ENDED)
            })
            .is_ok()
    }
}

/// All connections' lives.
#[derive(Debug)]
pub struct Lives {
    begin: Instant,
    lives: RwLock<HashMap<ConnectionId, Arc<Life>>>,
}

impl Default for Lives {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
            lives: RwLock::default(),
        }
    }
}

impl Lives {
    fn clock(&self) -> i64 {
        i64::try_from(self.begin.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// A connection that is alive from now on.
    pub fn add(&self, id: ConnectionId, key_id: KeyId) -> Arc<Life> {
        let life = Arc::new(Life {
            id,
            key_id,
            seen: AtomicI64::new(self.clock()),
            has_lost: AtomicBool::new(false),
            lost: Mutex::default(),
        });
        self.lives.write().insert(id, Arc::clone(&life));
        life
    }

    /// A connection's life.
    pub fn get(&self, id: &ConnectionId) -> Option<Arc<Life>> {
        self.lives.read().get(id).map(Arc::clone)
    }

    /// Notes that the component was heard. False when the connection is being ended.
    pub fn touch(&self, life: &Life) -> bool {
        life.touch(self.clock())
    }

    /// Ends a connection at once: its channel has the last word for it.
    pub fn end(&self, id: &ConnectionId) {
        if let Some(life) = self.lives.write().remove(id) {
            life.seen.store(ENDED, Ordering::Release);
        }
    }

    /// Forgets a connection.
    pub fn remove(&self, id: &ConnectionId) {
        self.lives.write().remove(id);
    }

    /// Connections that were silent for so long. From now on they cannot come back; they are named again until
    /// they are removed.
    pub fn expired(&self, silence: Duration) -> Vec<(ConnectionId, KeyId)> {
        let since = self.clock() - i64::try_from(silence.as_millis()).unwrap_or(i64::MAX);
        let lives = self.lives.read();
        lives
            .values()
            .filter(|life| life.end_if_silent(since))
            .map(|life| (life.id, life.key_id))
            .collect()
    }

    /// Connections that were not heard for longer than that.
    pub fn silent(&self, silence: Duration) -> HashSet<ConnectionId> {
        let since = self.clock() - i64::try_from(silence.as_millis()).unwrap_or(i64::MAX);
        let lives = self.lives.read();
        let silent = lives.values().filter(|life| {
            // One that is being ended is silent, too.
            life.seen.load(Ordering::Acquire) < since
        });
        silent.map(|life| life.id).collect()
    }

    /// When a connection was heard last, by the wall clock; nothing when it is being ended.
    pub fn last_used(&self, id: &ConnectionId, now: Moment) -> Option<Moment> {
        let seen = self.get(id)?.seen.load(Ordering::Acquire);
        (seen != ENDED).then(|| Moment(now.0 - (self.clock() - seen)))
    }

    /// Keeps the word of lost sessions for their connections' next heartbeat.
    pub fn tell(&self, lost: &[Lost]) {
        for lost in lost {
            for connection in &lost.connections {
                let Some(life) = self.get(connection) else {
                    continue;
                };
                life.lost.lock().push(LostSession {
                    session: Id(lost.session.0),
                    reason: lost.cause.reason(),
                    message: (!lost.word.is_empty()).then(|| lost.word.to_string()),
                });
                life.has_lost.store(true, Ordering::Release);
            }
        }
    }
}
