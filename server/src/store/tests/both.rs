//! What every store must do: the same for the embedded one and for the one of plain SQL.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use super::{sql::Sql, *};

type Open = fn(&Path, &Arc<AtomicI64>) -> Box<dyn Store>;

fn embedded(file: &Path, time: &Arc<AtomicI64>) -> Box<dyn Store> {
    Box::new(open(file, time))
}

fn sql(file: &Path, time: &Arc<AtomicI64>) -> Box<dyn Store> {
    Box::new(Sql::open(file, time))
}

const STORES: [Open; 2] = [embedded, sql];

async fn ask(store: &dyn Store, command: Command) -> Outcome {
    store.apply(SERIES, command).await.unwrap()
}

/// A new store with a key and a connection.
struct Place {
    _folder: tempfile::TempDir,
    file: PathBuf,
    time: Arc<AtomicI64>,
    store: Box<dyn Store>,
    connection: ConnectionId,
}

async fn place(open: Open, key: Key) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(1000));
    let store = open(&file, &time);
    ask(&*store, Command::KeysChanged(vec![key])).await;
    let new = connection();
    let connection = new.id;
    ask(&*store, connect(new)).await;
    Place {
        _folder: folder,
        file,
        time,
        store,
        connection,
    }
}

fn acquire(claim: &Claim) -> Command {
    Command::Acquire(Box::new(claim.clone()))
}

#[tokio::test]
async fn seats_connections_and_repetitions_survive_a_restart_of_every_store() {
    for open in STORES {
        let Place {
            _folder,
            file,
            time,
            store,
            connection: id,
        } = place(open, key(2, None)).await;
        let first = claim(id, 1);
        let granted = ask(&*store, acquire(&first)).await;
        drop(store);
        let store = open(&file, &time);
        ask(&*store, Command::KeysChanged(vec![key(1, None)])).await;
        assert_eq!(store.used(SERIES, 7).await.unwrap(), 1);
        assert_eq!(store.connections().await.unwrap().len(), 1);
        let Outcome::Granted(granted) = granted else {
            panic!("{granted:?}");
        };
        let repeated = Grant {
            attached: false,
            ..granted
        };
        assert_eq!(
            ask(&*store, acquire(&first)).await,
            Outcome::Granted(repeated)
        );
        let denied = ask(&*store, acquire(&claim(id, 2))).await;
        assert!(matches!(denied, Outcome::Denied(_)));
    }
}

