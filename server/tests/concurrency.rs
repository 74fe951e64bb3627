//! The store's writer, its readers and listeners, and the lives of connections, under a scheduler that tries orders of
//! their steps by chance: the real files, compiled here with the scheduler's locks, channels, atomics and threads in
//! place of the system's (`sync.rs`). The database is real too; it has one thread at a time.
//!
//! It was tried whether this can fail. Each of these faults, put into the code, is found: the flag of lost sessions
//! raised before they are in the list; answers sent before the listener is told; the series' lock let go between two
//! changes of one decision; a connection touched by a look and a later write instead of one step.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

#[path = "../src/store/embedded/mod.rs"]
#[expect(unreachable_pub, reason = "in the server it is public")]
mod embedded;
#[path = "../src/component/lives.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "in the server it is public, and has more than is tried here"
)]
mod lives;
#[path = "support/sync.rs"]
mod sync;

use licenceserver::{
    accounting::{self, *},
    store::{
        Answer, Change, ConnectionName, ConnectionRow, EventPage, EventQuery, Journal, SessionRow,
        Store, StoreError, UsageNow, UsageQuery, UsageRow,
    },
};

/// What the store's files call by this path.
mod store {
    pub(crate) use licenceserver::store::StoreError;
    pub(crate) mod journal {
        pub(crate) use licenceserver::store::{
            Change, EventPage, EventQuery, EventRow, MAX_PAGE, Step, UsageQuery, UsageRow,
        };
    }
}

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use embedded::Embedded;
use lives::Lives;
use protocol::{
    KeyId,
    facts::{ComponentFacts, SessionFacts, SessionKey},
    licence::KeyType,
};
use shuttle::{future::block_on, thread};

const SERIES: KeyId = KeyId(0x672B);
const ORDERS: usize = 400;

/// Runs it in many orders; `LICENCE_ORDERS` asks for more.
fn in_any_order(run: impl Fn(&Path) + Send + Sync + 'static) {
    let mut config = shuttle::Config::default();
    // SQLite runs on these stacks.
    config.stack_size = 1024 * 1024;
    let orders = std::env::var("LICENCE_ORDERS").ok();
    let orders = orders.map_or(ORDERS, |orders| orders.parse().unwrap());
    let scheduler = shuttle::scheduler::RandomScheduler::new(orders);
    let runner = shuttle::Runner::new(scheduler, config);
    runner.run(move || {
        // In memory where the system has such a folder: what is tried is no disk.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        run(&folder.path().join("server.db"));
    });
}

fn open(file: &Path, lives: &Arc<Lives>) -> Arc<Embedded> {
    let lives = Arc::clone(lives);
    let store = Embedded::open(
        file,
        RuleBook::default(),
        Box::new(|| Moment(1000).into()),
        Box::new(move |lost| lives.tell(&lost)),
    );
    Arc::new(store.unwrap())
}

fn ask(store: &Embedded, command: Command) -> Outcome {
    block_on(store.apply(SERIES, command)).unwrap()
}

fn one_seat(key_no: u32) -> Command {
    Command::KeysChanged(vec![Key {
        key_no,
        key_type: KeyType::Main,
        seats: 1,
        flags: 0,
        product_version: 0,
        free_app_names: [].into(),
        starts: None,
        ends: None,
        enabled: true,
        workable: true,
    }])
}

fn connect(store: &Embedded) -> ConnectionId {
    let connection = Connection {
        id: ConnectionId::random(),
        facts: ComponentFacts {
            is_server: true,
            ..Default::default()
        },
        peer_ip: "127.0.0.1".into(),
        created: Moment(5),
        access_code: "".into(),
        token: TokenHash([1; 32]),
        previous_token: None,
        owner: None,
    };
    let id = connection.id;
    let command = Command::Connect {
        operation: OperationId::random(),
        connection: Box::new(connection),
    };
    ask(store, command);
    id
}

fn acquire(store: &Embedded, connection: ConnectionId, number: u32) -> Option<SessionId> {
    let claim = Claim {
        operation: OperationId::random(),
        connection,
        session: SessionId::random(),
        facts: SessionFacts {
            key: SessionKey {
                infobase: "Srvr=a;Ref=b;".into(),
                number,
                started: 1,
            },
            ..Default::default()
        },
        flags: 0,
    };
    match ask(store, Command::Acquire(Box::new(claim))) {
        Outcome::Granted(grant) => Some(grant.session),
        _ => None,
    }
}

