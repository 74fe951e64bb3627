//! The seats that sessions of this process hold at one server, and what is still owed to it: seats that could
//! not be given back when that was due, because it did not answer. Whatever is granted is given back or used.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use protocol::{
    Reason,
    facts::Identity,
    licence::Voucher,
    wire::message::{Acquire, Answer, Granted, Id, Request, ResumedSession, SessionOperation},
};

use super::{
    server::Server,
    trust::{self, denied_error},
};
use crate::{table::CallError, texts};

/// A seat as a server granted it.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// The session's id there.
    pub session: Id,
    /// The key.
    pub key_no: u32,
    /// The key's voucher, checked.
    pub voucher: Arc<Voucher>,
}

/// Why there is no seat.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    /// The server said so over the channel in which it had proved itself.
    ByServer(CallError),
    /// The way failed, or what came is not to be believed.
    Unheard(CallError),
}

impl Refused {
    /// As an error of a call.
    pub(super) fn into_error(self) -> CallError {
        match self {
            Self::ByServer(error) | Self::Unheard(error) => error,
        }
    }
}

/// How a session leaves a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// The seat is free at once, for every process of the session.
    Release,
    /// This process does not use it any more; in a server process it lingers.
    Detach,
    /// The session has a seat at another server, so that nothing is to linger here.
    Move,
}

/// What is owed to a server.
#[derive(Clone, Debug)]
pub(super) enum Owed {
    /// A seat that is to be given back.
    Seat { session: Id, leave: Leave },
    /// A request for a seat whose answer never came: if it was granted, nobody uses the seat.
    Unsure(Box<Acquire>),
}

#[derive(Debug)]
struct Debt {
    owed: Owed,
    paying: bool,
    /// How often it could not be paid.
    failures: u32,
}

/// The seats at one server.
#[derive(Debug, Default)]
pub(super) struct Seats {
    books: Mutex<Books>,
    /// A debt was paid, or could not be.
    settled: Condvar,
}

#[derive(Debug, Default)]
struct Books {
    held: HashMap<Id, Identity>,
    debts: HashMap<Identity, Debt>,
    /// How many requests for a seat of each session are under way.
    asked: HashMap<Identity, usize>,
}

impl Books {
    fn owe(&mut self, identity: Identity, owed: Owed) {
        if let Owed::Seat { session, .. } = &owed {
            self.held.remove(session);
        }
        let debt = Debt {
            owed,
            paying: false,
            failures: 0,
        };
        self.debts.insert(identity, debt);
    }
}

impl Seats {
    /// Forgets a session: it is not resumed.
    pub(super) fn forget(&self, session: Id) {
        self.books.lock().held.remove(&session);
    }

    /// Whether the server confirmed this seat the last time that it said anything of it.
    pub(super) fn holds(&self, session: Id) -> bool {
        self.books.lock().held.contains_key(&session)
    }

    /// Notes what is to be given back once the server answers.
    pub(super) fn owe(&self, identity: Identity, owed: Owed) {
        self.books.lock().owe(identity, owed);
    }

    /// Whether anything is owed.
    pub(super) fn has_debts(&self) -> bool {
        !self.books.lock().debts.is_empty()
    }

    /// Whether anybody asks for a seat at this moment, or anything is owed.
    pub(super) fn are_busy(&self) -> bool {
        let books = self.books.lock();
        !books.debts.is_empty() || !books.asked.is_empty()
    }

    /// The sessions to take up again with a new channel.
    pub(super) fn to_resume(&self) -> Vec<ResumedSession> {
        let books = self.books.lock();
        let held = books.held.iter();
        held.map(|(session, identity)| ResumedSession {
            session: *session,
            identity: *identity,
        })
        .collect()
    }

    /// The session is about to use its seat again, so that it is not owed any more. One that is being given
    /// back at this moment is waited for.
    fn begin_asking(
        &self,
        identity: &Identity,
        deadline: Instant,
    ) -> Result<Option<Owed>, CallError> {
        let mut books = self.books.lock();
        while books.debts.get(identity).is_some_and(|debt| debt.paying) {
            if self.settled.wait_until(&mut books, deadline).timed_out() {
                return Err(texts::error(Reason::TimedOut));
            }
        }
        *books.asked.entry(*identity).or_default() += 1;
        Ok(books.debts.remove(identity).map(|debt| debt.owed))
    }

    /// The request is answered, or given up: what is held from now on, and what is owed.
    fn end_asking(&self, identity: Identity, held: Option<Id>, owed: Option<Owed>) {
        let mut books = self.books.lock();
        if let Some(count) = books.asked.get_mut(&identity) {
            *count -= 1;
            if *count == 0 {
                books.asked.remove(&identity);
            }
        }
        if let Some(session) = held {
            books.held.insert(session, identity);
            // Whatever was owed meanwhile is this seat, which is in use again. It is not being paid: that does not
            // begin while the session is asked for.
            books.debts.remove(&identity);
        }
        // A session that is held is in use, whatever became of an earlier request.
        if let Some(owed) = owed
            && !books.held.values().any(|other| *other == identity)
        {
            books.owe(identity, owed);
        }
    }

    fn begin_paying(&self) -> Option<(Identity, Owed)> {
        let mut books = self.books.lock();
        let Books { debts, asked, .. } = &mut *books;
        // One that cannot be paid must not keep the others from it.
        let (identity, debt) = debts
            .iter_mut()
            .filter(|(identity, debt)| !debt.paying && !asked.contains_key(identity))
            .min_by_key(|(_, debt)| debt.failures)?;
        debt.paying = true;
        Some((*identity, debt.owed.clone()))
    }

