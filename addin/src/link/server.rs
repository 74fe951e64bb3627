//! One server that a connection works with: its channel, renewed when it wears out or breaks, and the
//! sessions that hold seats there.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::{
    KeyId, Reason,
    facts::ComponentFacts,
    series::SeriesKeys,
    signature::Secret,
    wire::message::{Answer, Hello, Id, Request, Resume, Welcome},
};

use super::{
    channel::{Channel, ChannelError},
    http::{CONNECT_TIMEOUT, Http},
    seats::Seats,
    trust::denied_error,
};
use crate::{settings::Address, table::CallError, texts};

/// How often one call may need a new channel before it is given up.
const RENEWALS: u32 = 3;
/// Heartbeats are never further apart, nor closer, whatever the server says.
const HEARTBEAT: (u32, u32) = (1, 60);
/// How long a component works on without an answer when the server does not tell.
const GRACE: u32 = 5 * 60;
/// The longest grace, whatever the server says.
const MAX_GRACE: u32 = 60 * 60;

/// What every server of one connection is told.
#[derive(Clone, Debug)]
pub(super) struct Identification {
    /// The series.
    pub key_id: KeyId,
    /// The series' key.
    pub public_keys: SeriesKeys,
    /// The access code.
    pub access_code: String,
    /// This process.
    pub facts: ComponentFacts,
}

/// A server, with an open connection to it.
#[derive(Debug)]
pub(crate) struct Server {
    /// Its address.
    pub address: Address,
    identification: Arc<Identification>,
    line: Mutex<Line>,
    /// Held by the one thread that renews the channel.
    renewing: Mutex<()>,
    pub(super) seats: Seats,
    away: AtomicBool,
    /// Milliseconds since `born` of the last good answer.
    heard: AtomicU64,
    born: Instant,
}

#[derive(Debug)]
struct Line {
    channel: Arc<Channel>,
    generation: u64,
    welcome: Option<Welcome>,
    /// The operation of a Hello that has no answer yet: its repetition must be the same operation.
    greeting: Option<Id>,
    /// Sessions that a renewal did not find any more.
    gone: HashSet<Id>,
}

/// Opens a channel to a server: the part that may be raced, because the server keeps nothing of it.
pub(super) fn open(
    address: &Address,
    identification: &Identification,
    deadline: Instant,
) -> Result<Channel, CallError> {
    let http = Http::find(address, deadline).map_err(|error| {
        log::info!("{address}: {}: {}", error.reason.name(), error.detail);
        texts::error(error.reason)
    })?;
    log::info!("{address}: asking at {}", http.socket());
    Channel::open(
        http,
        identification.key_id,
        &identification.public_keys,
        deadline,
    )
}

impl Server {
    /// Opens the connection over a new channel.
    pub(super) fn greet(
        address: Address,
        identification: Arc<Identification>,
        channel: Channel,
        deadline: Instant,
    ) -> Result<Self, CallError> {
        let server = Self {
            address,
            identification,
            line: Mutex::new(Line {
                channel: Arc::new(channel),
                generation: 0,
                welcome: None,
                greeting: None,
                gone: HashSet::new(),
            }),
            renewing: Mutex::new(()),
            seats: Seats::default(),
            away: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            born: Instant::now(),
        };
        let channel = server.channel().0;
        // A server that stops in the middle must not use up what the next one needs.
        let deadline = deadline.min(Instant::now() + CONNECT_TIMEOUT);
        if server.hello(&channel, deadline).is_err() {
            // A first channel may be worn out by the race; one renewal settles it.
            server.renew(0, deadline)?;
        }
        Ok(server)
    }

    /// The connection's id on the server.
    pub(crate) fn connection_id(&self) -> String {
        let line = self.line.lock();
        line.welcome
            .as_ref()
            .map(|welcome| welcome.connection.to_string())
            .unwrap_or_default()
    }

    /// The pause between heartbeats.
    pub(super) fn heartbeat(&self) -> Duration {
        let told = self
            .line
            .lock()
            .welcome
            .as_ref()
            .map(|w| w.heartbeat_seconds);
        let (least, most) = HEARTBEAT;
        Duration::from_secs(u64::from(told.unwrap_or(10).clamp(least, most)))
    }

    /// After how much silence the server takes the connection for dead.
    pub(super) fn expiry(&self) -> Duration {
        let told = self.line.lock().welcome.as_ref().map(|w| w.expire_seconds);
        Duration::from_secs(u64::from(told.unwrap_or(20).clamp(2, 3600)))
    }

    /// How long sessions work on when it does not answer.
    pub(super) fn grace(&self) -> Duration {
        let told = self
            .line
            .lock()
            .welcome
            .as_ref()
            .and_then(|w| w.grace_seconds);
        Duration::from_secs(u64::from(told.unwrap_or(GRACE).min(MAX_GRACE)))
    }

