//! Taking seats for sessions and giving them back.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use protocol::{
    Reason,
    facts::SessionFacts,
    wire::message::{Acquire, Id},
};

use super::{Connection, Entry, Leaving};
use crate::{
    link::{
        order::{self, Raced},
        registry,
        seats::{Grant, Leave, Owed, Refused},
        server::Server,
    },
    session::{Seat, Session},
    settings::Address,
    table::CallError,
    texts,
};

/// What an attempt to take a seat at one server brings.
pub(in crate::link) type Attempt = (Arc<Server>, Grant);

impl Connection {
    /// Begins to use a session.
    pub(crate) fn enter(&self, facts: &SessionFacts) -> Arc<Session> {
        let mut state = self.state.lock();
        let entry = state
            .sessions
            .entry(facts.key.identity())
            .or_insert_with(|| Entry {
                session: Arc::new(Session::new(facts.clone())),
                objects: 0,
            });
        entry.objects += 1;
        Arc::clone(&entry.session)
    }

    /// Ends the use of a session; with its last object the seat is freed or left to linger. Never waits.
    pub(crate) fn exit(&self, session: &Arc<Session>, release: bool) {
        let identity = session.facts.key.identity();
        let mut state = self.state.lock();
        let Some(entry) = state.sessions.get_mut(&identity) else {
            return;
        };
        entry.objects = entry.objects.saturating_sub(1);
        if entry.objects > 0 {
            return;
        }
        if session.seat_or_former().is_none() {
            state.sessions.remove(&identity);
            return;
        }
        let leave = if release {
            Leave::Release
        } else {
            Leave::Detach
        };
        let session = Arc::clone(session);
        state.leaving.push_back(Leaving { session, leave });
        state.woken = true;
        drop(state);
        self.wake.notify_all();
    }

    /// Takes a seat for a session that was entered, at the first server that grants one.
    pub(crate) fn obtain(
        self: &Arc<Self>,
        session: &Arc<Session>,
        flags: u32,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        self.keep_worker()?;
        if session.may_work(Instant::now()) && session.flags() & flags == flags {
            return Ok(());
        }
        if !registry::wait_for_leaving(self, &session.facts.key.identity(), deadline) {
            return Err(texts::error(Reason::TimedOut));
        }
        self.acquire_anywhere(session, flags | session.flags(), deadline)
    }

