//! The one background thread of a connection: heartbeats, giving seats back, taking connections up again,
//! and the grace of sessions whose server does not answer.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use protocol::{
    Reason,
    wire::message::{Answer, Id, LostSession, Request},
};
use serde_json::json;

use super::{
    connection::{Connection, Leaving, is_way},
    server::Server,
};
use crate::{
    interface::events,
    session::Session,
    settings::Address,
    table::{CallError, Language},
    texts,
};

/// The longest that a heartbeat may take.
const BEAT_LIMIT: Duration = Duration::from_secs(5);
/// The longest that giving a seat back, and the farewell, may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);
/// The longest that one attempt to reach a server again may take.
const REVIVE_LIMIT: Duration = Duration::from_secs(2);
/// The first and the longest pause between attempts to reach a server again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How often other servers are asked for a seat while a session's own is away.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// How often a session on a reserve tries to return to a server that is wanted more.
const RETURN: Duration = Duration::from_secs(5 * 60);

/// When what is due next.
#[derive(Debug)]
struct Plan {
    next: Instant,
    pause: Duration,
    was_away: bool,
}

#[derive(Debug)]
struct Worker<'a> {
    connection: &'a Arc<Connection>,
    plans: HashMap<Address, Plan>,
    elsewhere: Instant,
    back: Instant,
    /// Sessions whose loss was told.
    told: Vec<Id>,
}

/// The thread's whole life.
pub(super) fn run(connection: &Arc<Connection>) {
    let mut worker = Worker {
        connection,
        plans: HashMap::new(),
        elsewhere: Instant::now(),
        back: Instant::now() + RETURN,
        told: Vec::new(),
    };
    while !connection.stop.load(Ordering::SeqCst) {
        worker.give_back();
        worker.tend_servers();
        worker.tend_sessions();
        worker.wait();
    }
    worker.farewell();
    connection.ended();
}

/// A server does not answer: its sessions' grace begins, and the worker is woken to look after it.
pub(super) fn went_away(connection: &Connection, server: &Server) {
    if !server.set_away(true) {
        return;
    }
    let heard = server.heard();
    let mut until = None;
    for session in sessions_at(connection, server) {
        session.begin_grace(heard);
        until = until.max(session.grace_until());
    }
    log::warn!("{}: the connection is lost", server.address);
    let data = json!({
        "Server": server.address.to_string(),
        "GraceUntil": until.map(|time| time.to_string()),
    });
    tell(connection, events::CONNECTION_LOST, &data.to_string());
    connection.wake.notify_all();
}

/// One event of the process: it goes to the first object whose platform takes it. No lock is held.
fn tell(connection: &Connection, message: &str, data: &str) {
    if connection.has_events() {
        connection
            .hosts()
            .iter()
            .any(|host| host.event(message, data));
    }
}

fn sessions(connection: &Connection) -> Vec<Arc<Session>> {
    let state = connection.state.lock();
    state
        .sessions
        .values()
        .map(|entry| Arc::clone(&entry.session))
        .collect()
}

fn sessions_at(connection: &Connection, server: &Server) -> Vec<Arc<Session>> {
    let mut sessions = sessions(connection);
    sessions.retain(|session| {
        session
            .any_seat()
            .is_some_and(|seat| std::ptr::eq(&*seat.server, server))
    });
    sessions
}

