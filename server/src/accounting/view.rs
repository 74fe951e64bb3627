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

/// A session on a seat, as far as its neighbours there care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The session.
    pub id: SessionId,
    /// What identifies it.
    pub identity: Identity,
    /// The parent whose seat it shares.
    pub parent: Option<Identity>,
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

/// Which seats come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The longest occupied ones.
    Oldest,
    /// The ones occupied last.
    Newest,
}

/// A ledger of one series, as the rules see it.
pub trait View {
    /// All keys of the series.
    fn keys(&self) -> &[Key];
    /// What is remembered of keys, those that are gone included.
    fn key_states(&self) -> Vec<KeyState>;
    /// The seat that an occupant holds.
    fn seat(&self, occupant: &Occupant) -> Option<Seat>;
    /// The sessions that sit on an occupant's seat.
    fn neighbours(&self, occupant: &Occupant) -> Vec<Neighbour>;
    /// How many seats of a key are occupied.
    fn used(&self, key_no: u32) -> u32;
    /// How many seats are occupied by holders of an access code.
    fn used_by_code(&self, code: &str) -> u32;
    /// The seats of a key by the flags that their sessions asked for: flags, and how many seats.
    fn groups(&self, key_no: u32) -> Vec<(u32, u32)>;
    /// At most `limit` seats of a key whose sessions asked for exactly these flags.
    fn seats(&self, key_no: u32, flags: u32, order: Order, limit: usize) -> Vec<(Occupant, Seat)>;
    /// The latest of those seats whose occupant is wanted.
    fn newest_seat(
        &self,
        key_no: u32,
        flags: u32,
        wanted: &dyn Fn(&Occupant) -> bool,
    ) -> Option<(Occupant, Seat)>;
    /// At most `limit` sessions that take no seat and have the rights of that key.
    fn unseated(&self, key_no: u32, limit: usize) -> Vec<SessionId>;
    /// How many of those there are.
    fn unseated_count(&self, key_no: u32) -> usize;
    /// The keys whose rights sessions without a seat have.
    fn unseated_keys(&self) -> Vec<u32>;
    /// The keys that seats are occupied of, whether they are still here or not.
    fn occupied_keys(&self) -> Vec<u32>;
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
    /// Some of the requests from before a moment, and of those from after `now`.
    fn operations_before(&self, moment: Moment, now: Moment) -> Vec<OperationId>;
}
