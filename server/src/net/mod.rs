//! The port: accepting connections, with limits that keep one client from holding the server.
//!
//! The ready-made loop of axum knows neither how many connections an address has nor how long a silent one may
//! last, so this one drives hyper itself.

mod limits;
mod patient;
#[cfg(test)]
mod tests;
mod tls;

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use limits::Limits;
use patient::Patient;
pub use tls::{Tls, TlsError};

use crate::{access::ByTls, router::Addresses};

/// The most that is kept of a request's head. Larger than what the API takes, so that it answers with a body.
const MAX_HEAD: usize = 64 * 1024;
/// The most header lines of a request.
const MAX_HEADERS: usize = 100;
/// How long a TLS handshake may take.
const TLS_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may leave an answer unread.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// How long running requests may take once the server stops: kept connections of components would hold the end up
/// for ever.
const END_PATIENCE: Duration = Duration::from_secs(3);

/// Serves these listeners until `stop` comes, then lets running requests end.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<(TcpListener, Arc<Tls>)>,
    addresses: Addresses,
    head_patience: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let door = Arc::new(Door {
        addresses,
        head_patience,
        limits: Limits::of_system(),
    });
    // Every connection holds a receiver: the sender sees when the last one has ended.
    let (sender, ending) = watch::channel(false);
    let mut loops = vec![tokio::spawn(accept(
        listener,
        None,
        Arc::clone(&door),
        ending.clone(),
    ))];
    if let Some((listener, tls)) = tls {
        loops.push(tokio::spawn(Arc::clone(&tls).watch_files()));
        loops.push(tokio::spawn(accept(listener, Some(tls), door, ending)));
    } else {
        drop(ending);
    }
    stop.await;
    for task in loops {
        task.abort();
    }
    // Nobody may be connected: then there is nobody to tell.
    let _ = sender.send(true);
    let _ = tokio::time::timeout(END_PATIENCE, sender.closed()).await;
}

struct Door {
    addresses: Addresses,
    head_patience: Duration,
    limits: Arc<Limits>,
}

async fn accept(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    door: Arc<Door>,
    ending: watch::Receiver<bool>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let peer = at_home(peer, stream.local_addr().ok());
                let Some(place) = door.limits.enter(peer.ip()) else {
                    continue;
                };
                let (door, tls, ending) = (Arc::clone(&door), tls.clone(), ending.clone());
                tokio::spawn(async move {
                    connection(stream, peer, tls, &door, ending).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file handles, most likely: connections end, and then there are some again.
                if !is_of_one_connection(&error) {
                    door.limits
                        .complain(&format!("connections cannot be taken: {error}"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// A peer with the very address that it came to is this computer: where ServerAddr is an address of the network, its own
/// programs and its administrator come by that one. They are told by the loopback's.
fn at_home(peer: SocketAddr, local: Option<SocketAddr>) -> SocketAddr {
    let same = |local: SocketAddr| local.ip().to_canonical() == peer.ip().to_canonical();
    if local.is_some_and(same) {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), peer.port())
    } else {
        peer
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<Tls>>,
    door: &Door,
    ending: watch::Receiver<bool>,
) {
    // Answers are small, and somebody waits for each; without it they only wait longer.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, WRITE_PATIENCE);
    match tls {
        None => talk(stream, peer, false, door, ending).await,
        Some(tls) => {
            // Whoever does not get through the handshake is of no interest.
            if let Ok(Ok(stream)) =
                tokio::time::timeout(TLS_PATIENCE, tls.acceptor().accept(stream)).await
            {
                talk(stream, peer, true, door, ending).await;
            }
        }
    }
}

async fn talk<S>(
    stream: S,
    peer: SocketAddr,
    by_tls: bool,
    door: &Door,
    mut ending: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = hyper::service::service_fn(|request: hyper::Request<Incoming>| {
        let mut request = request;
        if by_tls {
            request.extensions_mut().insert(ByTls);
        }
        async move { Ok::<_, Infallible>(door.addresses.answer(peer, request).await) }
    });
    let talk = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(door.head_patience)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut talk = std::pin::pin!(talk);
    // How a connection ended is its client's business: whoever asked something has read the answer, or has gone.
    let ended = async {
        // Neither a value nor its absence says more than that the end has come.
        let _ = ending.wait_for(|ending| *ending).await;
    };
    tokio::select! {
        _ = talk.as_mut() => return,
        () = ended => {}
    }
    talk.as_mut().graceful_shutdown();
    let _ = talk.await;
}
