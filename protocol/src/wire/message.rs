//! Requests and answers inside a channel.

use minicbor::{Decode, Encode, bytes::ByteVec};

use super::MAX_SESSIONS;
use crate::{
    Reason, UnixSeconds,
    facts::{ComponentFacts, FactsError, SessionFacts},
    licence::Credential,
    signature::Secret,
};

/// A 128-bit id: of an operation, a connection or a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Id(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl Id {
    /// A new id.
    pub fn random() -> Self {
        Self(crate::random_bytes())
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&base16ct::upper::encode_string(&self.0))
    }
}

/// What a component asks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Opens the connection, or takes a former one up again. The first request of a channel.
    #[n(0)]
    Hello(#[n(0)] Box<Hello>),
    /// Keeps the connection and all its sessions.
    #[n(1)]
    Heartbeat,
    /// Takes a seat for a session, or attaches to the one it has.
    #[n(2)]
    Acquire(#[n(0)] Acquire),
    /// Frees the session's seat at once.
    #[n(3)]
    Release(#[n(0)] SessionOperation),
    /// Leaves the session: it stays for the linger time.
    #[n(4)]
    Detach(#[n(0)] SessionOperation),
    /// Asks for the key of a protected object.
    #[n(5)]
    ObjectKey(#[n(0)] ObjectKey),
    /// Ends the connection: its sessions are detached, as by [`Request::Detach`].
    #[n(6)]
    Bye(#[n(0)] Id),
    /// Asks for the server's description.
    #[n(7)]
    ServerInfo,
}

/// Opening a connection.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// The operation's id.
    #[n(0)]
    pub operation: Id,
    /// The process.
    #[n(1)]
    pub facts: ComponentFacts,
    /// The access code, empty for none.
    #[n(2)]
    pub access_code: String,
    /// A former connection to take up again.
    #[n(3)]
    pub resume: Option<Resume>,
}

/// Taking a former connection up again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Resume {
    /// The connection.
    #[n(0)]
    pub connection: Id,
    /// The token of the last [`Welcome`].
    #[n(1)]
    pub token: Secret,
    /// The sessions it had, with the identity of each.
    #[n(2)]
    pub sessions: Vec<ResumedSession>,
}

/// A session to be taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ResumedSession {
    /// The session.
    #[n(0)]
    pub session: Id,
    /// Its facts' identity: the token is valid with the same facts only.
    #[n(1)]
    pub identity: crate::facts::Identity,
}

/// Taking a seat.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Acquire {
    /// The operation's id.
    #[n(0)]
    pub operation: Id,
    /// The session.
    #[n(1)]
    pub facts: SessionFacts,
    /// The flags that the key must have, all of them.
    #[n(2)]
    pub flags: u32,
}

/// Releasing or detaching.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionOperation {
    /// The operation's id.
    #[n(0)]
    pub operation: Id,
    /// The session.
    #[n(1)]
    pub session: Id,
    /// With Detach: the session has a seat at another server, and does not stay here for the linger time.
    #[n(2)]
    pub moved: Option<bool>,
}

