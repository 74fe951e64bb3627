//! The ledger of one series in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use protocol::facts::{Identity, Occupant};

use super::{
    Connection, ConnectionId, Delta, Effect, Holder, Key, Moment, OperationId, Seat, Session,
    SessionId, Text, View, view::MAX_HOLDERS,
};

/// All rows of a series, with the indexes that answer a [`View`]'s questions.
#[derive(Debug, Default)]
pub struct Index {
    keys: Vec<Key>,
    connections: HashMap<ConnectionId, Box<Connection>>,
    attached: HashMap<ConnectionId, HashSet<SessionId>>,
    sessions: HashMap<SessionId, Box<Session>>,
    names: HashMap<(Occupant, Identity), SessionId>,
    seats: HashMap<Occupant, SeatRow>,
    used: HashMap<u32, u32>,
    unseated: HashSet<SessionId>,
    operations: HashMap<OperationId, (Moment, Effect)>,
    // By time, so that old ones are found without looking at all.
    operation_times: BTreeMap<Moment, Vec<OperationId>>,
    texts: HashSet<Text>,
}

#[derive(Debug)]
struct SeatRow {
    key_no: u32,
    since: Moment,
    sessions: Vec<SessionId>,
}

/// Texts over which the table of shared ones is cleared of those that nobody uses.
const TEXTS_SWEEP: usize = 4096;

impl Index {
    /// Applies a change, and returns the change that undoes it.
    pub fn apply(&mut self, delta: Delta) -> Delta {
        match delta {
            Delta::PutConnection(connection) => {
                let id = connection.id;
                match self.connections.insert(id, connection) {
                    Some(old) => Delta::PutConnection(old),
                    None => Delta::DropConnection(id),
                }
            }
            Delta::DropConnection(id) => match self.connections.remove(&id) {
                Some(old) => Delta::PutConnection(old),
                None => Delta::DropConnection(id),
            },
            Delta::PutSession(mut session) => {
                self.share_texts(&mut session);
                let id = session.id;
                let old = self.take_session(&id);
                self.add_session(session);
                old.map_or(Delta::DropSession(id), Delta::PutSession)
            }
            Delta::DropSession(id) => self
                .take_session(&id)
                .map_or(Delta::DropSession(id), Delta::PutSession),
            Delta::PutOperation(id, at, effect) => {
                let old = self.operations.insert(id, (at, effect));
                if let Some((old_at, _)) = old {
                    self.untime(old_at, id);
                }
                self.operation_times.entry(at).or_default().push(id);
                old.map_or(Delta::DropOperation(id), |(at, effect)| {
                    Delta::PutOperation(id, at, effect)
                })
            }
            Delta::DropOperation(id) => match self.operations.remove(&id) {
                Some((at, effect)) => {
                    self.untime(at, id);
                    Delta::PutOperation(id, at, effect)
                }
                None => Delta::DropOperation(id),
            },
            Delta::SetKeys(keys) => Delta::SetKeys(std::mem::replace(&mut self.keys, keys)),
        }
    }

    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values().map(Box::as_ref)
    }

    /// All sessions.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values().map(Box::as_ref)
    }

    /// How many sessions there are.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// A connection, not copied.
    pub fn connection_ref(&self, id: &ConnectionId) -> Option<&Connection> {
        self.connections.get(id).map(Box::as_ref)
    }

    /// A session, not copied.
    pub fn session_ref(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.get(id).map(Box::as_ref)
    }

    /// Sessions whose linger is over.
    pub fn linger_ended(&self, now: Moment) -> Vec<SessionId> {
        let over = |session: &&Session| session.linger_until.is_some_and(|end| end <= now);
        self.sessions()
            .filter(over)
            .map(|session| session.id)
            .collect()
    }

    fn untime(&mut self, at: Moment, id: OperationId) {
        if let Some(ids) = self.operation_times.get_mut(&at) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.operation_times.remove(&at);
            }
        }
    }

    fn share_texts(&mut self, session: &mut Session) {
        if self.texts.len() > TEXTS_SWEEP && self.texts.len() > self.sessions.len() * 2 {
            self.texts
                .retain(|text| std::sync::Arc::strong_count(&text.0) > 1);
        }
        for text in [
            &mut session.infobase,
            &mut session.user_name,
            &mut session.computer_name,
            &mut session.app_name,
            &mut session.access_code,
        ] {
            match self.texts.get(text) {
                Some(known) => *text = known.clone(),
                None => {
                    self.texts.insert(text.clone());
                }
            }
        }
    }

    fn add_session(&mut self, session: Box<Session>) {
        let id = session.id;
        self.names.insert((session.own, session.identity), id);
        for connection in &session.attached {
            self.attached.entry(*connection).or_default().insert(id);
        }
        match session.seat {
            None => {
                self.unseated.insert(id);
            }
            Some(occupant) => {
                let row = self.seats.entry(occupant).or_insert_with(|| {
                    *self.used.entry(session.key_no).or_default() += 1;
                    SeatRow {
                        key_no: session.key_no,
                        since: session.since,
                        sessions: Vec::with_capacity(1),
                    }
                });
                if row.key_no != session.key_no {
                    // The seat moves to another key: its other sessions follow in the same decision.
                    less(&mut self.used, row.key_no);
                    *self.used.entry(session.key_no).or_default() += 1;
                    row.key_no = session.key_no;
                }
                row.sessions.push(id);
            }
        }
        self.sessions.insert(id, session);
    }

    fn take_session(&mut self, id: &SessionId) -> Option<Box<Session>> {
        let session = self.sessions.remove(id)?;
        self.names.remove(&(session.own, session.identity));
        for connection in &session.attached {
            if let Some(sessions) = self.attached.get_mut(connection) {
                sessions.remove(id);
                if sessions.is_empty() {
                    self.attached.remove(connection);
                }
            }
        }
        match session.seat {
            None => {
                self.unseated.remove(id);
            }
            Some(occupant) => {
                if let Some(row) = self.seats.get_mut(&occupant) {
                    row.sessions.retain(|other| other != id);
                    if row.sessions.is_empty() {
                        less(&mut self.used, row.key_no);
                        self.seats.remove(&occupant);
                    }
                }
            }
        }
        Some(session)
    }

    fn seat_of(&self, row: &SeatRow) -> Seat {
        let flags = row
            .sessions
            .iter()
            .filter_map(|id| self.sessions.get(id))
            .fold(0, |all, one| all | one.flags);
        Seat {
            key_no: row.key_no,
            since: row.since,
            flags,
            sessions: row.sessions.clone(),
        }
    }
}

