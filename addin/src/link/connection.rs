//! One shared connection: its servers, the sessions that hold seats through it, and the calls of objects.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use protocol::{
    Reason,
    datafile::SignedDirectory,
    facts::{ComponentFacts, Identity, SessionFacts},
    signature::Secret,
    wire::message::{Acquire, Answer, Id, ObjectKey, Request, SessionOperation},
};

use super::{
    http::CONNECT_TIMEOUT,
    order,
    registry::Key,
    server::{self, Identification, Server, denied_error},
    worker,
};
use crate::{
    native::{host::HostHandle, module::pin_module},
    session::{Seat, Session},
    settings::Address,
    table::CallError,
    texts,
};

/// A connection that objects share.
#[derive(Debug)]
pub(crate) struct Connection {
    key: Key,
    identification: Arc<Identification>,
    process: u32,
    /// Held by the one thread that looks for a server.
    connecting: Mutex<()>,
    pub(super) state: Mutex<State>,
    /// The worker waits here.
    pub(super) wake: Condvar,
    pub(super) stop: AtomicBool,
    /// The last owner waits here for the worker's end.
    finished: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The servers with an open connection, the first one connected first.
    pub servers: Vec<Arc<Server>>,
    pub sessions: HashMap<Identity, Entry>,
    /// Sessions that no object uses any more.
    pub leaving: VecDeque<Leaving>,
    listeners: Vec<(u64, HostHandle)>,
    worker: Option<JoinHandle<()>>,
    /// The worker says good-bye and must not be interrupted.
    pub farewell: bool,
    pub ended: bool,
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
    /// True frees the seat, false lets it linger.
    pub release: bool,
}

impl Connection {
    pub(super) fn new(key: Key, facts: ComponentFacts) -> Self {
        let identification = Arc::new(Identification {
            key_id: key.key_id,
            public_key: key.public_key.clone(),
            access_code: key.access_code.clone(),
            facts,
        });
        Self {
            key,
            identification,
            process: std::process::id(),
            connecting: Mutex::new(()),
            state: Mutex::default(),
            wake: Condvar::new(),
            stop: AtomicBool::new(false),
            finished: Condvar::new(),
        }
    }

    pub(crate) const fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    /// Whether events may be sent: servers have nobody to take them.
    pub(super) fn has_events(&self) -> bool {
        !self.identification.facts.is_server
    }

    pub(super) fn add_owner(&self, id: u64, host: HostHandle) {
        self.state.lock().listeners.push((id, host));
    }

    /// Says whether that was the last owner.
    pub(super) fn remove_owner(&self, id: u64) -> bool {
        let mut state = self.state.lock();
        state.listeners.retain(|(known, _)| *known != id);
        state.listeners.is_empty()
    }

    /// The hosts of the objects, to send an event to one of them with no lock held.
    pub(super) fn hosts(&self) -> Vec<HostHandle> {
        let state = self.state.lock();
        state
            .listeners
            .iter()
            .map(|(_, host)| host.clone())
            .collect()
    }

    /// The configured servers in the order to try them now.
    pub(super) fn order(&self) -> Vec<Address> {
        order::sorted(&self.key.servers)
    }

    /// The configured servers, most wanted first.
    pub(super) fn configured(&self) -> &[Address] {
        &self.key.servers
    }

    /// Connects to the first server that answers, unless one does already.
    pub(super) fn connect(self: &Arc<Self>, deadline: Instant) -> Result<(), CallError> {
        if self.current().is_some() {
            return Ok(());
        }
        let Some(_connecting) = self.connecting.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        if self.current().is_some() {
            return Ok(());
        }
        self.look_for(&self.order(), deadline)
            .map(drop)
            .map_err(|errors| texts::no_server(&errors))
    }

    /// Races these servers and opens a connection to the winner; a server of ours that was away is taken
    /// up again.
    fn look_for(
        self: &Arc<Self>,
        order: &[Address],
        deadline: Instant,
    ) -> Result<Arc<Server>, Vec<(Address, CallError)>> {
        let mut left = order.to_vec();
        let mut errors = Vec::new();
        loop {
            let identification = Arc::clone(&self.identification);
            let raced = order::race(&left, deadline, &self.stop, move |address, deadline| {
                let limit = deadline.min(Instant::now() + CONNECT_TIMEOUT);
                let opened = server::open(address, &identification, limit);
                match &opened {
                    Ok(_) => order::answered(address),
                    Err(error) if is_way(error) => order::failed(address),
                    Err(_) => {}
                }
                opened
            });
            let (address, channel) = match raced {
                Ok(won) => won,
                Err(failed) => {
                    errors.extend(failed);
                    return Err(errors);
                }
            };
            let opened = match self.known(&address) {
                // Its sessions are to be taken up again, which only the server itself can do.
                Some(known) => known.renew(known.generation(), deadline).map(|()| known),
                None => Server::greet(
                    address.clone(),
                    Arc::clone(&self.identification),
                    channel,
                    deadline,
                )
                .map(Arc::new),
            };
            match opened {
                Ok(server) => {
                    self.use_server(&server);
                    return Ok(server);
                }
                Err(error) => {
                    left.retain(|other| *other != address);
                    errors.push((address, error));
                    if left.is_empty() || Instant::now() >= deadline {
                        return Err(errors);
                    }
                }
            }
        }
    }

