//! From a name to a socket address that answers: the addresses of one name race, each a little after the
//! one before. The system's resolver cannot be interrupted and may be silent for half a minute, so nobody waits for
//! it longer than he wants to.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::Reason;

use super::http::{CONNECT_TIMEOUT, HttpError};
use crate::{per_process::PerProcess, settings::Address};

/// How long one address of a name is waited for before the next one starts (RFC 8305 recommends it).
const NEXT_AFTER: Duration = Duration::from_millis(250);
/// More addresses of a name are not tried.
const MAX_ADDRESSES: usize = 8;

/// What the resolver says of a name.
type Found = Result<Vec<SocketAddr>, String>;

/// The names that the resolver is being asked about, each once, and who waits for the answer.
static ASKED: PerProcess<Mutex<HashMap<Address, Vec<Sender<Found>>>>> = PerProcess::new();

/// The socket address to use for a server. Where a name has one address it is not tried before its use.
pub(super) fn reachable(address: &Address, deadline: Instant) -> Result<SocketAddr, HttpError> {
    if let Ok(ip) = address.host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, address.port));
    }
    let mut found = resolved(address, deadline, by_system)?;
    found.dedup();
    found.truncate(MAX_ADDRESSES);
    match found[..] {
        [] => Err((Reason::NameNotFound, "no address".into()).into()),
        [only] => Ok(only),
        _ => race(&found, deadline),
    }
}

fn by_system(address: &Address) -> Found {
    (address.host.as_str(), address.port)
        .to_socket_addrs()
        .map(Iterator::collect)
        .map_err(|error| error.to_string())
}

/// Asks the resolver on a thread of its own, or waits with those who asked the same before.
fn resolved(
    address: &Address,
    deadline: Instant,
    resolve: impl FnOnce(&Address) -> Found + Send + 'static,
) -> Result<Vec<SocketAddr>, HttpError> {
    let (sender, answer) = mpsc::channel();
    let mut asked = ASKED.lock();
    let is_first = !asked.contains_key(address);
    asked.entry(address.clone()).or_default().push(sender);
    drop(asked);
    if is_first {
        let name = address.clone();
        let started = thread::Builder::new()
            .name("licence-resolve".into())
            .spawn(move || {
                let found = resolve(&name);
                let waiting = ASKED.lock().remove(&name);
                for one in waiting.unwrap_or_default() {
                    // Who gave up listens no more.
                    let _ = one.send(found.clone());
                }
            });
        if let Err(error) = started {
            ASKED.lock().remove(address);
            return Err((Reason::NoMemory, error.to_string()).into());
        }
    }
    let left = deadline.saturating_duration_since(Instant::now());
    match answer.recv_timeout(left) {
        Ok(found) => found.map_err(|error| (Reason::NameNotFound, error).into()),
        Err(RecvTimeoutError::Timeout) => Err((
            Reason::TimedOut,
            format!("the resolver is silent about {}", address.host),
        )
            .into()),
        // The thread that was to ask could not be started.
        Err(RecvTimeoutError::Disconnected) => {
            Err((Reason::NoMemory, "no thread for the resolver".to_owned()).into())
        }
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
    fn a_silent_resolver_holds_nobody_up_and_is_asked_once() {
        let address = Address::parse("silent-resolver.invalid", 7).unwrap();
        let (speak, silence) = mpsc::channel::<()>();
        let at: SocketAddr = "127.0.0.1:7".parse().unwrap();
        let slow = move |_: &Address| {
            let _ = silence.recv();
            Ok(vec![at])
        };
        let soon = || Instant::now() + Duration::from_millis(20);
        let error = resolved(&address, soon(), slow).unwrap_err();
        assert_eq!(error.reason, Reason::TimedOut);
        let again = |_: &Address| panic!("the resolver is asked about a name once at a time");
        let error = resolved(&address, soon(), again).unwrap_err();
        assert_eq!(error.reason, Reason::TimedOut);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| resolved(&address, deadline(), again));
            while ASKED.lock().get(&address).map_or(0, Vec::len) < 3 {
                thread::yield_now();
            }
            speak.send(()).unwrap();
            assert_eq!(waiting.join().unwrap(), Ok(vec![at]));
        });
        // The answer is not kept: a name may get another address.
        let moved = resolved(&address, deadline(), |_: &Address| Ok(Vec::new()));
        assert_eq!(moved, Ok(Vec::new()));
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
