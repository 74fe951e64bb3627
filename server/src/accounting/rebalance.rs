//! When keys come, go, shrink or end: seats move to other keys, and only those that find none are lost.

use std::collections::BTreeMap;

use protocol::facts::Occupant;

use super::{
    Admin, Cause, Delta, EXPIRY_CHUNK, Event, EventKind, Key, KeyState, Moment, Order, Outcome,
    Rules, Seat, Session, View, acquire::moved_from, decide::Decision, ending::Ending,
    event::key_words, seating::Seating, usable,
};

/// The decision that an administrator switches a key on or off.
pub(super) fn switched(
    view: &impl View,
    key_no: u32,
    on: bool,
    by: &Admin,
    rules: &Rules,
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
    balance(view, view.keys().to_vec(), states, ending, rules, now)
}

/// The decision that the keys of the series are `keys` from now on.
pub(super) fn rebalance(view: &impl View, keys: Vec<Key>, rules: &Rules, now: Moment) -> Decision {
    balance(view, keys, states_of(view), Ending::default(), rules, now)
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
    rules: &Rules,
    now: Moment,
) -> Decision {
    for key in &mut keys {
        key.enabled = states.get(&key.key_no).is_none_or(|state| !state.off);
    }
    remember(view, &keys, states, &mut ending, now);
    let more = {
        let mut seating = Seating::new(view, &keys, now);
        let (homeless, more_seats) = homeless(view, &seating);
        for (occupant, seat) in &homeless {
            seating.stand_up(*occupant, seat);
        }
        let (unseated, more_unseated) = without_rights(view, &seating, rules);
        let without: Vec<(Session, Option<u32>)> = unseated
            .into_iter()
            .map(|session| {
                // Whose application is not free any more must ask for a seat now.
                let target = seating.free_of(&session, rules);
                (session, target)
            })
            .collect();
        for (occupant, seat) in homeless {
            if let Err(seat) = seating.sit_again(occupant, seat) {
                for session in seat.sessions.iter().filter_map(|id| view.session(id)) {
                    settle(&mut ending, session, None);
                }
            }
        }
        for one in seating.into_moves() {
            for session in one.seat.sessions.iter().filter_map(|id| view.session(id)) {
                settle(&mut ending, session, Some(one.to));
            }
        }
        for (session, target) in without {
            settle(&mut ending, session, target);
        }
        more_seats || more_unseated
    };
    if keys != view.keys() {
        ending.deltas.push(Delta::SetKeys(keys));
    }
    Decision::ended(ending, more)
}

/// The seats that their keys do not give any more, the longest occupied first, and whether there are more of them than
/// one decision moves.
fn homeless<V: View>(view: &V, seating: &Seating<'_, V>) -> (Vec<(Occupant, Seat)>, bool) {
    let mut homeless = Vec::new();
    for key_no in view.occupied_keys() {
        let (serving, others): (Vec<_>, Vec<_>) = view
            .groups(key_no)
            .into_iter()
            .partition(|(flags, _)| seating.serves(key_no, *flags));
        for (flags, _) in &others {
            homeless.extend(view.seats(key_no, *flags, Order::Oldest, EXPIRY_CHUNK + 1));
        }
        let leaving = others
            .iter()
            .map(|(_, count)| i64::from(*count))
            .sum::<i64>();
        let too_many = usize::try_from(-(seating.free(key_no) + leaving)).unwrap_or(0);
        if too_many > 0 {
            // The key was shrunk: whoever came last moves first.
            let limit = too_many.min(EXPIRY_CHUNK + 1);
            let mut newest: Vec<(Occupant, Seat)> = serving
                .iter()
                .flat_map(|(flags, _)| view.seats(key_no, *flags, Order::Newest, limit))
                .collect();
            newest.sort_by_key(|(occupant, seat)| (seat.since, *occupant));
            homeless.extend(newest.split_off(newest.len().saturating_sub(limit)));
        }
    }
    homeless.sort_by_key(|(occupant, seat)| (seat.since, *occupant));
    let more = homeless.len() > EXPIRY_CHUNK;
    homeless.truncate(EXPIRY_CHUNK);
    (homeless, more)
}

/// Sessions without a seat whose key gives them no rights any more, or whose application is not free any more.
fn without_rights<V: View>(
    view: &V,
    seating: &Seating<'_, V>,
    rules: &Rules,
) -> (Vec<Session>, bool) {
    let mut without = Vec::new();
    for key_no in view.unseated_keys() {
        // On a key that stays, all are looked at: few sessions have no seat.
        let stays = seating.serves(key_no, 0);
        let limit = if stays { usize::MAX } else { EXPIRY_CHUNK + 1 };
        let sessions = view.unseated(key_no, limit).into_iter();
        without.extend(
            sessions
                .filter_map(|id| view.session(&id))
                .filter(|session| {
                    !seating.serves(key_no, session.flags)
                        || seating.free_of(session, rules).is_none()
                }),
        );
    }
    let more = without.len() > EXPIRY_CHUNK;
    without.truncate(EXPIRY_CHUNK);
    (without, more)
}

/// Moves a session to another key, or ends it.
fn settle(ending: &mut Ending, session: Session, target: Option<u32>) {
    let Some(key_no) = target else {
        return ending.drop(session, Cause::KeyGone);
    };
    let from = session.key_no;
    let moved = Session { key_no, ..session };
    ending.events.push(moved_from(from, &moved));
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