    fn use_server(self: &Arc<Self>, server: &Arc<Server>) {
        log::info!("connected to {}", server.address);
        let mut state = self.state.lock();
        if !state.servers.iter().any(|known| Arc::ptr_eq(known, server)) {
            state.servers.push(Arc::clone(server));
        }
        if state.worker.is_none() && !self.stop.load(Ordering::SeqCst) {
            // From now on a thread may run in the module at any time.
            if !pin_module() {
                log::warn!("the module could not be kept in memory");
            }
            let connection = Arc::clone(self);
            let started = thread::Builder::new()
                .name("licence-worker".into())
                .spawn(move || worker::run(&connection));
            match started {
                Ok(handle) => state.worker = Some(handle),
                Err(error) => log::error!("no thread for the connection: {error}"),
            }
        }
        drop(state);
        self.wake.notify_all();
    }

    fn known(&self, address: &Address) -> Option<Arc<Server>> {
        let state = self.state.lock();
        let known = state
            .servers
            .iter()
            .find(|server| server.address == *address);
        known.cloned()
    }

    /// The server that answers now.
    pub(crate) fn current(&self) -> Option<Arc<Server>> {
        let state = self.state.lock();
        state
            .servers
            .iter()
            .find(|server| !server.is_away())
            .cloned()
    }

