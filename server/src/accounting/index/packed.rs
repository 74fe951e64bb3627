//! A session as the index keeps it: a million of them must fit, so what is seldom there takes no room.

use protocol::facts::{Identity, Occupant};

use super::super::{ConnectionId, Moment, Session, SessionId, Text};

/// Whose seat a session sits on.
#[derive(Debug)]
enum SeatOf {
    Own,
    None,
    Other(Box<Occupant>),
}

/// A session.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) id: SessionId,
    pub(super) identity: Identity,
    pub(super) own: Occupant,
    seat: SeatOf,
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
    pub(super) linger_until: Option<Moment>,
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

impl Packed {
    pub(super) fn new(session: Session) -> Self {
        let seat = match session.seat {
            None => SeatOf::None,
            Some(seat) if seat == session.own => SeatOf::Own,
            Some(seat) => SeatOf::Other(Box::new(seat)),
        };
        let mut attached = session.attached;
        let others = attached.split_off(attached.len().min(1));
        Self {
            id: session.id,
            identity: session.identity,
            own: session.own,
            seat,
            key_no: session.key_no,
            since: session.since,
            flags: session.flags,
            first_attached: attached.first().copied(),
            other_attached: (!others.is_empty()).then(|| Box::new(others)),
            linger_until: session.linger_until,
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
            SeatOf::Own => Some(self.own),
            SeatOf::None => None,
            SeatOf::Other(seat) => Some(**seat),
        }
    }

    pub(super) fn attached(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        let others = self.other_attached.iter().flat_map(|others| others.iter());
        self.first_attached.iter().chain(others).copied()
    }

    pub(super) fn unpack(&self) -> Session {
        Session {
            id: self.id,
            identity: self.identity,
            own: self.own,
            seat: self.seat(),
            key_no: self.key_no,
            since: self.since,
            flags: self.flags,
            attached: self.attached().collect(),
            linger_until: self.linger_until,
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
