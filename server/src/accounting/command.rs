//! What can be asked of the ledger, what comes of it, and the changes of rows that make it true.

use minicbor::{Decode, Encode};
use protocol::facts::{Identity, SessionFacts};

use super::{
    Admin, Connection, ConnectionId, Holder, Key, KeyState, Moment, OperationId, ServerId, Session,
    SessionId, Text, TokenHash, Unusable,
};

/// A change of one series' ledger that somebody asks for.
#[derive(Clone, Debug)]
pub enum Command {
    /// A component says hello for the first time.
    Connect {
        /// Names the request.
        operation: OperationId,
        /// What the connection is if it is new.
        connection: Box<Connection>,
    },
    /// A component comes back to its connection.
    Resume(Box<Resume>),
    /// A session wants a seat.
    Acquire(Box<Claim>),
    /// A session gives its seat up: ReleaseLicence.
    Release {
        /// Names the request.
        operation: OperationId,
        /// Who asks.
        connection: ConnectionId,
        /// The session.
        session: SessionId,
    },
    /// The last object of a session in a process is gone: Done without ReleaseLicence.
    Detach {
        /// Names the request.
        operation: OperationId,
        /// Who asks.
        connection: ConnectionId,
        /// The session.
        session: SessionId,
        /// True when the session has a seat at another server now: it does not linger here.
        moved: bool,
    },
    /// A process says goodbye: all its sessions are detached.
    Disconnect(ConnectionId),
    /// A connection was silent for too long.
    ConnectionExpired {
        /// The connection.
        connection: ConnectionId,
        /// Who says so: of use only from its owner.
        owner: ServerId,
    },
    /// A server takes a connection over, with its sessions, because it hears it now or the owner is gone.
    Adopt {
        /// The connection.
        connection: ConnectionId,
        /// Whose it was when that was decided: of two servers that adopt it at once, one gets it.
        from: Option<ServerId>,
        /// Whose it is from now on.
        owner: ServerId,
    },
    /// A detached session's time is over.
    LingerEnded(SessionId),
    /// An administrator frees a session's part of a seat.
    AdminRelease {
        /// The session.
        session: SessionId,
        /// Who, and with what word.
        by: Admin,
    },
    /// An administrator ends a connection, and the sessions that it alone keeps.
    AdminDrop {
        /// The connection.
        connection: ConnectionId,
        /// Who, and with what word.
        by: Admin,
    },
    /// An administrator switches a key on or off.
    SwitchKey {
        /// The key.
        key_no: u32,
        /// Whether it gives seats from now on.
        on: bool,
        /// Who.
        by: Admin,
    },
    /// The keys of the series are these from now on.
    KeysChanged(Vec<Key>),
    /// A key began or ended by time.
    TimePassed,
    /// Effects of requests older than this moment need not be remembered.
    ForgetOperations(Moment),
}

impl Command {
    /// Whether it looks at the keys and the time anew by itself.
    pub fn looks_at_time(&self) -> bool {
        matches!(self, Self::TimePassed | Self::KeysChanged(_))
    }

    /// Whether it moves seats to where the keys have them; where they are many, only a part.
    pub fn moves_seats(&self) -> bool {
        self.looks_at_time() || matches!(self, Self::SwitchKey { .. })
    }
}

/// A component that comes back.
#[derive(Clone, Debug)]
pub struct Resume {
    /// Its connection.
    pub connection: ConnectionId,
    /// The token that it was given last.
    pub token: TokenHash,
    /// The token that it is given now.
    pub replacement: TokenHash,
    /// What it tells of its process: the same computer and process must come back.
    pub facts: protocol::facts::ComponentFacts,
    /// From where it comes now.
    pub peer_ip: String,
    /// The server that it comes to: it owns the connection from now on.
    pub owner: ServerId,
}

