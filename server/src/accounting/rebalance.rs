//! When keys come, go, shrink or end: seats move to other keys, and only those that find none are lost.

use std::collections::BTreeSet;

use super::{
    Cause, Delta, Key, Moment, Outcome, View, decide::Decision, ending::Ending, seating::Pools,
};

/// The decision that the keys of the series are `keys` from now on.
pub(super) fn rebalance(view: &impl View, keys: Vec<Key>, now: Moment) -> Decision {
    let mut pools = Pools::new(view, &keys, now);
    let mut ending = Ending::default();
    let numbers: BTreeSet<u32> = view
        .keys()
        .iter()
        .chain(&keys)
        .map(|key| key.key_no)
        .collect();
    let mut homeless = Vec::new();
    for key_no in numbers {
        if view.used(key_no) == 0 {
            continue;
        }
        let (serving, others): (Vec<_>, Vec<_>) = view
            .seats_of(key_no)
            .into_iter()
            .partition(|(_, seat)| pools.serves(key_no, seat.flags));
        for seat in others {
            pools.take(None, Some(key_no));
            homeless.push(seat);
        }
        // Whoever came last moves first.
        for seat in serving.into_iter().rev() {
            if pools.free(key_no) >= 0 {
                break;
            }
            pools.take(None, Some(key_no));
            homeless.push(seat);
        }
    }
    homeless.sort_by_key(|(_, seat)| seat.since);
    for (_, seat) in homeless {
        let target = pools.choose(seat.flags);
        pools.take(target, None);
        for session in seat.sessions.iter().filter_map(|id| view.session(id)) {
            match target {
                Some(key_no) => {
                    ending
                        .deltas
                        .push(Delta::PutSession(Box::new(super::Session {
                            key_no,
                            ..session
                        })));
                }
                None => ending.drop(session, Cause::KeyGone),
            }
        }
    }
    for session in view.unseated().iter().filter_map(|id| view.session(id)) {
        if pools.serves(session.key_no, session.flags) {
            continue;
        }
        match pools.any(session.flags) {
            Some(key_no) => ending
                .deltas
                .push(Delta::PutSession(Box::new(super::Session {
                    key_no,
                    ..session
                }))),
            None => ending.drop(session, Cause::KeyGone),
        }
    }
    if keys != view.keys() {
        ending.deltas.push(Delta::SetKeys(keys));
    }
    Decision {
        outcome: Outcome::Done {
            lost: ending.lost,
            more: false,
        },
        deltas: ending.deltas,
    }
}
