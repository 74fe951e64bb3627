//! When keys come, go, shrink or end: seats move to other keys, and only those that find none are lost.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Admin, Cause, Delta, Event, EventKind, Key, KeyState, Moment, Outcome, Session, View,
    decide::Decision, ending::Ending, event::key_words, seating::Pools, usable,
};

/// The decision that an administrator switches a key on or off.
pub(super) fn switched(
    view: &impl View,
    key_no: u32,
    on: bool,
    by: &Admin,
    now: Moment,
) -> Decision {
    if !view.keys().iter().any(|key| key.key_no == key_no) {
        return Decision::nothing(Outcome::UnknownKey);
    }
    let mut states = states_of(view);
    let state = states.entry(key_no).or_insert(KeyState {
        key_no,
        off: false,
        present: true,
        usable: false,
    });
    let mut ending = Ending::default();
    if state.off == on {
        state.off = !on;
        let kind = if on {
            EventKind::KeyOn
        } else {
            EventKind::KeyOff
        };
        ending.events.push(
            Event {
                key_no: Some(key_no),
                user_name: by.user_name.clone(),
                computer_name: by.address.clone(),
                ..Event::new(kind)
            }
            .saying(&by.words()),
        );
    }
    balance(view, view.keys().to_vec(), states, ending, now)
}

/// The decision that the keys of the series are `keys` from now on.
pub(super) fn rebalance(view: &impl View, keys: Vec<Key>, now: Moment) -> Decision {
    balance(view, keys, states_of(view), Ending::default(), now)
}

fn states_of(view: &impl View) -> BTreeMap<u32, KeyState> {
    let states = view.key_states().into_iter();
    states.map(|state| (state.key_no, state)).collect()
}

fn balance(
    view: &impl View,
    mut keys: Vec<Key>,
    states: BTreeMap<u32, KeyState>,
    mut ending: Ending,
    now: Moment,
) -> Decision {
    for key in &mut keys {
        key.enabled = states.get(&key.key_no).is_none_or(|state| !state.off);
    }
    remember(view, &keys, states, &mut ending, now);
    let mut pools = Pools::new(view, &keys, now);
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
            settle(&mut ending, session, target);
        }
    }
    for session in view.unseated().iter().filter_map(|id| view.session(id)) {
        if !pools.serves(session.key_no, session.flags) {
            let target = pools.any(session.flags);
            settle(&mut ending, session, target);
        }
    }
    if keys != view.keys() {
        ending.deltas.push(Delta::SetKeys(keys));
    }
    Decision::ended(ending, false)
}

/// Moves a session to another key, or ends it.
fn settle(ending: &mut Ending, session: Session, target: Option<u32>) {
    let Some(key_no) = target else {
        return ending.drop(session, Cause::KeyGone);
    };
    let from = session.key_no;
    let moved = Session { key_no, ..session };
    let event = Event::of_session(EventKind::Moved, &moved).saying(&format!("from={from}"));
    ending.events.push(event);
    ending.deltas.push(Delta::PutSession(Box::new(moved)));
}

/// Notes which keys came, went, began or stopped to give seats.
fn remember(
    view: &impl View,
    keys: &[Key],
    states: BTreeMap<u32, KeyState>,
    ending: &mut Ending,
    now: Moment,
) {
    let before = states_of(view);
    let mut after = states;
    for state in after.values_mut() {
        (state.present, state.usable) = (false, false);
    }
    for key in keys {
        let state = after.entry(key.key_no).or_insert(KeyState {
            key_no: key.key_no,
            off: false,
            present: true,
            usable: false,
        });
        let result = usable(key, keys, now);
        (state.present, state.usable) = (true, result.is_ok());
        let old = before.get(&key.key_no);
        let event = |kind| Event {
            key_no: Some(key.key_no),
            ..Event::new(kind).saying(&key_words(key))
        };
        let came = old.is_none_or(|old| !old.present);
        if came {
            ending.events.push(event(EventKind::KeyAdded));
        }
        match result {
            Ok(()) if old.is_some_and(|old| !old.usable) => {
                ending.events.push(event(EventKind::KeyUsable));
            }
            Err(reason) if came || old.is_some_and(|old| old.usable) => {
                let event = event(EventKind::KeyUnusable);
                ending.events.push(event.because(reason.reason().name()));
            }
            _ => {}
        }
    }
    for (key_no, state) in after {
        let old = before.get(&key_no);
        if !state.present && old.is_some_and(|old| old.present) {
            ending.events.push(Event {
                key_no: Some(key_no),
                ..Event::new(EventKind::KeyRemoved)
            });
        }
        if !state.present && !state.off {
            ending
                .deltas
                .extend(old.map(|_| Delta::DropKeyState(key_no)));
        } else if old != Some(&state) {
            ending.deltas.push(Delta::PutKeyState(state));
        }
    }
}
