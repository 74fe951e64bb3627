//! Any interleaving of anything, against a model that counts by looking at every session.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use proptest::prelude::*;
use protocol::{
    facts::{Occupant, SessionFacts},
    licence::KeyType,
};

use super::{
    test_ledger::{Ledger, admin, claim, client, connection, facts, key, server},
    *,
};

#[derive(Clone, Debug)]
enum Step {
    Connect(u8),
    Acquire {
        connection: usize,
        number: u32,
        file: bool,
        flags: u32,
        parent: Option<u32>,
        free: bool,
    },
    Repeat(usize),
    Release {
        connection: usize,
        session: usize,
    },
    Detach {
        connection: usize,
        session: usize,
    },
    Disconnect(usize),
    Expire(usize),
    Admin(usize),
    Wait(u64),
    Drop(usize),
    Switch(u32, bool),
    Keys(Vec<(u8, u32, u32, u8)>),
}

fn step() -> impl Strategy<Value = Step> {
    let acquire = (
        0..6_usize,
        0..8_u32,
        any::<bool>(),
        0..4_u32,
        prop::option::of(0..8_u32),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(connection, number, file, flags, parent, free)| Step::Acquire {
                connection,
                number,
                file,
                flags: if flags == 3 { 1 } else { 0 },
                parent,
                free,
            },
        );
    prop_oneof![
        2 => (0..4_u8).prop_map(Step::Connect),
        8 => acquire,
        2 => any::<usize>().prop_map(Step::Repeat),
        3 => (0..6_usize, any::<usize>()).prop_map(|(connection, session)| Step::Release { connection, session }),
        3 => (0..6_usize, any::<usize>()).prop_map(|(connection, session)| Step::Detach { connection, session }),
        1 => (0..6_usize).prop_map(Step::Disconnect),
        1 => (0..6_usize).prop_map(Step::Expire),
        1 => any::<usize>().prop_map(Step::Admin),
        1 => (0..6_usize).prop_map(Step::Drop),
        1 => (1..4_u32, any::<bool>()).prop_map(|(key_no, on)| Step::Switch(key_no, on)),
        2 => (1..2000_u64).prop_map(Step::Wait),
        1 => prop::collection::vec((3..6_u8, 0..4_u32, 0..2_u32, 0..4_u8), 0..4).prop_map(Step::Keys),
    ]
}

/// What a person with paper and pencil would count.
fn check(ledger: &Ledger) {
    let index = &ledger.index;
    let mut occupied: BTreeMap<u32, BTreeSet<Occupant>> = BTreeMap::new();
    let mut homes: BTreeMap<Occupant, u32> = BTreeMap::new();
    let mut identities = HashSet::new();
    for session in index.sessions() {
        assert!(
            identities.insert((session.own, session.identity)),
            "a session is there twice"
        );
        assert_eq!(
            session.attached.is_empty(),
            session.linger_until.is_some(),
            "kept by nobody, or by two rules"
        );
        for connection in &session.attached {
            assert!(
                View::connection(index, connection).is_some(),
                "kept by a connection that is gone"
            );
        }
        if let Some(occupant) = session.seat {
            occupied.entry(session.key_no).or_default().insert(occupant);
            let home = homes.entry(occupant).or_insert(session.key_no);
            assert_eq!(*home, session.key_no, "one occupant sits on two keys");
        }
    }
    for (key_no, occupants) in &occupied {
        let key = index
            .keys()
            .iter()
            .find(|key| key.key_no == *key_no)
            .expect("a seat of a key that is gone");
        usable(key, index.keys(), ledger.now).expect("a seat of a key that is not usable");
        assert!(
            occupants.len() <= key.seats as usize,
            "more seats than were bought"
        );
    }
    for key in index.keys() {
        let counted = occupied.get(&key.key_no).map_or(0, BTreeSet::len);
        assert_eq!(
            index.used(key.key_no) as usize,
            counted,
            "the count differs from the rows"
        );
    }
}

fn rows(index: &Index) -> (Vec<String>, Vec<String>, Vec<u32>) {
    let mut sessions: Vec<String> = index
        .sessions()
        .map(|session| format!("{session:?}"))
        .collect();
    let mut connections: Vec<String> = index
        .connections()
        .map(|connection| format!("{connection:?}"))
        .collect();
    sessions.sort();
    connections.sort();
    (
        sessions,
        connections,
        index
            .keys()
            .iter()
            .map(|key| index.used(key.key_no))
            .collect(),
    )
}

/// Runs a command, after proving that its changes can be undone to the last row.
fn run(ledger: &mut Ledger, command: Command) -> Outcome {
    let before = rows(&ledger.index);
    let decision = decide(&ledger.index, command.clone(), &ledger.rules, ledger.now);
    let undo: Vec<Delta> = decision
        .deltas
        .into_iter()
        .map(|delta| ledger.index.apply(delta))
        .collect();
    for delta in undo.into_iter().rev() {
        ledger.index.apply(delta);
    }
    assert_eq!(rows(&ledger.index), before, "undoing left a trace");
    let outcome = ledger.run(command);
    if let Outcome::Denied(Denial::NoSeats { total, .. }) = &outcome {
        // Denied for want of seats: then there is none, of the keys that would do.
        assert!(
            ledger
                .index
                .keys()
                .iter()
                .map(|key| ledger.index.used(key.key_no))
                .sum::<u32>()
                >= *total
        );
    }
    check(ledger);
    outcome
}

