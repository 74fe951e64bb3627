//! What came of requests, for an hour: by id, and in the order in which they came.

use std::collections::{HashMap, VecDeque};

use super::super::{Effect, Moment, OperationId};

/// The remembered requests.
#[derive(Debug, Default)]
pub(super) struct Operations {
    by_id: HashMap<OperationId, (Moment, Effect)>,
    /// Entries of forgotten requests stay until their turn comes.
    order: VecDeque<(Moment, OperationId)>,
}

impl Operations {
    pub(super) fn insert(
        &mut self,
        id: OperationId,
        at: Moment,
        effect: Effect,
    ) -> Option<(Moment, Effect)> {
        self.order.push_back((at, id));
        self.by_id.insert(id, (at, effect))
    }

    pub(super) fn remove(&mut self, id: &OperationId) -> Option<(Moment, Effect)> {
        let removed = self.by_id.remove(id);
        while self
            .order
            .front()
            .is_some_and(|(_, id)| !self.by_id.contains_key(id))
        {
            self.order.pop_front();
        }
        removed
    }

    pub(super) fn get(&self, id: &OperationId) -> Option<Effect> {
        self.by_id.get(id).map(|(_, effect)| *effect)
    }

    /// Requests from before a moment, in the order in which they came. Those from after `now` are of a clock that was
    /// wrong: they stand in nobody's way.
    pub(super) fn before(&self, moment: Moment, now: Moment, limit: usize) -> Vec<OperationId> {
        let old = self
            .order
            .iter()
            .take_while(|(at, _)| *at < moment || *at > now)
            .map(|(_, id)| *id);
        let mut ids: Vec<OperationId> = old
            .filter(|id| self.by_id.contains_key(id))
            .take(limit)
            .collect();
        ids.dedup();
        ids
    }
}
