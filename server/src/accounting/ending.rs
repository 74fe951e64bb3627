//! How sessions end: with their children, and with word to everybody who was attached.

use std::collections::HashSet;

use super::{
    Admin, Cause, ConnectionId, Delta, Event, EventKind, Lost, Moment, Neighbour, Rules, Session,
    SessionId, Text, View,
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
        let mut others = neighbours(view, &session);
        let mut parents = vec![session.identity];
        self.drop(session, cause);
        while let Some(parent) = parents.pop() {
            let children = others.extract_if(.., |other| other.parent == Some(parent));
            for child in children {
                parents.push(child.identity);
                if let Some(child) = view.session(&child.id) {
                    self.drop(child, Cause::ParentEnded);
                }
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
    /// last one of a client process ends it. A child ends as well: background jobs come and go, each would keep a place
    /// beside its parent for the linger's time, and one that comes back gets its place again.
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
            if !lingers || rules.linger.is_zero() || is_last_child(view, &session) {
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

/// The others on a session's seat.
fn neighbours(view: &impl View, session: &Session) -> Vec<Neighbour> {
    let seat = session.seat.as_ref();
    let mut others = seat.map_or_else(Vec::new, |occupant| view.neighbours(occupant));
    others.retain(|other| other.id != session.id);
    others
}

/// Whether a session shares its parent's seat and is itself no parent there.
fn is_last_child(view: &impl View, session: &Session) -> bool {
    if session.parent.is_none() {
        return false;
    }
    let others = neighbours(view, session);
    others
        .iter()
        .any(|other| Some(other.identity) == session.parent)
        && others
            .iter()
            .all(|other| other.parent != Some(session.identity))
}