/// A session that wants a seat.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Names the request.
    pub operation: OperationId,
    /// Who asks.
    pub connection: ConnectionId,
    /// The id that the session gets if it is new.
    pub session: SessionId,
    /// The session's facts.
    pub facts: SessionFacts,
    /// The functionality bits that the key must have.
    pub flags: u32,
}

/// A seat that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The session.
    pub session: SessionId,
    /// The key whose seat it is.
    pub key_no: u32,
    /// Since when the seat is occupied.
    pub since: Moment,
    /// Whether this request, and none before it, attached the session to the connection.
    pub attached: bool,
}

/// What came of a request, remembered so that its repetition changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Effect {
    /// A seat was given.
    #[n(0)]
    Granted(#[n(0)] SessionId),
    /// A seat was freed.
    #[n(1)]
    Released,
    /// A session was detached.
    #[n(2)]
    Detached,
    /// A connection was opened.
    #[n(3)]
    Connected(#[n(0)] ConnectionId),
}

/// Why no seat was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The series has no key here.
    NoLicence,
    /// It has keys, but none is usable now; each with its reason.
    NotUsable(Vec<(u32, Unusable)>),
    /// No usable key has the flags.
    NoFlags {
        /// What was asked for.
        asked: u32,
    },
    /// All seats are taken.
    NoSeats {
        /// How many seats the usable keys with the asked flags give.
        total: u32,
        /// How many free seats wait for holders of other access codes.
        reserved: u32,
        /// Who holds them, the longest holders first; at most twenty.
        holders: Vec<Holder>,
    },
    /// The connection has no access code, or an unknown one.
    UnknownCode,
    /// The access code's holders have as many seats as they may.
    CodeLimit(u32),
    /// The session is attached to as many connections as are allowed.
    TooManyConnections,
    /// The connection has as many sessions as are allowed.
    TooManySessions,
}

/// Why a session ended that did not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Another process of the same session called ReleaseLicence.
    Released,
    /// The only connection that kept it was silent for too long.
    Expired,
    /// Nobody took it over.
    LingerEnded,
    /// An administrator freed it.
    Administrator,
    /// Its key went away or ended, and no other key has a free seat.
    KeyGone,
    /// The parent whose seat it shared ended.
    ParentEnded,
}

/// A session that ended, and who must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The session.
    pub session: SessionId,
    /// What identifies it.
    pub identity: Identity,
    /// The connections that were attached.
    pub connections: Vec<ConnectionId>,
    /// Why.
    pub cause: Cause,
    /// The administrator's word, empty for none.
    pub word: Text,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The connection is there, or is there again.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// Its sessions.
        sessions: Vec<SessionId>,
    },
    /// The seat is given.
    Granted(Grant),
    /// No seat is given.
    Denied(Denial),
    /// Done; these sessions ended by it. `more` when another such command is needed for the rest.
    Done {
        /// Sessions that ended.
        lost: Vec<Lost>,
        /// True when the command did a part and must be given again.
        more: bool,
    },
    /// The connection is not known, or is another server's, or the token is not its own: say hello anew.
    UnknownConnection,
    /// The session is not known, or not attached to that connection.
    UnknownSession,
    /// The series has no key of that number.
    UnknownKey,
}

impl Outcome {
    /// Whether another such command is needed for the rest.
    pub fn more(&self) -> bool {
        matches!(self, Self::Done { more: true, .. })
    }
}

/// A change of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// A connection is new or changed.
    PutConnection(Box<Connection>),
    /// A connection is gone.
    DropConnection(ConnectionId),
    /// A session is new or changed.
    PutSession(Box<Session>),
    /// A session is gone.
    DropSession(SessionId),
    /// The effect of a request, and when it came.
    PutOperation(OperationId, Moment, Effect),
    /// The effect of a request is forgotten.
    DropOperation(OperationId),
    /// The keys are these. Not on disk: keys have files of their own.
    SetKeys(Vec<Key>),
    /// What is remembered of a key is this.
    PutKeyState(KeyState),
    /// Nothing is remembered of a key.
    DropKeyState(u32),
}