#[test]
fn one_seat_has_one_holder_and_every_reader_sees_whole_decisions() {
    in_any_order(|file| {
        let store = open(file, &Arc::default());
        let mut changes = store.changes();
        ask(&store, one_seat(1));
        let held = Arc::new(AtomicI64::new(0));
        let users = (0..2).map(|number| {
            let (store, held) = (Arc::clone(&store), Arc::clone(&held));
            let connection = connect(&store);
            thread::spawn(move || {
                for _ in 0..2 {
                    let Some(session) = acquire(&store, connection, number) else {
                        continue;
                    };
                    assert_eq!(held.fetch_add(1, Ordering::SeqCst), 0, "given twice");
                    let row = block_on(store.session(session)).unwrap();
                    assert!(row.is_some(), "what was answered is seen");
                    held.fetch_sub(1, Ordering::SeqCst);
                    let release = Command::Release {
                        operation: OperationId::random(),
                        connection,
                        session,
                    };
                    ask(&store, release);
                }
            })
        });
        let mut threads: Vec<_> = users.collect();
        let changing = Arc::clone(&store);
        threads.push(thread::spawn(move || {
            ask(&changing, one_seat(2));
        }));
        let reading = Arc::clone(&store);
        threads.push(thread::spawn(move || {
            for _ in 0..4 {
                let usage = block_on(reading.usage_now()).unwrap();
                let usage = &usage[0];
                let of_keys: u32 = usage.keys.iter().map(|(_, used, _)| used).sum();
                assert_eq!((usage.used, usage.total), (of_keys, 1));
                assert!(usage.used <= 1);
                assert!(block_on(reading.sessions()).unwrap().len() <= 1);
            }
        }));
        for thread in threads {
            thread.join().unwrap();
        }
        // Who listens hears all of it, in the order in which it was.
        let (mut seats, mut told) = (0, 0);
        while let Ok(change) = changes.try_recv() {
            match change {
                Change::Usage { used, .. } => told = used,
                Change::Event(row) => match row.event.kind {
                    EventKind::Granted => seats += 1,
                    EventKind::Released => seats -= 1,
                    _ => {}
                },
            }
            assert!((0..=1).contains(&seats), "{seats}");
        }
        let used = [1, 2].map(|key_no| block_on(store.used(SERIES, key_no)).unwrap());
        assert_eq!((seats, told, used), (0, 0, [0, 0]));
        drop(store);
        embedded::check(file).unwrap();
    });
}

#[test]
fn the_word_of_a_lost_session_is_there_when_its_end_is_answered_and_is_told_once() {
    in_any_order(|file| {
        let lives = Arc::new(Lives::default());
        let store = open(file, &lives);
        ask(&store, one_seat(1));
        let connection = connect(&store);
        let life = lives.add(connection, SERIES);
        let session = acquire(&store, connection, 1).unwrap();
        let beating = Arc::clone(&life);
        let beats = thread::spawn(move || {
            let mut told = 0;
            for _ in 0..4 {
                told += beating.take_lost().len();
            }
            told
        });
        let release = Command::AdminRelease {
            session,
            by: Admin {
                user_name: "admin".into(),
                address: "127.0.0.1".into(),
                word: "".into(),
            },
        };
        ask(&store, release);
        let told = life.take_lost().len();
        assert_eq!(told + beats.join().unwrap(), 1);
    });
}

#[test]
fn a_connection_that_is_being_ended_stays_ended() {
    in_any_order(|_| {
        let lives = Arc::new(Lives::default());
        let life = lives.add(ConnectionId::random(), SERIES);
        let beats: Vec<_> = (0..2)
            .map(|_| {
                let (lives, life) = (Arc::clone(&lives), Arc::clone(&life));
                thread::spawn(move || {
                    let alive: Vec<bool> = (0..3).map(|_| lives.touch(&life)).collect();
                    assert!(alive.is_sorted_by(|one, other| one >= other), "{alive:?}");
                })
            })
            .collect();
        let ended = lives.expired(Duration::ZERO).len() == 1;
        for thread in beats {
            thread.join().unwrap();
        }
        assert_eq!(lives.touch(&life), !ended);
    });
}
