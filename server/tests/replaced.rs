//! The program is replaced by another copy of itself, as an upgrade does it, while 1,000 sessions work: none loses its seat.
//! Prints the longest time for which somebody waited.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/api.rs"]
mod api;
#[path = "support/component.rs"]
#[expect(dead_code, reason = "other tests release seats, too")]
mod component;
#[path = "support/place.rs"]
mod place;
#[path = "support/running.rs"]
mod running;
#[path = "support/vendor.rs"]
mod vendor;

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::Path,
    process::Command,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use component::Component;
use place::{Place, SERIES};
use protocol::wire::message::{Answer, Id};
use running::Running;

const PROCESSES: u32 = 20;
const SESSIONS: u32 = 50;
/// Answers that are waited for before the change and after it.
const ROUNDS: u64 = 4_000;
/// Longer than a change may take on a busy computer.
const PATIENCE: Duration = Duration::from_secs(120);

/// One process of 1C: it asks for the seats of its sessions again and again, and connects anew when the server goes.
struct Process {
    port: u16,
    number: u32,
    hello: Id,
    component: Option<Component>,
    /// The seat of each session.
    seats: BTreeMap<u32, Id>,
    /// The longest time between two answers.
    longest: Duration,
    last: Instant,
}

impl Process {
    fn new(port: u16, number: u32) -> Self {
        Self {
            port,
            number,
            hello: Id::random(),
            component: None,
            seats: BTreeMap::new(),
            longest: Duration::ZERO,
            last: Instant::now(),
        }
    }

    /// Asks until it is answered.
    fn ask(&mut self, session: u32) {
        let operation = Id::random();
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "nobody answers any more");
            let Some(component) = &mut self.component else {
                self.component =
                    Component::connect(self.port, SERIES, self.number + 1, self.hello).ok();
                if self.component.is_none() {
                    // Nobody listens at the moment.
                    std::thread::sleep(Duration::from_millis(5));
                }
                continue;
            };
            match component.acquire(operation, session) {
                Ok(Answer::Granted(granted)) => {
                    let seat = *self.seats.entry(session).or_insert(granted.session);
                    assert_eq!(seat, granted.session, "session {session} has another seat");
                    break;
                }
                Ok(other) => panic!("session {session}: {other:?}"),
                Err(_) => self.component = None,
            }
        }
        let now = Instant::now();
        self.longest = self.longest.max(now - self.last);
        self.last = now;
    }

    fn sessions(&self) -> std::ops::Range<u32> {
        self.number * SESSIONS..(self.number + 1) * SESSIONS
    }
}

fn end_gracefully(mut server: Running) {
    let pid = server.process.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(sent.success());
    assert!(server.process.wait().unwrap().success());
}

#[test]
fn a_server_that_is_replaced_under_a_thousand_sessions_loses_none_of_them() {
    let root = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    // The port has to be the same before and after.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let conf = format!("[Common]\nServerAddr=127.0.0.1\nServerPort={port}\n");
    let all = PROCESSES * SESSIONS;
    // Not one seat more than there are sessions: a lost one could not be had again beside its ghost.
    let place = Place::new(root.path(), program, all, None, &conf);
    let server = place.start();
    let (stop, answers) = (AtomicBool::new(false), AtomicU64::new(0));
    let seated = Barrier::new(PROCESSES as usize + 1);
    let (took, longest) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PROCESSES)
            .map(|number| {
                let (stop, answers, seated) = (&stop, &answers, &seated);
                scope.spawn(move || {
                    let mut process = Process::new(port, number);
                    process.sessions().for_each(|session| process.ask(session));
                    seated.wait();
                    process.longest = Duration::ZERO;
                    process.last = Instant::now();
                    let mut turn = process.sessions().cycle();
                    while !stop.load(Ordering::Relaxed) {
                        process.ask(turn.next().unwrap());
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                    process.longest
                })
            })
            .collect();
        seated.wait();
        let wait_for = |count| {
            let begun = Instant::now();
            while answers.load(Ordering::Relaxed) < count {
                assert!(begun.elapsed() < PATIENCE, "the load does not go on");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        wait_for(ROUNDS);
        let begun = Instant::now();
        end_gracefully(server);
        // The new version's file is another one.
        let new = root.path().join("licenceserver");
        std::fs::copy(program, &new).unwrap();
        let mut command = Command::new(&new);
        command.arg("run").envs([
            ("LICENCE_ROOT", root.path().as_os_str()),
            ("LICENCE_MACHINE_ID", "test-machine".as_ref()),
        ]);
        let server = Running::start(&mut command);
        let took = begun.elapsed();
        wait_for(answers.load(Ordering::Relaxed) + ROUNDS);
        stop.store(true, Ordering::Relaxed);
        let longest = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .max()
            .unwrap();
        let sessions = server.get("/api/sessions");
        assert_eq!(sessions["Sessions"].as_array().unwrap().len(), all as usize);
        let connections = server.get("/api/connections");
        let connections = connections["Connections"].as_array().unwrap();
        assert_eq!(
            connections.len(),
            PROCESSES as usize,
            "nobody is there twice"
        );
        (took, longest)
    });
    println!(
        "{all} sessions: the server was away for {} ms; the longest that anybody waited for an answer was {} ms",
        took.as_millis(),
        longest.as_millis()
    );
}
