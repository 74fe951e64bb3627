//! The rules: a command, a view and the time give an outcome and the changes that make it true.

use super::{
    Command, Delta, Effect, Event, Now, Outcome, Rules, View,
    acquire::acquired,
    connecting,
    ending::Ending,
    leaving,
    rebalance::{rebalance, switched},
};

/// What a command comes to.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What to answer, once the deltas are safe.
    pub outcome: Outcome,
    /// The changes, in order. All of them are applied, or none.
    pub deltas: Vec<Delta>,
    /// What the journal says, in order.
    pub events: Vec<Event>,
}

impl Decision {
    pub(super) fn nothing(outcome: Outcome) -> Self {
        Self {
            outcome,
            deltas: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn done() -> Self {
        Self::nothing(Outcome::Done {
            lost: Vec::new(),
            more: false,
        })
    }

    pub(super) fn ended(ending: Ending, more: bool) -> Self {
        Self {
            outcome: Outcome::Done {
                lost: ending.lost,
                more,
            },
            deltas: ending.deltas,
            events: ending.events,
        }
    }
}

/// Decides a command. Nothing is changed here.
pub fn decide(view: &impl View, command: Command, rules: &Rules, now: impl Into<Now>) -> Decision {
    let times = now.into();
    let now = times.wall;
    match command {
        Command::Connect {
            operation,
            connection,
        } => connecting::connected(view, operation, *connection, now),
        Command::Resume(resume) => connecting::resumed(view, *resume),
        Command::Acquire(claim) => acquired(view, *claim, rules, now),
        Command::Release {
            operation,
            connection,
            session,
        } => {
            let leaver = leaving::Leaver {
                operation,
                connection,
                session,
                moved: false,
            };
            leaving::leave(view, &leaver, Effect::Released, rules, times)
        }
        Command::Detach {
            operation,
            connection,
            session,
            moved,
        } => {
            let leaver = leaving::Leaver {
                operation,
                connection,
                session,
                moved,
            };
            leaving::leave(view, &leaver, Effect::Detached, rules, times)
        }
        Command::Disconnect(connection) => {
            connecting::disconnected(view, connection, rules, times.steady)
        }
        Command::ConnectionExpired { connection, owner } => {
            connecting::expired(view, connection, owner)
        }
        Command::Adopt {
            connection,
            from,
            owner,
        } => connecting::adopted(view, connection, from, owner),
        Command::LingerEnded(session) => leaving::linger_ended(view, session, rules, times.steady),
        Command::AdminRelease { session, by } => leaving::released_by(view, session, &by),
        Command::AdminDrop { connection, by } => connecting::dropped(view, connection, &by),
        Command::SwitchKey { key_no, on, by } => switched(view, key_no, on, &by, rules, now),
        Command::KeysChanged(keys) => rebalance(view, keys, rules, now),
        Command::TimePassed => rebalance(view, view.keys().to_vec(), rules, now),
        Command::ForgetOperations(before) => {
            let old = view.operations_before(before, now);
            Decision {
                outcome: Outcome::Done {
                    lost: Vec::new(),
                    more: !old.is_empty(),
                },
                deltas: old.into_iter().map(Delta::DropOperation).collect(),
                events: Vec::new(),
            }
        }
    }
}
