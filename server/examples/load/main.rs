//! Load on the real program, on loopback: many sessions over many connections, with heartbeats and churn.
//!
//! `cargo run --release -p licenceserver --example load -- PROGRAM [SESSIONS] [CONNECTIONS] [SECONDS] [expire]`
//! With `expire` it waits in the end until all sessions have expired, and measures how long somebody else waits meanwhile.
//! Bounded in all three; it starts the program itself, in a temporary folder, and ends it.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that meets an error should end there"
)]

#[path = "../../tests/support/api.rs"]
pub(crate) mod api;
#[path = "../../tests/support/component.rs"]
pub(crate) mod component;
#[path = "../../tests/support/place.rs"]
pub(crate) mod place;
#[path = "../../tests/support/running.rs"]
pub(crate) mod running;
#[path = "../../tests/support/vendor.rs"]
pub(crate) mod vendor;

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use component::Component;
use place::{Place, SERIES};
use protocol::wire::message::{Answer, Id, Request, SessionOperation};
use running::Running;

/// How many threads send; each waits for one answer at a time.
const THREADS: usize = 16;
/// Between the heartbeats of a connection.
const HEARTBEAT: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Measured {
    acquire: Vec<Duration>,
    release: Vec<Duration>,
    heartbeat: Vec<Duration>,
}

/// One process of 1C.
struct Process {
    component: Component,
    /// Its sessions: number, and id on the server.
    held: Vec<(u32, Id)>,
    beaten: Instant,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize, default: usize, most: usize| {
        let given = arguments
            .get(at)
            .map_or(default, |text| text.parse().unwrap());
        given.clamp(1, most)
    };
    let program = Path::new(arguments.get(1).expect("name the server's program first"));
    run(
        program,
        number(2, 100_000, 1_000_000),
        number(3, 2_000, 20_000),
        number(4, 60, 600),
        arguments.get(5).is_some_and(|word| word == "expire"),
    );
}

/// The whole measurement. It ends in a panic where a seat is lost or given twice.
pub(crate) fn run(
    program: &Path,
    sessions: usize,
    connections: usize,
    seconds: usize,
    until_expired: bool,
) {
    let root = tempfile::tempdir().unwrap();
    let conf = format!(
        "[Common]\nServerPort=0\n[Sessions]\nHeartbeatSeconds={}\nExpireSeconds=60\n",
        HEARTBEAT.as_secs()
    );
    let place = Place::new(root.path(), program, sessions as u32, None, &conf);
    let server = place.start();
    let port = server.port;
    println!(
        "{sessions} sessions, {connections} connections, {seconds} s of churn, {THREADS} threads"
    );
    println!(
        "memory of the empty server: {} MB",
        memory(server.process.id())
    );

    let each = connections.div_ceil(THREADS);
    let per_connection = sessions.div_ceil(connections);
    let churning = AtomicBool::new(true);
    let begin = Instant::now();
    let barrier = std::sync::Barrier::new(THREADS + 1);
    let (mut filling, mut churn) = (Measured::default(), Measured::default());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (barrier, churning) = (&barrier, &churning);
                scope.spawn(move || {
                    let mut filling = Measured::default();
                    let mut processes = Vec::new();
                    let first = thread * each;
                    for process in first..connections.min(first + each) {
                        let pid = process as u32 + 1;
                        let mut component =
                            Component::connect(port, SERIES, pid, Id::random()).unwrap();
                        let mut held = Vec::new();
                        let own =
                            process * per_connection..sessions.min((process + 1) * per_connection);
                        for number in own {
                            held.push((
                                number as u32,
                                acquire(&mut component, number as u32, &mut filling),
                            ));
                        }
                        processes.push(Process {
                            component,
                            held,
                            beaten: Instant::now(),
                        });
                        beat(&mut processes, &mut filling);
                    }
                    barrier.wait();
                    let mut churn = Measured::default();
                    while churning.load(Ordering::Relaxed) && !processes.is_empty() {
                        beat(&mut processes, &mut churn);
                        let at = random(processes.len());
                        let Process {
                            component, held, ..
                        } = &mut processes[at];
                        if held.is_empty() {
                            continue;
                        }
                        let (number, session) = held.swap_remove(random(held.len()));
                        let begin = Instant::now();
                        let answer = component.release(Id::random(), session).unwrap();
                        churn.release.push(begin.elapsed());
                        assert_eq!(answer, Answer::Done);
                        held.push((number, acquire(component, number, &mut churn)));
                    }
                    (filling, churn, processes)
                })
            })
            .collect();
        barrier.wait();
        let filled = begin.elapsed();
        let resident = memory(server.process.id());
        println!(
            "filled in {:.1} s; memory {resident} MB",
            filled.as_secs_f64()
        );
        std::thread::sleep(Duration::from_secs(seconds as u64));
        churning.store(false, Ordering::Relaxed);
        let mut held = 0;
        for worker in workers {
            let (one, other, processes) = worker.join().unwrap();
            join(&mut filling, one);
            join(&mut churn, other);
            held += processes
                .iter()
                .map(|process| process.held.len())
                .sum::<usize>();
        }
        report("filling", &filling, filled);
        report("churn", &churn, Duration::from_secs(seconds as u64));
        println!("held by components, and by what the server says: {held}");
        assert_eq!((held, used(&server)), (sessions, sessions));
    });
    println!("memory after the churn: {} MB", memory(server.process.id()));
    drop(server);
    let begin = Instant::now();
    let server = place.start();
    println!(
        "killed and started again: listening after {:.2} s",
        begin.elapsed().as_secs_f64()
    );
    assert_eq!(used(&server), sessions, "seats after the restart");
    println!("all {sessions} seats are there");
    if until_expired {
        expire(&server);
    }
}