    fn end_paying(&self, identity: &Identity, paid: bool) {
        let mut books = self.books.lock();
        if paid {
            books.debts.remove(identity);
        } else if let Some(debt) = books.debts.get_mut(identity) {
            debt.paying = false;
            debt.failures = debt.failures.saturating_add(1);
        }
        drop(books);
        self.settled.notify_all();
    }
}

impl Server {
    /// Takes a seat, or attaches to the one that the session has.
    pub(super) fn acquire(&self, acquire: Acquire, deadline: Instant) -> Result<Grant, Refused> {
        let identity = acquire.facts.key.identity();
        let former = self.seats.begin_asking(&identity, deadline);
        let former = former.map_err(Refused::Unheard)?;
        let request = Request::Acquire(acquire);
        let answer = self.call(&request, deadline);
        let (held, owed, result) = match answer {
            Ok(Answer::Granted(granted)) => match self.believe(&granted, identity) {
                Ok(grant) => (Some(grant.session), None, Ok(grant)),
                Err(error) => {
                    let (session, leave) = (granted.session, Leave::Move);
                    let owed = Owed::Seat { session, leave };
                    (None, Some(owed), Err(Refused::Unheard(error)))
                }
            },
            Ok(Answer::Denied(denied)) => {
                (None, former, Err(Refused::ByServer(denied_error(&denied))))
            }
            other => {
                let error = other.err();
                let error = error.unwrap_or_else(|| texts::error(Reason::BadMessage));
                let owed = match request {
                    Request::Acquire(acquire) => Some(Owed::Unsure(Box::new(acquire))),
                    _ => former,
                };
                (None, owed, Err(Refused::Unheard(error)))
            }
        };
        self.seats.end_asking(identity, held, owed);
        result
    }

    fn believe(&self, granted: &Granted, identity: Identity) -> Result<Grant, CallError> {
        let us = self.identification();
        let credential = &granted.credential;
        let voucher = trust::verify(credential, &us.public_keys, us.key_id, &self.key())?;
        if voucher.key_no != granted.key_no {
            return Err(texts::error(Reason::NotTrusted));
        }
        log::info!(
            "{}: key {} gives a seat to {:02X}{:02X}",
            self.address,
            granted.key_no,
            identity.0[0],
            identity.0[1]
        );
        Ok(Grant {
            session: granted.session,
            key_no: granted.key_no,
            voucher: Arc::new(voucher),
        })
    }

    /// Gives a seat back.
    pub(super) fn leave(
        &self,
        session: Id,
        leave: Leave,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let operation = SessionOperation {
            operation: Id::random(),
            session,
            moved: (leave == Leave::Move).then_some(true),
        };
        let request = match leave {
            Leave::Release => Request::Release(operation),
            Leave::Detach | Leave::Move => Request::Detach(operation),
        };
        match self.call(&request, deadline)? {
            Answer::Done => Ok(()),
            // Freed before: that is what was wanted.
            Answer::Denied(denied) if denied.reason == Reason::UnknownSession => Ok(()),
            Answer::Denied(denied) => Err(denied_error(&denied)),
            _ => Err(texts::error(Reason::BadMessage)),
        }
    }

    /// Pays one debt. True when there was one.
    pub(super) fn pay(&self, limit: Duration) -> Result<bool, CallError> {
        let Some((identity, owed)) = self.seats.begin_paying() else {
            return Ok(false);
        };
        let deadline = Instant::now() + limit;
        let (session, leave) = match owed {
            Owed::Seat { session, leave } => (Some(session), leave),
            // The same operation: it is answered by what it did then.
            Owed::Unsure(acquire) => match self.call(&Request::Acquire(*acquire), deadline) {
                Ok(Answer::Granted(granted)) => (Some(granted.session), Leave::Move),
                Ok(_) => (None, Leave::Move),
                Err(error) => {
                    self.seats.end_paying(&identity, false);
                    return Err(error);
                }
            },
        };
        let paid = session.map_or(Ok(()), |session| self.leave(session, leave, deadline));
        self.seats.end_paying(&identity, paid.is_ok());
        paid.map(|()| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_that_is_granted_again_is_owed_no_more_whatever_became_of_earlier_requests() {
        let (seats, identity) = (Seats::default(), Identity([1; 32]));
        let soon = Instant::now() + Duration::from_secs(5);
        let (session, leave) = (Id::random(), Leave::Move);
        let owed = || Owed::Seat { session, leave };
        // Two requests for one session are under way; the first one's answer never comes.
        for _ in 0..2 {
            assert!(seats.begin_asking(&identity, soon).unwrap().is_none());
        }
        seats.end_asking(identity, None, Some(owed()));
        assert!(seats.has_debts());
        assert!(seats.begin_paying().is_none(), "it is still asked for");
        seats.end_asking(identity, Some(session), None);
        assert!(!seats.has_debts());
        assert!(seats.begin_paying().is_none());
        assert_eq!(seats.to_resume().len(), 1);
        // And the other way round.
        assert!(seats.begin_asking(&identity, soon).unwrap().is_none());
        seats.end_asking(identity, None, Some(owed()));
        assert!(!seats.has_debts());
        // A seat that nobody uses is given back.
        seats.owe(identity, owed());
        assert!(seats.begin_paying().is_some());
        assert!(seats.to_resume().is_empty());
    }

    #[test]
    fn a_debt_that_cannot_be_paid_lets_the_others_go_first() {
        let seats = Seats::default();
        for number in 0..8 {
            let (session, leave) = (Id::random(), Leave::Move);
            seats.owe(Identity([number; 32]), Owed::Seat { session, leave });
        }
        let mut tried: Vec<_> = (0..8)
            .map(|_| {
                let (identity, _) = seats.begin_paying().unwrap();
                seats.end_paying(&identity, false);
                identity.0[0]
            })
            .collect();
        tried.sort_unstable();
        assert_eq!(tried, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