    /// Whether it does not answer at present.
    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::SeqCst)
    }

    /// Notes that it does not answer; says whether it did until now.
    pub(super) fn set_away(&self, away: bool) -> bool {
        self.away.swap(away, Ordering::SeqCst) != away
    }

    /// When it last answered.
    pub(super) fn heard(&self) -> Instant {
        self.born + Duration::from_millis(self.heard.load(Ordering::SeqCst))
    }

    /// Ends calls under way at once.
    pub(super) fn interrupt(&self) {
        self.channel().0.interrupt();
    }

    /// Sessions that a renewal did not find any more, told once.
    pub(super) fn take_gone(&self) -> HashSet<Id> {
        std::mem::take(&mut self.line.lock().gone)
    }

    /// Whether a renewal lost sessions that nobody has looked after yet.
    pub(super) fn has_gone(&self) -> bool {
        !self.line.lock().gone.is_empty()
    }

    /// Asks; a worn or broken channel is renewed and the request, with its operation id, asked again.
    pub(super) fn call(&self, request: &Request, deadline: Instant) -> Result<Answer, CallError> {
        let mut renewals = 0;
        loop {
            let (channel, generation) = self.channel();
            let result = if channel.is_worn() {
                Err(ChannelError::Worn)
            } else {
                channel.call(request, deadline)
            };
            match result {
                // It answers, but our silence was too long for it: a Hello takes the connection up again.
                Ok(Answer::Denied(denied))
                    if denied.reason == Reason::ConnectionLost && renewals < RENEWALS =>
                {
                    renewals += 1;
                    self.renew(generation, deadline)?;
                }
                Ok(answer) => {
                    self.hear();
                    return Ok(answer);
                }
                Err(ChannelError::Worn) if renewals < RENEWALS => {
                    renewals += 1;
                    self.renew(generation, deadline)?;
                }
                Err(error) => return Err(error.into_error()),
            }
        }
    }

    /// A new handshake and Hello that takes the connection up again, unless another thread has just made
    /// one.
    pub(super) fn renew(&self, worn: u64, deadline: Instant) -> Result<(), CallError> {
        let Some(_renewing) = self.renewing.try_lock_until(deadline) else {
            return Err(texts::error(Reason::ServerBusy));
        };
        if self.channel().1 != worn {
            return Ok(());
        }
        let channel = open(&self.address, &self.identification, deadline)?;
        self.hello(&Arc::new(channel), deadline)
            .map_err(ChannelError::into_error)
    }

    /// Hello over a new channel that somebody else opened.
    pub(super) fn resume(&self, channel: Channel, deadline: Instant) -> Result<(), CallError> {
        let Some(_renewing) = self.renewing.try_lock_until(deadline) else {
            return Err(texts::error(Reason::ServerBusy));
        };
        self.hello(&Arc::new(channel), deadline)
            .map_err(ChannelError::into_error)
    }

    /// The server's static key: credentials must delegate to it.
    pub(super) fn key(&self) -> [u8; 32] {
        *self.channel().0.server()
    }

    /// Whom it serves.
    pub(super) fn identification(&self) -> &Identification {
        &self.identification
    }

    /// The number of the channel in use.
    pub(super) fn generation(&self) -> u64 {
        self.channel().1
    }

    fn hello(&self, channel: &Arc<Channel>, deadline: Instant) -> Result<(), ChannelError> {
        let hello = {
            let mut line = self.line.lock();
            let operation = *line.greeting.get_or_insert_with(Id::random);
            let former = line.welcome.as_ref();
            let former = former.map(|welcome| (welcome.connection, welcome.token.clone()));
            drop(line);
            self.greeting(operation, former)
        };
        let asked: Vec<Id> = hello
            .resume
            .iter()
            .flat_map(|resume| resume.sessions.iter().map(|session| session.session))
            .collect();
        match channel.call(&Request::Hello(Box::new(hello)), deadline)? {
            Answer::Welcome(welcome) => {
                let found: HashSet<_> = welcome.sessions.iter().collect();
                let gone: Vec<_> = asked.into_iter().filter(|id| !found.contains(id)).collect();
                for id in &gone {
                    self.seats.forget(*id);
                }
                let mut line = self.line.lock();
                line.gone.extend(gone);
                line.channel = Arc::clone(channel);
                line.generation += 1;
                line.welcome = Some(welcome);
                line.greeting = None;
                drop(line);
                self.hear();
                Ok(())
            }
            Answer::Denied(denied) => {
                // The next Hello is another operation.
                self.line.lock().greeting = None;
                Err(ChannelError::Wrong(denied_error(&denied)))
            }
            _ => Err(ChannelError::Wrong(texts::error(Reason::BadMessage))),
        }
    }

    fn greeting(&self, operation: Id, former: Option<(Id, Secret)>) -> Hello {
        let resume = former.map(|(connection, token)| Resume {
            connection,
            token,
            sessions: self.seats.to_resume(),
        });
        Hello {
            operation,
            facts: self.identification.facts.clone(),
            access_code: self.identification.access_code.clone(),
            resume,
        }
    }

    fn channel(&self) -> (Arc<Channel>, u64) {
        let line = self.line.lock();
        (Arc::clone(&line.channel), line.generation)
    }

    fn hear(&self) {
        let millis = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(millis, Ordering::SeqCst);
    }
}
