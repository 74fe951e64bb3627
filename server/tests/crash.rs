//! The program is killed at random points under load, again and again: no seat is lost and none is given twice.
//!
//! `LICENCE_KILLS` says how many times; 50 when it is not set.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "support/api.rs"]
mod api;
#[path = "support/component.rs"]
mod component;
#[path = "support/place.rs"]
mod place;
#[path = "support/running.rs"]
mod running;
#[path = "support/vendor.rs"]
mod vendor;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use component::Component;
use place::{Place, SERIES};
use protocol::wire::message::{Answer, Id};
use running::Running;

/// Fewer than the workers want, so that denials are a part of it.
const SEATS: u32 = 60;
const WORKERS: u32 = 4;
/// How many sessions each worker plays with.
const SESSIONS: u32 = 20;

/// What a worker knows of one of its sessions.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// The server said that it has the seat.
    Seated(Id),
    /// The server said that it has none.
    Free,
    /// The server was killed before it answered: it has the seat or not, and the repetition will tell.
    AskedFor(Id),
    /// The same when it was to be released.
    Leaving(Id, Id),
}

/// One process of 1C: it takes and releases seats as fast as it can until its server dies.
/// How many answers it got.
fn play(port: u16, worker: u32, hello: Id, known: &mut BTreeMap<u32, Known>) -> u32 {
    let mut answers = 0;
    let Ok(mut component) = Component::connect(port, SERIES, worker + 1, hello) else {
        return answers;
    };
    // First what was under way when the server died, with the same operations.
    for (number, state) in known.iter_mut() {
        let answer = match *state {
            Known::AskedFor(operation) => component.acquire(operation, *number),
            Known::Leaving(operation, session) => component.release(operation, session),
            Known::Seated(_) | Known::Free => continue,
        };
        match answer {
            Ok(answer) => *state = settled(&answer),
            Err(_) => return answers,
        }
    }
    loop {
        let number = worker * SESSIONS + u32::from(protocol::random_bytes::<1>()[0]) % SESSIONS;
        let state = known.entry(number).or_insert(Known::Free);
        let operation = Id::random();
        let answer = match *state {
            Known::Seated(session) => {
                *state = Known::Leaving(operation, session);
                component.release(operation, session)
            }
            _ => {
                *state = Known::AskedFor(operation);
                component.acquire(operation, number)
            }
        };
        match answer {
            Ok(answer) => *state = settled(&answer),
            Err(_) => return answers,
        }
        answers += 1;
    }
}

fn settled(answer: &Answer) -> Known {
    match answer {
        Answer::Granted(granted) => Known::Seated(granted.session),
        // Released, refused, or gone before: it has no seat.
        _ => Known::Free,
    }
}

/// Compares what the server says with what every worker was told.
fn check(server: &Running, workers: &[BTreeMap<u32, Known>], kill: u32) {
    let answer = server.get("/api/sessions");
    let sessions = answer["Sessions"].as_array().unwrap();
    let mut there = BTreeSet::new();
    for session in sessions {
        let number: u32 = session["SessionNumber"].as_str().unwrap().parse().unwrap();
        assert!(
            there.insert(number),
            "kill {kill}: session {number} has two seats"
        );
    }
    assert!(
        there.len() <= SEATS as usize,
        "kill {kill}: {} seats are taken",
        there.len()
    );
    for known in workers {
        for (number, state) in known {
            match state {
                Known::Seated(_) => {
                    assert!(
                        there.contains(number),
                        "kill {kill}: the seat of session {number} was lost"
                    );
                }
                Known::Free => {
                    assert!(
                        !there.contains(number),
                        "kill {kill}: session {number} has a seat that nobody holds"
                    );
                }
                Known::AskedFor(_) | Known::Leaving(..) => {}
            }
        }
    }
}

#[test]
fn killed_at_any_point_it_loses_no_seat_and_gives_none_twice() {
    let kills: u32 = std::env::var("LICENCE_KILLS").map_or(50, |text| text.parse().unwrap());
    let root = tempfile::tempdir().unwrap();
    // Longer than a restart takes: nobody expires between a kill and the comparison.
    let conf = "[Common]\nServerPort=0\n[Sessions]\nHeartbeatSeconds=100\nExpireSeconds=3600\n";
    let program = Path::new(env!("CARGO_BIN_EXE_licenceserver"));
    let place = Place::new(root.path(), program, SEATS, None, conf);
    let hellos: Vec<Id> = (0..WORKERS).map(|_| Id::random()).collect();
    let mut workers = vec![BTreeMap::new(); WORKERS as usize];
    let mut answered = 0;
    for kill in 1..=kills {
        let server = place.start();
        check(&server, &workers, kill);
        let port = server.port;
        std::thread::scope(|scope| {
            let players: Vec<_> = workers
                .iter_mut()
                .enumerate()
                .map(|(worker, known)| {
                    let hello = hellos[worker];
                    scope.spawn(move || play(port, worker as u32, hello, known))
                })
                .collect();
            // Any point will do: the earliest while they still say hello.
            let [low, high] = protocol::random_bytes::<2>();
            std::thread::sleep(Duration::from_millis(
                u64::from(u16::from_le_bytes([low, high])) % 150,
            ));
            drop(server);
            answered += players
                .into_iter()
                .map(|player| player.join().unwrap())
                .sum::<u32>();
        });
    }
    println!("{kills} kills, {answered} answers between them");
    assert!(answered > kills, "the workers hardly reached the server");
    let server = place.start();
    check(&server, &workers, kills + 1);
    // The hello that was repeated after every restart opened one connection for each worker, never a second.
    let answer = server.get("/api/connections");
    let connections = answer["Connections"].as_array().unwrap().len();
    assert!(connections <= WORKERS as usize, "{connections} connections");
    // Once all have let go, nothing is left.
    for (worker, known) in workers.iter_mut().enumerate() {
        let mut component =
            Component::connect(server.port, SERIES, worker as u32 + 1, hellos[worker]).unwrap();
        for (number, state) in known.iter() {
            if let Known::AskedFor(operation) = state {
                component.acquire(*operation, *number).unwrap();
            }
            if let Answer::Granted(granted) = component.acquire(Id::random(), *number).unwrap() {
                component.release(Id::random(), granted.session).unwrap();
            }
        }
    }
    let left = server.get("/api/sessions");
    assert_eq!(left["Sessions"].as_array().unwrap().len(), 0, "{left}");
}
