//! The worker and its sessions: those whose seat is in doubt, and those that are to return to a server that is
//! wanted more.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use protocol::{Reason, wire::message::LostSession};

use super::{LIMIT, Worker};
use crate::{
    link::{seats::Refused, server::Server, trust::is_refusal},
    session::Session,
    table::CallError,
    texts,
};

impl Worker<'_> {
    /// Sessions whose seats a server freed while it did not hear from us: their grace runs, and their seats
    /// are asked for again.
    pub(super) fn take_up_gone(&mut self, now: Instant) -> bool {
        let servers = self.connection.answering();
        let Some(server) = servers.iter().find(|server| server.has_gone()) else {
            return false;
        };
        let gone = server.take_gone();
        let mut found = false;
        for session in self.connection.sessions_at(server) {
            let seat = session.seat_or_former();
            if seat.is_some_and(|seat| gone.contains(&seat.id)) {
                session.begin_grace(now, server.grace());
                found = true;
            }
        }
        if found {
            self.connection.troubled.store(true, Ordering::SeqCst);
            self.asking = super::Asking::begin(now);
        }
        true
    }

    /// Asks for the seat of one session in grace.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        if self.to_ask.is_empty() {
            if !self.connection.troubled.load(Ordering::SeqCst)
                || now < self.asking.next
                || self.connection.current().is_none()
            {
                return false;
            }
            // Set anew by whoever finds a server away from here on.
            self.connection.troubled.store(false, Ordering::SeqCst);
            let sessions = self.connection.sessions();
            self.to_ask = sessions
                .into_iter()
                .filter(|session| session.grace_ends().is_some())
                .collect();
            if self.to_ask.is_empty() {
                return false;
            }
            self.connection.troubled.store(true, Ordering::SeqCst);
            self.asking.done(now);
            self.widen = true;
        }
        if let Some(session) = self.to_ask.pop_front() {
            self.again(&session, None);
        }
        true
    }

    /// Sessions are still in grace: servers that were not reached yet may have seats for them.
    pub(super) fn widen(&mut self, now: Instant) -> bool {
        if !std::mem::take(&mut self.widen) {
            return false;
        }
        let in_grace = |session: &Arc<Session>| session.grace_ends().is_some();
        let configured = self.connection.configured().iter();
        let unknown: Vec<_> = configured
            .filter(|address| self.connection.known(address).is_none())
            .cloned()
            .collect();
        if unknown.is_empty() || !self.connection.sessions().iter().any(in_grace) {
            return false;
        }
        // One that is found is noticed, and asked.
        if let Err(errors) = self.connection.look_for(&unknown, now + LIMIT) {
            log::info!("no other server: {}", texts::no_server(&errors).en);
        }
        true
    }

    /// Asks for a session's seat again: its own server first, then the others that answer. A denial is final
    /// only when the session's own server says it, and either grace is over or that server had `taken` the
    /// seat away.
    fn again(&mut self, session: &Arc<Session>, taken: Option<CallError>) {
        let deadline = Instant::now() + LIMIT;
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return;
        };
        let Some(seat) = session.seat_or_former() else {
            return;
        };
        if session.is_held() && taken.is_none() {
            return;
        }
        let mut servers = self.connection.answering();
        // A stable sort: the others stay in their order.
        servers.sort_by_key(|server| !Arc::ptr_eq(server, &seat.server));
        let mut refused = None;
        for server in servers {
            let flags = session.flags();
            match self
                .connection
                .acquire_at(&server, session, flags, deadline)
            {
                Ok(()) => {
                    log::info!("a session has its seat again");
                    return;
                }
                Err(Refused::ByServer(error))
                    if Arc::ptr_eq(&server, &seat.server) && is_refusal(error.reason()) =>
                {
                    refused = Some(error);
                }
                Err(_) => {}
            }
        }
        let now = Instant::now();
        let over = session.grace_ends().is_some_and(|end| now >= end);
        match (refused, taken) {
            (Some(_), Some(taken)) => self.lose(session, taken),
            (Some(refused), None) if over => self.lose(session, refused),
            (_, Some(_)) => {
                // Its own server does not answer now: what it means to say is heard later.
                session.begin_grace(now, seat.server.grace());
                self.connection.troubled.store(true, Ordering::SeqCst);
            }
            _ => {}
        }
    }

    /// The server says that sessions lost their seats.
    pub(super) fn lost(&mut self, server: &Arc<Server>, lost: &[LostSession]) {
        if lost.is_empty() {
            return;
        }
        let sessions = self.connection.sessions_at(server).into_iter();
        let seated: HashMap<_, _> = sessions
            .filter_map(|session| Some((session.seat_or_former()?.id, session)))
            .collect();
        for lost in lost {
            server.seats.forget(lost.session);
            if let Some(session) = seated.get(&lost.session) {
                self.lost_one(session, lost);
            }
        }
    }

    fn lost_one(&mut self, session: &Arc<Session>, lost: &LostSession) {
        let error = match &lost.message {
            Some(message) => {
                let message = format!("({})", texts::one_line(message, 500));
                texts::error_with(lost.reason, &message, &message)
            }
            None => texts::error(lost.reason),
        };
        match lost.reason {
            // Somebody wanted it so: an administrator, or another process of the session.
            Reason::ReleasedByAdministrator | Reason::UnknownSession => self.lose(session, error),
            // Asking may take long for each, and heartbeats go first.
            _ => {
                let session = Arc::clone(session);
                self.taken.push_back((session, lost.session, error));
            }
        }
    }

    /// Asks for the seat of one session whose server says that it lost it.
    pub(super) fn ask_for_taken(&mut self) -> bool {
        let Some((session, seat, error)) = self.taken.pop_front() else {
            return false;
        };
        // It may have got another one, or left, meanwhile.
        if session.seat_or_former().is_some_and(|now| now.id == seat) {
            self.again(&session, Some(error));
        }
        true
    }

    fn lose(&self, session: &Arc<Session>, error: CallError) {
        log::warn!("a licence is lost: {}", error.en);
        if let Some(seat) = session.seat_or_former() {
            seat.server.seats.forget(seat.id);
        }
        if session.lose(error.clone()) {
            self.tell_loss(session, &error);
        }
    }

    /// Grace ended for a session: its own server has the last word now, if it answers. Without one the seat may
    /// still come back, but work ends here.
    pub(super) fn end_grace(&mut self, now: Instant) -> bool {
        if !self.connection.troubled.load(Ordering::SeqCst) {
            return false;
        }
        let over = |session: &Arc<Session>| session.untold_end().is_some_and(|end| now >= end);
        let Some(session) = self.connection.sessions().into_iter().find(over) else {
            return false;
        };
        self.again(&session, None);
        if session.grace_is_over(now) {
            log::warn!("the grace of a session is over");
            self.tell_loss(&session, &texts::error(Reason::LicenceLost));
        }
        true
    }

    /// Sessions that sit at a server while one that is wanted more answers.
    fn strangers(&self) -> Vec<Arc<Session>> {
        let Some(current) = self.connection.current() else {
            return Vec::new();
        };
        let rank = self.connection.rank(&current.address);
        let mut sessions = self.connection.sessions();
        sessions.retain(|session| {
            let seat = session.seat_or_former().filter(|_| session.is_held());
            seat.is_some_and(|seat| self.connection.rank(&seat.server.address) > rank)
        });
        sessions
    }

    /// When sessions return, or a server to return to is looked for.
    pub(super) fn next_return(&self) -> Option<Instant> {
        let rank = |server: Arc<Server>| self.connection.rank(&server.address);
        let away_from_home = self.connection.current().map(rank)? > 0
            || (self.connection.state.lock().servers.len() > 1 && !self.strangers().is_empty());
        away_from_home.then(|| self.returns.next())
    }

    /// Lets one session return to a server that is wanted more: a seat is taken there, and then given back
    /// where it was.
    pub(super) fn go_home(&mut self, now: Instant) -> bool {
        if let Some(session) = self.to_return.pop_front() {
            self.return_one(&session);
            return true;
        }
        if self.next_return().is_none_or(|next| now < next) {
            return false;
        }
        self.returns.tried(now);
        let rank = self.connection.current();
        let rank = rank.map_or(0, |server| self.connection.rank(&server.address));
        let wanted = self.connection.configured().iter().take(rank);
        let wanted: Vec<_> = wanted
            .filter(|address| self.connection.known(address).is_none())
            .cloned()
            .collect();
        if !wanted.is_empty() {
            // Who is not there now is looked for the next time.
            let _ = self.connection.look_for(&wanted, now + LIMIT);
        }
        self.to_return = self.strangers().into();
        if !self.to_return.is_empty() {
            self.returns.done(now);
        }
        true
    }

    fn return_one(&self, session: &Arc<Session>) {
        let deadline = Instant::now() + LIMIT;
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return;
        };
        let Some(seat) = session.seat_or_former().filter(|_| session.is_held()) else {
            return;
        };
        let here = self.connection.rank(&seat.server.address);
        for server in self.connection.answering() {
            if self.connection.rank(&server.address) >= here {
                return;
            }
            let flags = session.flags();
            // What is held here is given back once a seat there is sure.
            if self
                .connection
                .acquire_at(&server, session, flags, deadline)
                .is_ok()
            {
                return;
            }
        }
    }
}
