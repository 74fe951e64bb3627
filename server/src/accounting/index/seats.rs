//! The occupied seats: by occupant, and by key and flags in the order in which they were taken.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

use hashbrown::HashTable;
use protocol::facts::Occupant;

use super::{less, slab::Slab};
use crate::accounting::{Moment, Order, Text};

/// A seat, as the index keeps it.
#[derive(Debug)]
pub(super) struct SeatRow {
    pub(super) occupant: Occupant,
    pub(super) key_no: u32,
    /// What its sessions asked for, together.
    pub(super) flags: u32,
    pub(super) since: Moment,
    /// The access code that it counts for.
    code: Text,
    pub(super) sessions: Sitting,
}

/// The numbers of the sessions on a seat: nearly always one.
#[derive(Debug)]
pub(super) enum Sitting {
    One(u32),
    #[expect(
        clippy::box_collection,
        reason = "a million seats have one session each; a box keeps the row small"
    )]
    Many(Box<Vec<u32>>),
}

impl Sitting {
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
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

/// A session that sits down.
pub(super) struct Sitter {
    pub(super) number: u32,
    pub(super) key_no: u32,
    pub(super) flags: u32,
    pub(super) since: Moment,
    pub(super) code: Text,
}

/// All occupied seats.
#[derive(Debug, Default)]
pub(super) struct Seats {
    rows: Slab<SeatRow>,
    by_occupant: HashTable<u32>,
    hasher: RandomState,
    /// By key and flags: since when, and the row's number.
    groups: BTreeMap<(u32, u32), BTreeSet<(Moment, u32)>>,
    used: HashMap<u32, u32>,
    used_by_code: HashMap<Text, u32>,
}

impl Seats {
    fn number(&self, occupant: &Occupant) -> Option<u32> {
        let same = |at: &u32| {
            self.rows
                .get(*at)
                .is_some_and(|seat| seat.occupant == *occupant)
        };
        self.by_occupant
            .find(self.hasher.hash_one(occupant), same)
            .copied()
    }

    pub(super) fn get(&self, occupant: &Occupant) -> Option<&SeatRow> {
        self.rows.get(self.number(occupant)?)
    }

    /// How many seats of a key are occupied.
    pub(super) fn used(&self, key_no: u32) -> u32 {
        self.used.get(&key_no).copied().unwrap_or(0)
    }

    /// How many seats are occupied.
    pub(super) fn occupied(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn used_by_code(&self, code: &str) -> u32 {
        self.used_by_code.get(code).copied().unwrap_or(0)
    }

    pub(super) fn keys(&self) -> Vec<u32> {
        let mut keys: Vec<u32> = self.used.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    /// The flags of a key's seats, and how many seats have them.
    pub(super) fn groups(&self, key_no: u32) -> Vec<(u32, u32)> {
        self.groups
            .range((key_no, 0)..=(key_no, u32::MAX))
            .map(|((_, flags), seats)| (*flags, u32::try_from(seats.len()).unwrap_or(u32::MAX)))
            .collect()
    }

    /// The seats of a group.
    pub(super) fn group(
        &self,
        key_no: u32,
        flags: u32,
        order: Order,
    ) -> impl Iterator<Item = &SeatRow> {
        let seats = self.groups.get(&(key_no, flags)).into_iter().flatten();
        let (oldest, newest) = match order {
            Order::Oldest => (Some(seats), None),
            Order::Newest => (None, Some(seats.rev())),
        };
        oldest
            .into_iter()
            .flatten()
            .chain(newest.into_iter().flatten())
            .filter_map(|(_, at)| self.rows.get(*at))
    }

    /// The longest occupied seats of all.
    pub(super) fn longest(&self, limit: usize) -> Vec<&SeatRow> {
        let mut longest: Vec<(Moment, u32)> = self
            .groups
            .values()
            .flat_map(|seats| seats.iter().take(limit).copied())
            .collect();
        longest.sort_unstable();
        longest.truncate(limit);
        longest
            .into_iter()
            .filter_map(|(_, at)| self.rows.get(at))
            .collect()
    }

    pub(super) fn sit(&mut self, occupant: Occupant, sitter: Sitter) {
        let Some(at) = self.number(&occupant) else {
            return self.add(occupant, sitter);
        };
        let Some(row) = self.rows.get_mut(at) else {
            return;
        };
        row.sessions.add(sitter.number);
        let flags = row.flags | sitter.flags;
        // When the seat moves to another key, its other sessions follow in the same decision.
        self.regroup(at, sitter.key_no, flags);
    }

    fn add(&mut self, occupant: Occupant, sitter: Sitter) {
        *self.used.entry(sitter.key_no).or_default() += 1;
        *self.used_by_code.entry(sitter.code.clone()).or_default() += 1;
        let group = (sitter.key_no, sitter.flags);
        let at = self.rows.insert(SeatRow {
            occupant,
            key_no: sitter.key_no,
            flags: sitter.flags,
            since: sitter.since,
            code: sitter.code,
            sessions: Sitting::One(sitter.number),
        });
        self.groups
            .entry(group)
            .or_default()
            .insert((sitter.since, at));
        let (rows, hasher) = (&self.rows, &self.hasher);
        self.by_occupant
            .insert_unique(hasher.hash_one(occupant), at, |at| {
                rows.get(*at)
                    .map_or(0, |seat| hasher.hash_one(seat.occupant))
            });
    }

    /// Takes a session from its seat; `flags_of` tells what the others asked for.
    pub(super) fn stand_up(
        &mut self,
        occupant: &Occupant,
        session: u32,
        flags_of: impl Fn(u32) -> u32,
    ) {
        let Some(at) = self.number(occupant) else {
            return;
        };
        let Some(row) = self.rows.get_mut(at) else {
            return;
        };
        if row.sessions.remove(session) {
            let (key_no, flags) = (row.key_no, row.sessions.iter().map(flags_of));
            let flags = flags.fold(0, |all, one| all | one);
            return self.regroup(at, key_no, flags);
        }
        let hash = self.hasher.hash_one(occupant);
        if let Ok(entry) = self.by_occupant.find_entry(hash, |other| *other == at) {
            entry.remove();
        }
        if let Some(row) = self.rows.remove(at) {
            self.ungroup(at, &row);
            less(&mut self.used, &row.key_no);
            less(&mut self.used_by_code, &row.code);
        }
    }

    fn regroup(&mut self, at: u32, key_no: u32, flags: u32) {
        let Some(row) = self.rows.get_mut(at) else {
            return;
        };
        if (row.key_no, row.flags) == (key_no, flags) {
            return;
        }
        let since = row.since;
        let before = (
            std::mem::replace(&mut row.key_no, key_no),
            std::mem::replace(&mut row.flags, flags),
        );
        if let Some(group) = self.groups.get_mut(&before) {
            group.remove(&(since, at));
            if group.is_empty() {
                self.groups.remove(&before);
            }
        }
        self.groups
            .entry((key_no, flags))
            .or_default()
            .insert((since, at));
        if before.0 != key_no {
            less(&mut self.used, &before.0);
            *self.used.entry(key_no).or_default() += 1;
        }
    }

    fn ungroup(&mut self, at: u32, row: &SeatRow) {
        let name = (row.key_no, row.flags);
        if let Some(group) = self.groups.get_mut(&name) {
            group.remove(&(row.since, at));
            if group.is_empty() {
                self.groups.remove(&name);
            }
        }
    }
}
