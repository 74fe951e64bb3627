//! The ledger of one series in memory.
//!
//! Rows lie in slabs; the tables that find them hold four-byte numbers and compare the rows themselves. A
//! million sessions take about half a kilobyte each, texts included.

mod operations;
mod packed;
mod seats;
mod slab;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher,
    time::Duration,
};

use hashbrown::HashTable;

use self::{
    operations::Operations,
    packed::Packed,
    seats::{SeatRow, Seats, Sitter},
    slab::Slab,
};
use super::{
    Connection, ConnectionId, Delta, Glance, Key, KeyState, Moment, Seat, Session, SessionId, Text,
};

/// How many remembered requests are forgotten in one go.
const FORGET_CHUNK: usize = 1000;
/// How many sessions whose linger is over are named in one go.
const MAX_LINGERS: usize = 10_000;
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
    hasher: RandomState,
    seats: Seats,
    /// Sessions without a seat, by the key whose rights they have.
    unseated: BTreeMap<u32, HashSet<SessionId>>,
    /// Sessions that nobody keeps, by their linger's end.
    lingering: BTreeSet<(Moment, SessionId)>,
    operations: Operations,
    texts: HashSet<Text>,
    apps: HashMap<Text, u32>,
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

    /// Looks at a part of the sessions: those in so many places from `from` on. Where the next part begins; nothing after the
    /// last.
    pub fn glance(
        &self,
        from: usize,
        places: usize,
        look: &mut dyn FnMut(&Glance<'_>),
    ) -> Option<usize> {
        for session in self.sessions.part(from, places) {
            look(&session.glance());
        }
        let next = from + places;
        (next < self.sessions.end()).then_some(next)
    }

    /// How many sessions there are.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// How many seats are occupied.
    pub fn occupied(&self) -> u32 {
        self.seats.occupied()
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

    /// How many sessions are attached to connections of these alone.
    pub fn kept_only_by(&self, connections: &HashSet<ConnectionId>) -> u32 {
        let attached = connections.iter().filter_map(|id| self.attached.get(id));
        let numbers: HashSet<u32> = attached.flatten().copied().collect();
        let only = |at: &u32| {
            let session = self.sessions.get(*at);
            session.is_some_and(|session| session.attached().all(|id| connections.contains(&id)))
        };
        u32::try_from(numbers.into_iter().filter(only).count()).unwrap_or(u32::MAX)
    }

    /// Sessions whose linger is over by the steady clock, or lasts longer than `linger` from now; at most [`MAX_LINGERS`] of
    /// each.
    pub fn linger_ended(&self, now: Moment, linger: Duration) -> Vec<SessionId> {
        let longest = now.after(linger);
        let over = self.lingering.iter();
        let over = over.take_while(|(end, _)| *end <= now).take(MAX_LINGERS);
        let too_long = self.lingering.iter().rev();
        let too_long = too_long.take_while(|(end, _)| *end > longest && *end > now);
        let both = over.chain(too_long.take(MAX_LINGERS));
        both.map(|(_, session)| *session).collect()
    }

    fn number_of(&self, id: &SessionId) -> Option<u32> {
        let same = |at: &u32| {
            self.sessions
                .get(*at)
                .is_some_and(|session| session.id == *id)
        };
        self.by_id.find(self.hasher.hash_one(id), same).copied()
    }

    fn share_texts(&mut self, session: &mut Session) {
        if self.texts.len() > TEXTS_SWEEP && self.texts.len() > self.sessions.len() * 2 {
            self.texts
                .retain(|text| std::sync::Arc::strong_count(&text.0) > 1);
        }
        for text in [
            &mut session.infobase,
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
        // People and computers have one or a few sessions each: to keep them in the table would cost more than it saves.
        for text in [&mut session.user_name, &mut session.computer_name] {
            if let Some(known) = self.texts.get(text) {
                *text = known.clone();
            }
        }
    }

    fn add_session(&mut self, session: Session) {
        *self.apps.entry(session.app_name.clone()).or_default() += 1;
        let session = Box::new(Packed::new(session));
        let (id, name, seat) = (
            session.id,
            (session.own(), session.identity),
            session.seat(),
        );
        let (key_no, flags, since) = (session.key_no, session.flags, session.since);
        let code = session.access_code.clone();
        if let Some(end) = session.linger_until() {
            self.lingering.insert((end, id));
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
                hasher.hash_one((session.own(), session.identity))
            })
        });
        for connection in connections {
            self.attached.entry(connection).or_default().insert(at);
        }
        match seat {
            Some(occupant) => {
                let sitter = Sitter {
                    number: at,
                    key_no,
                    flags,
                    since,
                    code,
                };
                self.seats.sit(occupant, sitter);
            }
            None => {
                self.unseated.entry(key_no).or_default().insert(id);
            }
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
        if let Some(end) = session.linger_until {
            self.lingering.remove(&(end, *id));
        }
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
            Some(occupant) => {
                let sessions = &self.sessions;
                let flags_of = |at| sessions.get(at).map_or(0, |session| session.flags);
                self.seats.stand_up(&occupant, at, flags_of);
            }
            None => {
                if let Some(sessions) = self.unseated.get_mut(&session.key_no) {
                    sessions.remove(id);
                    if sessions.is_empty() {
                        self.unseated.remove(&session.key_no);
                    }
                }
            }
        }
        Some(session)
    }

    fn seat_of(&self, row: &SeatRow) -> Seat {
        let sitting = row.sessions.iter().filter_map(|at| self.sessions.get(at));
        Seat {
            key_no: row.key_no,
            since: row.since,
            flags: row.flags,
            sessions: sitting.map(|session| session.id).collect(),
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
