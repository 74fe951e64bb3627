//! The rules once more, as a person with paper and pencil would follow them: a list of sessions, counted anew each time,
//! and all ways of sitting them on the keys tried. Nothing of the real rules is used here but the words of their rows.
//!
//! On which key a session sits is the ledger's choice: the model takes it over once it has found it right.

mod keys;

use std::collections::BTreeSet;

use protocol::facts::Occupant;

use super::super::*;

/// What should be there.
pub(super) struct Model {
    pub(super) sessions: Vec<Session>,
    connections: Vec<Connection>,
    keys: Vec<Key>,
    off: BTreeSet<u32>,
    operations: Vec<(OperationId, Moment, Effect)>,
    pub(super) rules: Rules,
}

/// An outcome without what the ledger may choose.
pub(super) fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Connected { connection, .. } => format!("connected {connection}"),
        Outcome::Granted(grant) => format!("granted {} {:?}", grant.session, grant.since),
        Outcome::Denied(Denial::NoSeats { total, .. }) => format!("no seats of {total}"),
        Outcome::Denied(Denial::NotUsable(keys)) => format!("none of {} usable", keys.len()),
        Outcome::Denied(other) => format!("{other:?}"),
        Outcome::Done { lost, more } => {
            let lost: BTreeSet<SessionId> = lost.iter().map(|lost| lost.session).collect();
            done(&lost) + if *more { " and more" } else { "" }
        }
        other => format!("{other:?}"),
    }
}

fn done(lost: &BTreeSet<SessionId>) -> String {
    let lost: Vec<String> = lost.iter().map(SessionId::to_string).collect();
    format!("done, lost {}", lost.join(" "))
}

impl Model {
    pub(super) fn new(keys: Vec<Key>, rules: Rules) -> Self {
        Self {
            sessions: Vec::new(),
            connections: Vec::new(),
            keys,
            off: BTreeSet::new(),
            operations: Vec::new(),
            rules,
        }
    }

    /// Follows a command; what should come of it.
    pub(super) fn run(&mut self, command: &Command, real: &Outcome, times: Now) -> String {
        let (now, steady) = (times.wall, times.steady);
        match command {
            Command::Connect {
                operation,
                connection,
            } => {
                self.connections.push(connection.as_ref().clone());
                let effect = Effect::Connected(connection.id);
                self.operations.push((*operation, now, effect));
                format!("connected {}", connection.id)
            }
            Command::Acquire(claim) => self.acquire(claim, now),
            Command::Release {
                operation,
                connection,
                session,
            } => self.leave(*operation, *connection, *session, None, times),
            Command::Detach {
                operation,
                connection,
                session,
                moved,
            } => self.leave(*operation, *connection, *session, Some(*moved), times),
            Command::Disconnect(id) => self.take_away(*id, true, steady),
            Command::ConnectionExpired { connection, owner } => {
                let known = self.connections.iter().find(|one| one.id == *connection);
                if known.is_none_or(|known| known.owner != Some(*owner)) {
                    return "UnknownConnection".into();
                }
                self.take_away(*connection, false, steady)
            }
            Command::Adopt {
                connection,
                from,
                owner,
            } => {
                let mut known = self.connections.iter_mut();
                match known.find(|one| one.id == *connection && one.owner == *from) {
                    None => "UnknownConnection".into(),
                    Some(known) => {
                        known.owner = Some(*owner);
                        done(&BTreeSet::new())
                    }
                }
            }
            Command::AdminDrop { connection, .. } => self.take_away(*connection, false, steady),
            Command::LingerEnded(id) => {
                let over = |session: &&Session| {
                    session.id == *id && session.linger_until.is_some_and(|end| end <= steady)
                };
                let ended = self
                    .sessions
                    .iter()
                    .filter(over)
                    .map(|one| one.id)
                    .collect();
                // Settings that were changed meanwhile shorten what is left.
                let longest = steady.after(self.rules.linger);
                if let Some(at) = self.at(*id) {
                    let end = &mut self.sessions[at].linger_until;
                    *end = end.map(|end| if end <= steady { end } else { end.min(longest) });
                }
                self.end(ended)
            }
            Command::AdminRelease { session, .. } => match self.at(*session) {
                None => "UnknownSession".into(),
                Some(_) => self.end([*session].into()),
            },
            Command::SwitchKey { key_no, on, .. } => {
                if self.keys.iter().all(|key| key.key_no != *key_no) {
                    return "UnknownKey".into();
                }
                if *on {
                    self.off.remove(key_no);
                } else {
                    self.off.insert(*key_no);
                }
                self.reseat(real, now)
            }
            Command::KeysChanged(keys) => {
                self.keys.clone_from(keys);
                self.reseat(real, now)
            }
            Command::TimePassed => self.reseat(real, now),
            Command::ForgetOperations(before) => {
                // In the order in which they came, up to the first that is still of use.
                let kept = |(_, at, _): &(OperationId, Moment, Effect)| at >= before && *at <= now;
                let first = self.operations.iter().position(kept);
                let first = first.unwrap_or(self.operations.len());
                self.operations.drain(..first);
                let forgotten = first > 0;
                done(&BTreeSet::new()) + if forgotten { " and more" } else { "" }
            }
            Command::Resume(resume) => {
                let mut known = self.connections.iter_mut();
                let known = known.find(|one| {
                    one.id == resume.connection
                        && (one.token == resume.token || one.previous_token == Some(resume.token))
                        && one.facts == resume.facts
                });
                match known {
                    None => "UnknownConnection".into(),
                    Some(known) => {
                        known.token = resume.replacement;
                        known.previous_token = Some(resume.token);
                        known.peer_ip.clone_from(&resume.peer_ip);
                        known.owner = Some(resume.owner);
                        format!("connected {}", resume.connection)
                    }
                }
            }
        }
    }

