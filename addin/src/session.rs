//! A 1C session as this process knows it: the objects of one session share one seat.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use protocol::{facts::SessionFacts, licence::Voucher, signature::Secret, wire::message::Id};

use crate::{link::ServerRef, table::CallError};

/// How long a seat is taken for held although no server answers.
pub const GRACE: Duration = Duration::from_secs(5 * 60);

/// A seat that was granted.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Who granted it.
    pub(crate) server: ServerRef,
    /// The session's id there.
    pub(crate) id: Id,
    /// The key.
    pub key_no: u32,
    /// The key's voucher.
    pub voucher: Arc<Voucher>,
}

/// How it stands with a session's seat.
#[derive(Clone, Debug, Default)]
enum Standing {
    /// It has none.
    #[default]
    None,
    /// It holds one.
    Held(Seat),
    /// It held one when the server stopped answering, or was taken from it meanwhile.
    Away { seat: Seat, until: Until },
    /// It lost it for good, for this reason.
    Lost { seat: Seat, error: CallError },
}

#[derive(Clone, Copy, Debug)]
struct Until {
    instant: Instant,
    clock: Timestamp,
}

/// A session of this process.
#[derive(Debug)]
pub struct Session {
    /// The session's facts.
    pub facts: SessionFacts,
    /// Held while the server is asked about this session, so that an obtaining never overtakes a release.
    pub(crate) asking: Mutex<()>,
    standing: Mutex<Standing>,
    flags: Mutex<u32>,
    /// Keys of objects that were opened, for the grace period; wiped when dropped.
    keys: Mutex<Vec<(ObjectName, Secret)>>,
}

/// Names an object: the directory's hash and the object's name in it.
pub(crate) type ObjectName = ([u8; 32], String);

impl Session {
    /// A session without a seat.
    #[must_use]
    pub fn new(facts: SessionFacts) -> Self {
        Self {
            facts,
            asking: Mutex::new(()),
            standing: Mutex::default(),
            flags: Mutex::new(0),
            keys: Mutex::default(),
        }
    }

    /// Whether the session may work: it holds a seat, or its grace is not over.
    #[must_use]
    pub fn may_work(&self) -> bool {
        match &*self.standing.lock() {
            Standing::Held(_) => true,
            Standing::Away { until, .. } => Instant::now() < until.instant,
            Standing::None | Standing::Lost { .. } => false,
        }
    }

    /// The seat in use.
    #[must_use]
    pub fn seat(&self) -> Option<Seat> {
        match &*self.standing.lock() {
            Standing::Held(seat) => Some(seat.clone()),
            Standing::Away { seat, until } if Instant::now() < until.instant => Some(seat.clone()),
            _ => None,
        }
    }

    /// The seat that the server is asked about, whether or not it is in grace.
    pub(crate) fn any_seat(&self) -> Option<Seat> {
        match &*self.standing.lock() {
            Standing::None => None,
            Standing::Held(seat) | Standing::Away { seat, .. } | Standing::Lost { seat, .. } => {
                Some(seat.clone())
            }
        }
    }

    /// Until when it may work although no server answers.
    #[must_use]
    pub fn grace_until(&self) -> Option<Timestamp> {
        match &*self.standing.lock() {
            Standing::Away { until, .. } => Some(until.clock),
            _ => None,
        }
    }

    /// When grace ends, on the clock that never jumps.
    pub(crate) fn grace_ends(&self) -> Option<Instant> {
        match &*self.standing.lock() {
            Standing::Away { until, .. } => Some(until.instant),
            _ => None,
        }
    }

    /// Whether a seat is held and the server answers.
    pub(crate) fn is_held(&self) -> bool {
        matches!(&*self.standing.lock(), Standing::Held(_))
    }

    /// Why it was lost.
    #[must_use]
    pub fn loss(&self) -> Option<CallError> {
        match &*self.standing.lock() {
            Standing::Lost { error, .. } => Some(error.clone()),
            _ => None,
        }
    }

    /// The flags that were asked for.
    pub(crate) fn flags(&self) -> u32 {
        *self.flags.lock()
    }

    /// A seat was granted.
    pub(crate) fn hold(&self, seat: Seat, flags: u32) {
        *self.flags.lock() = flags;
        *self.standing.lock() = Standing::Held(seat);
    }

    /// The server does not answer, or does not know the seat any more: grace begins, unless it has begun.
    pub(crate) fn begin_grace(&self, since: Instant) {
        let mut standing = self.standing.lock();
        if let Standing::Held(seat) = &*standing {
            let until = Until {
                instant: since + GRACE,
                clock: Timestamp::now() + GRACE.saturating_sub(since.elapsed()),
            };
            *standing = Standing::Away {
                seat: seat.clone(),
                until,
            };
        }
    }

    /// The server answers again and the seat is still there.
    pub(crate) fn end_grace(&self) {
        let mut standing = self.standing.lock();
        if let Standing::Away { seat, .. } = &*standing {
            *standing = Standing::Held(seat.clone());
        }
    }

    /// The seat is lost for good.
    pub(crate) fn lose(&self, error: CallError) {
        let mut standing = self.standing.lock();
        if let Standing::Held(seat) | Standing::Away { seat, .. } = &*standing {
            let seat = seat.clone();
            *standing = Standing::Lost { seat, error };
        }
        self.keys.lock().clear();
    }

    /// The seat was given back.
    pub(crate) fn clear(&self) {
        *self.standing.lock() = Standing::None;
        self.keys.lock().clear();
    }

    /// Keeps an object's key for the grace period.
    pub(crate) fn keep_key(&self, object: ObjectName, key: Secret) {
        let mut keys = self.keys.lock();
        keys.retain(|(known, _)| *known != object);
        keys.push((object, key));
    }

    /// The key of an object that was opened before.
    pub(crate) fn kept_key(&self, object: &ObjectName) -> Option<Secret> {
        let keys = self.keys.lock();
        keys.iter()
            .find(|(known, _)| known == object)
            .map(|(_, key)| key.clone())
    }
}
