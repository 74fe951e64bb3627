//! The order in which servers are tried: the configured one, what failed lately last; each starts a little
//! after the one before, and the first that completes wins.

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use protocol::Reason;

use crate::{settings::Address, table::CallError, texts};

/// How long a server may be silent before the next one is tried as well.
pub(super) const NEXT_AFTER: Duration = Duration::from_millis(500);
/// For how long a server that failed is tried last.
const PENALTY: Duration = Duration::from_secs(30);
/// How often a waiting caller looks whether it is to give up.
const LOOK: Duration = Duration::from_millis(20);

/// The servers of this process that failed lately.
static FAILED: LazyLock<Mutex<HashMap<Address, Instant>>> = LazyLock::new(Mutex::default);

/// Notes that a server did not answer as a licence server does.
pub(super) fn failed(address: &Address) {
    FAILED.lock().insert(address.clone(), Instant::now());
}

/// Notes that a server answered.
pub(super) fn answered(address: &Address) {
    FAILED.lock().remove(address);
}

/// The servers, those that failed lately last.
pub(super) fn sorted(servers: &[Address]) -> Vec<Address> {
    let mut failed = FAILED.lock();
    failed.retain(|_, since| since.elapsed() < PENALTY);
    let (last, mut order): (Vec<_>, Vec<_>) = servers
        .iter()
        .cloned()
        .partition(|server| failed.contains_key(server));
    order.extend(last);
    order
}

/// What came of trying servers.
pub(super) type Raced<T> = Result<(Address, T), Vec<(Address, CallError)>>;

/// Tries the servers in their order by `attempt`, each on a thread of its own, so that a caller that gives
/// up waits for none of them.
pub(super) fn race<T: Send + 'static>(
    order: &[Address],
    deadline: Instant,
    stop: &AtomicBool,
    attempt: impl Fn(&Address, Instant) -> Result<T, CallError> + Send + Sync + 'static,
) -> Raced<T> {
    let attempt = Arc::new(attempt);
    let (sender, results) = mpsc::channel();
    let mut waiting = order.iter().enumerate();
    let mut errors: Vec<Option<CallError>> = vec![None; order.len()];
    let mut running = 0;
    let mut next = Some(Instant::now());
    loop {
        let now = Instant::now();
        if now >= deadline || stop.load(Ordering::SeqCst) {
            return Err(all(order, errors));
        }
        if next.is_some_and(|next| now >= next) {
            next = None;
            if let Some((index, server)) = waiting.next() {
                let (attempt, sender, server) = (attempt.clone(), sender.clone(), server.clone());
                let started =
                    thread::Builder::new()
                        .name("licence-attempt".into())
                        .spawn(move || {
                            let result = attempt(&server, deadline);
                            // Nobody listens once another server has won.
                            let _ = sender.send((index, result));
                        });
                match started {
                    Ok(_) => running += 1,
                    Err(_) => errors[index] = Some(texts::error(Reason::NoMemory)),
                }
                next = (waiting.len() > 0).then(|| now + NEXT_AFTER);
            }
        }
        let until = next.unwrap_or(deadline).min(deadline).min(now + LOOK);
        match results.recv_timeout(until.saturating_duration_since(now)) {
            Ok((index, Ok(value))) => return Ok((order[index].clone(), value)),
            Ok((index, Err(error))) => {
                errors[index] = Some(error);
                running -= 1;
                // The next one need not wait for its turn.
                next = next.map(|_| Instant::now());
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if running == 0 && waiting.len() == 0 {
            return Err(all(order, errors));
        }
    }
}

/// Every server with its error; one that was still silent did not answer in time.
fn all(order: &[Address], errors: Vec<Option<CallError>>) -> Vec<(Address, CallError)> {
    let timed_out = || texts::error(Reason::TimedOut);
    order
        .iter()
        .cloned()
        .zip(
            errors
                .into_iter()
                .map(|error| error.unwrap_or_else(timed_out)),
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(names: &[&str]) -> Vec<Address> {
        names
            .iter()
            .map(|name| Address::parse(name, 9099).unwrap())
            .collect()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    static GO_ON: AtomicBool = AtomicBool::new(false);

    #[test]
    fn the_first_that_answers_wins_and_one_that_refuses_gives_way_at_once() {
        let order = servers(&["order-a", "order-b", "order-c"]);
        let won = race(&order, soon(), &GO_ON, |server, _| {
            match server.host.as_str() {
                "order-a" => Err(texts::error(Reason::ConnectionRefused)),
                name => Ok(name.to_owned()),
            }
        });
        assert_eq!(won.unwrap(), (order[1].clone(), "order-b".to_owned()));
    }

    #[test]
    fn a_silent_server_stays_in_the_race() {
        let order = servers(&["silent-a", "silent-b"]);
        let (sender, go) = mpsc::channel::<()>();
        let go = Mutex::new(go);
        let sender = Mutex::new(sender);
        // The first answers only once the second has begun, and the second never does.
        let won = race(&order, soon(), &GO_ON, move |server, deadline| {
            if server.host == "silent-a" {
                let _ = go.lock().recv();
                return Ok(());
            }
            let _ = sender.lock().send(());
            thread::sleep(deadline.saturating_duration_since(Instant::now()));
            Err(texts::error(Reason::TimedOut))
        });
        assert_eq!(won.unwrap().0, order[0]);
    }

    #[test]
    fn when_all_fail_each_has_its_error_in_order() {
        let order = servers(&["fail-a", "fail-b", "fail-c"]);
        let deadline = Instant::now() + Duration::from_millis(100);
        let errors = race(&order, deadline, &GO_ON, |server, _| -> Result<(), _> {
            if server.host == "fail-b" {
                thread::sleep(Duration::from_secs(1));
            }
            Err(texts::error(Reason::NoLicence))
        });
        let reasons: Vec<_> = errors
            .unwrap_err()
            .iter()
            .map(|(_, error)| error.reason())
            .collect();
        assert_eq!(
            reasons,
            [Reason::NoLicence, Reason::TimedOut, Reason::TimedOut]
        );
    }

    #[test]
    fn a_caller_that_is_stopped_waits_for_nobody() {
        let stop = AtomicBool::new(true);
        let order = servers(&["stop-a"]);
        let far = Instant::now() + Duration::from_secs(600);
        assert!(race(&order, far, &stop, |_, _| Ok(())).is_err());
    }

    #[test]
    fn what_failed_lately_is_tried_last_and_forgiven_when_it_answers() {
        let order = servers(&["late-a", "late-b"]);
        failed(&order[0]);
        assert_eq!(sorted(&order), servers(&["late-b", "late-a"]));
        answered(&order[0]);
        assert_eq!(sorted(&order), order);
    }
}
