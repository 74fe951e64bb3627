//! How connections begin, come back and end.

use protocol::facts::ComponentFacts;

use super::{
    Admin, Cause, Connection, ConnectionId, Delta, EXPIRY_CHUNK, Effect, Event, EventKind, Moment,
    OperationId, Outcome, Resume, Rules, ServerId, Session, View, decide::Decision, ending::Ending,
};

/// A component says hello for the first time, or repeats that because it got no answer.
pub(super) fn connected(
    view: &impl View,
    operation: OperationId,
    new: Connection,
    now: Moment,
) -> Decision {
    if let Some(Effect::Connected(id)) = view.operation(&operation)
        && let Some(known) = view.connection(&id)
        && same_process(&known.facts, &new.facts)
    {
        // The lost answer may arrive yet: its token stays good until the next one is used.
        let changed = Connection {
            token: new.token,
            previous_token: Some(known.token),
            peer_ip: new.peer_ip,
            owner: new.owner,
            ..known
        };
        return Decision {
            outcome: Outcome::Connected {
                connection: id,
                sessions: view.attached(&id, usize::MAX),
            },
            deltas: vec![Delta::PutConnection(Box::new(changed))],
            events: Vec::new(),
        };
    }
    let id = new.id;
    let event = of_connection(EventKind::Connected, &new);
    Decision {
        outcome: Outcome::Connected {
            connection: id,
            sessions: Vec::new(),
        },
        deltas: vec![
            Delta::PutConnection(Box::new(new)),
            Delta::PutOperation(operation, now, Effect::Connected(id)),
        ],
        events: vec![event],
    }
}

/// A component comes back to its connection.
pub(super) fn resumed(view: &impl View, resume: Resume) -> Decision {
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
        owner: Some(resume.owner),
        ..connection
    };
    Decision {
        outcome: Outcome::Connected {
            connection: changed.id,
            sessions,
        },
        deltas: vec![Delta::PutConnection(Box::new(changed))],
        events: Vec::new(),
    }
}

/// A connection is of use to the process that opened it, and to no other.
fn same_process(one: &ComponentFacts, other: &ComponentFacts) -> bool {
    one.computer_id == other.computer_id
        && one.pid == other.pid
        && one.process == other.process
        && one.is_server == other.is_server
}

/// A process says goodbye: all its sessions are detached.
pub(super) fn disconnected(
    view: &impl View,
    id: ConnectionId,
    rules: &Rules,
    steady: Moment,
) -> Decision {
    let Some(connection) = view.connection(&id) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let is_server = connection.facts.is_server;
    let event = of_connection(EventKind::Disconnected, &connection).because("Goodbye");
    take_away(view, id, Ending::default(), event, |ending, session| {
        ending.detach(view, session, id, is_server, rules, steady);
    })
}

/// A server takes a connection over. What it says of silence counts from now on, and what the former owner says does not.
pub(super) fn adopted(
    view: &impl View,
    id: ConnectionId,
    from: Option<ServerId>,
    owner: ServerId,
) -> Decision {
    let Some(connection) = view.connection(&id).filter(|known| known.owner == from) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let mut decision = Decision::done();
    let adopted = Connection {
        owner: Some(owner),
        ..connection
    };
    decision
        .deltas
        .push(Delta::PutConnection(Box::new(adopted)));
    decision
}

/// A connection was silent for too long at its owner: sessions that nobody else keeps end.
pub(super) fn expired(view: &impl View, id: ConnectionId, owner: ServerId) -> Decision {
    let Some(connection) = view
        .connection(&id)
        .filter(|known| known.owner == Some(owner))
    else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let event = of_connection(EventKind::Disconnected, &connection).because("Silent");
    take_away(view, id, Ending::default(), event, |ending, mut session| {
        session.attached.retain(|attached| *attached != id);
        if session.attached.is_empty() {
            ending.end(view, session, Cause::Expired);
        } else {
            ending.deltas.push(Delta::PutSession(Box::new(session)));
        }
    })
}

/// An administrator ends a connection: sessions that nobody else keeps end, and their process is told.
pub(super) fn dropped(view: &impl View, id: ConnectionId, by: &Admin) -> Decision {
    let Some(connection) = view.connection(&id) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let event = of_connection(EventKind::Disconnected, &connection)
        .because("Administrator")
        .saying(&by.words());
    take_away(view, id, Ending::by(by), event, |ending, mut session| {
        if session.attached == [id] {
            ending.end(view, session, Cause::Administrator);
        } else {
            session.attached.retain(|attached| *attached != id);
            ending.deltas.push(Delta::PutSession(Box::new(session)));
        }
    })
}

/// Takes a connection away from its sessions, a chunk at a time; it goes itself with the last chunk.
fn take_away(
    view: &impl View,
    id: ConnectionId,
    mut ending: Ending,
    last: Event,
    mut each: impl FnMut(&mut Ending, Session),
) -> Decision {
    let sessions = view.attached(&id, EXPIRY_CHUNK);
    let more = sessions.len() == EXPIRY_CHUNK;
    for session in sessions.iter().filter_map(|session| view.session(session)) {
        // A parent earlier in the list may have taken this child along.
        if !ending.has(&session.id) {
            each(&mut ending, session);
        }
    }
    if !more {
        ending.deltas.push(Delta::DropConnection(id));
        ending.events.push(last);
    }
    Decision::ended(ending, more)
}

fn of_connection(kind: EventKind, connection: &Connection) -> Event {
    let facts = &connection.facts;
    let terminal = facts
        .terminal
        .as_ref()
        .is_some_and(|terminal| terminal.from_environment);
    Event {
        connection: Some(connection.id),
        computer_name: facts.computer_name.as_str().into(),
        ..Event::new(kind)
    }
    .saying(&format!(
        "address={} pid={}{} process={}",
        connection.peer_ip,
        facts.pid,
        // Environment variables are no proof of a terminal client.
        if terminal {
            " terminal=environment"
        } else {
            ""
        },
        facts.process
    ))
}
