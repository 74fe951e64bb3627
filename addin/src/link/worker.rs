//! The one background thread of a connection: heartbeats, giving seats back, finding servers again, and the
//! sessions whose server does not answer.
//!
//! It does one thing at a time and looks anew what is due after each, heartbeats first: whatever one server
//! makes it wait for, the connections to the others live.

mod events;
mod pace;
mod servers;
mod sessions;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use protocol::wire::message::{Id, Request};

use self::pace::{Asking, BackOff, Returns};
use super::{
    connection::{Connection, Leaving, State},
    server::Server,
};
use crate::{native::guard::guarded, session::Session, settings::Address, table::CallError};

/// The longest that giving a seat back, asking for one, and the farewell may take.
const LIMIT: Duration = Duration::from_secs(2);
/// For how long the farewell waits for a session that is being asked about before it turns to the next.
const NEXT_FAREWELL: Duration = Duration::from_millis(50);

/// The pause after a fault of ours.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// What is due at one server.
#[derive(Clone, Copy, Debug)]
enum Plan {
    /// The next heartbeat.
    Beat(Instant),
    /// The next attempt to reach it.
    Reach(BackOff),
}

#[derive(Debug)]
struct Worker<'a> {
    connection: &'a Arc<Connection>,
    plans: HashMap<Address, Plan>,
    /// Looking for any server, while none answers.
    search: BackOff,
    asking: Asking,
    /// Sessions in grace whose seats are asked for now.
    to_ask: VecDeque<Arc<Session>>,
    /// Sessions that their server says have lost their seats, each with that seat and the reason.
    taken: VecDeque<(Arc<Session>, Id, CallError)>,
    /// Servers that were not reached yet are to be tried for sessions that are still in grace.
    widen: bool,
    returns: Returns,
    /// Sessions that are to return to servers that are wanted more.
    to_return: VecDeque<Arc<Session>>,
    /// What is owed to a server is not paid before.
    debts: HashMap<Address, Instant>,
    /// Since when a server serves no session.
    idle: HashMap<Address, Instant>,
    /// The loss of the connection was told.
    told_lost: bool,
}

/// The thread's whole life.
pub(super) fn run(connection: &Arc<Connection>) {
    let now = Instant::now();
    let mut worker = Worker {
        connection,
        plans: HashMap::new(),
        search: BackOff::begin(now),
        asking: Asking::begin(now),
        to_ask: VecDeque::new(),
        taken: VecDeque::new(),
        widen: false,
        returns: Returns::begin(now),
        to_return: VecDeque::new(),
        debts: HashMap::new(),
        idle: HashMap::new(),
        told_lost: false,
    };
    while !worker.stopped() {
        connection.state.lock().woken = false;
        // A fault in one step must not cost all the seats.
        let done = guarded(|| {
            if !worker.step(Instant::now()) {
                worker.tell_connection();
                worker.wait();
            }
        });
        if let Err(fault) = done {
            log::error!("the connection's thread goes on after a fault: {fault}");
            worker.pause(AFTER_FAULT);
        }
    }
    if let Err(fault) = guarded(|| worker.farewell()) {
        log::error!("no good-bye: {fault}");
    }
    connection.ended();
}