fn session_facts(number: u32, file: bool, parent: Option<u32>, free: bool) -> SessionFacts {
    let infobase = if file { "File=/b;" } else { "Srvr=a;Ref=b;" };
    SessionFacts {
        parent: parent.map(|parent| facts("Srvr=a;Ref=b;", parent).key),
        app_name: if free {
            "BackgroundJob".into()
        } else {
            "1CV8C".into()
        },
        ..facts(infobase, number)
    }
}

proptest! {
    // More cases by PROPTEST_CASES.
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn no_order_of_events_gives_more_seats_than_were_bought_or_loses_one(steps in prop::collection::vec(step(), 1..80)) {
        let mut ledger = Ledger::with_keys(vec![
            key(1, KeyType::Main, 2),
            Key { flags: 1, ..key(2, KeyType::Main, 1) },
        ]);
        ledger.rules.free_app_names = vec!["backgroundjob".into()];
        let mut connections = Vec::new();
        let mut asked: Vec<Command> = Vec::new();
        for step in steps {
            let some_session = |index: &Index, at: usize| {
                let mut ids: Vec<SessionId> = index.sessions().map(|session| session.id).collect();
                ids.sort();
                (!ids.is_empty()).then(|| ids[at % ids.len()])
            };
            match step {
                Step::Connect(kind) => {
                    let facts = if kind < 2 { server() } else { client(["AA", "BB"][usize::from(kind) % 2]) };
                    let new = connection(facts);
                    connections.push(new.id);
                    run(&mut ledger, Command::Connect { operation: OperationId::random(), connection: Box::new(new) });
                }
                Step::Acquire { connection, number, file, flags, parent, free } => {
                    if let Some(id) = connections.get(connection) {
                        let command = claim(*id, &session_facts(number, file, parent, free), flags);
                        asked.push(command.clone());
                        run(&mut ledger, command);
                    }
                }
                Step::Repeat(at) if !asked.is_empty() => {
                    let command = asked[at % asked.len()].clone();
                    let operation = match &command {
                        Command::Acquire(claim) => claim.operation,
                        Command::Release { operation, .. } | Command::Detach { operation, .. } => *operation,
                        other => unreachable!("{other:?} is not repeated"),
                    };
                    let known = ledger.index.operation(&operation).is_some();
                    let before = rows(&ledger.index);
                    run(&mut ledger, command);
                    if known {
                        prop_assert_eq!(rows(&ledger.index), before, "a repetition changed something");
                    }
                }
                Step::Repeat(_) => {}
                Step::Release { connection, session } => {
                    if let (Some(id), Some(session)) = (connections.get(connection), some_session(&ledger.index, session)) {
                        let command =
                            Command::Release { operation: OperationId::random(), connection: *id, session };
                        asked.push(command.clone());
                        run(&mut ledger, command);
                    }
                }
                Step::Detach { connection, session } => {
                    if let (Some(id), Some(session)) = (connections.get(connection), some_session(&ledger.index, session)) {
                        let command = Command::Detach { operation: OperationId::random(), connection: *id, session, moved: session.0[0] % 2 == 0 };
                        asked.push(command.clone());
                        run(&mut ledger, command);
                    }
                }
                Step::Disconnect(connection) => {
                    if let Some(id) = connections.get(connection) {
                        run(&mut ledger, Command::Disconnect(*id));
                    }
                }
                Step::Expire(connection) => {
                    if let Some(id) = connections.get(connection) {
                        run(&mut ledger, Command::ConnectionExpired(*id));
                    }
                }
                Step::Drop(connection) => {
                    if let Some(id) = connections.get(connection) {
                        run(&mut ledger, Command::AdminDrop { connection: *id, by: admin() });
                    }
                }
                Step::Switch(key_no, on) => {
                    run(&mut ledger, Command::SwitchKey { key_no, on, by: admin() });
                }
                Step::Admin(session) => {
                    if let Some(session) = some_session(&ledger.index, session) {
                        run(&mut ledger, Command::AdminRelease { session, by: admin() });
                    }
                }
                Step::Wait(seconds) => {
                    ledger.now = ledger.now.after(Duration::from_secs(seconds));
                    run(&mut ledger, Command::TimePassed);
                    for session in ledger.index.linger_ended(ledger.now, ledger.rules.linger) {
                        run(&mut ledger, Command::LingerEnded(session));
                    }
                }
                Step::Keys(list) => {
                    let now = ledger.now;
                    let keys = list
                        .into_iter()
                        .enumerate()
                        .map(|(at, (kind, seats, flags, state))| Key {
                            flags,
                            workable: state != 1,
                            starts: (state == 2).then(|| now.after(Duration::from_secs(500))),
                            ends: (state == 3).then(|| now.after(Duration::from_secs(700))),
                            ..key(at as u32 + 1, [KeyType::Main, KeyType::Additional, KeyType::Demo][usize::from(kind) - 3], seats)
                        })
                        .collect();
                    run(&mut ledger, Command::KeysChanged(keys));
                }
            }
        }
        // Every path frees: when all fall silent and all lingering ends, nothing is left.
        for id in connections {
            run(&mut ledger, Command::ConnectionExpired(id));
        }
        ledger.now = ledger.now.after(Duration::from_secs(25 * 60));
        run(&mut ledger, Command::TimePassed);
        for session in ledger.index.linger_ended(ledger.now, ledger.rules.linger) {
            run(&mut ledger, Command::LingerEnded(session));
        }
        prop_assert_eq!(ledger.index.session_count(), 0);
        prop_assert_eq!(ledger.index.connections().count(), 0);
    }
}
