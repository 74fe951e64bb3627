//! The rules: a command, a view and the time give an outcome and the changes that make it true.

use protocol::{
    facts::{ComponentFacts, Occupant},
    wire::MAX_SESSIONS,
};

use super::{
    Cause, Claim, Command, Connection, ConnectionId, Delta, Denial, EXPIRY_CHUNK, Effect, Grant,
    MAX_ATTACHED, MAX_CHILDREN, Moment, OperationId, Outcome, Resume, Rules, Session, SessionId,
    View, ending::Ending, rebalance::rebalance, seating::Pools,
};

/// What a command comes to.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What to answer, once the deltas are safe.
    pub outcome: Outcome,
    /// The changes, in order. All of them are applied, or none.
    pub deltas: Vec<Delta>,
}

impl Decision {
    fn nothing(outcome: Outcome) -> Self {
        Self {
            outcome,
            deltas: Vec::new(),
        }
    }

    fn ended(ending: Ending, more: bool) -> Self {
        Self {
            outcome: Outcome::Done {
                lost: ending.lost,
                more,
            },
            deltas: ending.deltas,
        }
    }
}

/// Decides a command. Nothing is changed here.
pub fn decide(view: &impl View, command: Command, rules: &Rules, now: Moment) -> Decision {
    match command {
        Command::Connect(connection) => Decision {
            outcome: Outcome::Connected(Vec::new()),
            deltas: vec![Delta::PutConnection(connection)],
        },
        Command::Resume(resume) => resumed(view, *resume),
        Command::Acquire(claim) => acquired(view, *claim, rules, now),
        Command::Release {
            operation,
            connection,
            session,
        } => leave(
            view,
            operation,
            connection,
            session,
            Effect::Released,
            rules,
            now,
        ),
        Command::Detach {
            operation,
            connection,
            session,
        } => leave(
            view,
            operation,
            connection,
            session,
            Effect::Detached,
            rules,
            now,
        ),
        Command::Disconnect(connection) => disconnected(view, connection, rules, now),
        Command::ConnectionExpired(connection) => expired(view, connection),
        Command::LingerEnded(session) => match view.session(&session) {
            Some(session) if session.linger_until.is_some_and(|end| end <= now) => {
                end_one(view, session, Cause::LingerEnded)
            }
            _ => Decision::nothing(Outcome::Done {
                lost: Vec::new(),
                more: false,
            }),
        },
        Command::AdminRelease(session) => match view.session(&session) {
            Some(session) => end_one(view, session, Cause::Administrator),
            None => Decision::nothing(Outcome::UnknownSession),
        },
        Command::KeysChanged(keys) => rebalance(view, keys, now),
        Command::TimePassed => rebalance(view, view.keys().to_vec(), now),
        Command::ForgetOperations(before) => {
            let old = view.operations_before(before);
            Decision {
                outcome: Outcome::Done {
                    lost: Vec::new(),
                    more: !old.is_empty(),
                },
                deltas: old.into_iter().map(Delta::DropOperation).collect(),
            }
        }
    }
}

fn end_one(view: &impl View, session: Session, cause: Cause) -> Decision {
    let mut ending = Ending::default();
    ending.end(view, session, cause);
    Decision::ended(ending, false)
}

fn resumed(view: &impl View, resume: Resume) -> Decision {
    let Some(connection) = view.connection(&resume.connection) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let current = connection.token == resume.token;
    let previous = connection.previous_token == Some(resume.token);
    if !(current || previous) || !same_process(&connection.facts, &resume.facts) {
        return Decision::nothing(Outcome::UnknownConnection);
    }
    let sessions = view.attached(&connection.id, usize::MAX);
    let changed = Connection {
        token: resume.replacement,
        previous_token: Some(resume.token),
        peer_ip: resume.peer_ip,
        ..connection
    };
    Decision {
        outcome: Outcome::Connected(sessions),
        deltas: vec![Delta::PutConnection(Box::new(changed))],
    }
}

/// A resume token is of use to the process that it was given to, and to no other.
fn same_process(one: &ComponentFacts, other: &ComponentFacts) -> bool {
    one.computer_id == other.computer_id
        && one.pid == other.pid
        && one.process == other.process
        && one.is_server == other.is_server
}

