//! TLS in front of the service, where no proxy does it.

use std::{fs, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::centre::CentreError;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many handshakes may wait to be served.
const WAITING: usize = 64;

/// What accepts TLS with that certificate.
pub(super) fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, CentreError> {
    let wrong = |path: &Path, error: String| CentreError::Certificate(path.into(), error);
    let read = |path: &Path| fs::read(path).map_err(|error| wrong(path, error.to_string()));
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(chain)?)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(chain, error.to_string()))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(chain, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, secret)
        .map_err(|error| wrong(chain, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A stream of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A listener with TLS or without.
pub(super) struct Either {
    ready: mpsc::Receiver<(Box<dyn Stream>, SocketAddr)>,
    address: io::Result<SocketAddr>,
}

impl Either {
    /// Begins to accept. A slow handshake holds up nobody else.
    pub(super) fn new(listener: TcpListener, acceptor: Option<TlsAcceptor>) -> Self {
        let (sender, ready) = mpsc::channel(WAITING);
        let address = listener.local_addr();
        tokio::spawn(accept(listener, acceptor, sender));
        Self { ready, address }
    }
}

async fn accept(
    mut listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    sender: mpsc::Sender<(Box<dyn Stream>, SocketAddr)>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = sender.closed() => return,
        };
        let (stream, peer): (TcpStream, SocketAddr) = accepted;
        let Some(acceptor) = acceptor.clone() else {
            if sender.send((Box::new(stream), peer)).await.is_err() {
                return;
            }
            continue;
        };
        let sender = sender.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                // When the service has ended nobody takes it.
                Ok(Ok(stream)) => drop(sender.send((Box::new(stream), peer)).await),
                Ok(Err(error)) => log::info!("{peer}: no TLS: {error}"),
                Err(_) => log::info!("{peer}: the TLS handshake took too long"),
            }
        });
    }
}

impl Listener for Either {
    type Io = Box<dyn Stream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The accepting task ends with this listener alone.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.address {
            Ok(address) => Ok(*address),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}
