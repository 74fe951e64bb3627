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
use tokio::net::TcpListener;

use crate::{
    accounting::{Command, Event, EventKind, Moment},
    api::SignIn,
    component::{Channels, Directories, Lives},
    conf::Conf,
    keys::{KeyRing, KeysError},
    places::Places,
    port, reaper,
    store::{Embedded, Journal, Store, StoreError},
};

/// What all parts of the server share.
pub struct Server {
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
    #[error("port {port} is taken{}; stop that program, or choose another ServerPort in licenceserver.conf", .by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default())]
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
        let keys = KeyRing::open(&places, conf.series_file.clone())?;
        let lives = Arc::new(Lives::default());
        let told = Arc::clone(&lives);
        let store = Arc::new(Embedded::open(
            &places.store(),
            conf.rules.clone(),
            Box::new(now),
            Box::new(move |lost| told.tell(&lost)),
        )?);
        let server = Arc::new(Self {
            places,
            keys,
            store: Arc::<Embedded>::clone(&store),
            journal: store,
            lives,
            channels: Channels::default(),
            directories: Directories::default(),
            sign_in: SignIn::default(),
            started: now(),
            conf: RwLock::new(Arc::new(conf)),
        });
        for row in server.store.connections().await? {
            // Everybody gets a fresh time-out: the silence was this server's.
            server.lives.add(row.connection.id, row.key_id);
        }
        server.keys.set_off(server.store.keys_off().await?);
        server.keys_changed().await?;
        let started = Event::new(EventKind::Started)
            .saying(&format!("version={}", protocol::Version::CURRENT));
        if let Err(error) = server.journal.note(None, started).await {
            // Who is seated stays seated while the disk is full.
            log::error!("{error}");
        }
        Ok(server)
    }

    /// The settings of the moment.
    pub fn conf(&self) -> Arc<Conf> {
        Arc::clone(&self.conf.read())
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
            self.store.apply(key_id, Command::KeysChanged(keys)).await?;
        }
        Ok(())
    }

    /// Listens as the settings say. To be done before [`Server::open`]: a second server of the same folder then
    /// hears of the port, and leaves the ledger alone.
    ///
    /// # Errors
    /// A taken port names the process that has it.
    pub async fn listen(conf: &Conf) -> Result<TcpListener, StartError> {
        let ip = conf
            .server_addr
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let address = SocketAddr::new(ip, conf.server_port);
        TcpListener::bind(address)
            .await
            .map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse => StartError::PortTaken {
                    port: address.port(),
                    by: port::holder(address.port()),
                },
                _ => StartError::Listen { address, error },
            })
    }

    /// Serves until `stop` comes, then lets running requests end.
    ///
    /// # Errors
    /// When the socket fails for good.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let reaper = tokio::spawn(reaper::run(Arc::clone(&self)));
        let router = crate::router::router(Arc::clone(&self));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let server = axum::serve(listener, service).with_graceful_shutdown(async move {
            stop.await;
            // The receiver is gone only when serving has ended by itself.
            let _ = begin.send(());
        });
        let patience = async {
            if begun.await.is_ok() {
                // Kept connections of components would hold the end up for ever.
                tokio::time::sleep(Duration::from_secs(3)).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let result = tokio::select! {
            result = server => result,
            () = patience => Ok(()),
        };
        reaper.abort();
        if let Err(error) = self
            .journal
            .note(None, Event::new(EventKind::Stopped))
            .await
        {
            log::error!("{error}");
        }
        result
    }
}