fn acquired(view: &impl View, claim: Claim, rules: &Rules, now: Moment) -> Decision {
    let denied = |denial| Decision::nothing(Outcome::Denied(denial));
    if let Some(effect) = view.operation(&claim.operation) {
        // A repetition: the seat is still there, or it was freed since. It is not given a second time.
        return Decision::nothing(match effect {
            Effect::Granted(session) => match view.session(&session) {
                Some(session) => Outcome::Granted(grant_of(&session)),
                None => Outcome::UnknownSession,
            },
            Effect::Released | Effect::Detached => Outcome::UnknownSession,
        });
    }
    let Some(connection) = view.connection(&claim.connection) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let identity = claim.facts.key.identity();
    let own = claim.facts.occupant(&connection.facts);
    let mut pools = Pools::new(view, view.keys(), now);
    let known = view
        .find(&Occupant::Session(identity), &identity)
        .or_else(|| view.find(&own, &identity));
    let mut deltas = Vec::new();

    let session = match known {
        Some(mut session) => {
            if !session.attached.contains(&connection.id) {
                if session.attached.len() >= MAX_ATTACHED {
                    return denied(Denial::TooManyConnections);
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
    let place = match place(view, &pools, &session, &connection, &claim, rules) {
        Some(place) => place,
        None => return denied(pools.denial(view, session.flags, now)),
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
            Session {
                seat: Some(occupant),
                key_no,
                since,
                parent,
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
            pools.take(Some(key_no), from);
            Session {
                seat: Some(occupant),
                key_no,
                since,
                ..session
            }
        }
    };
    let grant = grant_of(&session);
    deltas.push(Delta::PutSession(Box::new(session)));
    deltas.push(Delta::PutOperation(
        claim.operation,
        now,
        Effect::Granted(grant.session),
    ));
    Decision {
        outcome: Outcome::Granted(grant),
        deltas,
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

fn place(
    view: &impl View,
    pools: &Pools,
    session: &Session,
    connection: &Connection,
    claim: &Claim,
    rules: &Rules,
) -> Option<Place> {
    let flags = session.flags;
    if rules
        .free_app_names
        .contains(&session.app_name.to_lowercase())
    {
        return pools.any(flags).map(Place::Free);
    }
    if let Some(parent) = claim
        .facts
        .parent
        .as_ref()
        .filter(|_| session.seat.is_none())
    {
        let identity = parent.identity();
        let seated = view
            .find(&Occupant::Session(identity), &identity)
            .or_else(|| view.find(&connection.facts.occupant(parent), &identity));
        if let Some(occupant) = seated
            .filter(|parent| parent.id != session.id)
            .and_then(|parent| parent.seat)
            && let Some(seat) = view.seat(&occupant)
            && pools.serves(seat.key_no, flags)
        {
            let children = seat
                .sessions
                .iter()
                .filter_map(|id| view.session(id))
                .filter(|other| other.parent == Some(identity))
                .count();
            if children < MAX_CHILDREN {
                return Some(Place::Shared {
                    occupant,
                    key_no: seat.key_no,
                    since: seat.since,
                    child: true,
                });
            }
        }
        // No seated parent, or too many children: the session needs a seat of its own.
    }
    let occupant = session.seat.unwrap_or(session.own);
    let Some(seat) = view.seat(&occupant) else {
        return pools.choose(flags).map(|key_no| Place::Moved {
            occupant,
            key_no,
            from: None,
        });
    };
    let together = seat.flags | flags;
    if pools.serves(seat.key_no, together) {
        return Some(Place::Shared {
            occupant,
            key_no: seat.key_no,
            since: seat.since,
            child: false,
        });
    }
    pools.choose(together).map(|key_no| Place::Moved {
        occupant,
        key_no,
        from: Some(seat.key_no),
    })
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

fn grant_of(session: &Session) -> Grant {
    Grant {
        session: session.id,
        key_no: session.key_no,
        since: session.since,
    }
}

fn leave(
    view: &impl View,
    operation: OperationId,
    connection: ConnectionId,
    session: SessionId,
    effect: Effect,
    rules: &Rules,
    now: Moment,
) -> Decision {
    if view.operation(&operation).is_some() {
        return Decision::nothing(Outcome::Done {
            lost: Vec::new(),
            more: false,
        });
    }
    let Some(known) = view.connection(&connection) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let Some(mut session) = view
        .session(&session)
        .filter(|session| session.attached.contains(&connection))
    else {
        return Decision::nothing(Outcome::UnknownSession);
    };
    let mut ending = Ending::default();
    if effect == Effect::Released {
        // Whoever asked for it need not be told.
        session.attached.retain(|attached| *attached != connection);
        ending.end(view, session, Cause::Released);
    } else {
        ending.detach(view, session, connection, known.facts.is_server, rules, now);
    }
    ending
        .deltas
        .push(Delta::PutOperation(operation, now, effect));
    Decision::ended(ending, false)
}

fn disconnected(view: &impl View, id: ConnectionId, rules: &Rules, now: Moment) -> Decision {
    let Some(connection) = view.connection(&id) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    take_away(view, id, |ending, session| {
        ending.detach(view, session, id, connection.facts.is_server, rules, now);
    })
}

fn expired(view: &impl View, id: ConnectionId) -> Decision {
    if view.connection(&id).is_none() {
        return Decision::nothing(Outcome::UnknownConnection);
    }
    take_away(view, id, |ending, mut session| {
        session.attached.retain(|attached| *attached != id);
        if session.attached.is_empty() {
            ending.end(view, session, Cause::Expired);
        } else {
            ending.deltas.push(Delta::PutSession(Box::new(session)));
        }
    })
}

/// Takes a connection away from its sessions, a chunk at a time; it goes itself with the last chunk.
fn take_away(
    view: &impl View,
    id: ConnectionId,
    mut each: impl FnMut(&mut Ending, Session),
) -> Decision {
    let mut ending = Ending::default();
    let sessions = view.attached(&id, EXPIRY_CHUNK);
    let more = sessions.len() == EXPIRY_CHUNK;
    for session in sessions.iter().filter_map(|session| view.session(session)) {
        // A parent earlier in the list may have taken this child along.
        if !ending.lost.iter().any(|lost| lost.session == session.id) {
            each(&mut ending, session);
        }
    }
    if !more {
        ending.deltas.push(Delta::DropConnection(id));
    }
    Decision::ended(ending, more)
}
