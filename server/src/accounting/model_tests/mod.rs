//! Any interleaving of anything, against a naive model of the same rules, and against rows as a disk keeps them.

mod naive;

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use protocol::{facts::SessionFacts, licence::KeyType};

use self::naive::{Model, said};
use super::{
    test_ledger::{HERE, Ledger, THERE, admin, claim, client, connection, facts, key, server},
    *,
};

#[derive(Clone, Debug)]
enum Step {
    Connect(u8, u8),
    Resume {
        connection: usize,
        token: u8,
        replacement: u8,
        elsewhere: bool,
    },
    Acquire {
        connection: usize,
        number: u32,
        file: bool,
        flags: u32,
        parent: Option<u32>,
        free: bool,
    },
    Repeat(usize),
    /// By another process, which heard of the request by some way.
    RepeatBy(usize, usize),
    Release {
        connection: usize,
        session: usize,
    },
    Detach {
        connection: usize,
        session: usize,
    },
    Disconnect(usize),
    Expire(usize, bool),
    Adopt(usize, bool),
    Admin(usize),
    Wait(u64),
    /// Somebody sets the wall clock: it leaps, forth or back.
    Wall(i64),
    Drop(usize),
    Switch(u32, bool),
    Keys(Vec<(KeyType, u32, u32, u8)>),
    Forget(u64),
    Restart,
    /// Keys came, went and changed while the server was down.
    RestartWith(Vec<(KeyType, u32, u32, u8)>),
    /// The settings are others: free applications, access codes, linger.
    Rules {
        free: bool,
        codes: bool,
        linger: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let acquire = (
        0..6_usize,
        0..8_u32,
        any::<bool>(),
        0..6_u32,
        prop::option::of(0..8_u32),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(connection, number, file, flags, parent, free)| Step::Acquire {
                connection,
                number,
                file,
                flags: [0, 0, 0, 1, 2, 3][flags as usize],
                parent,
                free,
            },
        );
    let a_key = (
        prop_oneof![4 => Just(KeyType::Main), 1 => Just(KeyType::Additional), 1 => Just(KeyType::Demo)],
        0..4_u32,
        0..4_u32,
        prop_oneof![5 => Just(0_u8), 3 => 1..4_u8],
    );
    let keys = prop::collection::vec(a_key, 1..4);
    prop_oneof![
        2 => (0..4_u8, 0..12_u8).prop_map(|(kind, code)| Step::Connect(kind, code)),
        1 => (0..6_usize, 1..4_u8, 1..4_u8, prop::bool::weighted(0.2)).prop_map(|(connection, token, replacement, elsewhere)| {
            Step::Resume { connection, token, replacement, elsewhere }
        }),
        30 => acquire,
        6 => any::<usize>().prop_map(Step::Repeat),
        3 => (any::<usize>(), 0..6_usize).prop_map(|(at, connection)| Step::RepeatBy(at, connection)),
        8 => (0..6_usize, any::<usize>()).prop_map(|(connection, session)| Step::Release { connection, session }),
        12 => (0..6_usize, any::<usize>()).prop_map(|(connection, session)| Step::Detach { connection, session }),
        1 => (0..6_usize).prop_map(Step::Disconnect),
        1 => (0..6_usize, prop::bool::weighted(0.2)).prop_map(|(connection, elsewhere)| Step::Expire(connection, elsewhere)),
        1 => (0..6_usize, any::<bool>()).prop_map(|(connection, back)| Step::Adopt(connection, back)),
        1 => any::<usize>().prop_map(Step::Admin),
        1 => (0..6_usize).prop_map(Step::Drop),
        2 => (1..4_u32, prop::bool::weighted(0.7)).prop_map(|(key_no, on)| Step::Switch(key_no, on)),
        4 => (1..1000_u64).prop_map(Step::Wait),
        1 => (-600..600_i64).prop_map(Step::Wall),
        2 => (any::<bool>(), any::<bool>(), prop::sample::select(vec![0, 100, 1500])).prop_map(|(free, codes, linger)| {
            Step::Rules { free, codes, linger }
        }),
        1 => keys.clone().prop_map(Step::RestartWith),
        2 => keys.prop_map(Step::Keys),
        1 => Just(Step::Keys(Vec::new())),
        1 => (0..2000_u64).prop_map(Step::Forget),
        1 => Just(Step::Restart),
    ]
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

/// Rows as a disk keeps them.
#[derive(Default)]
struct Rows {
    connections: BTreeMap<ConnectionId, Connection>,
    sessions: BTreeMap<SessionId, Session>,
    operations: BTreeMap<OperationId, (Moment, Effect)>,
    keys: BTreeMap<u32, KeyState>,
}

impl Rows {
    fn write(&mut self, delta: Delta) {
        match delta {
            Delta::PutConnection(row) => drop(self.connections.insert(row.id, *row)),
            Delta::DropConnection(id) => drop(self.connections.remove(&id)),
            Delta::PutSession(row) => drop(self.sessions.insert(row.id, *row)),
            Delta::DropSession(id) => drop(self.sessions.remove(&id)),
            Delta::PutOperation(id, at, effect) => drop(self.operations.insert(id, (at, effect))),
            Delta::DropOperation(id) => drop(self.operations.remove(&id)),
            Delta::PutKeyState(state) => drop(self.keys.insert(state.key_no, state)),
            Delta::DropKeyState(key_no) => drop(self.keys.remove(&key_no)),
            Delta::SetKeys(_) => {}
        }
    }

    /// The ledger as it is read at a start.
    fn read(&self) -> Index {
        let mut index = Index::default();
        let mut operations: Vec<_> = self.operations.iter().collect();
        operations.sort_by_key(|(_, (at, _))| *at);
        let connections = self.connections.values().cloned();
        let sessions = self.sessions.values().cloned();
        let deltas = connections
            .map(|row| Delta::PutConnection(Box::new(row)))
            .chain(sessions.map(|row| Delta::PutSession(Box::new(row))))
            .chain(self.keys.values().map(|state| Delta::PutKeyState(*state)))
            .chain(
                operations
                    .into_iter()
                    .map(|(id, (at, effect))| Delta::PutOperation(*id, *at, *effect)),
            );
        for delta in deltas {
            index.apply(delta);
        }
        index
    }
}

/// The ledger beside its model and its rows.
struct Beside {
    ledger: Ledger,
    /// How far the wall clock of the ledger is before the one that nobody sets.
    ahead: i64,
    model: Model,
    rows: Rows,
}

impl Beside {
    fn new(keys: Vec<Key>, free_app_names: Vec<String>, codes: bool) -> Self {
        let rules = rules(free_app_names, codes, 1500);
        let mut ledger = Ledger::with_keys(vec![]);
        ledger.rules = rules.clone();
        let mut beside = Self {
            ledger,
            ahead: 0,
            model: Model::new(vec![], rules),
            rows: Rows::default(),
        };
        beside.run(Command::KeysChanged(keys));
        beside
    }

    /// Runs a command, after proving that its changes can be undone to the last row, and compares.
    fn run(&mut self, command: Command) -> Outcome {
        let ledger = &mut self.ledger;
        let before = rows(&ledger.index);
        let wall = ledger.now;
        let steady = Moment(wall.0 - self.ahead);
        let now = Now { wall, steady };
        let decision = decide(&ledger.index, command.clone(), &ledger.rules, now);
        let undo: Vec<Delta> = decision
            .deltas
            .iter()
            .map(|delta| ledger.index.apply(delta.clone()))
            .collect();
        for delta in undo.into_iter().rev() {
            ledger.index.apply(delta);
        }
        assert_eq!(rows(&ledger.index), before, "undoing left a trace");
        for delta in decision.deltas {
            ledger.index.apply(delta.clone());
            self.rows.write(delta);
        }
        let expected = self.model.run(&command, &decision.outcome, now);
        assert_eq!(said(&decision.outcome), expected, "{command:?}");
        self.model.compare(&ledger.index, ledger.now);
        decision.outcome
    }

    /// The process ends and starts again: memory is what the rows say, and the keys are read anew.
    fn restart(&mut self) {
        let keys = self.ledger.index.keys().to_vec();
        let before = rows(&self.ledger.index);
        self.ledger.index = self.rows.read();
        self.model.restart();
        self.run(Command::KeysChanged(keys));
        assert_eq!(
            rows(&self.ledger.index),
            before,
            "a start changed something"
        );
    }

    /// The same with other keys.
    fn restart_with(&mut self, keys: Vec<Key>) {
        self.ledger.index = self.rows.read();
        self.model.restart();
        self.run(Command::KeysChanged(keys));
    }

    fn change_rules(&mut self, rules: Rules) {
        self.model.rules = rules.clone();
        self.ledger.rules = rules;
        self.run(Command::TimePassed);
    }

    fn lingers_end(&mut self) {
        let linger = self.ledger.rules.linger;
        let steady = Moment(self.ledger.now.0 - self.ahead);
        for session in self.ledger.index.linger_ended(steady, linger) {
            self.run(Command::LingerEnded(session));
        }
    }
}

fn rules(free_app_names: Vec<String>, codes: bool, linger: u64) -> Rules {
    let share = |limit, reserve| Share { limit, reserve };
    let shares = [
        ("".into(), share(None, 0)),
        ("a".into(), share(Some(2), 0)),
        ("b".into(), share(None, 1)),
    ];
    Rules {
        linger: Duration::from_secs(linger),
        free_app_names,
        shares: codes.then(|| shares.into()),
    }
}

fn keys_of(list: Vec<(KeyType, u32, u32, u8)>, now: Moment) -> Vec<Key> {
    list.into_iter()
        .enumerate()
        .map(|(at, (kind, seats, flags, state))| Key {
            flags,
            workable: state != 1,
            // A key may make the application of others free, too.
            free_app_names: if flags == 3 {
                ["1cv8c".to_owned()].into()
            } else {
                [].into()
            },
            starts: (state == 2).then(|| now.after(Duration::from_secs(500))),
            ends: (state == 3).then(|| now.after(Duration::from_secs(700))),
            ..key(at as u32 + 1, kind, seats)
        })
        .collect()
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
    fn no_order_of_events_gives_more_seats_than_were_bought_or_loses_one(
        steps in prop::collection::vec(step(), 1..100),
        codes in any::<bool>(),
    ) {
        let keys = vec![
            key(1, KeyType::Main, 2),
            Key { flags: 1, ..key(2, KeyType::Main, 1) },
        ];
        let mut beside = Beside::new(keys, vec!["backgroundjob".into()], codes);
        let mut connections = Vec::new();
        let steps = (0..4).map(|at| Step::Connect(at, at)).chain(steps);
        let mut asked: Vec<Command> = Vec::new();
        for step in steps {
            let some_session = |index: &Index, at: usize| {
                let mut ids: Vec<SessionId> = index.sessions().map(|session| session.id).collect();
                ids.sort();
                (!ids.is_empty()).then(|| ids[at % ids.len()])
            };
            // Mostly a connection that has the session.
            let who = |index: &Index, connection: usize, session: SessionId| {
                let row = View::session(index, &session);
                let own = row.and_then(|row| row.attached.first().copied());
                own.filter(|_| !connection.is_multiple_of(3))
            };
            match step {
                Step::Connect(kind, code) => {
                    let facts = if kind < 2 { server() } else { client(["AA", "BB"][usize::from(kind) % 2]) };
                    let mut new = connection(facts);
                    // The last one is nobody's.
                    new.access_code = ["", "a", "b", "", "a", "b", "", "a", "b", "a", "b", "x"][usize::from(code)].into();
                    connections.push(new.id);
                    beside.run(Command::Connect { operation: OperationId::random(), connection: Box::new(new) });
                }
                Step::Acquire { connection, number, file, flags, parent, free } => {
                    if let Some(id) = connections.get(connection) {
                        let command = claim(*id, &session_facts(number, file, parent, free), flags);
                        asked.push(command.clone());
                        beside.run(command);
                    }
                }
                Step::Repeat(at) if !asked.is_empty() => {
                    let command = asked[at % asked.len()].clone();
                    let operation = match &command {
                        Command::Acquire(claim) => claim.operation,
                        Command::Release { operation, .. } | Command::Detach { operation, .. } => *operation,
                        other => unreachable!("{other:?} is not repeated"),
                    };
                    // A grant whose session somebody else keeps by now is one for this process as well.
                    let known = match (&command, beside.ledger.index.operation(&operation)) {
                        (Command::Acquire(claim), Some(Effect::Granted(session))) => {
                            let row = View::session(&beside.ledger.index, &session);
                            row.is_none_or(|row| row.attached.contains(&claim.connection))
                        }
                        (_, effect) => effect.is_some(),
                    };
                    let before = rows(&beside.ledger.index);
                    beside.run(command);
                    if known {
                        prop_assert_eq!(rows(&beside.ledger.index), before, "a repetition changed something");
                    }
                }
                Step::Repeat(_) => {}
                Step::RepeatBy(at, connection) => {
                    let asked = asked.get(at % asked.len().max(1)).cloned();
                    if let (Some(Command::Acquire(claim)), Some(id)) = (asked, connections.get(connection)) {
                        let outcome = beside.run(Command::Acquire(Box::new(Claim { connection: *id, ..*claim })));
                        if let Outcome::Granted(grant) = outcome {
                            let row = View::session(&beside.ledger.index, &grant.session);
                            prop_assert!(row.is_some_and(|row| row.attached.contains(id)), "a grant without the session");
                        }
                    }
                }
                Step::Release { connection, session } => {
                    if let (Some(id), Some(session)) = (connections.get(connection), some_session(&beside.ledger.index, session)) {
                        let id = who(&beside.ledger.index, connection, session).unwrap_or(*id);
                        let command =
                            Command::Release { operation: OperationId::random(), connection: id, session };
                        asked.push(command.clone());
                        beside.run(command);
                    }
                }
                Step::Detach { connection, session } => {
                    if let (Some(id), Some(session)) = (connections.get(connection), some_session(&beside.ledger.index, session)) {
                        let id = who(&beside.ledger.index, connection, session).unwrap_or(*id);
                        let command = Command::Detach { operation: OperationId::random(), connection: id, session, moved: session.0[0] % 2 == 0 };
                        asked.push(command.clone());
                        beside.run(command);
                    }
                }
                Step::Disconnect(connection) => {
                    if let Some(id) = connections.get(connection) {
                        beside.run(Command::Disconnect(*id));
                    }
                }
                Step::Expire(connection, elsewhere) => {
                    if let Some(id) = connections.get(connection) {
                        let owner = if elsewhere { THERE } else { HERE };
                        beside.run(Command::ConnectionExpired { connection: *id, owner });
                    }
                }
                Step::Resume { connection, token, replacement, elsewhere } => {
                    if let Some(id) = connections.get(connection) {
                        let row = View::connection(&beside.ledger.index, id);
                        let mut facts = row.map_or_else(server, |row| row.facts);
                        facts.pid += u32::from(elsewhere);
                        beside.run(Command::Resume(Box::new(Resume {
                            connection: *id,
                            token: TokenHash([token; 32]),
                            replacement: TokenHash([replacement; 32]),
                            facts,
                            peer_ip: "::1".into(),
                            owner: if elsewhere { THERE } else { HERE },
                        })));
                    }
                }
                Step::Adopt(connection, back) => {
                    if let Some(id) = connections.get(connection) {
                        let (from, owner) = if back { (THERE, HERE) } else { (HERE, THERE) };
                        beside.run(Command::Adopt { connection: *id, from: Some(from), owner });
                    }
                }
                Step::Drop(connection) => {
                    if let Some(id) = connections.get(connection) {
                        beside.run(Command::AdminDrop { connection: *id, by: admin() });
                    }
                }
                Step::Switch(key_no, on) => {
                    beside.run(Command::SwitchKey { key_no, on, by: admin() });
                }
                Step::Admin(session) => {
                    if let Some(session) = some_session(&beside.ledger.index, session) {
                        beside.run(Command::AdminRelease { session, by: admin() });
                    }
                }
                Step::Wait(seconds) => {
                    beside.ledger.now = beside.ledger.now.after(Duration::from_secs(seconds));
                    beside.run(Command::TimePassed);
                    beside.lingers_end();
                }
                Step::Forget(seconds) => {
                    let before = Moment(beside.ledger.now.0 - seconds as i64 * 1000);
                    beside.run(Command::ForgetOperations(before));
                }
                Step::Restart => beside.restart(),
                Step::RestartWith(list) => {
                    let keys = keys_of(list, beside.ledger.now);
                    beside.restart_with(keys);
                }
                Step::Rules { free, codes, linger } => {
                    let free = free.then(|| "backgroundjob".into());
                    beside.change_rules(rules(free.into_iter().collect(), codes, linger));
                }
                Step::Wall(seconds) => {
                    beside.ahead += seconds * 1000;
                    beside.ledger.now.0 += seconds * 1000;
                    beside.run(Command::TimePassed);
                }
                Step::Keys(list) => {
                    let keys = keys_of(list, beside.ledger.now);
                    beside.run(Command::KeysChanged(keys));
                }
            }
        }
        // Every path frees: when all fall silent and all lingering ends, nothing is left.
        for id in connections {
            for owner in [HERE, THERE] {
                beside.run(Command::ConnectionExpired { connection: id, owner });
            }
        }
        beside.ledger.now = beside.ledger.now.after(Duration::from_secs(25 * 60));
        beside.run(Command::TimePassed);
        beside.lingers_end();
        prop_assert_eq!(beside.ledger.index.session_count(), 0);
        prop_assert_eq!(beside.ledger.index.connections().count(), 0);
    }
}
