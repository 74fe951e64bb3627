//! Where the ledger is kept. One writing call; everything else is reading.

mod embedded;
mod journal;
#[cfg(test)]
mod tests;

pub use embedded::{Clock, Embedded, Listener, check};
pub use journal::{
    Change, EventPage, EventQuery, EventRow, Journal, MAX_PAGE, Step, UsageNow, UsageQuery,
    UsageRow,
};

use std::{collections::HashSet, future::Future, pin::Pin, time::Duration};

use protocol::KeyId;

use crate::accounting::{
    Command, Connection, ConnectionId, Glance, Moment, Outcome, RuleBook, Session, SessionId,
};

/// A future that a trait object can return.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why the ledger could not be changed or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk refused: nothing was changed, in memory neither.
    #[error(
        "the store cannot write: {0}; free space on the disk of the data folder and check its rights"
    )]
    Disk(String),
    /// Another process has it open.
    #[error("the store {0} is in use by another server; stop that one")]
    InUse(String),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// Too many read at once.
    #[error("too many searches wait; try again a little later")]
    Busy,
    /// The file is from a later version.
    #[error(
        "the store's schema is {found}, and this version knows {known}; install the newer server again"
    )]
    Newer {
        /// The file's schema.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// A row does not decode.
    #[error(
        "the store is damaged ({0}); put {1} aside and start again: users connect anew by themselves"
    )]
    Damaged(String, String),
}

/// A connection and the series that it is about.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    /// The series.
    pub key_id: KeyId,
    /// The connection.
    pub connection: Connection,
}

/// What lists are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionName {
    /// When it was made.
    pub created: Moment,
    /// Its id.
    pub id: ConnectionId,
    /// The series.
    pub key_id: KeyId,
}

/// A session and the series that it is about.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The series.
    pub key_id: KeyId,
    /// The session.
    pub session: Session,
}

/// The ledger of all series.
pub trait Store: Send + Sync {
    /// Runs a command: atomic within its series, and durable before the answer comes.
    fn apply(&self, key_id: KeyId, command: Command) -> Answer<'_, Outcome>;
    /// Whether commands are carried out: this goes the way of a command through the writer, changes nothing, and fails
    /// while the disk refuses what is written.
    fn answers(&self) -> Answer<'_, ()>;
    /// All connections.
    fn connections(&self) -> Answer<'_, Vec<ConnectionRow>>;
    /// One connection.
    fn connection(&self, id: ConnectionId) -> Answer<'_, Option<ConnectionRow>>;
    /// All sessions.
    fn sessions(&self) -> Answer<'_, Vec<SessionRow>>;
    /// Looks at all sessions, or those of one series. It may last, and is called on a thread that may wait; who comes or goes
    /// meanwhile may be seen or not.
    fn look_at_sessions(&self, key_id: Option<KeyId>, look: &mut dyn FnMut(KeyId, &Glance<'_>));
    /// These sessions as far as they are still there, in their order. On a thread that may wait.
    fn some_sessions(&self, ids: &[(KeyId, SessionId)]) -> Vec<SessionRow>;
    /// All connections' series, beginning and id.
    fn connection_names(&self) -> Answer<'_, Vec<ConnectionName>>;
    /// One session.
    fn session(&self, id: SessionId) -> Answer<'_, Option<SessionRow>>;
    /// Detached sessions whose linger is over at that moment of the steady clock, or lasts longer than `linger` from then. Where they are very
    /// many, some of them.
    fn linger_ended(&self, now: Moment, linger: Duration) -> Answer<'_, Vec<(KeyId, SessionId)>>;
    /// How many sessions of each series are attached to connections of these alone; series without one are left out.
    fn kept_only_by(&self, connections: HashSet<ConnectionId>) -> Answer<'_, Vec<(KeyId, u32)>>;
    /// Series whose keys must be looked at: one begins or ends by time at or before that moment since they were last looked
    /// at, seats are left to move, or the time is earlier than it was then.
    fn keys_due(&self, now: Moment) -> Answer<'_, Vec<KeyId>>;
    /// All series that have rows or keys.
    fn series(&self) -> Answer<'_, Vec<KeyId>>;
    /// Other rules from the next command on.
    fn set_rules(&self, rules: RuleBook);
    /// Keys that an administrator switched off.
    fn keys_off(&self) -> Answer<'_, Vec<(KeyId, u32)>>;
    /// How many seats of a key are occupied.
    fn used(&self, key_id: KeyId, key_no: u32) -> Answer<'_, u32>;
}