impl Worker<'_> {
    fn stopped(&self) -> bool {
        self.connection.stop.load(Ordering::SeqCst)
    }

    /// Gives back the seats of sessions that no object uses, unless one came back meanwhile.
    fn give_back(&self) {
        while let Some(leaving) = self.next_leaving() {
            self.leave(&leaving, Instant::now() + LEAVE_LIMIT);
        }
    }

    fn next_leaving(&self) -> Option<Leaving> {
        self.connection.state.lock().leaving.pop_front()
    }

    fn leave(&self, leaving: &Leaving, deadline: Instant) {
        let Some(_asking) = leaving.session.asking.try_lock_until(deadline) else {
            // Somebody asks about it, so somebody uses it.
            return;
        };
        let identity = leaving.session.facts.key.identity();
        let used = |connection: &Connection| {
            let state = connection.state.lock();
            let entry = state.sessions.get(&identity);
            entry.is_none_or(|entry| {
                entry.objects > 0 || !Arc::ptr_eq(&entry.session, &leaving.session)
            })
        };
        if used(self.connection) {
            return;
        }
        if let Err(error) = self
            .connection
            .give_back(&leaving.session, leaving.release, deadline)
        {
            log::warn!("a seat was not given back: {}", error.en);
        }
        let mut state = self.connection.state.lock();
        if state
            .sessions
            .get(&identity)
            .is_some_and(|entry| entry.objects == 0)
        {
            state.sessions.remove(&identity);
        }
    }

    fn servers(&self) -> Vec<Arc<Server>> {
        self.connection.state.lock().servers.clone()
    }

    fn tend_servers(&mut self) {
        for server in self.servers() {
            if self.stopped() {
                return;
            }
            let now = Instant::now();
            let away = server.is_away();
            let plan = self.plans.entry(server.address.clone()).or_insert(Plan {
                next: now + server.heartbeat(),
                pause: BACK_OFF.0,
                was_away: false,
            });
            if away && !plan.was_away {
                // A call found out: the first attempt is made at once.
                plan.was_away = true;
                plan.pause = BACK_OFF.0;
                plan.next = now;
            }
            if now >= plan.next {
                if away {
                    self.revive(&server);
                } else {
                    self.beat(&server);
                }
            }
            self.take_up_gone(&server);
        }
    }

    fn beat(&mut self, server: &Arc<Server>) {
        let limit = BEAT_LIMIT.min(server.expiry() / 4);
        match server.call(&Request::Heartbeat, Instant::now() + limit) {
            Ok(Answer::Alive(alive)) => {
                for lost in alive.lost {
                    self.lost(server, &lost);
                }
                self.plan(server, server.heartbeat(), false);
            }
            // It answers, but knows the connection no more: a Hello takes it up again.
            Ok(_) => {
                let deadline = Instant::now() + limit;
                match server.renew(server.generation(), deadline) {
                    Ok(()) => self.plan(server, server.heartbeat(), false),
                    Err(error) => self.went_away(server, &error),
                }
            }
            Err(error) => self.went_away(server, &error),
        }
    }

    fn went_away(&mut self, server: &Arc<Server>, error: &CallError) {
        log::warn!("{}: {}", server.address, error.en);
        went_away(self.connection, server);
        self.plan(server, BACK_OFF.0, true);
    }

    fn plan(&mut self, server: &Server, pause: Duration, away: bool) {
        self.plans.insert(
            server.address.clone(),
            Plan {
                next: Instant::now() + jitter(pause, away),
                pause,
                was_away: away,
            },
        );
    }

    /// Tries to take the connection up again.
    fn revive(&mut self, server: &Arc<Server>) {
        let deadline = Instant::now() + REVIVE_LIMIT;
        match server.renew(server.generation(), deadline) {
            Ok(()) => {
                server.set_away(false);
                let gone = server.take_gone();
                for session in sessions_at(self.connection, server) {
                    let seat = session.any_seat();
                    if seat.as_ref().is_some_and(|seat| !gone.contains(&seat.id)) {
                        session.end_grace();
                    }
                }
                self.told.clear();
                log::info!("{}: the connection is restored", server.address);
                let data = json!({ "Server": server.address.to_string() }).to_string();
                tell(self.connection, events::CONNECTION_RESTORED, &data);
                self.plan(server, server.heartbeat(), false);
                self.take_up(server, &gone);
            }
            Err(error) => {
                let longest = BACK_OFF.1.min(server.expiry() / 2);
                let pause = self
                    .plans
                    .get(&server.address)
                    .map_or(BACK_OFF.0, |plan| plan.pause * 2);
                if !is_way(&error) {
                    log::warn!("{}: {}", server.address, error.en);
                }
                self.plan(server, pause.min(longest), true);
            }
        }
    }

    fn take_up_gone(&mut self, server: &Arc<Server>) {
        let gone = server.take_gone();
        self.take_up(server, &gone);
    }

    /// Sessions whose seats the server freed while it did not hear from us: a seat is asked for again.
    fn take_up(&mut self, server: &Arc<Server>, gone: &[Id]) {
        if gone.is_empty() {
            return;
        }
        for session in sessions_at(self.connection, server) {
            if session
                .any_seat()
                .is_some_and(|seat| gone.contains(&seat.id))
            {
                session.begin_grace(server.heard());
                self.again(&session);
            }
        }
    }

    /// Asks for the session's seat again, its own server first. A denial is final only when the session's
    /// own server says it and grace is over.
    fn again(&mut self, session: &Arc<Session>) {
        let deadline = Instant::now() + LEAVE_LIMIT;
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return;
        };
        let Some(seat) = session.any_seat().filter(|_| !session.is_held()) else {
            return;
        };
        let flags = session.flags();
        match self.connection.acquire_anywhere(session, flags, deadline) {
            Ok(()) => {
                self.told.retain(|told| *told != seat.id);
                log::info!("a session has its seat again");
            }
            Err(error) => {
                let over = session.grace_ends().is_none_or(|end| Instant::now() >= end);
                if over && !seat.server.is_away() && (300..400).contains(&error.code) {
                    self.lose(session, error);
                }
            }
        }
    }

    /// The server says that a session lost its seat.
    fn lost(&mut self, server: &Arc<Server>, lost: &LostSession) {
        let found = sessions_at(self.connection, server)
            .into_iter()
            .find(|session| {
                session
                    .any_seat()
                    .is_some_and(|seat| seat.id == lost.session)
            });
        server.forget(lost.session);
        let Some(session) = found else { return };
        let error = match &lost.message {
            Some(message) => {
                let message = format!("({})", texts::one_line(message, 500));
                texts::error_with(lost.reason, &message, &message)
            }
            None => texts::error(lost.reason),
        };
        let taken = lost.reason == Reason::ReleasedByAdministrator || {
            let Some(_asking) = session.asking.try_lock_for(LEAVE_LIMIT) else {
                return;
            };
            let deadline = Instant::now() + LEAVE_LIMIT;
            self.connection
                .acquire_anywhere(&session, session.flags(), deadline)
                .is_err()
        };
        if taken {
            self.lose(&session, error);
        }
    }

    fn lose(&mut self, session: &Arc<Session>, error: CallError) {
        log::warn!("a licence is lost: {}", error.en);
        if let Some(seat) = session.any_seat() {
            seat.server.forget(seat.id);
        }
        let data = json!({
            "Code": error.code,
            "Text": error.text(Language::Russian),
            "TextEn": error.text(Language::English),
            "SessionNumber": session.facts.key.number,
        });
        session.lose(error);
        tell(self.connection, events::LICENCE_LOST, &data.to_string());
    }

    /// Sessions in grace look for a seat elsewhere; those on a reserve return to a server wanted more.
    fn tend_sessions(&mut self) {
        let now = Instant::now();
        if now >= self.elsewhere {
            self.elsewhere = now + ELSEWHERE;
            for session in sessions(self.connection) {
                if self.stopped() {
                    return;
                }
                let Some(end) = session.grace_ends() else {
                    continue;
                };
                self.again(&session);
                let still = session.grace_ends().is_some() && Instant::now() >= end;
                if let Some(seat) = session.any_seat().filter(|_| still)
                    && !self.told.contains(&seat.id)
                {
                    // Not final: its own server may still give it back. But work ends here.
                    self.told.push(seat.id);
                    let error = texts::error(Reason::LicenceLost);
                    let data = json!({
                        "Code": error.code,
                        "Text": error.text(Language::Russian),
                        "TextEn": error.text(Language::English),
                        "SessionNumber": session.facts.key.number,
                    });
                    tell(self.connection, events::LICENCE_LOST, &data.to_string());
                }
            }
        }
        if now >= self.back {
            self.back = now + RETURN;
            self.return_to_wanted();
        }
    }

    /// Acquires at a server wanted more, then releases here.
    fn return_to_wanted(&self) {
        for session in sessions(self.connection) {
            let Some(seat) = session.seat().filter(|_| session.is_held()) else {
                continue;
            };
            let configured = self.connection.configured().iter();
            for address in configured.take_while(|address| **address != seat.server.address) {
                if self.stopped() {
                    return;
                }
                let deadline = Instant::now() + LEAVE_LIMIT;
                let Some(_asking) = session.asking.try_lock_until(deadline) else {
                    break;
                };
                let moved = self
                    .connection
                    .server(address, deadline)
                    .and_then(|server| {
                        let flags = session.flags();
                        self.connection
                            .acquire_at(&server, &session, flags, deadline)
                    });
                if moved.is_ok() {
                    seat.server.forget(seat.id);
                    let operation = protocol::wire::message::SessionOperation {
                        operation: Id::random(),
                        session: seat.id,
                    };
                    // Unreleased, it expires with the connection there.
                    let _ = seat.server.call(&Request::Release(operation), deadline);
                    break;
                }
            }
        }
    }

    /// Sleeps until something is due or somebody wakes it.
    fn wait(&self) {
        let in_grace = sessions(self.connection)
            .iter()
            .any(|session| session.grace_ends().is_some());
        let mut state = self.connection.state.lock();
        let found_away = state.servers.iter().any(|server| {
            let plan = self.plans.get(&server.address);
            server.has_gone() || plan.is_none_or(|plan| server.is_away() && !plan.was_away)
        });
        if self.stopped() || !state.leaving.is_empty() || found_away {
            return;
        }
        let reserve = state
            .servers
            .first()
            .is_some_and(|server| self.connection.configured().first() != Some(&server.address));
        let dues = self.plans.values().map(|plan| plan.next);
        let next = dues
            .chain(in_grace.then_some(self.elsewhere))
            .chain(reserve.then_some(self.back))
            .min();
        match next {
            Some(next) => {
                self.connection.wake.wait_until(&mut state, next);
            }
            None => self.connection.wake.wait(&mut state),
        }
    }

    /// Gives back what is left and says good-bye to every server that answers.
    fn farewell(&self) {
        self.connection.state.lock().farewell = true;
        let deadline = Instant::now() + LEAVE_LIMIT;
        while let Some(leaving) = self.next_leaving() {
            self.leave(&leaving, deadline);
        }
        for server in self.servers() {
            if !server.is_away() {
                // Without it the server finds out by our silence.
                let _ = server.call(&Request::Bye(Id::random()), deadline);
            }
        }
    }
}

/// A pause a little shorter or longer, so that a thousand processes do not come back at once. Heartbeats
/// are only ever early.
fn jitter(pause: Duration, away: bool) -> Duration {
    let [byte] = protocol::random_bytes::<1>();
    let part = pause.mul_f64(f64::from(byte) / 255.0 * 0.2);
    if away { pause + part } else { pause - part }
}
