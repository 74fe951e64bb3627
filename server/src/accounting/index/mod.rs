//! The ledger of one series in memory.
//!
//! Rows lie in slabs; the tables that find them hold four-byte numbers and compare the rows themselves. A
//! million sessions take about half a kilobyte each, texts included.

mod operations;
mod packed;
mod slab;

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher,
};

use hashbrown::HashTable;
use protocol::facts::{Identity, Occupant};

use self::{operations::Operations, packed::Packed, slab::Slab};
use super::{
    Connection, ConnectionId, Delta, Effect, Holder, Key, KeyState, Moment, OperationId, Seat,
    Session, SessionId, Text, View, view::MAX_HOLDERS,
};

/// How many remembered requests are forgotten in one go.
const FORGET_CHUNK: usize = 10_000;
/// How many applications an account of the usage names.
pub const MAX_APPS: usize = 16;
/// Texts over which the table of shared ones is cleared of those that nobody uses.
const TEXTS_SWEEP: usize = 4096;

/// All rows of a series, with the tables that answer a [`View`]'s questions.
#[derive(Debug, Default)]
pub struct Index {
    keys: Vec<Key>,
    key_states: BTreeMap<u32, KeyState>,
    connections: HashMap<ConnectionId, Box<Connection>>,
    attached: HashMap<ConnectionId, HashSet<u32>>,
    sessions: Slab<Box<Packed>>,
    by_id: HashTable<u32>,
    by_name: HashTable<u32>,
    seats: Slab<SeatRow>,
    by_occupant: HashTable<u32>,
    hasher: RandomState,
    used: HashMap<u32, u32>,
    unseated: HashSet<SessionId>,
    lingering: HashSet<SessionId>,
    operations: Operations,
    texts: HashSet<Text>,
    apps: HashMap<Text, u32>,
}

#[derive(Debug)]
struct SeatRow {
    occupant: Occupant,
    key_no: u32,
    since: Moment,
    sessions: Sitting,
}

/// The sessions on a seat: nearly always one.
#[derive(Debug)]
enum Sitting {
    One(u32),
    #[expect(
        clippy::box_collection,
        reason = "a million seats have one session each; a box keeps the row small"
    )]
    Many(Box<Vec<u32>>),
}

impl Sitting {
    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        match self {
            Self::One(at) => std::slice::from_ref(at).iter().copied(),
            Self::Many(all) => all.iter().copied(),
        }
    }

    fn add(&mut self, at: u32) {
        match self {
            Self::One(first) => *self = Self::Many(Box::new(vec![*first, at])),
            Self::Many(all) => all.push(at),
        }
    }

    /// Takes one away; false when none is left.
    fn remove(&mut self, at: u32) -> bool {
        match self {
            Self::One(only) => *only != at,
            Self::Many(all) => {
                all.retain(|other| *other != at);
                if let [last] = all[..] {
                    *self = Self::One(last);
                }
                true
            }
        }
    }
}

impl Index {
    /// Applies a change, and returns the change that undoes it.
    pub fn apply(&mut self, delta: Delta) -> Delta {
        match delta {
            Delta::PutConnection(connection) => {
                let id = connection.id;
                self.connections
                    .insert(id, connection)
                    .map_or(Delta::DropConnection(id), Delta::PutConnection)
            }
            Delta::DropConnection(id) => self
                .connections
                .remove(&id)
                .map_or(Delta::DropConnection(id), Delta::PutConnection),
            Delta::PutSession(session) => {
                let mut session = *session;
                self.share_texts(&mut session);
                let id = session.id;
                let old = self.take_session(&id);
                self.add_session(session);
                old.map_or(Delta::DropSession(id), |old| {
                    Delta::PutSession(Box::new(old))
                })
            }
            Delta::DropSession(id) => self
                .take_session(&id)
                .map_or(Delta::DropSession(id), |old| {
                    Delta::PutSession(Box::new(old))
                }),
            Delta::PutOperation(id, at, effect) => self
                .operations
                .insert(id, at, effect)
                .map_or(Delta::DropOperation(id), |(at, effect)| {
                    Delta::PutOperation(id, at, effect)
                }),
            Delta::DropOperation(id) => self
                .operations
                .remove(&id)
                .map_or(Delta::DropOperation(id), |(at, effect)| {
                    Delta::PutOperation(id, at, effect)
                }),
            Delta::SetKeys(keys) => Delta::SetKeys(std::mem::replace(&mut self.keys, keys)),
            Delta::PutKeyState(state) => self
                .key_states
                .insert(state.key_no, state)
                .map_or(Delta::DropKeyState(state.key_no), Delta::PutKeyState),
            Delta::DropKeyState(key_no) => self
                .key_states
                .remove(&key_no)
                .map_or(Delta::DropKeyState(key_no), Delta::PutKeyState),
        }
    }