    /// A call with this seat had no answer: if a server gives the session one, the call can go on there.
    pub(super) fn rescue(
        self: &Arc<Self>,
        session: &Arc<Session>,
        seat: &Seat,
        deadline: Instant,
    ) -> bool {
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return false;
        };
        let same = |now: Seat| now.id == seat.id && Arc::ptr_eq(&now.server, &seat.server);
        if session.is_held() && !session.seat_or_former().is_some_and(same) {
            // The worker was faster.
            return true;
        }
        self.configured().len() > 1
            && self
                .acquire_anywhere(session, session.flags(), deadline)
                .is_ok()
    }

    /// Asks the servers, each in its turn or when the one before is silent. `session.asking` is held.
    fn acquire_anywhere(
        self: &Arc<Self>,
        session: &Arc<Session>,
        flags: u32,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let mut order = order::sorted(self.configured());
        // The one that holds the seat, or answers now, comes first: the others would give a second seat.
        let first = session.seat_or_former().map(|seat| seat.server);
        if let Some(first) = first.or_else(|| self.current())
            && let Some(at) = order.iter().position(|address| *address == first.address)
        {
            order[..=at].rotate_right(1);
        }
        let attempt = {
            let (connection, session) = (Arc::clone(self), Arc::clone(session));
            move |address: &Address, deadline| {
                connection.attempt(address, &session, flags, deadline)
            }
        };
        // On a thread of its own, once nobody else asks about the session.
        let late = {
            let (connection, session) = (Arc::clone(self), Arc::clone(session));
            move |attempt| {
                let _asking = session.asking.lock();
                connection.discard(&session, attempt);
            }
        };
        let raced = match &order[..] {
            // Nobody to turn to meanwhile, so that no other thread is needed.
            [only] => Raced {
                won: attempt(only, deadline)
                    .map(|won| (only.clone(), won))
                    .map_err(|error| vec![(only.clone(), error)]),
                surplus: Vec::new(),
            },
            _ => order::race(&order, deadline, &self.stop, attempt, late),
        };
        self.settle(session, raced, flags)
    }

    /// The session takes the winner's seat; what others granted too is given back. `session.asking` is held.
    pub(in crate::link) fn settle(
        self: &Arc<Self>,
        session: &Session,
        raced: Raced<Attempt>,
        flags: u32,
    ) -> Result<(), CallError> {
        let seated = raced.won.map(|(_, (server, grant))| {
            self.seat(session, &server, grant, flags);
        });
        for attempt in raced.surplus {
            self.discard(session, attempt);
        }
        seated.map_err(|errors| texts::no_server(&errors))
    }

    pub(in crate::link) fn attempt(
        self: &Arc<Self>,
        address: &Address,
        session: &Session,
        flags: u32,
        deadline: Instant,
    ) -> Result<Attempt, CallError> {
        let server = self.server(address, deadline)?;
        let granted = self.ask(&server, session, flags, deadline);
        let grant = granted.map_err(Refused::into_error)?;
        Ok((server, grant))
    }

    /// A seat that the session has no use for: it got another one, or the call was given up. `session.asking`
    /// is held.
    fn discard(&self, session: &Session, (server, grant): Attempt) {
        let used = session
            .seat_or_former()
            .is_some_and(|seat| Arc::ptr_eq(&seat.server, &server) && seat.id == grant.session);
        if !used {
            let owed = Owed::Seat {
                session: grant.session,
                leave: Leave::Move,
            };
            server.seats.owe(session.facts.key.identity(), owed);
            self.wake();
        }
    }

    fn ask(
        &self,
        server: &Server,
        session: &Session,
        flags: u32,
        deadline: Instant,
    ) -> Result<Grant, Refused> {
        let acquire = Acquire {
            operation: Id::random(),
            facts: session.facts.clone(),
            flags,
        };
        let granted = server.acquire(acquire, deadline);
        match &granted {
            Err(Refused::Unheard(error)) => self.note(server, error),
            _ => self.look_after(server),
        }
        granted
    }

    /// The session sits at this server from now on; a seat that it has elsewhere is given back there.
    /// `session.asking` is held.
    fn seat(self: &Arc<Self>, session: &Session, server: &Arc<Server>, grant: Grant, flags: u32) {
        let former = session.seat_or_former();
        let id = grant.session;
        session.hold(
            Seat {
                server: Arc::clone(server),
                id,
                key_no: grant.key_no,
                voucher: grant.voucher,
            },
            flags,
        );
        let same = |former: &Seat| Arc::ptr_eq(&former.server, server);
        if let Some(former) = former.as_ref().filter(|former| same(former)) {
            if former.id != id {
                server.seats.forget(former.id);
            }
        } else if let Some(former) = former {
            log::info!(
                "a session moves from {} to {}",
                former.server.address,
                server.address
            );
            let owed = Owed::Seat {
                session: former.id,
                leave: Leave::Move,
            };
            let identity = session.facts.key.identity();
            former.server.seats.owe(identity, owed);
            self.wake();
        }
        // It may have been given up for want of sessions meanwhile.
        self.use_server(server);
        if server.is_away() {
            // Who found that out may have looked for its sessions before this was one.
            session.begin_grace(server.heard(), server.grace());
            self.troubled.store(true, Ordering::SeqCst);
            self.wake();
        }
        if !self.is_entered(session) {
            // Its last object left meanwhile, and saw no seat to give back.
            session.clear();
            let leave = Leave::Move;
            let owed = Owed::Seat { session: id, leave };
            server.seats.owe(session.facts.key.identity(), owed);
            self.wake();
        }
    }

    /// Whether it is still looked after here.
    fn is_entered(&self, session: &Session) -> bool {
        let state = self.state.lock();
        let entry = state.sessions.get(&session.facts.key.identity());
        entry.is_some_and(|entry| std::ptr::eq(&*entry.session, session))
    }

    /// Takes a seat at one server. `session.asking` is held.
    pub(in crate::link) fn acquire_at(
        self: &Arc<Self>,
        server: &Arc<Server>,
        session: &Session,
        flags: u32,
        deadline: Instant,
    ) -> Result<(), Refused> {
        let grant = self.ask(server, session, flags, deadline)?;
        self.seat(session, server, grant, flags);
        Ok(())
    }

    /// Frees a session's seat at once.
    pub(crate) fn release(&self, session: &Session, deadline: Instant) -> Result<(), CallError> {
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        self.give_back(session, Leave::Release, deadline)
    }

    /// Gives the seat back. `session.asking` is held. A server that does not answer is told when it does; if
    /// it never does, it finds out by the connection's silence.
    pub(in crate::link) fn give_back(
        &self,
        session: &Session,
        leave: Leave,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let Some(seat) = session.seat_or_former() else {
            session.clear();
            return Ok(());
        };
        session.clear();
        let server = &seat.server;
        let told = if server.is_away() {
            Ok(())
        } else {
            server.seats.forget(seat.id);
            server.leave(seat.id, leave, deadline)
        };
        if server.is_away() || told.is_err() {
            let owed = Owed::Seat {
                session: seat.id,
                leave,
            };
            server.seats.owe(session.facts.key.identity(), owed);
        }
        self.look_after(server);
        told.inspect_err(|error| self.note(server, error))
    }
}
