//! The running server: what its parts share, and how it starts and stops.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::RwLock;
use protocol::KeyId;
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    access::{Rate, SignIn},
    accounting::{Command, Event, EventKind, Moment, Now, Outcome, ServerId},
    api::{Counts, Streams},
    carriers::Carriers,
    clock::{Clock, Kept},
    component::{Channels, Directories, Lives},
    conf::{Conf, TlsPort},
    console::Visitors,
    keys::{KeyRing, KeysError},
    net::{self, Tls, TlsError},
    places::Places,
    port, reaper,
    router::Addresses,
    store::{Embedded, EventQuery, Journal, Store, StoreError},
};

/// What all parts of the server share.
pub struct Server {
    /// Whose the connections are.
    pub id: ServerId,
    /// Where files are.
    pub places: Places,
    /// The keys.
    pub keys: KeyRing,
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The journal, and the history of usage.
    pub journal: Arc<dyn Journal>,
    /// Which connections are alive.
    pub lives: Arc<Lives>,
    /// The channels to components.
    pub channels: Channels,
    /// Directories of datafiles that components sent.
    pub directories: Directories,
    /// Who signed in lately.
    pub sign_in: SignIn,
    /// How often who asks.
    pub rate: Rate,
    /// Who is signed in at the console.
    pub visitors: Visitors,
    /// Who reads lists: they are searched in turn, so that no crowd takes all processors and all memory.
    pub(crate) lists: Arc<Semaphore>,
    /// Who watches.
    pub streams: Streams,
    /// How often what happened since the start.
    pub counts: Counts,
    /// The time by which keys begin and end.
    pub(crate) clock: Arc<Clock>,
    /// When the server started.
    pub started: Moment,
    conf: RwLock<Arc<Conf>>,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The ledger.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The port is taken.
    #[error("port {port} is taken{}; stop that program, or choose another ServerPort in licenceserver.conf", .by.as_ref().map_or_else(|| port::UNSEEN.0.into(), |by| format!(" by {by}")))]
    PortTaken {
        /// The port.
        port: u16,
        /// The process that has it, as far as the system tells.
        by: Option<String>,
    },
    /// The address cannot be listened on.
    #[error(
        "{address} cannot be listened on: {error}; check ServerAddr and ServerPort in licenceserver.conf"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A file cannot be written.
    #[error("{}: {error}", .0.display(), error = .1)]
    File(PathBuf, io::Error),
}

/// The wall clock.
pub fn now() -> Moment {
    Moment(Timestamp::now().as_millisecond())
}

