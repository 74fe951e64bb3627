//! A session wants a seat: which one it gets, or why it gets none.

use protocol::{
    facts::{Occupant, SessionKey},
    wire::MAX_SESSIONS,
};

use super::{
    Claim, Connection, Delta, Denial, Effect, Event, EventKind, Grant, MAX_ATTACHED, MAX_CHILDREN,
    MAX_ON_SEAT, MAX_UNSEATED, Moment, Outcome, Rules, Session, Text, View,
    access::{self, Room},
    decide::Decision,
    seating::{Seating, is_free},
};

/// Decides a claim.
pub(super) fn acquired(view: &impl View, claim: Claim, rules: &Rules, now: Moment) -> Decision {
    let denied = |denial: Denial| {
        let event = Event {
            connection: Some(claim.connection),
            user_name: claim.facts.user_name.as_str().into(),
            computer_name: claim.facts.computer_name.as_str().into(),
            app_name: claim.facts.app_name.as_str().into(),
            ..Event::new(EventKind::Denied)
        };
        Decision {
            events: vec![
                event
                    .because(denial.reason().name())
                    .saying(&denial.words()),
            ],
            ..Decision::nothing(Outcome::Denied(denial))
        }
    };
    if let Some(effect) = view.operation(&claim.operation) {
        // A repetition: the seat is still there, or it was freed since. It is not given a second time.
        let session = match effect {
            Effect::Granted(session) => view.session(&session),
            Effect::Released | Effect::Detached | Effect::Connected(_) => None,
        };
        match session {
            None => return Decision::nothing(Outcome::UnknownSession),
            Some(session) if session.attached.contains(&claim.connection) => {
                return Decision::nothing(Outcome::Granted(grant_of(&session, false)));
            }
            // The connection that asked first is gone, and another process kept the session: this one takes it over.
            Some(_) => {}
        }
    }
    let Some(connection) = view.connection(&claim.connection) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let identity = claim.facts.key.identity();
    let own = claim.facts.occupant(&connection.facts);
    if let Err(denial) = access::known(rules, &connection.access_code) {
        return denied(denial);
    }
    let mut seating = Seating::new(view, view.keys(), now);
    let known = view
        .find(&Occupant::Session(identity), &identity)
        .or_else(|| view.find(&own, &identity));
    let mut deltas = Vec::new();
    let mut events = Vec::new();
    let kind = match &known {
        None => Some(EventKind::Granted),
        Some(session) if session.linger_until.is_some() => Some(EventKind::Returned),
        Some(_) => None,
    };

    let attached = !known
        .as_ref()
        .is_some_and(|session| session.attached.contains(&connection.id));
    let session = match known {
        Some(mut session) => {
            if !session.attached.contains(&connection.id) {
                if session.attached.len() >= MAX_ATTACHED {
                    return denied(Denial::TooManyConnections);
                }
                if view.attached_count(&connection.id) >= MAX_SESSIONS {
                    return denied(Denial::TooManySessions);
                }
                session.attached.push(connection.id);
            }
            session.linger_until = None;
            session.flags |= claim.flags;
            session
        }
        None if view.attached_count(&connection.id) >= MAX_SESSIONS => {
            return denied(Denial::TooManySessions);
        }
        None => new_session(&connection, &claim, own, now),
    };
    let place = match place(view, &mut seating, &session, &connection, &claim, rules) {
        Ok(place) => place,
        Err(NoPlace::NoSeat) => return denied(seating.denial(session.flags, 0, now)),
        Err(NoPlace::Code(Room::Limit(limit))) => return denied(Denial::CodeLimit(limit)),
        Err(NoPlace::Code(Room::Reserved(seats))) => {
            return denied(seating.denial(session.flags, seats, now));
        }
        Err(NoPlace::Crowded) => return denied(Denial::TooManySessions),
    };
    let session = match place {
        Place::Free(key_no) => Session {
            seat: None,
            key_no,
            ..session
        },
        Place::Shared {
            occupant,
            key_no,
            since,
            child,
        } => {
            let parent = if child {
                claim.facts.parent.as_ref().map(|key| key.identity())
            } else {
                session.parent
            };
            let access_code = code_of(view, &occupant, &session);
            Session {
                seat: Some(occupant),
                key_no,
                since,
                parent,
                access_code,
                ..session
            }
        }
        Place::Moved {
            occupant,
            key_no,
            from,
        } => {
            // Everybody on the seat moves with it.
            let seat = view.seat(&occupant);
            let since = seat.as_ref().map_or(now, |seat| seat.since);
            let access_code = code_of(view, &occupant, &session);
            for other in seat
                .into_iter()
                .flat_map(|seat| seat.sessions)
                .filter(|id| *id != session.id)
            {
                deltas.extend(
                    view.session(&other)
                        .map(|other| Delta::PutSession(Box::new(Session { key_no, ..other }))),
                );
            }
            if let Some(from) = from {
                let moved = Session {
                    key_no,
                    ..session.clone()
                };
                events.push(moved_from(from, &moved));
            }
            Session {
                seat: Some(occupant),
                key_no,
                since,
                access_code,
                ..session
            }
        }
    };
    for one in seating.into_moves() {
        for other in one.seat.sessions.iter().filter_map(|id| view.session(id)) {
            let other = Session {
                key_no: one.to,
                ..other
            };
            events.push(moved_from(one.seat.key_no, &other));
            deltas.push(Delta::PutSession(Box::new(other)));
        }
    }
    let grant = grant_of(&session, attached);
    events.extend(kind.map(|kind| Event {
        connection: Some(claim.connection),
        ..Event::of_session(kind, &session)
    }));
    deltas.push(Delta::PutSession(Box::new(session)));
    deltas.push(Delta::PutOperation(
        claim.operation,
        now,
        Effect::Granted(grant.session),
    ));
    Decision {
        outcome: Outcome::Granted(grant),
        deltas,
        events,
    }
}