    /// Requests are read by their times at a start.
    pub(super) fn restart(&mut self) {
        self.operations.sort_by_key(|(id, at, _)| (*at, *id));
    }

    fn at(&self, id: SessionId) -> Option<usize> {
        self.sessions.iter().position(|session| session.id == id)
    }

    fn effect(&self, id: OperationId) -> Option<Effect> {
        let known = self.operations.iter().find(|(known, ..)| *known == id);
        known.map(|(.., effect)| *effect)
    }

    pub(super) fn is_free(&self, session: &Session) -> bool {
        let free = &self.rules.free_app_names;
        free.contains(&session.app_name.to_lowercase())
    }

    fn acquire(&mut self, claim: &Claim, now: Moment) -> String {
        match self.effect(claim.operation) {
            Some(Effect::Granted(id)) => {
                let Some(known) = self.at(id).map(|at| &self.sessions[at]) else {
                    return "UnknownSession".into();
                };
                // Another process asks as if it had asked anew.
                if known.attached.contains(&claim.connection) {
                    return format!("granted {id} {:?}", known.since);
                }
            }
            Some(_) => return "UnknownSession".into(),
            None => {}
        }
        let Some(connection) = self
            .connections
            .iter()
            .find(|one| one.id == claim.connection)
        else {
            return "UnknownConnection".into();
        };
        let connection = connection.clone();
        if let Some(shares) = &self.rules.shares
            && !shares.contains_key(&connection.access_code)
        {
            return "UnknownCode".into();
        }
        let facts = &claim.facts;
        let identity = facts.key.identity();
        let own = facts.occupant(&connection.facts);
        let known = [Occupant::Session(identity), own]
            .into_iter()
            .find_map(|own| {
                self.sessions
                    .iter()
                    .find(|session| session.own == own && session.identity == identity)
            });
        let mut session = known.cloned().unwrap_or_else(|| Session {
            id: claim.session,
            identity,
            own,
            seat: None,
            key_no: 0,
            since: now,
            flags: 0,
            attached: Vec::new(),
            linger_until: None,
            parent: None,
            created_by: connection.id,
            is_server: connection.facts.is_server,
            number: facts.key.number,
            started: facts.key.started,
            infobase: facts.key.infobase.as_str().into(),
            user_name: facts.user_name.as_str().into(),
            computer_name: facts.computer_name.as_str().into(),
            app_name: facts.app_name.as_str().into(),
            access_code: connection.access_code.clone(),
        });
        if !session.attached.contains(&connection.id) {
            session.attached.push(connection.id);
        }
        session.linger_until = None;
        session.flags |= claim.flags;
        if let Err(denial) = self.sit(&mut session, claim, &connection, now) {
            return denial;
        }
        let effect = Effect::Granted(session.id);
        self.operations.retain(|(id, ..)| *id != claim.operation);
        self.operations.push((claim.operation, now, effect));
        let granted = format!("granted {} {:?}", session.id, session.since);
        match self.at(session.id) {
            Some(at) => self.sessions[at] = session,
            None => self.sessions.push(session),
        }
        granted
    }

    fn sit(
        &self,
        session: &mut Session,
        claim: &Claim,
        connection: &Connection,
        now: Moment,
    ) -> Result<(), String> {
        let usable = self.usable(now);
        let serving: Vec<&&Key> = usable
            .iter()
            .filter(|key| key.flags & session.flags == session.flags)
            .collect();
        let denial = || {
            if self.keys.is_empty() {
                "NoLicence".into()
            } else if usable.is_empty() {
                format!("none of {} usable", self.keys.len())
            } else if serving.is_empty() {
                format!("NoFlags {{ asked: {} }}", session.flags)
            } else {
                let total: u32 = serving.iter().map(|key| key.seats).sum();
                format!("no seats of {total}")
            }
        };
        if self.is_free(session) && serving.is_empty() {
            return Err(denial());
        }
        if serving.iter().any(|key| self.frees(key, session)) {
            session.seat = None;
            return Ok(());
        }
        let mut seats = self.seats();
        if session.seat.is_none()
            && let Some(parent) = &claim.facts.parent
            && let Some(parent) = self.parent_of(parent, connection, session.id)
            && let Some(occupant) = parent.seat
        {
            let together = seats[&occupant] | session.flags;
            let key = usable.iter().find(|key| key.key_no == parent.key_no);
            let children = self
                .sessions
                .iter()
                .filter(|other| other.seat == Some(occupant) && other.parent.is_some());
            if key.is_some_and(|key| key.flags & together == together)
                && children.count() < MAX_CHILDREN
            {
                session.seat = Some(occupant);
                session.since = parent.since;
                session.parent = Some(parent.identity);
                session.access_code = self.code_of(&occupant, session);
                return Ok(());
            }
        }
        let occupant = session.seat.unwrap_or(session.own);
        let sitting = self.sessions.iter().find(|one| one.seat == Some(occupant));
        if sitting.is_none() {
            self.share(session, &usable, denial)?;
        }
        *seats.entry(occupant).or_default() |= session.flags;
        let flags: Vec<u32> = seats.into_values().collect();
        if self.most(&flags, now) < flags.len() {
            return Err(denial());
        }
        session.access_code = self.code_of(&occupant, session);
        session.seat = Some(occupant);
        session.since = sitting.map_or(now, |sitting| sitting.since);
        Ok(())
    }

