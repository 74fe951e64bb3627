//! How sessions end: with their children, and with word to everybody who was attached.

use std::collections::HashSet;

use super::{
    Admin, Cause, ConnectionId, Delta, Event, EventKind, Lost, Moment, Rules, Session, SessionId,
    Text, View,
};

/// Sessions that a decision ends.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) deltas: Vec<Delta>,
    pub(super) lost: Vec<Lost>,
    pub(super) events: Vec<Event>,
    ended: HashSet<SessionId>,
    /// The administrator who does it.
    by: Option<Admin>,
}

impl Ending {
    /// An ending that an administrator asked for.
    pub(super) fn by(by: &Admin) -> Self {
        Self {
            by: Some(by.clone()),
            ..Self::default()
        }
    }

    /// Whether the session was ended already.
    pub(super) fn has(&self, session: &SessionId) -> bool {
        self.ended.contains(session)
    }

    /// Ends a session and the children that share its seat, with theirs.
    pub(super) fn end(&mut self, view: &impl View, session: Session, cause: Cause) {
        let mut others: Vec<Session> = session
            .seat
            .as_ref()
            .and_then(|occupant| view.seat(occupant))
            .into_iter()
            .flat_map(|seat| seat.sessions)
            .filter(|other| *other != session.id)
            .filter_map(|other| view.session(&other))
            .collect();
        let mut parents = vec![session.identity];
        self.drop(session, cause);
        while let Some(parent) = parents.pop() {
            let children = others.extract_if(.., |other| other.parent == Some(parent));
            for child in children {
                parents.push(child.identity);
                self.drop(child, Cause::ParentEnded);
            }
        }
    }

    /// Ends a session alone.
    pub(super) fn drop(&mut self, session: Session, cause: Cause) {
        if !self.ended.insert(session.id) {
            return;
        }
        let event = Event::of_session(EventKind::Released, &session).because(cause.name());
        self.events.push(match &self.by {
            Some(by) => event.saying(&by.words()),
            None => event,
        });
        self.deltas.push(Delta::DropSession(session.id));
        self.lost.push(Lost {
            session: session.id,
            identity: session.identity,
            connections: session.attached,
            cause,
            word: self
                .by
                .as_ref()
                .map_or_else(Text::default, |by| by.word.clone()),
        });
    }

    /// Takes a connection away from a session, as Done does. The last one of a server process leaves the
    /// session lingering, because 1C drops cached objects and moves sessions between worker processes; the
    /// last one of a client process ends it.
    pub(super) fn detach(
        &mut self,
        view: &impl View,
        mut session: Session,
        connection: ConnectionId,
        lingers: bool,
        rules: &Rules,
        steady: Moment,
    ) {
        session.attached.retain(|attached| *attached != connection);
        if session.attached.is_empty() {
            if !lingers || rules.linger.is_zero() {
                return self.end(view, session, Cause::Released);
            }
            session.linger_until = Some(steady.after(rules.linger));
            self.events.push(Event {
                connection: Some(connection),
                ..Event::of_session(EventKind::Detached, &session)
            });
        }
        self.deltas.push(Delta::PutSession(Box::new(session)));
    }
}