/// Where a session sits.
enum Place {
    /// Nowhere: its application is free. It has the rights of that key.
    Free(u32),
    /// On a seat that is occupied already.
    Shared {
        occupant: Occupant,
        key_no: u32,
        since: Moment,
        child: bool,
    },
    /// On a new seat, or on its seat moved to a key with more flags.
    Moved {
        occupant: Occupant,
        key_no: u32,
        from: Option<u32>,
    },
}

/// Why a session sits nowhere.
enum NoPlace {
    /// For want of a seat.
    NoSeat,
    /// Its access code's share is used up.
    Code(Room),
    /// Too many sit there already.
    Crowded,
}

/// The code that a session's seat counts for: that of whoever took the seat.
fn code_of(view: &impl View, occupant: &Occupant, session: &Session) -> Text {
    view.seat(occupant)
        .and_then(|seat| view.session(seat.sessions.first()?))
        .map_or_else(|| session.access_code.clone(), |first| first.access_code)
}

/// Where a session sits, or why nowhere.
fn place<V: View>(
    view: &V,
    seating: &mut Seating<'_, V>,
    session: &Session,
    connection: &Connection,
    claim: &Claim,
    rules: &Rules,
) -> Result<Place, NoPlace> {
    let flags = session.flags;
    // Who is there already stays, however many there are.
    let is_new = view.session(&session.id).is_none();
    if let Some(key_no) = seating.free_of(session, rules) {
        if is_new && view.unseated_count(key_no) >= MAX_UNSEATED {
            return Err(NoPlace::Crowded);
        }
        return Ok(Place::Free(key_no));
    }
    if is_free(session, rules) {
        return Err(NoPlace::NoSeat);
    }
    if let Some(parent) = claim
        .facts
        .parent
        .as_ref()
        .filter(|_| session.seat.is_none())
        && let Some(place) = beside_parent(view, seating, session, connection, parent)
    {
        return Ok(place);
    }
    // No seated parent, or too many children: the session needs a seat of its own.
    let occupant = session.seat.unwrap_or(session.own);
    let Some(seat) = view.seat(&occupant) else {
        access::room(rules, view, seating, &session.access_code).map_err(NoPlace::Code)?;
        let key_no = seating.sit(flags).ok_or(NoPlace::NoSeat)?;
        return Ok(Place::Moved {
            occupant,
            key_no,
            from: None,
        });
    };
    if seat.sessions.len() >= MAX_ON_SEAT && !seat.sessions.contains(&session.id) {
        return Err(NoPlace::Crowded);
    }
    let together = seat.flags | flags;
    if seating.serves(seat.key_no, together) {
        return Ok(Place::Shared {
            occupant,
            key_no: seat.key_no,
            since: seat.since,
            child: false,
        });
    }
    seating.stand_up(occupant, &seat);
    let key_no = seating.sit(together).ok_or(NoPlace::NoSeat)?;
    Ok(Place::Moved {
        occupant,
        key_no,
        from: Some(seat.key_no),
    })
}

/// A child shares the seat of its parent while that is seated and has not too many of them; children of children count, or
/// a chain of them would share one seat without an end.
fn beside_parent<V: View>(
    view: &V,
    seating: &Seating<'_, V>,
    session: &Session,
    connection: &Connection,
    parent: &SessionKey,
) -> Option<Place> {
    let identity = parent.identity();
    let parent = view
        .find(&Occupant::Session(identity), &identity)
        .or_else(|| view.find(&connection.facts.occupant(parent), &identity))
        .filter(|parent| parent.id != session.id)?;
    let occupant = parent.seat?;
    let seat = view.seat(&occupant)?;
    if !seating.serves(seat.key_no, seat.flags | session.flags) {
        return None;
    }
    let others = view.neighbours(&occupant);
    let children = others.iter().filter(|other| other.parent.is_some()).count();
    (children < MAX_CHILDREN && others.len() < MAX_ON_SEAT).then_some(Place::Shared {
        occupant,
        key_no: seat.key_no,
        since: seat.since,
        child: true,
    })
}

/// The line of the journal that says from which key a session's seat moved.
pub(super) fn moved_from(from: u32, session: &Session) -> Event {
    Event::of_session(EventKind::Moved, session).saying(&format!("from={from}"))
}

fn new_session(connection: &Connection, claim: &Claim, own: Occupant, now: Moment) -> Session {
    let facts = &claim.facts;
    Session {
        id: claim.session,
        identity: facts.key.identity(),
        own,
        seat: None,
        key_no: 0,
        since: now,
        flags: claim.flags,
        attached: vec![connection.id],
        linger_until: None,
        parent: None,
        created_by: connection.id,
        is_server: connection.facts.is_server,
        number: facts.key.number,
        started: facts.key.started,
        infobase: facts.key.infobase.as_str().into(),
        user_name: facts.user_name.as_str().into(),
        computer_name: facts.computer_name.as_str().into(),
        app_name: facts.app_name.as_str().into(),
        access_code: connection.access_code.clone(),
    }
}

fn grant_of(session: &Session, attached: bool) -> Grant {
    Grant {
        attached,
        session: session.id,
        key_no: session.key_no,
        since: session.since,
    }
}
