//! The worker and its servers: heartbeats, reaching them again, what is owed to them, and letting them go.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    Reason,
    wire::message::{Answer, Request},
};

use super::{
    LIMIT, Plan, Worker, chance,
    pace::{Asking, BackOff, until_beat},
};
use crate::{
    link::{server::Server, trust::is_way},
    settings::Address,
    texts,
};

/// The longest that a heartbeat may take.
const BEAT_LIMIT: Duration = Duration::from_secs(3);
/// The pause before debts are looked at again that cannot be paid now, and before a busy server's next heartbeat.
const LATER: Duration = Duration::from_secs(1);
/// For how long a server without sessions is kept beside one that is wanted more.
pub(super) const IDLE: Duration = Duration::from_secs(60);

impl Worker<'_> {
    fn servers(&self) -> Vec<Arc<Server>> {
        self.connection.state.lock().servers.clone()
    }

    /// Servers that came, went away or came back since the last look, whoever found that out.
    pub(super) fn notice_changes(&mut self, now: Instant) {
        let servers = self.servers();
        let known = |address: &Address| servers.iter().any(|server| server.address == *address);
        self.plans.retain(|address, _| known(address));
        self.debts.retain(|address, _| known(address));
        for server in servers {
            let plan = self.plans.get(&server.address);
            if server.is_away() && !matches!(plan, Some(Plan::Reach(_))) {
                let back_off = BackOff::begin(now);
                self.plans
                    .insert(server.address.clone(), Plan::Reach(back_off));
                self.search = back_off;
                self.asking = Asking::begin(now);
            } else if !server.is_away() && !matches!(plan, Some(Plan::Beat(_))) {
                if plan.is_some() {
                    self.returns.came_back(now);
                }
                self.plan_beat(&server, now);
                self.search = BackOff::begin(now);
                self.asking = Asking::begin(now);
                self.debts.insert(server.address.clone(), now);
            }
        }
    }

    fn plan_beat(&mut self, server: &Server, now: Instant) {
        let next = now + until_beat(server.heartbeat(), chance());
        self.plans.insert(server.address.clone(), Plan::Beat(next));
    }

    /// The heartbeat that is due longest.
    pub(super) fn beat(&mut self, now: Instant) -> bool {
        let mut due: Option<(Instant, Arc<Server>)> = None;
        for server in self.connection.answering() {
            if let Some(Plan::Beat(next)) = self.plans.get(&server.address)
                && now >= *next
                && due.as_ref().is_none_or(|(first, _)| next < first)
            {
                due = Some((*next, server));
            }
        }
        let Some((_, server)) = due else { return false };
        self.plan_beat(&server, now);
        let deadline = now + BEAT_LIMIT.min(server.expiry() / 4);
        match server.call(&Request::Heartbeat, deadline) {
            Ok(Answer::Alive(alive)) => self.lost(&server, &alive.lost),
            // It answers, but knows the connection no more: a Hello takes it up again.
            Ok(_) => {
                if let Err(error) = server.renew(server.generation(), deadline) {
                    log::warn!("{}: {}", server.address, error.en);
                    self.connection.went_away(&server);
                }
            }
            // It has much to do, or has so much of ours already that no more may be sent: it is not away.
            Err(error) if error.reason() == Reason::ServerBusy => {
                let next = Instant::now() + LATER;
                self.plans.insert(server.address.clone(), Plan::Beat(next));
            }
            Err(error) => {
                log::warn!("{}: {}", server.address, error.en);
                self.connection.went_away(&server);
            }
        }
        true
    }

    /// While no server answers, all are tried: first those that hold seats.
    pub(super) fn search(&mut self, now: Instant) -> bool {
        let mut known = self.servers();
        if known.is_empty() || now < self.search.next || self.connection.current().is_some() {
            return false;
        }
        known.sort_by_key(|server| {
            let seats = !self.connection.sessions_at(server).is_empty();
            (!seats, self.connection.rank(&server.address))
        });
        let mut order: Vec<Address> = known.iter().map(|server| server.address.clone()).collect();
        let others = self.connection.configured().iter();
        let others: Vec<_> = others
            .filter(|address| !order.contains(address))
            .cloned()
            .collect();
        order.extend(others);
        if let Err(errors) = self.connection.look_for(&order, now + LIMIT) {
            log::warn!("no server answers: {}", texts::no_server(&errors).en);
            let expiry = known.iter().map(|server| server.expiry()).min();
            let expiry = expiry.unwrap_or(Duration::MAX);
            self.search.failed(Instant::now(), expiry, chance());
        }
        true
    }

    /// While another server answers, one that does not is tried again when that is due.
    pub(super) fn reach(&mut self, now: Instant) -> bool {
        let due = self.servers().into_iter().find(|server| {
            let plan = self.plans.get(&server.address);
            server.is_away() && matches!(plan, Some(Plan::Reach(back_off)) if now >= back_off.next)
        });
        let Some(server) = due.filter(|_| self.connection.current().is_some()) else {
            return false;
        };
        match self.connection.server(&server.address, now + LIMIT) {
            Ok(_) => {}
            Err(error) => {
                if !is_way(&error) {
                    log::warn!("{}: {}", server.address, error.en);
                }
                if let Some(Plan::Reach(back_off)) = self.plans.get_mut(&server.address) {
                    back_off.failed(Instant::now(), server.expiry(), chance());
                }
            }
        }
        true
    }

    /// Gives back what could not be given back when that was due.
    pub(super) fn pay(&mut self, now: Instant) -> bool {
        for server in self.connection.answering() {
            if self
                .debts
                .get(&server.address)
                .is_some_and(|due| now < *due)
            {
                continue;
            }
            let mut later = |pause| self.debts.insert(server.address.clone(), now + pause);
            match server.pay(LIMIT) {
                Ok(true) => return true,
                // What is left is being asked for at this moment.
                Ok(false) => {
                    later(LATER);
                }
                // The others wait neither for this debt nor for this server.
                Err(error) => {
                    log::warn!("{}: {}", server.address, error.en);
                    later(server.heartbeat());
                    if is_way(&error) && error.reason() != Reason::UnknownChannel {
                        self.connection.went_away(&server);
                    }
                    return true;
                }
            }
        }
        false
    }

    /// Lets a server go that has served no session for a while, when one that is wanted more answers.
    pub(super) fn retire(&mut self, now: Instant) -> bool {
        let Some(current) = self.connection.current() else {
            self.idle.clear();
            return false;
        };
        let rank = self.connection.rank(&current.address);
        let mut idle = self.servers();
        idle.retain(|server| {
            self.connection.rank(&server.address) > rank
                && !server.seats.has_debts()
                && self.connection.sessions_at(server).is_empty()
        });
        self.idle
            .retain(|address, _| idle.iter().any(|server| server.address == *address));
        for server in idle {
            let since = *self.idle.entry(server.address.clone()).or_insert(now);
            if now < since + IDLE {
                continue;
            }
            self.idle.remove(&server.address);
            let mut state = self.connection.state.lock();
            state.servers.retain(|other| !Arc::ptr_eq(other, &server));
            drop(state);
            if server.seats.are_busy() || !self.connection.sessions_at(&server).is_empty() {
                // Somebody turned to it just now.
                self.connection.use_server(&server);
                return true;
            }
            log::info!("{}: not needed any more", server.address);
            if !server.is_away() {
                self.bye(&server, now + LIMIT);
            }
            return true;
        }
        false
    }
}