    /// All connections.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values().map(Box::as_ref)
    }

    /// All sessions.
    pub fn sessions(&self) -> impl Iterator<Item = Session> + '_ {
        self.sessions.iter().map(|session| session.unpack())
    }

    /// How many sessions there are.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// How many seats are occupied.
    pub fn occupied(&self) -> u32 {
        self.used
            .values()
            .fold(0, |sum, used| sum.saturating_add(*used))
    }

    /// The keys that give seats, as of the last look at the time.
    pub fn usable_keys(&self) -> impl Iterator<Item = &Key> {
        let usable = |key: &&Key| {
            let state = self.key_states.get(&key.key_no);
            state.is_some_and(|state| state.usable)
        };
        self.keys.iter().filter(usable)
    }

    /// How many seats the usable keys give.
    pub fn given(&self) -> u32 {
        self.usable_keys()
            .fold(0, |sum, key| sum.saturating_add(key.seats))
    }

    /// Sessions by 1C application, the most first; the rarest ones are left out.
    pub fn apps(&self) -> Vec<(Text, u32)> {
        let mut apps: Vec<(Text, u32)> = self
            .apps
            .iter()
            .map(|(app, count)| (app.clone(), *count))
            .collect();
        apps.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
        apps.truncate(MAX_APPS);
        apps
    }

    /// Sessions whose linger is over.
    pub fn linger_ended(&self, now: Moment) -> Vec<SessionId> {
        let over = |id: &&SessionId| {
            let session = self.number_of(id).and_then(|at| self.sessions.get(at));
            session
                .and_then(|session| session.linger_until)
                .is_some_and(|end| end <= now)
        };
        self.lingering.iter().filter(over).copied().collect()
    }

    fn number_of(&self, id: &SessionId) -> Option<u32> {
        let same = |at: &u32| {
            self.sessions
                .get(*at)
                .is_some_and(|session| session.id == *id)
        };
        self.by_id.find(self.hasher.hash_one(id), same).copied()
    }

    fn seat_number(&self, occupant: &Occupant) -> Option<u32> {
        let same = |at: &u32| {
            self.seats
                .get(*at)
                .is_some_and(|seat| seat.occupant == *occupant)
        };
        self.by_occupant
            .find(self.hasher.hash_one(occupant), same)
            .copied()
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

    fn add_session(&mut self, session: Session) {
        *self.apps.entry(session.app_name.clone()).or_default() += 1;
        let session = Box::new(Packed::new(session));
        let (id, name, seat) = (session.id, (session.own, session.identity), session.seat());
        let (key_no, since) = (session.key_no, session.since);
        if session.linger_until.is_some() {
            self.lingering.insert(id);
        }
        let connections: Vec<ConnectionId> = session.attached().collect();
        let at = self.sessions.insert(session);
        let (sessions, hasher) = (&self.sessions, &self.hasher);
        self.by_id.insert_unique(hasher.hash_one(id), at, |at| {
            sessions
                .get(*at)
                .map_or(0, |session| hasher.hash_one(session.id))
        });
        self.by_name.insert_unique(hasher.hash_one(name), at, |at| {
            sessions.get(*at).map_or(0, |session| {
                hasher.hash_one((session.own, session.identity))
            })
        });
        for connection in connections {
            self.attached.entry(connection).or_default().insert(at);
        }
        match seat {
            Some(occupant) => self.sit(occupant, key_no, since, at),
            None => {
                self.unseated.insert(id);
            }
        }
    }

    fn sit(&mut self, occupant: Occupant, key_no: u32, since: Moment, session: u32) {
        let known = self
            .seat_number(&occupant)
            .and_then(|at| self.seats.get_mut(at));
        let Some(row) = known else {
            *self.used.entry(key_no).or_default() += 1;
            let row = SeatRow {
                occupant,
                key_no,
                since,
                sessions: Sitting::One(session),
            };
            let at = self.seats.insert(row);
            let (seats, hasher) = (&self.seats, &self.hasher);
            self.by_occupant
                .insert_unique(hasher.hash_one(occupant), at, |at| {
                    seats
                        .get(*at)
                        .map_or(0, |seat| hasher.hash_one(seat.occupant))
                });
            return;
        };
        row.sessions.add(session);
        if row.key_no != key_no {
            // The seat moves to another key: its other sessions follow in the same decision.
            less(&mut self.used, &row.key_no);
            *self.used.entry(key_no).or_default() += 1;
            row.key_no = key_no;
        }
    }

    fn take_session(&mut self, id: &SessionId) -> Option<Session> {
        let at = self.number_of(id)?;
        // While the row is still there, the tables can compare it.
        if let Ok(entry) = self
            .by_id
            .find_entry(self.hasher.hash_one(id), |other| *other == at)
        {
            entry.remove();
        }
        let session = self.sessions.remove(at)?.unpack();
        let name = self.hasher.hash_one((session.own, session.identity));
        if let Ok(entry) = self.by_name.find_entry(name, |other| *other == at) {
            entry.remove();
        }
        self.lingering.remove(id);
        less(&mut self.apps, &session.app_name);
        for connection in &session.attached {
            if let Some(sessions) = self.attached.get_mut(connection) {
                sessions.remove(&at);
                if sessions.is_empty() {
                    self.attached.remove(connection);
                }
            }
        }
        match session.seat {
            Some(occupant) => self.stand_up(&occupant, at),
            None => {
                self.unseated.remove(id);
            }
        }
        Some(session)
    }

    fn stand_up(&mut self, occupant: &Occupant, session: u32) {
        let Some(at) = self.seat_number(occupant) else {
            return;
        };
        let Some(row) = self.seats.get_mut(at) else {
            return;
        };
        if row.sessions.remove(session) {
            return;
        }
        let key_no = row.key_no;
        if let Ok(entry) = self
            .by_occupant
            .find_entry(self.hasher.hash_one(occupant), |other| *other == at)
        {
            entry.remove();
        }
        self.seats.remove(at);
        less(&mut self.used, &key_no);
    }

    fn seat_of(&self, row: &SeatRow) -> Seat {
        let sitting = || row.sessions.iter().filter_map(|at| self.sessions.get(at));
        Seat {
            key_no: row.key_no,
            since: row.since,
            flags: sitting().fold(0, |all, one| all | one.flags),
            sessions: sitting().map(|session| session.id).collect(),
        }
    }
}

