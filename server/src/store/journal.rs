//! The journal and the history of usage: what can be asked of them.

use std::sync::Arc;

use protocol::KeyId;
use tokio::sync::broadcast;

use super::{Answer, StoreError};
use crate::accounting::{ConnectionId, Event, EventKind, Moment, SessionId, Text};

/// The most lines or rows that one answer has.
pub const MAX_PAGE: usize = 1000;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its number: later lines have greater ones.
    pub seq: i64,
    /// When it was written.
    pub at: Moment,
    /// The series that it is about.
    pub key_id: Option<KeyId>,
    /// What happened.
    pub event: Event,
}

/// Which lines of the journal are wanted. A filter that is `None` lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Of these kinds; empty means all.
    pub kinds: Vec<EventKind>,
    /// About this series.
    pub key_id: Option<KeyId>,
    /// About this key.
    pub key_no: Option<u32>,
    /// About this session.
    pub session: Option<SessionId>,
    /// About this connection.
    pub connection: Option<ConnectionId>,
    /// About one of these users, whatever the case; empty means all.
    pub user_name: Vec<String>,
    /// At one of these computers.
    pub computer_name: Vec<String>,
    /// With one of these applications.
    pub app_name: Vec<String>,
    /// For one of these reasons.
    pub reason: Vec<String>,
    /// At this moment or later.
    pub from: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
    /// Lines with a smaller number: where the page before ended.
    pub before: Option<i64>,
    /// Lines with a greater number: what came since.
    pub after: Option<i64>,
    /// How many matching lines to skip.
    pub offset: usize,
    /// How many lines at most; never more than [`MAX_PAGE`].
    pub limit: usize,
}

/// A page of the journal, the latest line first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The lines.
    pub rows: Vec<EventRow>,
    /// True when earlier lines match too.
    pub more: bool,
}

/// How long the rows of the usage are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// A minute.
    Minute = 0,
    /// An hour.
    Hour = 1,
    /// A day, in UTC.
    Day = 2,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// How many milliseconds it is long.
    pub const fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// For how many milliseconds rows of such a step are kept.
    pub const fn kept(self) -> i64 {
        const DAY: i64 = Step::Day.millis();
        match self {
            Self::Minute => 7 * DAY,
            Self::Hour => 92 * DAY,
            Self::Day => 1830 * DAY,
        }
    }

    /// The beginning of the step that a moment is in.
    pub const fn begin(self, moment: Moment) -> Moment {
        Moment(moment.0.div_euclid(self.millis()) * self.millis())
    }
}

/// The usage of a series in one step of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// The series.
    pub key_id: KeyId,
    /// When the step began.
    pub at: Moment,
    /// Occupied seats: at the end of a minute; in an hour or a day, the mean of its minutes, rounded.
    pub used: u32,
    /// Seats that the usable keys gave, at the end of the step.
    pub total: u32,
    /// The most seats that were occupied at one moment.
    pub peak: u32,
    /// How many times a seat was refused.
    pub denied: u32,
    /// Sessions by 1C application at the end of the step, the most first; at most
    /// [`MAX_APPS`](crate::accounting::MAX_APPS).
    pub apps: Vec<(Text, u32)>,
}

/// Which usage is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// Of this series; all when `None`.
    pub key_id: Option<KeyId>,
    /// In such steps.
    pub step: Step,
    /// From this moment.
    pub from: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
    /// How many rows to skip.
    pub offset: usize,
    /// How many rows at most; never more than [`MAX_PAGE`].
    pub limit: usize,
}

/// The usage of a series at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageNow {
    /// The series.
    pub key_id: KeyId,
    /// Occupied seats.
    pub used: u32,
    /// Seats that the usable keys give.
    pub total: u32,
    /// The most seats occupied in this minute so far.
    pub peak: u32,
    /// How many times a seat was refused in this minute so far.
    pub denied: u32,
    /// How many sessions there are, those without a seat included.
    pub sessions: u32,
    /// Occupied seats of the usable keys, by number: occupied, given.
    pub keys: Vec<(u32, u32, u32)>,
    /// Sessions by 1C application, the most first.
    pub apps: Vec<(Text, u32)>,
}

/// Something changed: what a live view needs to hear.
#[derive(Clone, Debug)]
pub enum Change {
    /// A line was written into the journal.
    Event(Arc<EventRow>),
    /// The occupied seats of a series, or the seats that there are, changed.
    Usage {
        /// The series.
        key_id: KeyId,
        /// Occupied seats.
        used: u32,
        /// Seats that the usable keys give.
        total: u32,
    },
}

/// The journal and the usage's history. Lines about the ledger come with the ledger's own changes, in the same
/// commit; what else is worth a line is written by [`Journal::note`].
pub trait Journal: Send + Sync {
    /// Writes a line that is not about the ledger. It is on disk when the answer comes.
    fn note(&self, key_id: Option<KeyId>, event: Event) -> Answer<'_, ()>;
    /// Lines of the journal, the latest first.
    fn events(&self, query: EventQuery) -> Answer<'_, EventPage>;
    /// Rows of the usage's history, the latest first.
    fn usage(&self, query: UsageQuery) -> Answer<'_, Vec<UsageRow>>;
    /// The usage of all series at this moment.
    fn usage_now(&self) -> Answer<'_, Vec<UsageNow>>;
    /// What changes from now on. A receiver that is slow hears that it missed some.
    fn changes(&self) -> broadcast::Receiver<Change>;
    /// Writes the usage of the minutes that are over. To be called every second or so.
    fn minute_passed(&self) -> Answer<'_, ()>;
    /// Forgets lines from before a moment, and rows of the usage that are old. True when there are more of them.
    fn forget(&self, before: Moment) -> Answer<'_, bool>;
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Disk(error.to_string())
    }
}