    /// A connected server, opened if need be; quick to fail for one that is away.
    pub(super) fn server(
        self: &Arc<Self>,
        address: &Address,
        deadline: Instant,
    ) -> Result<Arc<Server>, CallError> {
        match self.known(address) {
            Some(server) if server.is_away() => Err(texts::error(Reason::ConnectionLost)),
            Some(server) => Ok(server),
            None => {
                let Some(_connecting) = self.connecting.try_lock_until(deadline) else {
                    return Err(texts::error(Reason::TimedOut));
                };
                if let Some(server) = self.known(address) {
                    return Ok(server);
                }
                let limit = deadline.min(Instant::now() + CONNECT_TIMEOUT);
                self.look_for(std::slice::from_ref(address), limit)
                    .map_err(|mut errors| {
                        errors
                            .pop()
                            .map_or_else(|| texts::error(Reason::TimedOut), |(_, error)| error)
                    })
            }
        }
    }

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
        if session.any_seat().is_none() {
            state.sessions.remove(&identity);
            return;
        }
        state.leaving.push_back(Leaving {
            session: Arc::clone(session),
            release,
        });
        drop(state);
        self.wake.notify_all();
    }

    /// Takes a seat for a session that was entered, at the first server that grants one.
    pub(crate) fn obtain(
        self: &Arc<Self>,
        session: &Session,
        flags: u32,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        if session.may_work() && session.flags() & flags == flags {
            return Ok(());
        }
        let flags = flags | session.flags();
        let obtained = self.acquire_anywhere(session, flags, deadline);
        let state = self.state.lock();
        if state.servers.iter().any(|server| server.has_gone()) {
            // A renewal on the way lost other sessions' seats.
            self.wake.notify_all();
        }
        obtained
    }

    /// Asks the servers in turn. `session.asking` is held.
    pub(super) fn acquire_anywhere(
        self: &Arc<Self>,
        session: &Session,
        flags: u32,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let mut order = self.order();
        // The one that holds the seat, or answers now, comes first: the others would give a second seat.
        let first = session
            .any_seat()
            .map(|seat| seat.server)
            .or_else(|| self.current());
        if let Some(first) = first
            && let Some(at) = order.iter().position(|address| *address == first.address)
        {
            let address = order.remove(at);
            order.insert(0, address);
        }
        let mut errors = Vec::new();
        for address in order {
            let granted = self
                .server(&address, deadline)
                .and_then(|server| self.acquire_at(&server, session, flags, deadline));
            match granted {
                Ok(()) => return Ok(()),
                Err(error) => errors.push((address, error)),
            }
        }
        Err(texts::no_server(&errors))
    }

    /// Takes a seat at one server. `session.asking` is held.
    pub(super) fn acquire_at(
        &self,
        server: &Arc<Server>,
        session: &Session,
        flags: u32,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let acquire = Acquire {
            operation: Id::random(),
            facts: session.facts.clone(),
            flags,
        };
        let grant = server
            .acquire(acquire, deadline)
            .inspect_err(|error| self.note(server, error))?;
        let seat = Seat {
            server: Arc::clone(server),
            id: grant.session,
            key_no: grant.key_no,
            voucher: grant.voucher,
        };
        log::info!("{}: key {} gives a seat", server.address, grant.key_no);
        session.hold(seat, flags);
        Ok(())
    }

    /// Frees a session's seat at once.
    pub(crate) fn release(&self, session: &Session, deadline: Instant) -> Result<(), CallError> {
        let Some(_asking) = session.asking.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        self.give_back(session, true, deadline)
    }

    /// Releases or detaches. `session.asking` is held. What a server that is away is not told, it finds out
    /// by the connection's silence.
    pub(super) fn give_back(
        &self,
        session: &Session,
        release: bool,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let Some(seat) = session.any_seat() else {
            return Ok(());
        };
        seat.server.forget(seat.id);
        session.clear();
        if seat.server.is_away() {
            return Ok(());
        }
        let operation = SessionOperation {
            operation: Id::random(),
            session: seat.id,
        };
        let request = if release {
            Request::Release(operation)
        } else {
            Request::Detach(operation)
        };
        match seat.server.call(&request, deadline) {
            Ok(Answer::Done) => Ok(()),
            // Freed before: that is what was wanted.
            Ok(Answer::Denied(denied)) if denied.reason == Reason::UnknownSession => Ok(()),
            Ok(Answer::Denied(denied)) => Err(denied_error(&denied)),
            Ok(_) => Err(texts::error(Reason::BadMessage)),
            Err(error) => {
                self.note(&seat.server, &error);
                Err(error)
            }
        }
    }

    /// Asks for an object's key, with the session's seat. A session that the server does not know any more
    /// (it was restarted without its store, or our silence was too long) takes a seat again first.
    pub(crate) fn object_key(
        &self,
        session: &Session,
        directory: &SignedDirectory,
        name: &str,
        deadline: Instant,
    ) -> Result<Secret, CallError> {
        let no_seat = || texts::error(Reason::NoLicenceObtained);
        let seat = session.seat().ok_or_else(no_seat)?;
        let mut answer = self.ask_key(&seat, directory, name, deadline)?;
        if matches!(&answer, Answer::Denied(denied) if denied.reason == Reason::UnknownSession) {
            if let Some(_asking) = session.asking.try_lock_until(deadline)
                && session.seat().is_some_and(|now| now.id == seat.id)
            {
                self.acquire_at(&seat.server, session, session.flags(), deadline)?;
            }
            let seat = session.seat().ok_or_else(no_seat)?;
            answer = self.ask_key(&seat, directory, name, deadline)?;
        }
        match answer {
            Answer::Key(key) => Ok(key),
            Answer::Denied(denied) => Err(denied_error(&denied)),
            _ => Err(texts::error(Reason::BadMessage)),
        }
    }

    fn ask_key(
        &self,
        seat: &Seat,
        directory: &SignedDirectory,
        name: &str,
        deadline: Instant,
    ) -> Result<Answer, CallError> {
        let ask = |bytes: Option<&[u8]>| {
            let request = Request::ObjectKey(ObjectKey {
                session: seat.id,
                directory_hash: directory.hash,
                directory: bytes.map(|bytes| bytes.to_vec().into()),
                name: name.to_owned(),
            });
            let answer = seat.server.call(&request, deadline);
            answer.inspect_err(|error| self.note(&seat.server, error))
        };
        match ask(None)? {
            Answer::Denied(denied) if denied.reason == Reason::SendDirectory => {
                ask(Some(&directory.bytes))
            }
            answer => Ok(answer),
        }
    }

    /// The server's description of itself, JSON.
    pub(crate) fn server_info(
        &self,
        server: &Server,
        deadline: Instant,
    ) -> Result<String, CallError> {
        match server.call(&Request::ServerInfo, deadline)? {
            Answer::Info(text) => Ok(text),
            Answer::Denied(denied) => Err(denied_error(&denied)),
            _ => Err(texts::error(Reason::BadMessage)),
        }
    }

    /// A call failed: when the way is at fault the worker looks after the server at once.
    fn note(&self, server: &Server, error: &CallError) {
        if is_way(error) {
            log::warn!("{}: {}", server.address, error.en);
            worker::went_away(self, server);
        }
    }

    /// The last owner is gone. Waits a moment for the farewell; what takes longer goes on by itself, in a
    /// module that stays in memory.
    pub(super) fn end(&self, patience: Duration) {
        self.stop.store(true, Ordering::SeqCst);
        self.wake.notify_all();
        let deadline = Instant::now() + patience;
        let mut state = self.state.lock();
        let Some(worker) = state.worker.take() else {
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
        } else if !state.farewell {
            // It waits for a server that does not answer.
            let servers = state.servers.clone();
            drop(state);
            for server in servers {
                server.interrupt();
            }
        }
    }

    /// The worker's last act.
    pub(super) fn ended(&self) {
        self.state.lock().ended = true;
        self.finished.notify_all();
    }
}

/// Whether the way to a server is at fault, and not its answer.
pub(super) fn is_way(error: &CallError) -> bool {
    matches!(
        error.reason(),
        Reason::ConnectionRefused
            | Reason::TimedOut
            | Reason::NameNotFound
            | Reason::NotOurServer
            | Reason::NotHttp
            | Reason::AnswerTooLarge
            | Reason::ConnectionLost
            | Reason::UnknownChannel
    )
}
