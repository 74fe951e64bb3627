//! One shared connection: what the objects of a process that go to the same servers have in common.
//!
//! `finding` opens servers, `seating` takes and gives seats, `keys` asks for the keys of objects; the `worker`
//! looks after all of it in the background.

mod finding;
mod keys;
mod seating;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use protocol::facts::Identity;

use super::{
    registry::{self, Key},
    seats::Leave,
    server::{Identification, Server},
    trust::is_way,
};
use crate::{
    native::host::HostHandle, place::Place, session::Session, settings::Address, table::CallError,
};

/// A connection that objects share.
#[derive(Debug)]
pub(crate) struct Connection {
    key: Key,
    identification: Arc<Identification>,
    process: u32,
    has_events: bool,
    /// Held by the one thread that looks for a server.
    connecting: Mutex<()>,
    /// For each server, held by the one thread that opens it.
    gates: Vec<(Address, Mutex<()>)>,
    pub(super) state: Mutex<State>,
    /// The worker waits here.
    pub(super) wake: Condvar,
    pub(super) stop: AtomicBool,
    /// Some session may be in grace; the worker finds out.
    pub(super) troubled: AtomicBool,
    /// Those wait here who wait for a session that leaves, or for the worker's end.
    pub(super) finished: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The servers with an open connection.
    pub servers: Vec<Arc<Server>>,
    pub sessions: HashMap<Identity, Entry>,
    /// Sessions that no object uses any more.
    pub leaving: VecDeque<Leaving>,
    /// The objects' ways to the platform, the oldest first.
    listeners: BTreeMap<u64, HostHandle>,
    pub worker: Option<JoinHandle<()>>,
    /// Something changed that the worker is to look at.
    pub woken: bool,
    /// The worker gives a seat back or says good-bye, and must not be interrupted: what the server has heard of that it
    /// does sooner or later.
    pub parting: bool,
    ended: bool,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub session: Arc<Session>,
    /// How many objects use it.
    pub objects: usize,
}

/// A session to be given up.
#[derive(Debug)]
pub(super) struct Leaving {
    pub session: Arc<Session>,
    /// Whether the seat is freed or lingers.
    pub leave: Leave,
}

impl Connection {
    pub(super) fn new(key: Key, place: &Place) -> Self {
        let identification = Arc::new(Identification {
            key_id: key.key_id,
            public_keys: key.public_keys.clone(),
            access_code: key.access_code.clone(),
            facts: place.facts(),
        });
        let gates = key.servers.iter().cloned();
        Self {
            gates: gates.map(|address| (address, Mutex::default())).collect(),
            key,
            identification,
            process: std::process::id(),
            has_events: place.kind.has_events(),
            connecting: Mutex::default(),
            state: Mutex::default(),
            wake: Condvar::new(),
            stop: AtomicBool::new(false),
            troubled: AtomicBool::new(false),
            finished: Condvar::new(),
        }
    }