impl Worker<'_> {
    fn stopped(&self) -> bool {
        self.connection.stop.load(Ordering::SeqCst)
    }

    /// Sleeps for a while, unless the connection ends.
    fn pause(&self, pause: Duration) {
        let mut state = self.connection.state.lock();
        let end = Instant::now() + pause;
        let goes_on = |_: &mut State| !self.stopped();
        self.connection
            .wake
            .wait_while_until(&mut state, goes_on, end);
    }

    /// Does the most urgent thing; false when nothing is due.
    fn step(&mut self, now: Instant) -> bool {
        self.notice_changes(now);
        self.beat(now)
            || self.give_back()
            || self.ask_for_taken()
            || self.take_up_gone(now)
            || self.search(now)
            || self.reach(now)
            || self.end_grace(now)
            || self.ask(now)
            || self.widen(now)
            || self.go_home(now)
            || self.pay(now)
            || self.retire(now)
    }

    /// Sleeps until something is due or somebody wakes it.
    fn wait(&self) {
        let next = self.next_due();
        let mut state = self.connection.state.lock();
        if self.stopped() || state.woken || !state.leaving.is_empty() {
            return;
        }
        match next {
            Some(next) => {
                self.connection.wake.wait_until(&mut state, next);
            }
            None => self.connection.wake.wait(&mut state),
        }
    }

    /// When the next thing is due by itself.
    fn next_due(&self) -> Option<Instant> {
        let answering = self.connection.answering();
        let mut due: Vec<Instant> = Vec::new();
        for plan in self.plans.values() {
            match plan {
                Plan::Beat(next) => due.push(*next),
                Plan::Reach(back_off) if !answering.is_empty() => due.push(back_off.next),
                Plan::Reach(_) => due.push(self.search.next),
            }
        }
        if self.connection.troubled.load(Ordering::SeqCst) {
            if !answering.is_empty() {
                due.push(self.asking.next);
            }
            let sessions = self.connection.sessions();
            due.extend(sessions.iter().filter_map(|session| session.untold_end()));
        }
        for server in answering.iter().filter(|server| server.seats.has_debts()) {
            due.extend(self.debts.get(&server.address));
        }
        due.extend(self.next_return());
        due.extend(self.idle.values().map(|since| *since + servers::IDLE));
        due.into_iter().min()
    }

    /// Gives back the seat of a session that no object uses, unless one came back meanwhile.
    fn give_back(&self) -> bool {
        let mut state = self.connection.state.lock();
        let Some(leaving) = state.leaving.pop_front() else {
            return false;
        };
        state.parting = true;
        drop(state);
        let deadline = Instant::now() + LIMIT;
        let left = self.leave(&leaving, deadline, deadline);
        let mut state = self.connection.state.lock();
        state.parting = false;
        if !left {
            state.leaving.push_back(leaving);
        }
        true
    }

    fn next_leaving(&self) -> Option<Leaving> {
        self.connection.state.lock().leaving.pop_front()
    }

    /// False when the session is being asked about for longer than until `patience`: it is to be looked at again.
    fn leave(&self, leaving: &Leaving, patience: Instant, deadline: Instant) -> bool {
        let Some(_asking) = leaving.session.asking.try_lock_until(patience) else {
            return false;
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
            self.connection.finished.notify_all();
            return true;
        }
        // What the server does not hear now is noted as owed to it.
        let given = self
            .connection
            .give_back(&leaving.session, leaving.leave, deadline);
        if let Err(error) = given {
            log::warn!("a seat was not given back yet: {}", error.en);
        }
        let mut state = self.connection.state.lock();
        if state
            .sessions
            .get(&identity)
            .is_some_and(|entry| entry.objects == 0)
        {
            state.sessions.remove(&identity);
        }
        drop(state);
        self.connection.finished.notify_all();
        true
    }

    /// Gives back what is left and says good-bye to every server that answers. One that does not hear it frees the seats
    /// when our silence is too long for it, so that nothing is owed to it.
    fn farewell(&self) {
        self.connection.state.lock().parting = true;
        let deadline = Instant::now() + LIMIT;
        while let Some(leaving) = self.next_leaving() {
            let now = Instant::now();
            let patience = deadline.min(now + NEXT_FAREWELL);
            if !self.leave(&leaving, patience, deadline) && now < deadline {
                self.connection.state.lock().leaving.push_back(leaving);
            }
        }
        for server in self.connection.answering() {
            while Instant::now() < deadline && matches!(server.pay(LIMIT), Ok(true)) {}
            self.bye(&server, deadline);
        }
    }

    fn bye(&self, server: &Server, deadline: Instant) {
        let _ = server.call(&Request::Bye(Id::random()), deadline);
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    let [byte] = protocol::random_bytes::<1>();
    f64::from(byte) / 255.0
}
