//! The service's connections: with TLS or without, so many at once and from one address, and none for long.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::Sleep,
};
use tokio_rustls::TlsAcceptor;

use super::limits::network;

/// How many connections there are at once.
const MAX: usize = 1024;
/// How many of them come from one address.
const MAX_FROM_ONE: usize = 64;
/// How long one lasts: it carries a request or a few, and who wants more opens another.
const LIFE: Duration = Duration::from_secs(60);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many connections may wait to be served.
const WAITING: usize = 64;

/// The numbers above, smaller in tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max: usize,
    pub(super) max_from_one: usize,
    pub(super) life: Duration,
}

impl Bounds {
    /// Behind a proxy all connections come from its address.
    pub(super) const fn new(behind_proxy: bool) -> Self {
        Self {
            max: MAX,
            max_from_one: if behind_proxy { MAX } else { MAX_FROM_ONE },
            life: LIFE,
        }
    }
}

/// A stream of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection until its time is over.
pub(super) struct Bounded {
    stream: Box<dyn Stream>,
    end: Pin<Box<Sleep>>,
    _place: Place,
}

impl Bounded {
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// How many connections each address has.
type Addresses = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A connection's place among all, and among those of its address.
struct Place {
    addresses: Addresses,
    address: IpAddr,
    _among_all: OwnedSemaphorePermit,
}

impl Place {
    /// Nothing when the address has as many as it may.
    fn take(
        addresses: &Addresses,
        peer: SocketAddr,
        among_all: OwnedSemaphorePermit,
        max: usize,
    ) -> Option<Self> {
        let address = network(peer.ip());
        let mut counts = addresses.lock();
        let count = counts.entry(address).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Self {
            addresses: Arc::clone(addresses),
            address,
            _among_all: among_all,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.addresses.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// A listener with TLS or without.
pub(super) struct Either {
    ready: mpsc::Receiver<(Bounded, SocketAddr)>,
    address: io::Result<SocketAddr>,
}

impl Either {
    /// Begins to accept. A slow handshake holds up nobody else.
    pub(super) fn new(
        listener: TcpListener,
        acceptor: Option<TlsAcceptor>,
        bounds: Bounds,
    ) -> Self {
        let (sender, ready) = mpsc::channel(WAITING);
        let address = listener.local_addr();
        tokio::spawn(accept(listener, acceptor, sender, bounds));
        Self { ready, address }
    }
}

async fn accept(
    mut listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    sender: mpsc::Sender<(Bounded, SocketAddr)>,
    bounds: Bounds,
) {
    let all = Arc::new(Semaphore::new(bounds.max));
    let addresses = Addresses::default();
    loop {
        // Further ones wait in the system's queue until a place is free.
        let Ok(among_all) = Arc::clone(&all).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = sender.closed() => return,
        };
        let (stream, peer): (TcpStream, SocketAddr) = accepted;
        let Some(place) = Place::take(&addresses, peer, among_all, bounds.max_from_one) else {
            log::info!("{peer}: too many connections of one address");
            continue;
        };
        let end = Box::pin(tokio::time::sleep(bounds.life));
        let (sender, acceptor) = (sender.clone(), acceptor.clone());
        // On its own, so that neither a slow handshake nor a full queue holds up the next connection.
        tokio::spawn(async move {
            let stream: Box<dyn Stream> = match acceptor {
                None => Box::new(stream),
                Some(acceptor) => {
                    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => Box::new(stream),
                        Ok(Err(error)) => return log::info!("{peer}: no TLS: {error}"),
                        Err(_) => return log::info!("{peer}: the TLS handshake took too long"),
                    }
                }
            };
            let bounded = Bounded {
                stream,
                end,
                _place: place,
            };
            // When the service has ended nobody takes it.
            drop(sender.send((bounded, peer)).await);
        });
    }
}

impl Listener for Either {
    type Io = Bounded;
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

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    use super::*;

    /// A service with those bounds, for as long as the runtime lives.
    fn service(runtime: &tokio::runtime::Runtime, bounds: Bounds) -> SocketAddr {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let router = axum::Router::new().route("/", axum::routing::get(|| async { "ok" }));
            let listener = Either::new(listener, None, bounds);
            tokio::spawn(axum::serve(listener, router).into_future());
            address
        })
    }

    /// Sends a request; what came back, nothing when the connection ended instead.
    fn ask(stream: &mut TcpStream) -> Option<String> {
        let limit = Some(Duration::from_secs(30));
        stream.set_read_timeout(limit).unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .ok()?;
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        Some(String::from_utf8_lossy(&buffer[..read]).into_owned())
    }

    #[test]
    fn one_address_has_so_many_connections_and_a_new_one_when_one_ends() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let bounds = Bounds {
            max: 10,
            max_from_one: 2,
            life: LIFE,
        };
        let address = service(&runtime, bounds);
        let connect = || TcpStream::connect(address).unwrap();
        let (mut first, mut second) = (connect(), connect());
        assert!(ask(&mut first).is_some() && ask(&mut second).is_some());
        assert_eq!(ask(&mut connect()), None);
        drop(first);
        let served = (0..1000).any(|_| ask(&mut connect()).is_some());
        assert!(served, "the place of the ended connection stays taken");
    }

    #[test]
    fn a_connection_beyond_all_waits_for_a_place_and_a_silent_one_ends() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let bounds = Bounds {
            max: 1,
            max_from_one: 1,
            life: Duration::from_millis(200),
        };
        let address = service(&runtime, bounds);
        let mut silent = TcpStream::connect(address).unwrap();
        // It is served only once the silent one was ended.
        assert!(ask(&mut TcpStream::connect(address).unwrap()).is_some());
        let mut rest = Vec::new();
        let _ = silent.read_to_end(&mut rest);
        assert!(rest.is_empty());
    }
}
