//! A session as the index keeps it: a million of them must fit, so what is seldom there takes no room.

use protocol::facts::{Identity, Occupant};

use super::super::{ConnectionId, Glance, Moment, Session, SessionId, Text};

/// A session.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) id: SessionId,
    pub(super) identity: Identity,
    pub(super) key_no: u32,
    pub(super) since: Moment,
    pub(super) flags: u32,
    /// Nearly all sessions have one connection.
    first_attached: Option<ConnectionId>,
    /// [`NEVER`] while it does not linger.
    linger_until: Moment,
    is_server: bool,
    pub(super) number: u32,
    started: i64,
    infobase: Text,
    pub(super) user_name: Text,
    pub(super) computer_name: Text,
    pub(super) app_name: Text,
    pub(super) access_code: Text,
    /// Nothing where all of it is as usual, as nearly always.
    rare: Option<Box<Rare>>,
}

/// What is as usual in nearly all sessions.
#[derive(Debug, PartialEq, Eq)]
struct Rare {
    /// Who would occupy a seat; usually the session itself.
    own: Occupant,
    /// Whose seat it sits on; usually its own.
    seat: Option<Occupant>,
    /// Usually there are none.
    other_attached: Vec<ConnectionId>,
    /// Usually there is none.
    parent: Option<Identity>,
    /// Usually the connection that it is attached to.
    created_by: Option<ConnectionId>,
}

impl Rare {
    fn usual(identity: Identity) -> Self {
        let itself = Occupant::Session(identity);
        Self {
            own: itself,
            seat: Some(itself),
            other_attached: Vec::new(),
            parent: None,
            created_by: None,
        }
    }
}

/// No session lingers so long.
const NEVER: Moment = Moment(i64::MAX);

impl Packed {
    pub(super) fn new(session: Session) -> Self {
        let mut attached = session.attached;
        let other_attached = attached.split_off(attached.len().min(1));
        let first_attached = attached.first().copied();
        let rare = Rare {
            own: session.own,
            seat: session.seat,
            other_attached,
            parent: session.parent,
            created_by: Some(session.created_by).filter(|id| first_attached != Some(*id)),
        };
        Self {
            id: session.id,
            identity: session.identity,
            key_no: session.key_no,
            since: session.since,
            flags: session.flags,
            first_attached,
            linger_until: session.linger_until.unwrap_or(NEVER),
            is_server: session.is_server,
            number: session.number,
            started: session.started,
            infobase: session.infobase,
            user_name: session.user_name,
            computer_name: session.computer_name,
            app_name: session.app_name,
            access_code: session.access_code,
            rare: (rare != Rare::usual(session.identity)).then(|| Box::new(rare)),
        }
    }

    pub(super) fn seat(&self) -> Option<Occupant> {
        match &self.rare {
            None => Some(Occupant::Session(self.identity)),
            Some(rare) => rare.seat,
        }
    }

    /// Who would occupy a seat by the session's own facts.
    pub(super) fn own(&self) -> Occupant {
        match &self.rare {
            None => Occupant::Session(self.identity),
            Some(rare) => rare.own,
        }
    }

    pub(super) fn linger_until(&self) -> Option<Moment> {
        Some(self.linger_until).filter(|end| *end != NEVER)
    }

    pub(super) fn parent(&self) -> Option<Identity> {
        self.rare.as_ref().and_then(|rare| rare.parent)
    }

    pub(super) fn glance(&self) -> Glance<'_> {
        Glance {
            id: self.id,
            number: self.number,
            since: self.since,
            infobase: &self.infobase,
            user_name: &self.user_name,
            computer_name: &self.computer_name,
            app_name: &self.app_name,
            first_attached: self.first_attached,
            other_attached: self.rare.as_ref().map_or(&[], |rare| &rare.other_attached),
        }
    }

    pub(super) fn attached(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        let others = self.rare.iter().flat_map(|rare| &rare.other_attached);
        self.first_attached.iter().chain(others).copied()
    }

    fn created_by(&self) -> ConnectionId {
        let other = self.rare.as_ref().and_then(|rare| rare.created_by);
        other
            .or(self.first_attached)
            .expect("a session without a first connection has its maker among what is rare")
    }

    pub(super) fn unpack(&self) -> Session {
        Session {
            id: self.id,
            identity: self.identity,
            own: self.own(),
            seat: self.seat(),
            key_no: self.key_no,
            since: self.since,
            flags: self.flags,
            attached: self.attached().collect(),
            linger_until: self.linger_until(),
            parent: self.parent(),
            created_by: self.created_by(),
            is_server: self.is_server,
            number: self.number,
            started: self.started,
            infobase: self.infobase.clone(),
            user_name: self.user_name.clone(),
            computer_name: self.computer_name.clone(),
            app_name: self.app_name.clone(),
            access_code: self.access_code.clone(),
        }
    }
}
