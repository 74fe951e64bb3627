//! What the rules may ask of a ledger.

use protocol::facts::{Identity, Occupant};

use super::{
    Connection, ConnectionId, Effect, Key, KeyState, Moment, OperationId, Session, SessionId, Text,
};

/// How many holders a denial names.
pub(crate) const MAX_HOLDERS: usize = 20;

/// One occupied seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The key that it is of.
    pub key_no: u32,
    /// Since when it is occupied.
    pub since: Moment,
    /// The flags that its sessions asked for, together.
    pub flags: u32,
    /// The sessions that sit on it.
    pub sessions: Vec<SessionId>,
}

/// Who holds a seat, for a denial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The infobase user.
    pub user_name: Text,
    /// The user's computer.
    pub computer_name: Text,
    /// The 1C application.
    pub app_name: Text,
    /// The session's number in the infobase.
    pub number: u32,
    /// Since when.
    pub since: Moment,
    /// True while the session is detached and waits for being taken over.
    pub lingers: bool,
}

/// A ledger of one series, as the rules see it.
pub trait View {
    /// All keys of the series.
    fn keys(&self) -> &[Key];
    /// What is remembered of keys, those that are gone included.
    fn key_states(&self) -> Vec<KeyState>;
    /// The seat that an occupant holds.
    fn seat(&self, occupant: &Occupant) -> Option<Seat>;
    /// How many seats of a key are occupied.
    fn used(&self, key_no: u32) -> u32;
    /// The seats of a key, longest occupied first.
    fn seats_of(&self, key_no: u32) -> Vec<(Occupant, Seat)>;
    /// Sessions that take no seat.
    fn unseated(&self) -> Vec<SessionId>;
    /// A session by who it is.
    fn find(&self, own: &Occupant, identity: &Identity) -> Option<Session>;
    /// A session by its id.
    fn session(&self, id: &SessionId) -> Option<Session>;
    /// At most `limit` sessions that are attached to a connection.
    fn attached(&self, connection: &ConnectionId, limit: usize) -> Vec<SessionId>;
    /// How many sessions are attached to a connection.
    fn attached_count(&self, connection: &ConnectionId) -> usize;
    /// A connection.
    fn connection(&self, id: &ConnectionId) -> Option<Connection>;
    /// At most twenty holders, the longest first.
    fn holders(&self) -> Vec<Holder>;
    /// What came of a request.
    fn operation(&self, id: &OperationId) -> Option<Effect>;
    /// Some of the requests from before a moment, oldest first.
    fn operations_before(&self, moment: Moment) -> Vec<OperationId>;
}