fn less(used: &mut HashMap<u32, u32>, key_no: u32) {
    if let Some(count) = used.get_mut(&key_no) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            used.remove(&key_no);
        }
    }
}

impl View for Index {
    fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn seat(&self, occupant: &Occupant) -> Option<Seat> {
        self.seats.get(occupant).map(|row| self.seat_of(row))
    }

    fn used(&self, key_no: u32) -> u32 {
        self.used.get(&key_no).copied().unwrap_or(0)
    }

    fn seats_of(&self, key_no: u32) -> Vec<(Occupant, Seat)> {
        let mut seats: Vec<(Occupant, Seat)> = self
            .seats
            .iter()
            .filter(|(_, row)| row.key_no == key_no)
            .map(|(occupant, row)| (*occupant, self.seat_of(row)))
            .collect();
        seats.sort_by_key(|(occupant, seat)| (seat.since, *occupant));
        seats
    }

    fn unseated(&self) -> Vec<SessionId> {
        self.unseated.iter().copied().collect()
    }

    fn find(&self, own: &Occupant, identity: &Identity) -> Option<Session> {
        self.names
            .get(&(*own, *identity))
            .and_then(|id| View::session(self, id))
    }

    fn session(&self, id: &SessionId) -> Option<Session> {
        self.sessions
            .get(id)
            .map(|session| session.as_ref().clone())
    }

    fn attached(&self, connection: &ConnectionId, limit: usize) -> Vec<SessionId> {
        self.attached
            .get(connection)
            .into_iter()
            .flatten()
            .take(limit)
            .copied()
            .collect()
    }

    fn attached_count(&self, connection: &ConnectionId) -> usize {
        self.attached.get(connection).map_or(0, HashSet::len)
    }

    fn connection(&self, id: &ConnectionId) -> Option<Connection> {
        self.connections
            .get(id)
            .map(|connection| connection.as_ref().clone())
    }

    fn holders(&self) -> Vec<Holder> {
        let mut rows: Vec<&SeatRow> = self.seats.values().collect();
        rows.sort_by_key(|row| row.since);
        rows.into_iter()
            .take(MAX_HOLDERS)
            .filter_map(|row| row.sessions.first())
            .filter_map(|id| self.sessions.get(id))
            .map(|session| Holder {
                user_name: session.user_name.clone(),
                computer_name: session.computer_name.clone(),
                app_name: session.app_name.clone(),
                number: session.number,
                since: session.since,
                lingers: session.linger_until.is_some(),
            })
            .collect()
    }

    fn operation(&self, id: &OperationId) -> Option<Effect> {
        self.operations.get(id).map(|(_, effect)| *effect)
    }

    fn operations_before(&self, moment: Moment) -> Vec<OperationId> {
        self.operation_times
            .range(..moment)
            .flat_map(|(_, ids)| ids.iter().copied())
            .collect()
    }
}
