//! Sessions that give their seats up, linger to an end, or are released by an administrator.

use super::{
    Admin, Cause, ConnectionId, Delta, Effect, Moment, Now, OperationId, Outcome, Rules, Session,
    SessionId, View, decide::Decision, ending::Ending,
};

/// Who leaves what.
pub(super) struct Leaver {
    pub(super) operation: OperationId,
    pub(super) connection: ConnectionId,
    pub(super) session: SessionId,
    /// It has a seat elsewhere.
    pub(super) moved: bool,
}

/// ReleaseLicence frees the seat; Done only leaves the session.
pub(super) fn leave(
    view: &impl View,
    leaver: &Leaver,
    effect: Effect,
    rules: &Rules,
    now: Now,
) -> Decision {
    if view.operation(&leaver.operation).is_some() {
        return Decision::done();
    }
    let connection = leaver.connection;
    let Some(known) = view.connection(&connection) else {
        return Decision::nothing(Outcome::UnknownConnection);
    };
    let Some(mut session) = view
        .session(&leaver.session)
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
        let lingers = known.facts.is_server && !leaver.moved;
        ending.detach(view, session, connection, lingers, rules, now.steady);
    }
    ending
        .deltas
        .push(Delta::PutOperation(leaver.operation, now.wall, effect));
    Decision::ended(ending, false)
}

/// A detached session's time is over. When it would be over later than the settings allow, because the clock was wrong at
/// a start or the settings were changed, it is shortened.
pub(super) fn linger_ended(
    view: &impl View,
    session: SessionId,
    rules: &Rules,
    steady: Moment,
) -> Decision {
    let longest = steady.after(rules.linger);
    match view.session(&session) {
        Some(session) if session.linger_until.is_some_and(|end| end <= steady) => {
            let mut ending = Ending::default();
            ending.end(view, session, Cause::LingerEnded);
            Decision::ended(ending, false)
        }
        Some(session) if session.linger_until.is_some_and(|end| end > longest) => {
            let mut decision = Decision::done();
            decision.deltas.push(Delta::PutSession(Box::new(Session {
                linger_until: Some(longest),
                ..session
            })));
            decision
        }
        _ => Decision::done(),
    }
}

/// An administrator frees a session's part of a seat.
pub(super) fn released_by(view: &impl View, session: SessionId, by: &Admin) -> Decision {
    let Some(session) = view.session(&session) else {
        return Decision::nothing(Outcome::UnknownSession);
    };
    let mut ending = Ending::by(by);
    ending.end(view, session, Cause::Administrator);
    Decision::ended(ending, false)
}