/// How many seats are occupied, by what the server says.
fn used(server: &Running) -> usize {
    let usage = server.get("/api/usage");
    usage["Usage"][0]["Used"].as_u64().unwrap() as usize
}

/// Nobody comes back after the restart, so all sessions expire: one other process asks for a seat over and over.
fn expire(server: &Running) {
    let all = used(server);
    let mut other = Component::connect(server.port, SERIES, u32::MAX, Id::random()).unwrap();
    let mut measured = Measured::default();
    let (mut looked, mut first) = (Instant::now(), None);
    loop {
        let begin = Instant::now();
        let answer = other.acquire(Id::random(), u32::MAX).unwrap();
        // While nothing has expired yet nobody waits for it.
        if first.is_some() {
            measured.acquire.push(begin.elapsed());
        }
        if let Answer::Granted(granted) = answer {
            let release = SessionOperation {
                operation: Id::random(),
                session: granted.session,
                moved: None,
            };
            other.ask(&Request::Release(release)).unwrap();
        }
        if looked.elapsed() > Duration::from_millis(500) {
            looked = Instant::now();
            let left = used(server);
            if left < all && first.is_none() {
                first = Some(looked);
            }
            if left == 0 {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let time = first.map(|first| first.elapsed()).unwrap_or_default();
    println!("{all} sessions expired in {:.1} s", time.as_secs_f64());
    report("while they expired", &measured, time);
}

fn random(below: usize) -> usize {
    usize::from(u16::from_le_bytes(protocol::random_bytes())) % below
}

fn acquire(component: &mut Component, number: u32, measured: &mut Measured) -> Id {
    let begin = Instant::now();
    let answer = component.acquire(Id::random(), number).unwrap();
    measured.acquire.push(begin.elapsed());
    match answer {
        Answer::Granted(granted) => granted.session,
        other => panic!("session {number} lost its seat: {other:?}"),
    }
}

/// Sends the heartbeats that are due.
fn beat(processes: &mut [Process], measured: &mut Measured) {
    for process in processes {
        if process.beaten.elapsed() < HEARTBEAT {
            continue;
        }
        process.beaten = Instant::now();
        let answer = process.component.ask(&Request::Heartbeat).unwrap();
        measured.heartbeat.push(process.beaten.elapsed());
        match answer {
            Answer::Alive(alive) => assert!(alive.lost.is_empty(), "lost: {:?}", alive.lost),
            other => panic!("{other:?}"),
        }
    }
}

fn join(all: &mut Measured, one: Measured) {
    all.acquire.extend(one.acquire);
    all.release.extend(one.release);
    all.heartbeat.extend(one.heartbeat);
}

fn report(name: &str, measured: &Measured, time: Duration) {
    for (what, times) in [
        ("acquire", &measured.acquire),
        ("release", &measured.release),
        ("heartbeat", &measured.heartbeat),
    ] {
        let mut times = times.clone();
        times.sort_unstable();
        if let Some(longest) = times.last() {
            let at = |part: usize| times[(times.len() - 1) * part / 1000].as_secs_f64() * 1000.0;
            println!(
                "{name}: {what}: {} ({:.0}/s); ms: median {:.2}, p99 {:.2}, p99.9 {:.2}, longest {:.2}",
                times.len(),
                times.len() as f64 / time.as_secs_f64(),
                at(500),
                at(990),
                at(999),
                longest.as_secs_f64() * 1000.0
            );
        }
    }
}

/// The resident memory of a process in MB, 0 where the system does not tell.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes / 1024)
}
