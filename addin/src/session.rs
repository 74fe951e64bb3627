//! A 1C session as this process knows it: the objects of one session share one seat.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use protocol::{facts::SessionFacts, licence::Voucher, signature::Secret, wire::message::Id};

use crate::{link::ServerRef, native::fork, table::CallError};

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
    Away {
        seat: Seat,
        until: Until,
        /// The end of grace was told.
        told: bool,
    },
    /// It lost it for good, for this reason.
    Lost(CallError),
}

/// The end of grace. What counts is the clock that never jumps; the wall clock is what is shown.
#[derive(Clone, Copy, Debug)]
struct Until {
    instant: Instant,
    clock: Timestamp,
}

/// The shown end of grace follows a wall clock that was set, and not the noise between two clocks.
const CLOCK_NOISE: Duration = Duration::from_secs(2);

impl Until {
    fn shown(&self, now: Instant, clock: Timestamp) -> Timestamp {
        let exact = clock
            .saturating_add(self.instant.saturating_duration_since(now))
            .unwrap_or(clock);
        let apart = exact.duration_since(self.clock).unsigned_abs();
        if apart > CLOCK_NOISE && now < self.instant {
            exact
        } else {
            self.clock
        }
    }
}

/// What an object sees of its session's seat without locking anything: 1C code asks often, and mostly all is well.
#[derive(Debug, Default)]
pub(crate) struct Glance(AtomicU64);

/// The bit that says that a seat is held; the forks stand below it, and below them the flags.
const HELD: u64 = 1 << 63;

impl Glance {
    /// The flags of the licence while a server that answers says that the seat is held. None says nothing: then the
    /// session itself is to be asked.
    pub(crate) fn held_flags(&self) -> Option<u32> {
        let seen = self.0.load(Ordering::Acquire);
        // In a forked child the parent's seats are not held.
        (seen >> 32 == HELD >> 32 | forks_below()).then_some(seen as u32)
    }

    fn show(&self, seen: u64) {
        self.0.store(seen, Ordering::Release);
    }
}

fn forks_below() -> u64 {
    u64::from(fork::forks()) & !(HELD >> 32)
}

/// How it stands with the seat, and the objects that look at it.
#[derive(Debug, Default)]
struct Standings {
    now: Standing,
    watched_by: Vec<Arc<Glance>>,
}

impl Standings {
    fn change(&mut self, to: Standing) {
        self.now = to;
        let seen = self.seen();
        for glance in &self.watched_by {
            glance.show(seen);
        }
    }

    fn seen(&self) -> u64 {
        match &self.now {
            Standing::Held(seat) if fork::watch() => {
                HELD | forks_below() << 32 | u64::from(seat.voucher.flags)
            }
            _ => 0,
        }
    }
}

/// A session of this process.
#[derive(Debug)]
pub struct Session {
    /// The session's facts.
    pub facts: SessionFacts,
    /// Held while the server is asked about this session, so that an obtaining never overtakes a release.
    pub(crate) asking: Mutex<()>,
    standing: Mutex<Standings>,
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

    /// Shows an object how it stands with the seat, from now on.
    pub(crate) fn watch(&self, glance: &Arc<Glance>) {
        let mut standing = self.standing.lock();
        glance.show(standing.seen());
        standing.watched_by.push(Arc::clone(glance));
    }

    /// The object works for the session no more.
    pub(crate) fn unwatch(&self, glance: &Arc<Glance>) {
        let mut standing = self.standing.lock();
        standing
            .watched_by
            .retain(|other| !Arc::ptr_eq(other, glance));
        glance.show(0);
    }

    /// Whether the session may work: it holds a seat, or its grace is not over.
    #[must_use]
    pub fn may_work(&self, now: Instant) -> bool {
        self.seat(now).is_some()
    }

    /// The seat in use.
    #[must_use]
    pub fn seat(&self, now: Instant) -> Option<Seat> {
        match &self.standing.lock().now {
            Standing::Held(seat) => Some(seat.clone()),
            Standing::Away { seat, until, .. } if now < until.instant => Some(seat.clone()),
            _ => None,
        }
    }

    /// The seat that it holds, or held before its server stopped answering.
    pub(crate) fn seat_or_former(&self) -> Option<Seat> {
        match &self.standing.lock().now {
            Standing::Held(seat) | Standing::Away { seat, .. } => Some(seat.clone()),
            Standing::None | Standing::Lost(_) => None,
        }
    }

    /// Until when it may work although no server answers.
    #[must_use]
    pub fn grace_until(&self, now: Instant) -> Option<Timestamp> {
        match &self.standing.lock().now {
            Standing::Away { until, .. } => Some(until.shown(now, Timestamp::now())),
            _ => None,
        }
    }

    /// When grace ends, on the clock that never jumps.
    pub(crate) fn grace_ends(&self) -> Option<Instant> {
        match &self.standing.lock().now {
            Standing::Away { until, .. } => Some(until.instant),
            _ => None,
        }
    }

    /// Whether a seat is held and the server answers.
    pub(crate) fn is_held(&self) -> bool {
        matches!(&self.standing.lock().now, Standing::Held(_))
    }

    /// Why it was lost.
    #[must_use]
    pub fn loss(&self) -> Option<CallError> {
        match &self.standing.lock().now {
            Standing::Lost(error) => Some(error.clone()),
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
        self.standing.lock().change(Standing::Held(seat));
    }

    /// The server does not answer, or does not know the seat any more: grace begins, unless it has begun.
    pub(crate) fn begin_grace(&self, since: Instant, grace: Duration) {
        let mut standing = self.standing.lock();
        if let Standing::Held(seat) = &standing.now {
            let left = grace.saturating_sub(since.elapsed());
            let now = Timestamp::now();
            let until = Until {
                instant: since + grace,
                clock: now.saturating_add(left).unwrap_or(now),
            };
            let seat = seat.clone();
            standing.change(Standing::Away {
                seat,
                until,
                told: false,
            });
        }
    }

    /// The server answers again and the seat is still there.
    pub(crate) fn end_grace(&self) {
        let mut standing = self.standing.lock();
        if let Standing::Away { seat, .. } = &standing.now {
            let seat = seat.clone();
            standing.change(Standing::Held(seat));
        }
    }

    /// Whether grace is over now; true once.
    pub(crate) fn grace_is_over(&self, now: Instant) -> bool {
        match &mut self.standing.lock().now {
            Standing::Away { until, told, .. } if now >= until.instant => {
                !std::mem::replace(told, true)
            }
            _ => false,
        }
    }

    /// When the end of grace is to be told; none once it was.
    pub(crate) fn untold_end(&self) -> Option<Instant> {
        match &self.standing.lock().now {
            Standing::Away {
                until, told: false, ..
            } => Some(until.instant),
            _ => None,
        }
    }

    /// The seat is lost for good. False when the end of grace was told before: it is no news then.
    pub(crate) fn lose(&self, error: CallError) -> bool {
        let mut standing = self.standing.lock();
        let news = match &standing.now {
            Standing::Held(_) => true,
            Standing::Away { told, .. } => !told,
            Standing::None | Standing::Lost(_) => return false,
        };
        standing.change(Standing::Lost(error));
        drop(standing);
        self.keys.lock().clear();
        news
    }

    /// The seat was given back.
    pub(crate) fn clear(&self) {
        self.standing.lock().change(Standing::None);
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