    fn parent_of(
        &self,
        parent: &protocol::facts::SessionKey,
        connection: &Connection,
        child: SessionId,
    ) -> Option<&Session> {
        let identity = parent.identity();
        let owns = [
            Occupant::Session(identity),
            connection.facts.occupant(parent),
        ];
        let found = owns.into_iter().find_map(|own| {
            self.sessions
                .iter()
                .find(|session| session.own == own && session.identity == identity)
        });
        found.filter(|parent| parent.id != child)
    }

    /// ReleaseLicence, or Done where `moved` says whether the seat is elsewhere now.
    fn leave(
        &mut self,
        operation: OperationId,
        connection: ConnectionId,
        session: SessionId,
        moved: Option<bool>,
        times: Now,
    ) -> String {
        if self.effect(operation).is_some() {
            return done(&BTreeSet::new());
        }
        let Some(known) = self.connections.iter().find(|one| one.id == connection) else {
            return "UnknownConnection".into();
        };
        let is_server = known.facts.is_server;
        let Some(at) = self
            .at(session)
            .filter(|at| self.sessions[*at].attached.contains(&connection))
        else {
            return "UnknownSession".into();
        };
        let last_child = self.is_last_child(&self.sessions[at]);
        let row = &mut self.sessions[at];
        row.attached.retain(|one| *one != connection);
        let (effect, ended) = match moved {
            None => (Effect::Released, true),
            Some(moved) => {
                let alone = row.attached.is_empty();
                let lingers = is_server && !moved && !last_child && !self.rules.linger.is_zero();
                if alone && lingers {
                    row.linger_until = Some(times.steady.after(self.rules.linger));
                }
                (Effect::Detached, alone && !lingers)
            }
        };
        self.operations.push((operation, times.wall, effect));
        self.end(ended.then_some(session).into_iter().collect())
    }

    /// A connection goes; sessions that nobody else keeps end, or linger when a server process says goodbye.
    fn take_away(&mut self, id: ConnectionId, goodbye: bool, steady: Moment) -> String {
        let Some(at) = self.connections.iter().position(|one| one.id == id) else {
            return "UnknownConnection".into();
        };
        let lingers =
            goodbye && self.connections.remove(at).facts.is_server && !self.rules.linger.is_zero();
        self.connections.retain(|one| one.id != id);
        let mut ended = BTreeSet::new();
        let last_children: BTreeSet<SessionId> = self
            .sessions
            .iter()
            .filter(|session| self.is_last_child(session))
            .map(|session| session.id)
            .collect();
        for session in &mut self.sessions {
            if !session.attached.contains(&id) {
                continue;
            }
            session.attached.retain(|one| *one != id);
            let lingers = lingers && !last_children.contains(&session.id);
            if session.attached.is_empty() && lingers {
                session.linger_until = Some(steady.after(self.rules.linger));
            } else if session.attached.is_empty() {
                ended.insert(session.id);
            }
        }
        self.end(ended)
    }

    /// A child beside its parent, without children of its own.
    fn is_last_child(&self, child: &Session) -> bool {
        let beside = |other: &&Session| other.seat == child.seat && other.id != child.id;
        let mut others = self.sessions.iter().filter(beside);
        let mut more = others.clone();
        child.seat.is_some()
            && others.any(|other| Some(other.identity) == child.parent)
            && more.all(|other| other.parent != Some(child.identity))
    }

    /// Ends sessions, with the children that share their seats, and theirs.
    fn end(&mut self, mut ended: BTreeSet<SessionId>) -> String {
        loop {
            let more: Vec<SessionId> = self
                .sessions
                .iter()
                .filter(|child| !ended.contains(&child.id))
                .filter(|child| {
                    self.sessions.iter().any(|parent| {
                        ended.contains(&parent.id)
                            && child.parent == Some(parent.identity)
                            && child.seat.is_some()
                            && child.seat == parent.seat
                    })
                })
                .map(|child| child.id)
                .collect();
            if more.is_empty() {
                break;
            }
            ended.extend(more);
        }
        self.sessions.retain(|session| !ended.contains(&session.id));
        done(&ended)
    }
}
