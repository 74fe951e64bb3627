//! The order in which servers are tried: the configured one, what failed lately last; each starts a little
//! after the one before, and the first that completes wins.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use protocol::Reason;

use crate::{per_process::PerProcess, settings::Address, table::CallError, texts};

/// How long a server may be silent before the next one is tried as well.
pub(super) const NEXT_AFTER: Duration = Duration::from_millis(500);
/// For how long a server that failed is tried last.
const PENALTY: Duration = Duration::from_secs(30);
/// How often a waiting caller looks whether it is to give up.
const LOOK: Duration = Duration::from_millis(20);

/// The servers of this process that failed lately.
static FAILED: PerProcess<Mutex<Penalties>> = PerProcess::new();

/// Which servers failed, and when last.
#[derive(Debug, Default)]
struct Penalties(HashMap<Address, Instant>);

impl Penalties {
    fn failed(&mut self, address: &Address, now: Instant) {
        self.0.insert(address.clone(), now);
    }

    fn answered(&mut self, address: &Address) {
        self.0.remove(address);
    }

    /// Those that failed lately last, otherwise as they came.
    fn sorted(&mut self, servers: &[Address], now: Instant) -> Vec<Address> {
        self.0
            .retain(|_, since| now.saturating_duration_since(*since) < PENALTY);
        let (last, mut order): (Vec<_>, Vec<_>) = servers
            .iter()
            .cloned()
            .partition(|server| self.0.contains_key(server));
        order.extend(last);
        order
    }
}

/// Notes that a server did not answer as a licence server does.
pub(super) fn failed(address: &Address) {
    FAILED.lock().failed(address, Instant::now());
}

/// Notes that a server answered.
pub(super) fn answered(address: &Address) {
    FAILED.lock().answered(address);
}

/// The servers, those that failed lately last.
pub(super) fn sorted(servers: &[Address]) -> Vec<Address> {
    FAILED.lock().sorted(servers, Instant::now())
}

/// What came of trying servers.
pub(super) struct Raced<T> {
    /// The winner, or every server with its error.
    pub won: Result<(Address, T), Vec<(Address, CallError)>>,
    /// What others got before the race was over. It is the caller's to give up, with whatever it holds locked.
    pub surplus: Vec<T>,
}

/// What the attempts of one race bring home.
struct Finish<T> {
    arrived: Mutex<Arrived<T>>,
    one_more: Condvar,
}

struct Arrived<T> {
    /// The race is over: who comes now keeps what it has.
    closed: bool,
    results: VecDeque<(usize, Result<T, CallError>)>,
}

impl<T> Finish<T> {
    /// Hands a result in; gives it back when the race is over.
    fn arrive(&self, index: usize, result: Result<T, CallError>) -> Option<T> {
        let mut arrived = self.arrived.lock();
        if arrived.closed {
            return result.ok();
        }
        arrived.results.push_back((index, result));
        self.one_more.notify_all();
        None
    }

    /// What is there by `until`.
    fn wait(&self, until: Instant) -> Vec<(usize, Result<T, CallError>)> {
        let mut arrived = self.arrived.lock();
        if arrived.results.is_empty() {
            self.one_more.wait_until(&mut arrived, until);
        }
        arrived.results.drain(..).collect()
    }

    /// Ends the race; whatever succeeded since the last look is given out.
    fn close(&self) -> Vec<T> {
        let mut arrived = self.arrived.lock();
        arrived.closed = true;
        let late = arrived.results.drain(..);
        late.filter_map(|(_, result)| result.ok()).collect()
    }
}

/// Of several that have succeeded the first in order, and the others.
fn first_of<T>(mut succeeded: Vec<(usize, T)>) -> (Option<(usize, T)>, Vec<T>) {
    succeeded.sort_by_key(|(index, _)| *index);
    let mut succeeded = succeeded.into_iter();
    let first = succeeded.next();
    (first, succeeded.map(|(_, value)| value).collect())
}