/// Asking for an object's key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ObjectKey {
    /// The session whose seat allows it.
    #[n(0)]
    pub session: Id,
    /// SHA-256 of the signed directory.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub directory_hash: [u8; 32],
    /// The signed directory itself; sent after an answer of [`Reason::SendDirectory`].
    #[n(2)]
    pub directory: Option<ByteVec>,
    /// The object's name.
    #[n(3)]
    pub name: String,
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// To Hello.
    #[n(0)]
    Welcome(#[n(0)] Welcome),
    /// To Heartbeat.
    #[n(1)]
    Alive(#[n(0)] Alive),
    /// To Acquire: a seat.
    #[n(2)]
    Granted(#[n(0)] Box<Granted>),
    /// No, to anything.
    #[n(3)]
    Denied(#[n(0)] Denied),
    /// To Release, Detach and Bye.
    #[n(4)]
    Done,
    /// To ObjectKey.
    #[n(5)]
    Key(#[n(0)] Secret),
    /// To ServerInfo: JSON.
    #[n(6)]
    Info(#[n(0)] String),
}

/// An open connection.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Welcome {
    /// The connection's id.
    #[n(0)]
    pub connection: Id,
    /// The token that takes it up again, replacing the one before.
    #[n(1)]
    pub token: Secret,
    /// Seconds between heartbeats.
    #[n(2)]
    pub heartbeat_seconds: u32,
    /// After how many silent seconds the connection expires.
    #[n(3)]
    pub expire_seconds: u32,
    /// How long a detached session stays, in seconds.
    #[n(4)]
    pub linger_seconds: u32,
    /// Those of the resumed sessions that are still there.
    #[n(5)]
    pub sessions: Vec<Id>,
    /// How long a component works on without an answer, in seconds; absent means five minutes.
    #[n(6)]
    pub grace_seconds: Option<u32>,
}

/// A connection that lives.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Alive {
    /// Sessions that lost their seats since the last answer.
    #[n(0)]
    pub lost: Vec<LostSession>,
}

/// A session that lost its seat.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LostSession {
    /// The session.
    #[n(0)]
    pub session: Id,
    /// Why.
    #[n(1)]
    pub reason: Reason,
    /// The administrator's word, if any.
    #[n(2)]
    pub message: Option<String>,
}

/// A seat.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Granted {
    /// The session's id on the server.
    #[n(0)]
    pub session: Id,
    /// The key that gives the seat.
    #[n(1)]
    pub key_no: u32,
    /// The key's voucher and delegation, for the component to check.
    #[n(2)]
    pub credential: Credential,
}

/// Why there is no seat, and who holds the seats.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Denied {
    /// The reason.
    #[n(0)]
    pub reason: Reason,
    /// How many seats there are.
    #[n(1)]
    pub total: u32,
    /// How many are taken.
    #[n(2)]
    pub used: u32,
    /// Who holds them: the longest first, at most 20.
    #[n(3)]
    pub holders: Vec<SeatHolder>,
    /// A detail for the reason's sentence, for example a date or a name.
    #[n(4)]
    pub detail: Option<String>,
}

impl Denied {
    /// A denial that is about no seats.
    pub fn because(reason: Reason) -> Self {
        Self {
            reason,
            total: 0,
            used: 0,
            holders: Vec::new(),
            detail: None,
        }
    }
}

/// Who holds a seat.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SeatHolder {
    /// The user.
    #[n(0)]
    pub user_name: String,
    /// The computer.
    #[n(1)]
    pub computer_name: String,
    /// The 1C application.
    #[n(2)]
    pub app_name: String,
    /// The session's number.
    #[n(3)]
    pub session_number: u32,
    /// Since when.
    #[n(4)]
    pub since: UnixSeconds,
}

/// A request past a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A text is too long.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// Too many sessions are named.
    #[error("more than {MAX_SESSIONS} sessions in one connection")]
    TooManySessions,
    /// The access code or the object's name is too long.
    #[error("a text is too long")]
    TooLong,
}

impl Request {
    /// Checks every limit of a decoded request.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn check(&self) -> Result<(), RequestError> {
        match self {
            Self::Hello(hello) => {
                hello.facts.check()?;
                let sessions = hello
                    .resume
                    .as_ref()
                    .map_or(0, |resume| resume.sessions.len());
                if sessions > MAX_SESSIONS {
                    return Err(RequestError::TooManySessions);
                }
                if hello.access_code.len() > crate::facts::MAX_TEXT {
                    Err(RequestError::TooLong)
                } else {
                    Ok(())
                }
            }
            Self::Acquire(acquire) => Ok(acquire.facts.check()?),
            Self::ObjectKey(ask) if ask.name.len() > crate::datafile::MAX_NAME => {
                Err(RequestError::TooLong)
            }
            _ => Ok(()),
        }
    }
}
