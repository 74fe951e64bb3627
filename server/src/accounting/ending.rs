//! How sessions end: with their children, and with word to everybody who was attached.

use super::{Cause, ConnectionId, Delta, Lost, Moment, Rules, Session, View};

/// Sessions that a decision ends.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) deltas: Vec<Delta>,
    pub(super) lost: Vec<Lost>,
}

impl Ending {
    /// Ends a session and the children that share its seat.
    pub(super) fn end(&mut self, view: &impl View, session: Session, cause: Cause) {
        let children: Vec<Session> = session
            .seat
            .as_ref()
            .and_then(|occupant| view.seat(occupant))
            .into_iter()
            .flat_map(|seat| seat.sessions)
            .filter(|other| *other != session.id)
            .filter_map(|other| view.session(&other))
            .filter(|other| other.parent == Some(session.identity))
            .collect();
        self.drop(session, cause);
        for child in children {
            self.drop(child, Cause::ParentEnded);
        }
    }

    /// Ends a session alone.
    pub(super) fn drop(&mut self, session: Session, cause: Cause) {
        if self.lost.iter().any(|lost| lost.session == session.id) {
            return;
        }
        self.deltas.push(Delta::DropSession(session.id));
        self.lost.push(Lost {
            session: session.id,
            identity: session.identity,
            connections: session.attached,
            cause,
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
        is_server: bool,
        rules: &Rules,
        now: Moment,
    ) {
        session.attached.retain(|attached| *attached != connection);
        if session.attached.is_empty() {
            if !is_server || rules.linger.is_zero() {
                return self.end(view, session, Cause::Released);
            }
            session.linger_until = Some(now.after(rules.linger));
        }
        self.deltas.push(Delta::PutSession(Box::new(session)));
    }
}