#[tokio::test]
async fn other_rules_hold_for_the_next_command_and_for_those_who_are_there_in_any_store() {
    for open in STORES {
        let Place {
            _folder,
            store,
            connection: id,
            ..
        } = place(open, key(1, None)).await;
        let free = RuleBook {
            free_app_names: vec!["backgroundjob".into()],
            ..RuleBook::default()
        };
        store.set_rules(free);
        let job = |number| {
            let mut claim = claim(id, number);
            claim.facts.app_name = "BackgroundJob".into();
            acquire(&claim)
        };
        for number in 0..3 {
            let granted = ask(&*store, job(number)).await;
            assert!(matches!(granted, Outcome::Granted(_)), "{granted:?}");
        }
        assert_eq!(store.keys_due(Moment(1000)).await.unwrap(), []);
        store.set_rules(RuleBook::default());
        // The embedded store's writer comes to it in its turn.
        store.answers().await.unwrap();
        assert_eq!(store.keys_due(Moment(1000)).await.unwrap(), [SERIES]);
        ask(&*store, Command::TimePassed).await;
        assert_eq!(store.sessions().await.unwrap().len(), 0);
        assert_eq!(store.keys_due(Moment(1000)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn nobody_is_seated_by_a_key_that_ended_a_moment_ago_in_any_store() {
    for open in STORES {
        let Place {
            _folder,
            time,
            store,
            connection: id,
            ..
        } = place(open, key(2, Some(Moment(2000)))).await;
        ask(&*store, acquire(&claim(id, 1))).await;
        time.store(2000, Ordering::Relaxed);
        assert_eq!(store.keys_due(Moment(2000)).await.unwrap(), [SERIES]);
        let denied = ask(&*store, acquire(&claim(id, 2))).await;
        assert!(matches!(denied, Outcome::Denied(_)));
        assert_eq!(store.sessions().await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn a_large_key_that_ends_gives_all_its_seats_back_whoever_comes_first_in_any_store() {
    for open in STORES {
        let seats = EXPIRY_CHUNK as u32 + 10;
        let Place {
            _folder,
            time,
            store,
            connection: id,
            ..
        } = place(open, key(seats, Some(Moment(2000)))).await;
        let claims = (0..seats).map(|number| store.apply(SERIES, acquire(&claim(id, number))));
        let granted = futures_util::future::join_all(claims).await;
        assert!(
            granted
                .iter()
                .all(|one| matches!(one, Ok(Outcome::Granted(_))))
        );
        time.store(2000, Ordering::Relaxed);
        // Somebody comes before the time is looked at, and moves a part of the seats.
        ask(&*store, connect(connection())).await;
        assert_eq!(store.used(SERIES, 7).await.unwrap(), 10);
        // What is done each second does the rest.
        assert_eq!(store.keys_due(Moment(2000)).await.unwrap(), [SERIES]);
        ask(&*store, Command::TimePassed).await;
        assert_eq!(store.used(SERIES, 7).await.unwrap(), 0);
        assert_eq!(store.keys_due(Moment(2000)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_key_ends_at_its_time_after_a_clock_that_leapt_and_was_set_right_in_any_store() {
    for open in STORES {
        let Place {
            _folder,
            time,
            store,
            connection: id,
            ..
        } = place(open, key(2, Some(Moment(2000)))).await;
        time.store(9000, Ordering::Relaxed);
        ask(&*store, Command::TimePassed).await;
        // Right again: the key is looked at at once, and then at its end.
        time.store(1500, Ordering::Relaxed);
        assert_eq!(store.keys_due(Moment(1500)).await.unwrap(), [SERIES]);
        let granted = ask(&*store, acquire(&claim(id, 1))).await;
        assert!(matches!(granted, Outcome::Granted(_)));
        assert_eq!(store.keys_due(Moment(1500)).await.unwrap(), []);
        assert_eq!(store.keys_due(Moment(2000)).await.unwrap(), [SERIES]);
        time.store(2000, Ordering::Relaxed);
        ask(&*store, Command::TimePassed).await;
        assert_eq!(store.used(SERIES, 7).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_connection_ends_by_the_word_of_its_owner_alone_and_is_adopted_once_in_any_store() {
    for open in STORES {
        let Place {
            _folder,
            file,
            time,
            store,
            connection: id,
        } = place(open, key(1, None)).await;
        ask(&*store, acquire(&claim(id, 1))).await;
        let expired = |owner| Command::ConnectionExpired {
            connection: id,
            owner,
        };
        let adopt = |from, owner| Command::Adopt {
            connection: id,
            from: Some(from),
            owner,
        };
        assert_eq!(
            ask(&*store, expired(THERE)).await,
            Outcome::UnknownConnection
        );
        let done = Outcome::Done {
            lost: Vec::new(),
            more: false,
        };
        assert_eq!(ask(&*store, adopt(HERE, THERE)).await, done);
        // Whoever was too late is told so, also by a store that was opened again.
        assert_eq!(
            ask(&*store, adopt(HERE, ServerId([3; 16]))).await,
            Outcome::UnknownConnection
        );
        drop(store);
        let store = open(&file, &time);
        ask(&*store, Command::KeysChanged(vec![key(1, None)])).await;
        assert_eq!(
            ask(&*store, expired(HERE)).await,
            Outcome::UnknownConnection
        );
        let rows = store.connections().await.unwrap();
        assert_eq!(rows[0].connection.owner, Some(THERE));
        assert_eq!(
            store.used(SERIES, 7).await.unwrap(),
            1,
            "its seat went along"
        );
        let outcome = ask(&*store, expired(THERE)).await;
        assert!(matches!(outcome, Outcome::Done { lost, .. } if lost.len() == 1));
        assert_eq!(store.used(SERIES, 7).await.unwrap(), 0);
    }
}

/// Random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

async fn rows(store: &dyn Store) -> Vec<Session> {
    let rows = store.sessions().await.unwrap().into_iter();
    let mut sessions: Vec<Session> = rows.map(|row| row.session).collect();
    sessions.sort_by_key(|session| session.id);
    sessions
}

#[tokio::test]
async fn the_same_commands_have_the_same_outcomes_and_leave_the_same_rows_in_both() {
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(1_000_000));
        let start = || -> Vec<Box<dyn Store>> {
            let file = |at: usize| folder.path().join(at.to_string());
            let stores = STORES.iter().enumerate();
            stores.map(|(at, open)| open(&file(at), &time)).collect()
        };
        let mut stores = start();
        let mut connections = Vec::new();
        let (mut keys, mut book) = (Vec::new(), RuleBook::default());
        let mut asked: Vec<Command> = Vec::new();
        let (mut granted, mut denied, mut lost) = (0, 0, 0);
        for _ in 0..400 {
            // No two seats are of the same moment: their order is never a matter of chance.
            time.fetch_add(1000 + dice.below(20_000) as i64, Ordering::Relaxed);
            let now = Moment(time.load(Ordering::Relaxed));
            let sessions = rows(&*stores[0]).await;
            let pick = dice.below(sessions.len().max(1) as u64) as usize;
            let some = sessions.get(pick);
            let who = some.and_then(|session| session.attached.first().copied());
            let operation = OperationId::random();
            let command = match dice.below(28) {
                _ if connections.len() < 4 => {
                    let mut new = connection();
                    new.facts.is_server = dice.below(3) > 0;
                    new.facts.computer_id = ["AA", "BB"][dice.below(2) as usize].into();
                    new.access_code = ["", "a", "b", "x"][dice.below(4) as usize].into();
                    connections.push(new.id);
                    connect(new)
                }
                0..=9 => {
                    let at = dice.below(connections.len() as u64) as usize;
                    let number = dice.below(12) as u32;
                    let flags = [0, 0, 1, 2, 3][dice.below(5) as usize];
                    let mut claim = claim(connections[at], number);
                    if dice.below(3) == 0 {
                        claim.facts.key.infobase = "File=/b;".into();
                    }
                    if dice.below(4) == 0 {
                        let mut parent = claim.facts.key.clone();
                        parent.number = dice.below(12) as u32;
                        claim.facts.parent = Some(parent);
                    }
                    if dice.below(6) == 0 {
                        claim.facts.app_name = "BackgroundJob".into();
                    }
                    acquire(&Claim { flags, ..claim })
                }
                20 => match asked.len() {
                    0 => continue,
                    many => asked[dice.below(many as u64) as usize].clone(),
                },
                21 => Command::Disconnect(connections.swap_remove(0)),
                22 => match some {
                    Some(session) => Command::AdminRelease {
                        session: session.id,
                        by: crate::accounting::Admin::default(),
                    },
                    None => continue,
                },
                23 => Command::AdminDrop {
                    connection: connections.swap_remove(0),
                    by: crate::accounting::Admin::default(),
                },
                24 => Command::SwitchKey {
                    key_no: 1 + dice.below(3) as u32,
                    on: dice.below(3) > 0,
                    by: crate::accounting::Admin::default(),
                },
                25 => {
                    let connection = connections[dice.below(connections.len() as u64) as usize];
                    let (from, owner) = if dice.below(2) == 0 {
                        (HERE, THERE)
                    } else {
                        (THERE, HERE)
                    };
                    Command::Adopt {
                        connection,
                        from: Some(from),
                        owner,
                    }
                }
                26 => {
                    let share = |limit, reserve| crate::accounting::AccessCode {
                        share: crate::accounting::Share { limit, reserve },
                        ..Default::default()
                    };
                    let codes = [
                        ("".into(), share(None, 0)),
                        ("a".into(), share(Some(2), 0)),
                        ("b".into(), share(None, 1)),
                    ];
                    book.access_codes = (dice.below(2) == 0).then(|| codes.into());
                    book.free_app_names.clear();
                    if dice.below(2) == 0 {
                        book.free_app_names.push("backgroundjob".into());
                    }
                    for store in &stores {
                        store.set_rules(book.clone());
                    }
                    Command::TimePassed
                }
                27 => {
                    // All of them start anew, with what is on their disks.
                    drop(std::mem::take(&mut stores));
                    stores = start();
                    for store in &stores {
                        store.set_rules(book.clone());
                    }
                    Command::KeysChanged(keys.clone())
                }
                10..=12 => match (some, who) {
                    (Some(session), Some(connection)) => Command::Detach {
                        operation,
                        connection,
                        session: session.id,
                        moved: dice.below(3) == 0,
                    },
                    _ => continue,
                },
                13 => match (some, who) {
                    (Some(session), Some(connection)) => Command::Release {
                        operation,
                        connection,
                        session: session.id,
                    },
                    _ => continue,
                },
                14 => Command::ConnectionExpired {
                    connection: connections.swap_remove(0),
                    owner: HERE,
                },
                15 => match some {
                    Some(session) => Command::LingerEnded(session.id),
                    None => continue,
                },
                16 => Command::ForgetOperations(Moment(now.0 - 600_000)),
                17 => Command::TimePassed,
                _ => {
                    keys = (1..=1 + dice.below(3) as u32)
                        .map(|key_no| Key {
                            key_no,
                            flags: dice.below(4) as u32,
                            ends: (dice.below(4) == 0)
                                .then(|| now.after(Duration::from_secs(dice.below(300)))),
                            ..key(dice.below(4) as u32, None)
                        })
                        .collect();
                    Command::KeysChanged(keys.clone())
                }
            };
            let repeats = matches!(
                command,
                Command::Acquire(_) | Command::Release { .. } | Command::Detach { .. }
            );
            if repeats {
                asked.push(command.clone());
            }
            let mut outcomes = Vec::new();
            for store in &stores {
                let mut outcome = ask(&**store, command.clone()).await;
                match &mut outcome {
                    Outcome::Done { lost, .. } => lost.sort_by_key(|lost| lost.session),
                    Outcome::Connected { sessions, .. } => sessions.sort(),
                    _ => {}
                }
                outcomes.push(outcome);
            }
            assert_eq!(outcomes[0], outcomes[1], "{command:?}");
            match &outcomes[0] {
                Outcome::Granted(_) => granted += 1,
                Outcome::Denied(_) => denied += 1,
                Outcome::Done { lost: some, .. } => lost += some.len(),
                _ => {}
            }
            assert_eq!(
                rows(&*stores[0]).await,
                rows(&*stores[1]).await,
                "{command:?}"
            );
            let mut lingers = Vec::new();
            for store in &stores {
                let mut ended = store
                    .linger_ended(now, Duration::from_secs(25 * 60))
                    .await
                    .unwrap();
                ended.sort();
                lingers.push(ended);
            }
            assert_eq!(lingers[0], lingers[1]);
            let silent: HashSet<ConnectionId> = connections.iter().copied().take(2).collect();
            let mut away = Vec::new();
            for store in &stores {
                away.push(store.kept_only_by(silent.clone()).await.unwrap());
            }
            assert_eq!(away[0], away[1]);
        }
        assert!(
            granted > 20 && denied > 5 && lost > 5,
            "{granted} {denied} {lost}"
        );
    }
}

#[tokio::test]
async fn a_search_sees_every_session_once_and_who_is_gone_is_left_out_in_any_store() {
    for open in STORES {
        let Place {
            _folder,
            store,
            connection: id,
            ..
        } = place(open, key(2000, None)).await;
        let claims = (0..1500).map(|number| store.apply(SERIES, acquire(&claim(id, number))));
        futures_util::future::join_all(claims).await;
        let seen = |key_id| {
            let mut seen = Vec::new();
            store.look_at_sessions(key_id, &mut |key_id, session| {
                assert!(session.is_kept_by(id) && !session.is_kept_by(ConnectionId::random()));
                seen.push((session.number, key_id, session.id));
            });
            seen.sort();
            seen
        };
        let all = seen(None);
        let numbers: Vec<u32> = all.iter().map(|(number, ..)| *number).collect();
        assert_eq!(numbers, (0..1500).collect::<Vec<u32>>());
        assert_eq!(seen(Some(SERIES)), all);
        assert_eq!(seen(Some(KeyId(1))), []);
        let mut wanted: Vec<(KeyId, SessionId)> = all
            .iter()
            .rev()
            .map(|(_, key_id, id)| (*key_id, *id))
            .collect();
        let release = Command::AdminRelease {
            session: wanted[0].1,
            by: crate::accounting::Admin::default(),
        };
        ask(&*store, release).await;
        let rows = store.some_sessions(&wanted);
        wanted.remove(0);
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.key_id, row.session.id))
            .collect();
        assert_eq!(found, wanted);
        let names = store.connection_names().await.unwrap();
        assert_eq!(names.len(), 1);
        assert_eq!((names[0].id, names[0].key_id), (id, SERIES));
    }
}
