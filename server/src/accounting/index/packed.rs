//! A session as the index keeps it: a million of them must fit, so what is seldom there takes no room.

use protocol::facts::{Identity, Occupant};

use super::super::{ConnectionId, Moment, Session, SessionId, Text};

/// A session.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) id: SessionId,
    pub(super) identity: Identity,
    /// Who would occupy a seat; nothing where that is the session itself, as nearly always.
    own: Option<Box<Occupant>>,
    /// Whose seat it sits on; nothing where that is its own, as nearly always.
    seat: Option<Box<Option<Occupant>>>,
    pub(super) key_no: u32,
    pub(super) since: Moment,
    pub(super) flags: u32,
    /// Nearly all sessions have one connection.
    first_attached: Option<ConnectionId>,
    #[expect(
        clippy::box_collection,
        reason = "a box is 8 bytes where a vector is 24, and it is nearly always empty"
    )]
    other_attached: Option<Box<Vec<ConnectionId>>>,
    /// [`NEVER`] while it does not linger.
    linger_until: Moment,
    parent: Option<Box<Identity>>,
    created_by: ConnectionId,
    is_server: bool,
    pub(super) number: u32,
    started: i64,
    infobase: Text,
    pub(super) user_name: Text,
    pub(super) computer_name: Text,
    pub(super) app_name: Text,
    pub(super) access_code: Text,
}

/// No session lingers so long.
const NEVER: Moment = Moment(i64::MAX);

impl Packed {
    pub(super) fn new(session: Session) -> Self {
        let seat = (session.seat != Some(session.own)).then(|| Box::new(session.seat));
        let itself = session.own == Occupant::Session(session.identity);
        let mut attached = session.attached;
        let others = attached.split_off(attached.len().min(1));
        Self {
            id: session.id,
            identity: session.identity,
            own: (!itself).then(|| Box::new(session.own)),
            seat,
            key_no: session.key_no,
            since: session.since,
            flags: session.flags,
            first_attached: attached.first().copied(),
            other_attached: (!others.is_empty()).then(|| Box::new(others)),
            linger_until: session.linger_until.unwrap_or(NEVER),
            parent: session.parent.map(Box::new),
            created_by: session.created_by,
            is_server: session.is_server,
            number: session.number,
            started: session.started,
            infobase: session.infobase,
            user_name: session.user_name,
            computer_name: session.computer_name,
            app_name: session.app_name,
            access_code: session.access_code,
        }
    }

    pub(super) fn seat(&self) -> Option<Occupant> {
        match &self.seat {
            None => Some(self.own()),
            Some(seat) => **seat,
        }
    }

    /// Who would occupy a seat by the session's own facts.
    pub(super) fn own(&self) -> Occupant {
        match &self.own {
            None => Occupant::Session(self.identity),
            Some(own) => **own,
        }
    }

    pub(super) fn linger_until(&self) -> Option<Moment> {
        Some(self.linger_until).filter(|end| *end != NEVER)
    }

    pub(super) fn attached(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        let others = self.other_attached.iter().flat_map(|others| others.iter());
        self.first_attached.iter().chain(others).copied()
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
            parent: self.parent.as_deref().copied(),
            created_by: self.created_by,
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