/// Tries the servers in their order by `attempt`, each on a thread of its own, so that a caller that gives
/// up waits for none of them. Of several that have succeeded the first in order wins. What comes after the
/// race is over goes to `late`, on the attempt's own thread and never on the caller's, which may hold locks
/// that `late` needs.
pub(super) fn race<T: Send + 'static>(
    order: &[Address],
    deadline: Instant,
    stop: &AtomicBool,
    attempt: impl Fn(&Address, Instant) -> Result<T, CallError> + Send + Sync + 'static,
    late: impl Fn(T) + Send + Sync + 'static,
) -> Raced<T> {
    let work = Arc::new((attempt, late));
    let finish = Arc::new(Finish {
        arrived: Mutex::new(Arrived {
            closed: false,
            results: VecDeque::new(),
        }),
        one_more: Condvar::new(),
    });
    let mut waiting = order.iter().enumerate();
    let mut errors: Vec<Option<CallError>> = vec![None; order.len()];
    let mut running = 0;
    let mut next = Some(Instant::now());
    let (won, mut surplus) = loop {
        let now = Instant::now();
        if now >= deadline || stop.load(Ordering::SeqCst) {
            break (None, Vec::new());
        }
        if next.is_some_and(|next| now >= next) {
            next = None;
            if let Some((index, server)) = waiting.next() {
                let (work, finish, server) = (work.clone(), finish.clone(), server.clone());
                let started =
                    thread::Builder::new()
                        .name("licence-attempt".into())
                        .spawn(move || {
                            let result = (work.0)(&server, deadline);
                            if let Some(late) = finish.arrive(index, result) {
                                (work.1)(late);
                            }
                        });
                match started {
                    Ok(_) => running += 1,
                    Err(_) => errors[index] = Some(texts::error(Reason::NoMemory)),
                }
                next = (waiting.len() > 0).then(|| now + NEXT_AFTER);
            }
        }
        let mut succeeded = Vec::new();
        let until = next.unwrap_or(deadline).min(deadline).min(now + LOOK);
        for (index, result) in finish.wait(until) {
            running -= 1;
            match result {
                Ok(value) => succeeded.push((index, value)),
                Err(error) => {
                    errors[index] = Some(error);
                    // The next one need not wait for its turn.
                    next = next.map(|_| Instant::now());
                }
            }
        }
        if !succeeded.is_empty() || (running == 0 && waiting.len() == 0) {
            break first_of(succeeded);
        }
    };
    surplus.extend(finish.close());
    let won = match won {
        Some((index, value)) => Ok((order[index].clone(), value)),
        None => Err(all(order, errors)),
    };
    Raced { won, surplus }
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
    use std::sync::mpsc;

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
        let won = race(
            &order,
            soon(),
            &GO_ON,
            |server, _| match server.host.as_str() {
                "order-a" => Err(texts::error(Reason::ConnectionRefused)),
                name => Ok(name.to_owned()),
            },
            |_| {},
        );
        assert_eq!(won.won.unwrap(), (order[1].clone(), "order-b".to_owned()));
    }

    #[test]
    fn a_silent_server_stays_in_the_race() {
        let order = servers(&["silent-a", "silent-b"]);
        let (sender, go) = mpsc::channel::<()>();
        let go = Mutex::new(go);
        let sender = Mutex::new(sender);
        // The first answers only once the second has begun, and the second never does.
        let attempt = move |server: &Address, deadline: Instant| {
            if server.host == "silent-a" {
                let _ = go.lock().recv();
                return Ok(());
            }
            let _ = sender.lock().send(());
            thread::sleep(deadline.saturating_duration_since(Instant::now()));
            Err(texts::error(Reason::TimedOut))
        };
        let raced = race(&order, soon(), &GO_ON, attempt, |()| {});
        assert_eq!(raced.won.unwrap().0, order[0]);
    }

    #[test]
    fn when_all_fail_each_has_its_error_in_order() {
        let order = servers(&["fail-a", "fail-b", "fail-c"]);
        let deadline = Instant::now() + Duration::from_millis(100);
        let attempt = |server: &Address, _| -> Result<(), _> {
            if server.host == "fail-b" {
                thread::sleep(Duration::from_secs(1));
            }
            Err(texts::error(Reason::NoLicence))
        };
        let raced = race(&order, deadline, &GO_ON, attempt, |()| {});
        let errors = raced.won.unwrap_err();
        let reasons: Vec<_> = errors.iter().map(|(_, error)| error.reason()).collect();
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
        let raced = race(&order, far, &stop, |_, _| Ok(()), |()| {});
        assert!(raced.won.is_err());
    }

    #[test]
    fn of_several_that_have_succeeded_the_first_in_order_wins_and_the_caller_gets_the_others_too() {
        let none: (Option<(usize, &str)>, _) = first_of(Vec::new());
        assert_eq!(none, (None, Vec::new()));
        let (first, others) = first_of(vec![(1, "b"), (0, "a"), (2, "c")]);
        assert_eq!((first, others), (Some((0, "a")), vec!["b", "c"]));

        let finish = Finish {
            arrived: Mutex::new(Arrived {
                closed: false,
                results: VecDeque::new(),
            }),
            one_more: Condvar::new(),
        };
        assert_eq!(finish.arrive(1, Ok("b")), None);
        assert_eq!(finish.arrive(0, Ok("a")), None);
        assert_eq!(finish.wait(soon()).len(), 2);
        assert_eq!(finish.arrive(1, Ok("late")), None);
        assert_eq!(finish.close(), ["late"]);
        assert_eq!(finish.arrive(0, Ok("later")), Some("later"));
    }

    #[test]
    fn what_comes_after_the_race_is_given_up_on_the_attempt_s_own_thread() {
        let order = servers(&["both-a", "both-b"]);
        let (discarded, discards) = mpsc::channel();
        let (won, go) = mpsc::channel::<()>();
        let go = Mutex::new(go);
        let attempt = move |server: &Address, _| {
            if server.host == "both-a" {
                let _ = go.lock().recv();
            }
            Ok(server.host.clone())
        };
        let late = move |got: String| {
            let _ = discarded.send((got, thread::current().id()));
        };
        // The first is the slower one.
        let raced = race(&order, soon(), &GO_ON, attempt, late);
        assert_eq!(raced.won.unwrap(), (order[1].clone(), "both-b".to_owned()));
        assert_eq!(raced.surplus, Vec::<String>::new());
        drop(won);
        let (got, on) = discards.recv().unwrap();
        assert_eq!(got, "both-a");
        assert_ne!(on, thread::current().id());
    }

    #[test]
    fn what_failed_lately_is_tried_last_for_thirty_seconds_or_until_it_answers() {
        let order = servers(&["late-a", "late-b"]);
        let last = servers(&["late-b", "late-a"]);
        let mut penalties = Penalties::default();
        let begin = Instant::now();
        penalties.failed(&order[0], begin);
        assert_eq!(penalties.sorted(&order, begin), last);
        let almost = begin + PENALTY - Duration::from_millis(1);
        assert_eq!(penalties.sorted(&order, almost), last);
        assert_eq!(penalties.sorted(&order, begin + PENALTY), order);
        penalties.failed(&order[0], begin);
        penalties.answered(&order[0]);
        assert_eq!(penalties.sorted(&order, begin), order);
    }
}