    pub(crate) const fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    /// Its last owner is gone, so that it only says good-bye yet.
    pub(super) fn is_ending(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Lets it end.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Waits while a session's seat is about to be given back here; false when that takes too long.
    pub(super) fn wait_for_leaving(&self, identity: &Identity, deadline: Instant) -> bool {
        let leaving = |state: &mut State| {
            let entry = state.sessions.get(identity);
            !state.ended && entry.is_some_and(|entry| entry.objects == 0)
        };
        let mut state = self.state.lock();
        let waited = self
            .finished
            .wait_while_until(&mut state, leaving, deadline);
        !waited.timed_out()
    }

    /// Whether events may be sent.
    pub(super) const fn has_events(&self) -> bool {
        self.has_events
    }

    pub(super) fn add_owner(&self, id: u64, host: HostHandle) {
        self.state.lock().listeners.insert(id, host);
    }

    /// Says whether that was the last owner.
    pub(super) fn remove_owner(&self, id: u64) -> bool {
        let mut state = self.state.lock();
        state.listeners.remove(&id);
        state.listeners.is_empty()
    }

    /// The hosts of the objects, to send an event to one of them with no lock held.
    pub(super) fn hosts(&self) -> Vec<HostHandle> {
        self.state.lock().listeners.values().cloned().collect()
    }

    /// The configured servers, most wanted first.
    pub(super) fn configured(&self) -> &[Address] {
        &self.key.servers
    }

    /// How much a server is wanted: 0 is the most.
    pub(super) fn rank(&self, address: &Address) -> usize {
        let place = self.key.servers.iter().position(|other| other == address);
        place.unwrap_or(usize::MAX)
    }

    /// The servers with an open connection that answer, most wanted first.
    pub(super) fn answering(&self) -> Vec<Arc<Server>> {
        let state = self.state.lock();
        let answering = state.servers.iter().filter(|server| !server.is_away());
        let mut servers: Vec<_> = answering.cloned().collect();
        drop(state);
        servers.sort_by_key(|server| self.rank(&server.address));
        servers
    }

    /// The most wanted server that answers now.
    pub(crate) fn current(&self) -> Option<Arc<Server>> {
        let state = self.state.lock();
        let answering = state.servers.iter().filter(|server| !server.is_away());
        answering
            .min_by_key(|server| self.rank(&server.address))
            .cloned()
    }

    /// Every session that objects of this connection use, and that is not given up yet.
    pub(super) fn sessions(&self) -> Vec<Arc<Session>> {
        let state = self.state.lock();
        let entries = state.sessions.values();
        entries.map(|entry| Arc::clone(&entry.session)).collect()
    }

    /// Those whose seat is, or was before its silence, at this server.
    pub(super) fn sessions_at(&self, server: &Server) -> Vec<Arc<Session>> {
        let mut sessions = self.sessions();
        sessions.retain(|session| {
            session
                .seat_or_former()
                .is_some_and(|seat| std::ptr::eq(&*seat.server, server))
        });
        sessions
    }

    /// Lets the worker look after everything anew.
    pub(super) fn wake(&self) {
        self.state.lock().woken = true;
        self.wake.notify_all();
    }

    /// A call renewed the channel, maybe, and found that other sessions lost their seats: the worker looks after them at
    /// once.
    pub(super) fn look_after(&self, server: &Server) {
        if server.has_gone() {
            self.wake();
        }
    }

    /// A call failed: when the way is at fault the worker looks after the server at once.
    pub(super) fn note(&self, server: &Server, error: &CallError) {
        if is_way(error) {
            log::warn!("{}: {}", server.address, error.en);
            self.went_away(server);
        }
    }

    /// A server does not answer: the grace of its sessions begins, and the worker looks for another one.
    pub(super) fn went_away(&self, server: &Server) {
        if !server.set_away(true) {
            return;
        }
        log::warn!("{}: the connection is lost", server.address);
        let (heard, grace) = (server.heard(), server.grace());
        for session in self.sessions_at(server) {
            session.begin_grace(heard, grace);
        }
        self.troubled.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// A server answers again: the sessions whose seats it confirmed have them; grace goes on for the others, until
    /// it grants them one.
    pub(super) fn came_back(&self, server: &Server) {
        if !server.set_away(false) {
            return;
        }
        log::info!("{}: the connection is restored", server.address);
        for session in self.sessions_at(server) {
            let seat = session.seat_or_former();
            if seat.is_some_and(|seat| server.seats.holds(seat.id)) {
                session.end_grace();
            }
        }
        self.wake();
    }

    /// The last owner is gone. Waits a moment for the farewell; what takes longer goes on by itself, in a
    /// module that stays in memory.
    pub(super) fn end(&self, patience: Duration) {
        self.stop();
        self.wake();
        let deadline = Instant::now() + patience;
        let mut state = self.state.lock();
        let Some(worker) = state.worker.take() else {
            drop(state);
            self.ended();
            return;
        };
        while !state.ended {
            if self.finished.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        if state.ended {
            drop(state);
            // It has nothing left to do but return.
            let _ = worker.join();
        } else if !state.parting {
            // It waits for a server that does not answer. It cannot begin to part before that is over.
            for server in &state.servers {
                server.interrupt();
            }
        }
    }

    /// The worker's last act, or what is left to do where there was none.
    pub(super) fn ended(&self) {
        registry::forget(self);
        self.state.lock().ended = true;
        self.finished.notify_all();
    }
}
