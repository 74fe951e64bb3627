//! Finding a server and opening it: once for all who want it at the same time.

use std::{sync::Arc, thread, time::Instant};

use protocol::Reason;

use super::Connection;
use crate::{
    link::{
        channel::Channel,
        http::CONNECT_TIMEOUT,
        order,
        server::{self, Server},
        trust::is_way,
        worker,
    },
    settings::Address,
    table::CallError,
    texts,
};

impl Connection {
    /// Connects to the first server that answers, unless one does already.
    pub(crate) fn connect(self: &Arc<Self>, deadline: Instant) -> Result<(), CallError> {
        if self.current().is_some() {
            return self.keep_worker();
        }
        let Some(_connecting) = self.connecting.try_lock_until(deadline) else {
            return Err(texts::error(Reason::TimedOut));
        };
        if self.current().is_some() {
            return self.keep_worker();
        }
        self.look_for(&order::sorted(self.configured()), deadline)
            .map(drop)
            .map_err(|errors| texts::no_server(&errors))
    }

    /// Races these servers and opens a connection to the winner.
    pub(in crate::link) fn look_for(
        self: &Arc<Self>,
        order: &[Address],
        deadline: Instant,
    ) -> Result<Arc<Server>, Vec<(Address, CallError)>> {
        let mut left = order.to_vec();
        let mut errors = Vec::new();
        loop {
            let connection = Arc::clone(self);
            let attempt =
                move |address: &Address, deadline| connection.shake_hands(address, deadline);
            // Of a handshake alone the server keeps nothing, so that those of others may be dropped.
            let raced = order::race(&left, deadline, &self.stop, attempt, drop::<Channel>);
            let (address, channel) = match raced.won {
                Ok(won) => won,
                Err(failed) => {
                    errors.extend(failed);
                    return Err(errors);
                }
            };
            match self.adopt(&address, channel, deadline) {
                Ok(server) => return Ok(server),
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

    /// A server's connection, opened or taken up again if need be.
    pub(in crate::link) fn server(
        self: &Arc<Self>,
        address: &Address,
        deadline: Instant,
    ) -> Result<Arc<Server>, CallError> {
        if let Some(server) = self.known(address).filter(|server| !server.is_away()) {
            return Ok(server);
        }
        let channel = self.shake_hands(address, deadline)?;
        self.adopt(address, channel, deadline)
    }

    /// A handshake, which says whether a server is to be tried last for a while.
    fn shake_hands(&self, address: &Address, deadline: Instant) -> Result<Channel, CallError> {
        let limit = deadline.min(Instant::now() + CONNECT_TIMEOUT);
        let opened = server::open(address, &self.identification, limit);
        match &opened {
            Ok(_) => order::answered(address),
            Err(error) if is_way(error) => order::failed(address),
            Err(_) => {}
        }
        opened
    }

    /// Opens a connection over a new channel, or takes up the one that was there.
    fn adopt(
        self: &Arc<Self>,
        address: &Address,
        channel: Channel,
        deadline: Instant,
    ) -> Result<Arc<Server>, CallError> {
        let gate = self.gates.iter().find(|(known, _)| known == address);
        let gate = gate.map(|(_, gate)| gate.try_lock_until(deadline));
        if matches!(gate, Some(None)) {
            return Err(texts::error(Reason::TimedOut));
        }
        self.keep_worker()?;
        match self.known(address) {
            Some(server) if !server.is_away() => Ok(server),
            // Its sessions are taken up again, which only the server itself can do.
            Some(server) => {
                server.resume(channel, deadline)?;
                self.came_back(&server);
                Ok(server)
            }
            None => {
                let identification = Arc::clone(&self.identification);
                let server = Server::greet(address.clone(), identification, channel, deadline)?;
                let server = Arc::new(server);
                self.use_server(&server);
                Ok(server)
            }
        }
    }

    /// Looks after a server from now on.
    pub(in crate::link) fn use_server(self: &Arc<Self>, server: &Arc<Server>) {
        let mut state = self.state.lock();
        if state.servers.iter().any(|known| Arc::ptr_eq(known, server)) {
            return;
        }
        log::info!("connected to {}", server.address);
        state.servers.push(Arc::clone(server));
        state.woken = true;
        drop(state);
        self.wake.notify_all();
    }

    /// Starts the worker unless it runs: without it nobody keeps the seats.
    pub(in crate::link) fn keep_worker(self: &Arc<Self>) -> Result<(), CallError> {
        let mut state = self.state.lock();
        let runs = state.worker.as_ref();
        if runs.is_some_and(|worker| !worker.is_finished()) || self.is_ending() {
            return Ok(());
        }
        let connection = Arc::clone(self);
        let started = thread::Builder::new()
            .name("licence-worker".into())
            .spawn(move || worker::run(&connection));
        let worker = started.map_err(|error| {
            log::error!("no thread for the connection: {error}");
            texts::error(Reason::NoMemory)
        })?;
        state.worker = Some(worker);
        Ok(())
    }

    /// The connection to a server, whether it answers or not.
    pub(in crate::link) fn known(&self, address: &Address) -> Option<Arc<Server>> {
        let state = self.state.lock();
        let mut servers = state.servers.iter();
        servers.find(|server| server.address == *address).cloned()
    }
}
