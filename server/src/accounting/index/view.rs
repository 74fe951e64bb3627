//! The answers to what the rules ask.

use std::{collections::HashSet, hash::BuildHasher};

use protocol::facts::{Identity, Occupant};

use super::{FORGET_CHUNK, Index};
use crate::accounting::{
    Connection, ConnectionId, Effect, Holder, Key, KeyState, Moment, Neighbour, OperationId, Order,
    Seat, Session, SessionId, View, view::MAX_HOLDERS,
};

impl View for Index {
    fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn key_states(&self) -> Vec<KeyState> {
        self.key_states.values().copied().collect()
    }

    fn seat(&self, occupant: &Occupant) -> Option<Seat> {
        self.seats.get(occupant).map(|row| self.seat_of(row))
    }

    fn neighbours(&self, occupant: &Occupant) -> Vec<Neighbour> {
        let row = self.seats.get(occupant).into_iter();
        row.flat_map(|row| row.sessions.iter())
            .filter_map(|at| self.sessions.get(at))
            .map(|session| Neighbour {
                id: session.id,
                identity: session.identity,
                parent: session.parent(),
            })
            .collect()
    }

    fn used(&self, key_no: u32) -> u32 {
        self.seats.used(key_no)
    }

    fn used_by_code(&self, code: &str) -> u32 {
        self.seats.used_by_code(code)
    }

    fn groups(&self, key_no: u32) -> Vec<(u32, u32)> {
        self.seats.groups(key_no)
    }

    fn seats(&self, key_no: u32, flags: u32, order: Order, limit: usize) -> Vec<(Occupant, Seat)> {
        let rows = self.seats.group(key_no, flags, order).take(limit);
        rows.map(|row| (row.occupant, self.seat_of(row))).collect()
    }

    fn newest_seat(
        &self,
        key_no: u32,
        flags: u32,
        wanted: &dyn Fn(&Occupant) -> bool,
    ) -> Option<(Occupant, Seat)> {
        let mut rows = self.seats.group(key_no, flags, Order::Newest);
        let row = rows.find(|row| wanted(&row.occupant))?;
        Some((row.occupant, self.seat_of(row)))
    }

    fn unseated(&self, key_no: u32, limit: usize) -> Vec<SessionId> {
        let sessions = self.unseated.get(&key_no).into_iter().flatten();
        sessions.take(limit).copied().collect()
    }

    fn unseated_count(&self, key_no: u32) -> usize {
        self.unseated.get(&key_no).map_or(0, HashSet::len)
    }

    fn unseated_keys(&self) -> Vec<u32> {
        self.unseated.keys().copied().collect()
    }

    fn occupied_keys(&self) -> Vec<u32> {
        self.seats.keys()
    }

    fn find(&self, own: &Occupant, identity: &Identity) -> Option<Session> {
        let hash = self.hasher.hash_one((*own, *identity));
        let same = |at: &u32| {
            self.sessions
                .get(*at)
                .is_some_and(|session| session.own() == *own && session.identity == *identity)
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
        self.seats
            .longest(MAX_HOLDERS)
            .into_iter()
            .filter_map(|row| self.sessions.get(row.sessions.iter().next()?))
            .map(|session| Holder {
                user_name: session.user_name.clone(),
                computer_name: session.computer_name.clone(),
                app_name: session.app_name.clone(),
                number: session.number,
                since: session.since,
                lingers: session.linger_until().is_some(),
            })
            .collect()
    }

    fn operation(&self, id: &OperationId) -> Option<Effect> {
        self.operations.get(id)
    }

    fn operations_before(&self, moment: Moment, now: Moment) -> Vec<OperationId> {
        self.operations.before(moment, now, FORGET_CHUNK)
    }
}
