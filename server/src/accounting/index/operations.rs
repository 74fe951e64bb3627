//! What came of requests, for an hour: by id, and in the order in which they came.
//!
//! As many requests are remembered as there are sessions, and more: a row has what it needs, and the table that finds it
//! holds four-byte numbers.

use std::{
    collections::{VecDeque, hash_map::RandomState},
    hash::BuildHasher,
};

use hashbrown::HashTable;

use super::super::{Effect, Moment, OperationId};

#[derive(Debug)]
struct Row {
    id: OperationId,
    at: Moment,
    /// Nothing once it is forgotten; the row stays until its turn comes.
    effect: Option<Effect>,
}

/// The remembered requests.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// In the order in which they came.
    rows: VecDeque<Row>,
    /// The number of the first row. Numbers go round.
    first: u32,
    by_id: HashTable<u32>,
    hasher: RandomState,
}

impl Operations {
    pub(super) fn insert(
        &mut self,
        id: OperationId,
        at: Moment,
        effect: Effect,
    ) -> Option<(Moment, Effect)> {
        let old = self.remove(&id);
        let number = self.first.wrapping_add(self.rows.len() as u32);
        self.rows.push_back(Row {
            id,
            at,
            effect: Some(effect),
        });
        let (rows, first, hasher) = (&self.rows, self.first, &self.hasher);
        self.by_id
            .insert_unique(hasher.hash_one(id), number, |number| {
                row(rows, first, *number).map_or(0, |row| hasher.hash_one(row.id))
            });
        old
    }

    pub(super) fn remove(&mut self, id: &OperationId) -> Option<(Moment, Effect)> {
        let (rows, first) = (&self.rows, self.first);
        let hash = self.hasher.hash_one(id);
        let same = |number: &u32| row(rows, first, *number).is_some_and(|row| row.id == *id);
        let (number, _) = self.by_id.find_entry(hash, same).ok()?.remove();
        let row = self
            .rows
            .get_mut(number.wrapping_sub(self.first) as usize)?;
        let removed = (row.at, row.effect.take()?);
        while self.rows.front().is_some_and(|row| row.effect.is_none()) {
            self.rows.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        Some(removed)
    }

    pub(super) fn get(&self, id: &OperationId) -> Option<Effect> {
        let find =
            |number: &u32| row(&self.rows, self.first, *number).is_some_and(|row| row.id == *id);
        let number = self.by_id.find(self.hasher.hash_one(id), find)?;
        row(&self.rows, self.first, *number)?.effect
    }

    /// Requests from before a moment, in the order in which they came. Those from after `now` are of a clock that was
    /// wrong: they stand in nobody's way.
    pub(super) fn before(&self, moment: Moment, now: Moment, limit: usize) -> Vec<OperationId> {
        self.rows
            .iter()
            .take_while(|row| row.at < moment || row.at > now)
            .filter(|row| row.effect.is_some())
            .map(|row| row.id)
            .take(limit)
            .collect()
    }
}

fn row(rows: &VecDeque<Row>, first: u32, number: u32) -> Option<&Row> {
    rows.get(number.wrapping_sub(first) as usize)
}