impl Server {
    /// Opens keys and ledger, and brings the two together.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(places: Places, conf: Conf) -> Result<Arc<Self>, StartError> {
        let keys = KeyRing::open(&places, conf.series_file.clone())?
            .with_carriers(Carriers::new(&conf.upkey));
        let (clock, kept) = Clock::open(places.clock(), &keys.instance.secret);
        let clock = Arc::new(clock);
        let ledgers = Arc::clone(&clock);
        let lives = Arc::new(Lives::default());
        let told = Arc::clone(&lives);
        let store = Arc::new(Embedded::open(
            &places.store(),
            conf.rules.clone(),
            Box::new(move || Now {
                wall: ledgers.now(),
                steady: ledgers.steady(),
            }),
            Box::new(move |lost| told.tell(&lost)),
        )?);
        let server = Arc::new(Self {
            id: ServerId::of(&keys.instance.public),
            places,
            keys,
            store: Arc::<Embedded>::clone(&store),
            journal: store,
            lives,
            channels: Channels::default(),
            directories: Directories::default(),
            sign_in: SignIn::default(),
            rate: Rate::default(),
            visitors: Visitors::default(),
            lists: Arc::new(Semaphore::new(LISTS_AT_ONCE)),
            streams: Streams::default(),
            counts: Counts::default(),
            clock,
            started: now(),
            conf: RwLock::new(Arc::new(conf)),
        });
        server.miss_the_time(kept).await?;
        server.adopt_all().await?;
        server.keys.set_off(server.store.keys_off().await?);
        if let Err(error) = server.keys_changed().await {
            // A key that ended meanwhile is written down; the disk may be full, and who is seated stays seated.
            log::error!("{error}");
            server.keys.look_again();
        }
        let started = Event::new(EventKind::Started)
            .saying(&format!("version={}", protocol::Version::CURRENT));
        if let Err(error) = server.journal.note(None, started).await {
            // Who is seated stays seated while the disk is full.
            log::error!("{error}");
        }
        Ok(server)
    }

    /// Says what became of the highest time that was seen, when it was not there. Of an altered one the journal's last
    /// line knows still.
    async fn miss_the_time(&self, kept: Kept) -> Result<(), StoreError> {
        let last = EventQuery {
            limit: 1,
            ..EventQuery::default()
        };
        let last = self.journal.events(last).await?.rows.pop();
        let reason = match (kept, last) {
            // Nothing was seen before the first start.
            (Kept::Seen(_), _) | (Kept::Missing, None) => return Ok(()),
            (Kept::Missing, Some(_)) => "Missing",
            (Kept::Damaged, last) => {
                if let Some(last) = last {
                    self.clock.at_least(last.at);
                }
                "Damaged"
            }
        };
        log::warn!(
            "{}: what was seen of the time is {}; it is begun anew",
            self.places.clock().display(),
            reason.to_lowercase()
        );
        let event = Event::new(EventKind::ClockForgotten).because(reason);
        if let Err(error) = self.journal.note(None, event).await {
            log::error!("{error}");
        }
        Ok(())
    }

    /// Everybody in the ledger is heard by this server from now on, with a fresh time-out: the silence was the server's.
    /// The rows are another's where the ledger was brought here from another computer, or the instance key is new.
    async fn adopt_all(&self) -> Result<(), StoreError> {
        let rows = self.store.connections().await?;
        let adoptions = rows
            .iter()
            .filter(|row| row.connection.owner != Some(self.id))
            .map(|row| {
                let adopt = Command::Adopt {
                    connection: row.connection.id,
                    from: row.connection.owner,
                    owner: self.id,
                };
                self.store.apply(row.key_id, adopt)
            });
        futures_util::future::try_join_all(adoptions).await?;
        for row in rows {
            self.lives.add(row.connection.id, row.key_id);
        }
        Ok(())
    }

    /// Reads a list on a thread that may last, after those before it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait.
    pub(crate) async fn in_line<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.lists).acquire_owned();
        let place = tokio::time::timeout(LIST_PATIENCE, place)
            .await
            .map_err(|_| StoreError::Busy)?;
        let server = Arc::clone(self);
        let read = move || {
            let found = read(&server);
            // Kept until here, whether or not somebody waits still.
            drop(place);
            found
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| StoreError::Stopping)
    }

    /// The settings of the moment.
    pub fn conf(&self) -> Arc<Conf> {
        Arc::clone(&self.conf.read())
    }

    /// Other settings from now on.
    pub(crate) fn replace_conf(&self, conf: Arc<Conf>) {
        *self.conf.write() = conf;
    }

    /// Runs a command that changes keys, or notes that time has passed. A large change goes in parts; all of them are done
    /// when this ends.
    ///
    /// # Errors
    /// Those of the store; the rest is done when keys or time are looked at next.
    pub async fn change_keys(
        &self,
        key_id: KeyId,
        command: Command,
    ) -> Result<Outcome, StoreError> {
        let mut outcome = self.store.apply(key_id, command).await?;
        while let Outcome::Done { more: true, .. } = outcome {
            outcome = self.store.apply(key_id, Command::TimePassed).await?;
        }
        Ok(outcome)
    }

    /// Tells the ledger which keys there are now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keys_changed(&self) -> Result<(), StoreError> {
        let mut pools = self.keys.pools();
        for key_id in self.store.series().await? {
            pools.entry(key_id).or_default();
        }
        for (key_id, keys) in pools {
            self.change_keys(key_id, Command::KeysChanged(keys)).await?;
        }
        Ok(())
    }

    /// Listens as the settings say. To be done before [`Server::open`]: a second server of the same folder then
    /// hears of the port, and leaves the ledger alone.
    ///
    /// # Errors
    /// A taken port names the process that has it.
    pub async fn listen(conf: &Conf) -> Result<Listeners, StartError> {
        let plain = listen_on(conf, conf.server_port).await?;
        let tls = match &conf.tls {
            None => None,
            Some(TlsPort {
                port,
                certificate,
                key,
            }) => {
                let tls = Tls::open(certificate, key)?;
                Some((listen_on(conf, *port).await?, Arc::new(tls)))
            }
        };
        Ok(Listeners { plain, tls })
    }

    /// Serves until `stop` comes, then lets running requests end.
    pub async fn serve(
        self: Arc<Self>,
        listeners: Listeners,
        stop: impl Future<Output = ()> + Send + 'static,
    ) {
        let reaper = tokio::spawn(reaper::run(Arc::clone(&self)));
        crate::watch::begin(&self, tokio::runtime::Handle::current());
        let renewal = tokio::spawn(crate::renewal::run(Arc::clone(&self)));
        let counting = tokio::spawn(Counts::run(Arc::clone(&self)));
        let server = Arc::clone(&self);
        let stop = async move {
            stop.await;
            server.streams.end();
        };
        // A connection that a component keeps is silent between two heartbeats.
        let head_patience = HEAD_PATIENCE.max(self.conf().heartbeat + Duration::from_secs(5));
        let addresses = Addresses::new(Arc::clone(&self));
        net::serve(
            listeners.plain,
            listeners.tls,
            addresses,
            head_patience,
            stop,
        )
        .await;
        reaper.abort();
        renewal.abort();
        counting.abort();
        if let Err(error) = self
            .journal
            .note(None, Event::new(EventKind::Stopped))
            .await
        {
            log::error!("{error}");
        }
    }
}

/// How many lists are read at once.
const LISTS_AT_ONCE: usize = 2;
/// How long a list waits for those before it.
const LIST_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to say what it wants.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);

/// The ports that are listened on.
pub struct Listeners {
    plain: TcpListener,
    tls: Option<(TcpListener, Arc<Tls>)>,
}

impl Listeners {
    /// The port of components, console and API.
    ///
    /// # Errors
    /// Those of the system.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.plain.local_addr()?.port())
    }

    /// The port with TLS, if there is one.
    ///
    /// # Errors
    /// Those of the system.
    pub fn tls_port(&self) -> io::Result<Option<u16>> {
        let port = |(listener, _): &(TcpListener, _)| Ok(listener.local_addr()?.port());
        self.tls.as_ref().map(port).transpose()
    }
}

async fn listen_on(conf: &Conf, port: u16) -> Result<TcpListener, StartError> {
    let ip = conf
        .server_addr
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => StartError::PortTaken {
                port,
                by: port::holder(port),
            },
            _ => StartError::Listen { address, error },
        })
}
