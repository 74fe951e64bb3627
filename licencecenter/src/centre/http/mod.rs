//! The centre's service: servers' requests, and the administrator's API.

mod admin;
mod exchange;
mod limits;
mod listener;
mod tls;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, connect_info::Connected},
    routing::{get, post},
    serve::IncomingStream,
};
use parking_lot::Mutex;
use protocol::centre::{MAX_REQUEST, PATH};
use tokio::net::TcpListener;

use self::limits::Limits;
use super::{Centre, CentreError};

/// How the service is reached.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The address.
    pub address: SocketAddr,
    /// The certificate chain and its key, in PEM; without them a proxy in front does TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether a proxy in front tells the caller's address in `X-Forwarded-For`.
    pub behind_proxy: bool,
}

/// What the handlers share.
pub(super) struct Shared {
    centre: Mutex<Centre>,
    limits: Mutex<Limits>,
    behind_proxy: bool,
}

impl Shared {
    /// Works with the centre, off the threads that serve the network.
    async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Centre) -> T + Send + 'static,
    ) -> Option<T> {
        let shared = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&mut shared.centre.lock()))
            .await
            .inspect_err(|error| log::error!("{error}"))
            .ok()
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, listener::Either>> for Peer {
    fn connect_info(stream: IncomingStream<'_, listener::Either>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// The service's addresses.
pub fn router(centre: Centre, behind_proxy: bool) -> Router {
    let shared = Arc::new(Shared {
        centre: Mutex::new(centre),
        limits: Mutex::new(Limits::default()),
        behind_proxy,
    });
    Router::new()
        .route(PATH, post(exchange::post))
        .route("/health", get(|| async { "ok\n" }))
        .merge(admin::router(&shared))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(shared)
}

/// Serves until `stop` comes, then lets running requests end. `listens` is told the address.
///
/// # Errors
/// An address or certificate that cannot be used.
pub async fn serve(
    centre: Centre,
    listening: &Listening,
    listens: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), CentreError> {
    let address = listening.address;
    let failed = |error: io::Error| CentreError::Listen(address, error);
    let acceptor = listening
        .tls
        .as_ref()
        .map(|(chain, key)| tls::acceptor(chain, key))
        .transpose()?;
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    listens(listener.local_addr().map_err(failed)?);
    let service =
        router(centre, listening.behind_proxy).into_make_service_with_connect_info::<Peer>();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let stop = async move {
        stop.await;
        // The receiver is gone only when serving has ended by itself.
        let _ = begin.send(());
    };
    let patience = async {
        if begun.await.is_ok() {
            // Kept connections would hold the end up for ever.
            tokio::time::sleep(Duration::from_secs(3)).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    let bounds = listener::Bounds::new(listening.behind_proxy);
    let listener = listener::Either::new(listener, acceptor, bounds);
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop);
    tokio::select! {
        result = serving => result.map_err(failed),
        () = patience => Ok(()),
    }
}
