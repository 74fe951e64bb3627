//! The rows of the ledger: connections and sessions.

use std::{ops::Deref, sync::Arc};

use minicbor::{Decode, Decoder, Encode, Encoder};
use protocol::facts::{ComponentFacts, Identity, Occupant};

use super::{ConnectionId, Moment, ServerId, SessionId, TokenHash};

/// A text that many rows share: infobases and applications repeat, a million times over.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(pub Arc<str>);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<C> Encode<C> for Text {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(self)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Text {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(d.str()?.into())
    }
}

/// One component process that talks to this server about one series.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Connection {
    /// Its id.
    #[n(0)]
    pub id: ConnectionId,
    /// What the component told of its process.
    #[n(1)]
    pub facts: ComponentFacts,
    /// From where it came.
    #[n(2)]
    pub peer_ip: String,
    /// When it was made.
    #[n(3)]
    pub created: Moment,
    /// The access code that it presented.
    #[n(4)]
    pub access_code: Text,
    /// The token that resumes it after a new handshake.
    #[n(5)]
    pub token: TokenHash,
    /// The token before that one: still good, because the answer with the newer one may have been lost.
    #[n(6)]
    pub previous_token: Option<TokenHash>,
    /// The server that hears it and alone may say that it was silent for too long; `None` in rows of a version that knew
    /// of no other servers.
    #[n(7)]
    pub owner: Option<ServerId>,
}

/// One 1C session that holds a seat, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Session {
    /// Its id.
    #[n(0)]
    pub id: SessionId,
    /// What identifies it wherever it is seen from.
    #[n(1)]
    pub identity: Identity,
    /// Who would occupy a seat by its own facts.
    #[n(2)]
    pub own: Occupant,
    /// Whose seat it sits on: its own, its parent's, or none because its application is free.
    #[n(3)]
    pub seat: Option<Occupant>,
    /// The key that the seat is of.
    #[n(4)]
    pub key_no: u32,
    /// Since when the seat is occupied.
    #[n(5)]
    pub since: Moment,
    /// The functionality bits that it asked for.
    #[n(6)]
    pub flags: u32,
    /// The connections that keep it; empty while it lingers.
    #[n(7)]
    pub attached: Vec<ConnectionId>,
    /// When it ends if nobody takes it over, by the steady clock; set exactly while nothing is attached.
    #[n(8)]
    pub linger_until: Option<Moment>,
    /// The parent whose seat it shares.
    #[n(9)]
    pub parent: Option<Identity>,
    /// The connection that created it.
    #[n(10)]
    pub created_by: ConnectionId,
    /// True when a server process created it.
    #[n(11)]
    pub is_server: bool,
    /// The session's number in the infobase.
    #[n(12)]
    pub number: u32,
    /// When the session began, seconds since 1970.
    #[n(13)]
    pub started: i64,
    /// The infobase's connection string.
    #[n(14)]
    pub infobase: Text,
    /// The infobase user.
    #[n(15)]
    pub user_name: Text,
    /// The user's computer.
    #[n(16)]
    pub computer_name: Text,
    /// The 1C application.
    #[n(17)]
    pub app_name: Text,
    /// The access code that its seat counts for: that of the connection that took the seat.
    #[n(18)]
    pub access_code: Text,
}

/// A session as a search sees it, where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Glance<'a> {
    /// Its id.
    pub id: SessionId,
    /// Its number in the infobase.
    pub number: u32,
    /// Since when its seat is occupied.
    pub since: Moment,
    /// The infobase's connection string.
    pub infobase: &'a Text,
    /// The infobase user.
    pub user_name: &'a Text,
    /// The user's computer.
    pub computer_name: &'a Text,
    /// The 1C application.
    pub app_name: &'a Text,
    /// The first of the connections that keep it.
    pub first_attached: Option<ConnectionId>,
    /// The others.
    pub other_attached: &'a [ConnectionId],
}

impl Glance<'_> {
    /// Whether a connection keeps it.
    pub fn is_kept_by(&self, connection: ConnectionId) -> bool {
        self.first_attached == Some(connection) || self.other_attached.contains(&connection)
    }
}