fn less<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl View for Index {
    fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn key_states(&self) -> Vec<KeyState> {
        self.key_states.values().copied().collect()
    }

    fn seat(&self, occupant: &Occupant) -> Option<Seat> {
        self.seat_number(occupant)
            .and_then(|at| self.seats.get(at))
            .map(|row| self.seat_of(row))
    }

    fn used(&self, key_no: u32) -> u32 {
        self.used.get(&key_no).copied().unwrap_or(0)
    }

    fn seats_of(&self, key_no: u32) -> Vec<(Occupant, Seat)> {
        let rows = self.seats.iter().filter(|row| row.key_no == key_no);
        let mut seats: Vec<(Occupant, Seat)> =
            rows.map(|row| (row.occupant, self.seat_of(row))).collect();
        seats.sort_by_key(|(occupant, seat)| (seat.since, *occupant));
        seats
    }

    fn unseated(&self) -> Vec<SessionId> {
        self.unseated.iter().copied().collect()
    }

    fn find(&self, own: &Occupant, identity: &Identity) -> Option<Session> {
        let hash = self.hasher.hash_one((*own, *identity));
        let same = |at: &u32| {
            self.sessions
                .get(*at)
                .is_some_and(|session| session.own == *own && session.identity == *identity)
        };
        self.by_name
            .find(hash, same)
            .and_then(|at| self.sessions.get(*at))
            .map(|session| session.unpack())
    }

    fn session(&self, id: &SessionId) -> Option<Session> {
        self.number_of(id)
            .and_then(|at| self.sessions.get(at))
            .map(|session| session.unpack())
    }

    fn attached(&self, connection: &ConnectionId, limit: usize) -> Vec<SessionId> {
        let numbers = self
            .attached
            .get(connection)
            .into_iter()
            .flatten()
            .take(limit);
        numbers
            .filter_map(|at| self.sessions.get(*at))
            .map(|session| session.id)
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
        // The longest ones of all, without sorting all.
        let mut longest: std::collections::BinaryHeap<(Moment, u32)> =
            std::collections::BinaryHeap::new();
        for row in self.seats.iter() {
            let Some(first) = row.sessions.iter().next() else {
                continue;
            };
            if longest.len() < MAX_HOLDERS {
                longest.push((row.since, first));
            } else if longest.peek().is_some_and(|(since, _)| row.since < *since) {
                longest.pop();
                longest.push((row.since, first));
            }
        }
        longest
            .into_sorted_vec()
            .into_iter()
            .filter_map(|(_, at)| self.sessions.get(at))
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
        self.operations.get(id)
    }

    fn operations_before(&self, moment: Moment) -> Vec<OperationId> {
        self.operations.before(moment, FORGET_CHUNK)
    }
}
