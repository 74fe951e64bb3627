//! From a name to a socket address that answers: the addresses of one name race, each a little after the
//! one before.

use std::{
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use protocol::Reason;

use super::http::{CONNECT_TIMEOUT, HttpError};
use crate::settings::Address;

/// How long one address of a name is waited for before the next one starts (RFC 8305 recommends it).
const NEXT_AFTER: Duration = Duration::from_millis(250);
/// More addresses of a name are not tried.
const MAX_ADDRESSES: usize = 8;

/// The socket address to use for a server. Where a name has one address it is not tried before its use.
pub(super) fn reachable(address: &Address, deadline: Instant) -> Result<SocketAddr, HttpError> {
    let mut found: Vec<SocketAddr> = (address.host.as_str(), address.port)
        .to_socket_addrs()
        .map_err(|error| HttpError::from((Reason::NameNotFound, error.to_string())))?
        .collect();
    found.dedup();
    found.truncate(MAX_ADDRESSES);
    match found[..] {
        [] => Err((Reason::NameNotFound, "no address".into()).into()),
        [only] => Ok(only),
        _ => race(&found, deadline),
    }
}

fn race(addresses: &[SocketAddr], deadline: Instant) -> Result<SocketAddr, HttpError> {
    let (sender, results) = mpsc::channel();
    let mut waiting = addresses.iter();
    let mut running = 0;
    let mut failure = HttpError::from((Reason::TimedOut, "no address answered".to_owned()));
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(failure);
        }
        let mut next = deadline;
        if let Some(address) = waiting.next() {
            let (address, sender) = (*address, sender.clone());
            let limit = CONNECT_TIMEOUT.min(deadline - now);
            let started = thread::Builder::new()
                .name("licence-connect".into())
                .spawn(move || {
                    let result = TcpStream::connect_timeout(&address, limit).map(drop);
                    // Nobody listens once another address has won.
                    let _ = sender.send((address, result));
                });
            started.map_err(|error| HttpError::from((Reason::NoMemory, error.to_string())))?;
            running += 1;
            if waiting.len() > 0 {
                next = deadline.min(now + NEXT_AFTER);
            }
        }
        match results.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok((address, Ok(()))) => return Ok(address),
            Ok((_, Err(error))) => {
                failure = (io_reason(&error), error.to_string()).into();
                running -= 1;
                if running == 0 && waiting.len() == 0 {
                    return Err(failure);
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

/// The reason behind a failed connection.
pub(super) fn io_reason(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Reason::ConnectionRefused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Reason::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Reason::TimedOut,
        _ => Reason::ConnectionLost,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    fn closed() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    }

    #[test]
    fn an_address_that_refuses_gives_way_to_the_next() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = (open.local_addr().unwrap(), open);
        assert_eq!(race(&[closed(), open.0], deadline()), Ok(open.0));
        let refused = race(&[closed(), closed()], deadline()).unwrap_err();
        assert_eq!(refused.reason, Reason::ConnectionRefused);
    }

    #[test]
    fn a_silent_address_does_not_hold_up_the_next() {
        // Documentation's own network: nothing there ever answers (or it is unreachable at once).
        let silent: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = open.local_addr().unwrap();
        assert_eq!(race(&[silent, at], deadline()), Ok(at));
    }

    #[test]
    fn a_name_that_nobody_knows_is_told() {
        let address = Address::parse("no-such-host.invalid", 1).unwrap();
        assert_eq!(
            reachable(&address, deadline()).unwrap_err().reason,
            Reason::NameNotFound
        );
    }
}
