//! Each rule of the accounting as one sentence.

use std::time::Duration;

use protocol::{
    facts::{ComponentFacts, SessionFacts, SessionKey, Terminal},
    licence::KeyType,
};

use super::*;

/// A ledger that applies whatever is decided.
pub(super) struct Ledger {
    pub(super) index: Index,
    pub(super) rules: Rules,
    pub(super) now: Moment,
}

impl Ledger {
    pub(super) fn with_keys(keys: Vec<Key>) -> Self {
        let mut ledger = Self {
            index: Index::default(),
            rules: Rules::default(),
            now: Moment(1_000_000),
        };
        ledger.run(Command::KeysChanged(keys));
        ledger
    }

    pub(super) fn run(&mut self, command: Command) -> Outcome {
        let decision = decide(&self.index, command, &self.rules, self.now);
        for delta in decision.deltas {
            self.index.apply(delta);
        }
        decision.outcome
    }

    pub(super) fn connect(&mut self, facts: ComponentFacts) -> ConnectionId {
        let connection = connection(facts);
        let id = connection.id;
        self.run(Command::Connect {
            operation: OperationId::random(),
            connection: Box::new(connection),
        });
        id
    }

    pub(super) fn acquire(
        &mut self,
        connection: ConnectionId,
        facts: &SessionFacts,
        flags: u32,
    ) -> Outcome {
        self.run(claim(connection, facts, flags))
    }

    pub(super) fn used(&self) -> u32 {
        self.index
            .keys()
            .iter()
            .map(|key| self.index.used(key.key_no))
            .sum()
    }

    pub(super) fn later(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }
}

pub(super) fn connection(facts: ComponentFacts) -> Connection {
    Connection {
        id: ConnectionId::random(),
        facts,
        peer_ip: "127.0.0.1".into(),
        created: Moment(0),
        access_code: "".into(),
        token: TokenHash([1; 32]),
        previous_token: None,
    }
}

pub(super) fn claim(connection: ConnectionId, facts: &SessionFacts, flags: u32) -> Command {
    Command::Acquire(Box::new(Claim {
        operation: OperationId::random(),
        connection,
        session: SessionId::random(),
        facts: facts.clone(),
        flags,
    }))
}

pub(super) fn key(key_no: u32, key_type: KeyType, seats: u32) -> Key {
    Key {
        key_no,
        key_type,
        seats,
        flags: 0,
        product_version: 0,
        free_app_names: [].into(),
        starts: None,
        ends: None,
        enabled: true,
        workable: true,
    }
}

pub(super) fn server() -> ComponentFacts {
    ComponentFacts {
        is_server: true,
        computer_id: "AA".into(),
        pid: 1,
        ..Default::default()
    }
}

pub(super) fn client(computer: &str) -> ComponentFacts {
    ComponentFacts {
        is_server: false,
        computer_id: computer.into(),
        pid: 2,
        ..Default::default()
    }
}

pub(super) fn facts(infobase: &str, number: u32) -> SessionFacts {
    SessionFacts {
        key: SessionKey {
            infobase: infobase.into(),
            number,
            started: 5,
        },
        user_name: format!("user{number}"),
        ..Default::default()
    }
}

pub(super) fn admin() -> Admin {
    Admin {
        user_name: "admin".into(),
        address: "127.0.0.1".into(),
        word: "Please end your work".into(),
    }
}

pub(super) const CLUSTER: &str = "Srvr=a;Ref=b;";
const FILE: &str = "File=/srv/base;";

pub(super) fn session_of(outcome: &Outcome) -> SessionId {
    match outcome {
        Outcome::Granted(grant) => grant.session,
        other => panic!("a seat was expected, and not {other:?}"),
    }
}

pub(super) fn release(connection: ConnectionId, session: SessionId) -> Command {
    Command::Release {
        operation: OperationId::random(),
        connection,
        session,
    }
}

fn detach(connection: ConnectionId, session: SessionId) -> Command {
    Command::Detach {
        operation: OperationId::random(),
        connection,
        session,
        moved: false,
    }
}

#[test]
fn a_session_that_moved_to_another_server_does_not_linger_and_stays_for_those_who_use_it() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let (one, two) = (ledger.connect(server()), ledger.connect(server()));
    let session = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    session_of(&ledger.acquire(two, &facts(CLUSTER, 1), 0));
    for (connection, left) in [(one, 1), (two, 0)] {
        ledger.run(Command::Detach {
            operation: OperationId::random(),
            connection,
            session,
            moved: true,
        });
        assert_eq!(ledger.used(), left);
    }
}

#[test]
fn a_fourth_session_is_denied_and_told_who_holds_the_three_seats() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 3)]);
    let connection = ledger.connect(server());
    for number in 1..=3 {
        session_of(&ledger.acquire(connection, &facts(CLUSTER, number), 0));
        ledger.later(Duration::from_secs(1));
    }
    match ledger.acquire(connection, &facts(CLUSTER, 4), 0) {
        Outcome::Denied(Denial::NoSeats {
            total: 3, holders, ..
        }) => {
            let names: Vec<&str> = holders.iter().map(|holder| &*holder.user_name).collect();
            assert_eq!(names, ["user1", "user2", "user3"]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.used(), 3);
}

#[test]
fn one_session_seen_from_two_processes_is_one_seat() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let (one, two, three) = (
        ledger.connect(server()),
        ledger.connect(server()),
        ledger.connect(client("BB")),
    );
    let first = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    assert_eq!(
        session_of(&ledger.acquire(two, &facts(CLUSTER, 1), 0)),
        first
    );
    assert_eq!(
        session_of(&ledger.acquire(three, &facts(CLUSTER, 1), 0)),
        first
    );
    assert_eq!(ledger.used(), 1);
}

#[test]
fn file_infobases_of_one_computer_share_a_seat_and_each_terminal_client_has_its_own() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 2)]);
    let terminal = |name: &str| ComponentFacts {
        terminal: Some(Terminal {
            name: name.into(),
            address: String::new(),
            from_environment: false,
        }),
        ..client("AA")
    };
    let (one, two) = (ledger.connect(client("AA")), ledger.connect(client("AA")));
    let first = session_of(&ledger.acquire(one, &facts(FILE, 1), 0));
    session_of(&ledger.acquire(two, &facts("File=/other;", 2), 0));
    assert_eq!(ledger.used(), 1);
    let far = ledger.connect(terminal("PC7"));
    session_of(&ledger.acquire(far, &facts(FILE, 3), 0));
    session_of(&ledger.acquire(far, &facts(FILE, 4), 0));
    assert_eq!(ledger.used(), 2);
    let other = ledger.connect(terminal("PC8"));
    assert!(matches!(
        ledger.acquire(other, &facts(FILE, 5), 0),
        Outcome::Denied(Denial::NoSeats { .. })
    ));
    // The computer's seat is occupied until its last session leaves.
    ledger.run(release(one, first));
    assert_eq!(ledger.used(), 2);
    ledger.run(Command::Disconnect(two));
    assert_eq!(ledger.used(), 1);
}

#[test]
fn a_session_of_a_published_file_infobase_is_one_seat_whichever_side_comes_first() {
    for client_first in [true, false] {
        let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 2)]);
        let gathered = SessionFacts {
            gathered_on_server: Some(true),
            ..facts(FILE, 1)
        };
        let (web, thin) = (ledger.connect(server()), ledger.connect(client("AA")));
        let order = if client_first {
            [thin, web]
        } else {
            [web, thin]
        };
        let seats = order.map(|process| session_of(&ledger.acquire(process, &gathered, 0)));
        assert_eq!((seats[0], ledger.used()), (seats[1], 1), "{client_first}");
        // A second user on the same computer is another session, and another seat.
        let other = SessionFacts {
            gathered_on_server: Some(true),
            ..facts(FILE, 2)
        };
        session_of(&ledger.acquire(thin, &other, 0));
        assert_eq!(ledger.used(), 2);
    }
}

#[test]
fn done_in_a_server_process_lingers_and_any_process_takes_the_session_over() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let (one, two) = (ledger.connect(server()), ledger.connect(server()));
    let session = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    ledger.run(detach(one, session));
    assert_eq!(ledger.used(), 1);
    ledger.later(Duration::from_secs(24 * 60));
    assert_eq!(
        session_of(&ledger.acquire(two, &facts(CLUSTER, 1), 0)),
        session
    );
    ledger.later(Duration::from_secs(60 * 60));
    ledger.run(Command::LingerEnded(session));
    assert_eq!(
        ledger.used(),
        1,
        "it was taken over, so its linger never ends"
    );
    ledger.run(detach(two, session));
    ledger.later(Duration::from_secs(25 * 60 - 1));
    ledger.run(Command::LingerEnded(session));
    assert_eq!(ledger.used(), 1);
    ledger.later(Duration::from_secs(1));
    ledger.run(Command::LingerEnded(session));
    assert_eq!(ledger.used(), 0);
}

#[test]
fn done_in_a_client_process_frees_the_seat_at_once() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(client("AA"));
    let session = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    ledger.run(detach(one, session));
    assert_eq!(ledger.used(), 0);
}

#[test]
fn release_frees_the_seat_at_once_and_tells_the_other_processes() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let (one, two) = (ledger.connect(server()), ledger.connect(server()));
    let session = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    ledger.acquire(two, &facts(CLUSTER, 1), 0);
    match ledger.run(release(one, session)) {
        Outcome::Done { lost, .. } => assert_eq!(lost[0].connections, [two]),
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.used(), 0);
}

#[test]
fn a_silent_connection_frees_only_what_nobody_else_keeps() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 5)]);
    let (one, two) = (ledger.connect(server()), ledger.connect(server()));
    ledger.acquire(one, &facts(CLUSTER, 1), 0);
    ledger.acquire(one, &facts(CLUSTER, 2), 0);
    ledger.acquire(two, &facts(CLUSTER, 2), 0);
    ledger.run(Command::ConnectionExpired(one));
    assert_eq!(ledger.used(), 1);
    assert_eq!(
        ledger.run(Command::ConnectionExpired(one)),
        Outcome::UnknownConnection
    );
}

#[test]
fn a_repeated_request_changes_nothing_even_when_the_seat_was_freed_since() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let request = claim(one, &facts(CLUSTER, 1), 0);
    let session = session_of(&ledger.run(request.clone()));
    assert_eq!(session_of(&ledger.run(request.clone())), session);
    let freed = release(one, session);
    ledger.run(freed.clone());
    assert_eq!(ledger.run(request), Outcome::UnknownSession);
    let again = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    ledger.run(freed);
    assert_eq!(
        ledger.used(),
        1,
        "the repeated release is of the old session, not of {again}"
    );
}

#[test]
fn sixteen_children_share_their_parents_seat_and_end_with_it() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let parent = facts(CLUSTER, 1);
    let child = |number| SessionFacts {
        parent: Some(parent.key.clone()),
        ..facts(CLUSTER, number)
    };
    let session = session_of(&ledger.acquire(one, &parent, 0));
    for number in 2..18 {
        session_of(&ledger.acquire(one, &child(number), 0));
    }
    assert_eq!(ledger.used(), 1);
    assert!(matches!(
        ledger.acquire(one, &child(18), 0),
        Outcome::Denied(Denial::NoSeats { .. })
    ));
    match ledger.run(release(one, session)) {
        Outcome::Done { lost, .. } => assert_eq!(lost.len(), 17),
        other => panic!("{other:?}"),
    }
    assert_eq!((ledger.used(), ledger.index.session_count()), (0, 0));
}

#[test]
fn free_applications_take_no_seat_but_need_a_key() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    ledger.rules.free_app_names = vec!["backgroundjob".into()];
    let one = ledger.connect(server());
    let job = |number| SessionFacts {
        app_name: "BackgroundJob".into(),
        ..facts(CLUSTER, number)
    };
    for number in 0..5 {
        session_of(&ledger.acquire(one, &job(number), 0));
    }
    assert_eq!(ledger.used(), 0);
    session_of(&ledger.acquire(one, &facts(CLUSTER, 9), 0));
    match ledger.run(Command::KeysChanged(vec![])) {
        Outcome::Done { lost, .. } => assert_eq!(lost.len(), 6),
        other => panic!("{other:?}"),
    }
}

#[test]
fn scarce_keys_are_kept_for_those_who_need_their_flags() {
    let plain = key(2, KeyType::Main, 1);
    let rich = Key {
        flags: 0b11,
        ..key(1, KeyType::Main, 1)
    };
    let mut ledger = Ledger::with_keys(vec![rich, plain]);
    let one = ledger.connect(server());
    ledger.acquire(one, &facts(CLUSTER, 1), 0);
    assert_eq!((ledger.index.used(1), ledger.index.used(2)), (0, 1));
    // The same session asks for more, and moves.
    ledger.acquire(one, &facts(CLUSTER, 1), 0b10);
    assert_eq!((ledger.index.used(1), ledger.index.used(2)), (1, 0));
    assert_eq!(
        ledger.acquire(one, &facts(CLUSTER, 2), 0b100),
        Outcome::Denied(Denial::NoFlags { asked: 0b100 })
    );
    assert!(matches!(
        ledger.acquire(one, &facts(CLUSTER, 2), 0b1),
        Outcome::Denied(Denial::NoSeats { total: 1, .. })
    ));
}

#[test]
fn additional_keys_need_a_usable_main_key_and_a_demo_adds_nothing() {
    let now = Moment(0);
    let main = key(1, KeyType::Main, 1);
    let additional = key(2, KeyType::Additional, 1);
    let demo = key(3, KeyType::Demo, 1);
    let off = Key {
        enabled: false,
        ..main.clone()
    };
    assert_eq!(
        usable(&additional, &[main.clone(), additional.clone()], now),
        Ok(())
    );
    assert_eq!(
        usable(&additional, &[off, additional.clone()], now),
        Err(Unusable::NoMainKey)
    );
    assert_eq!(usable(&demo, std::slice::from_ref(&demo), now), Ok(()));
    assert_eq!(
        usable(&demo, &[main, demo.clone()], now),
        Err(Unusable::BesideOther)
    );
    assert_eq!(
        usable(&demo, &[key(2, KeyType::Demo, 1), demo.clone()], now),
        Err(Unusable::BesideOther)
    );
}

#[test]
fn when_a_key_ends_its_sessions_move_and_only_those_without_a_seat_are_lost() {
    let ending = Key {
        ends: Some(Moment(2_000_000)),
        ..key(1, KeyType::Main, 2)
    };
    let mut ledger = Ledger::with_keys(vec![ending.clone(), key(2, KeyType::Main, 1)]);
    assert_eq!(next_change(ledger.index.keys(), ledger.now), ending.ends);
    let one = ledger.connect(server());
    let first = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    ledger.later(Duration::from_secs(1));
    let second = session_of(&ledger.acquire(one, &facts(CLUSTER, 2), 0));
    assert_eq!(
        ledger.index.used(1),
        2,
        "the key that ends sooner is used first"
    );
    ledger.now = Moment(2_000_000);
    match ledger.run(Command::TimePassed) {
        Outcome::Done { lost, .. } => {
            assert_eq!(lost.len(), 1);
            assert_eq!((lost[0].session, lost[0].cause), (second, Cause::KeyGone));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.index.session(&first).unwrap().key_no, 2);
    assert!(ledger.index.session(&second).is_none());
}

#[test]
fn denials_name_the_state_of_the_keys() {
    let mut ledger = Ledger::with_keys(vec![]);
    let one = ledger.connect(server());
    assert_eq!(
        ledger.acquire(one, &facts(CLUSTER, 1), 0),
        Outcome::Denied(Denial::NoLicence)
    );
    ledger.run(Command::KeysChanged(vec![Key {
        ends: Some(Moment(5)),
        ..key(7, KeyType::Main, 1)
    }]));
    assert_eq!(
        ledger.acquire(one, &facts(CLUSTER, 1), 0),
        Outcome::Denied(Denial::NotUsable(vec![(7, Unusable::Expired(Moment(5)))]))
    );
}

#[test]
fn a_resume_token_is_good_until_its_successor_is_used_and_only_for_its_own_process() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let resume = |token: u8, replacement: u8, pid| {
        Command::Resume(Box::new(Resume {
            connection: one,
            token: TokenHash([token; 32]),
            replacement: TokenHash([replacement; 32]),
            facts: ComponentFacts { pid, ..server() },
            peer_ip: "::1".into(),
        }))
    };
    let back = || Outcome::Connected {
        connection: one,
        sessions: vec![],
    };
    assert_eq!(ledger.run(resume(1, 2, 99)), Outcome::UnknownConnection);
    assert_eq!(ledger.run(resume(1, 2, 1)), back());
    // The answer was lost, and the old token comes again.
    assert_eq!(ledger.run(resume(1, 3, 1)), back());
    assert_eq!(ledger.run(resume(2, 4, 1)), Outcome::UnknownConnection);
    assert_eq!(ledger.run(resume(3, 4, 1)), back());
    assert_eq!(ledger.run(resume(1, 5, 1)), Outcome::UnknownConnection);
}

#[test]
fn an_administrator_frees_a_seat_and_its_processes_are_told() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let session = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    match ledger.run(Command::AdminRelease {
        session,
        by: admin(),
    }) {
        Outcome::Done { lost, .. } => {
            assert_eq!(
                (&lost[0].connections[..], lost[0].cause),
                (&[one][..], Cause::Administrator)
            );
            assert_eq!(&*lost[0].word, "Please end your work");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.used(), 0);
}

#[test]
fn an_administrator_ends_a_connection_and_the_seats_that_it_alone_keeps() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 2)]);
    let (one, two) = (ledger.connect(server()), ledger.connect(server()));
    let alone = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    let shared = session_of(&ledger.acquire(one, &facts(CLUSTER, 2), 0));
    ledger.acquire(two, &facts(CLUSTER, 2), 0);
    let drop = Command::AdminDrop {
        connection: one,
        by: admin(),
    };
    match ledger.run(drop.clone()) {
        Outcome::Done { lost, more: false } => {
            let lost: Vec<SessionId> = lost.iter().map(|lost| lost.session).collect();
            assert_eq!(lost, [alone]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.run(drop), Outcome::UnknownConnection);
    let kept = View::session(&ledger.index, &shared).unwrap();
    assert_eq!(kept.attached, [two]);
}

#[test]
fn a_key_that_is_switched_off_gives_its_seats_to_other_keys_and_back() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1), key(2, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let first = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    let switch = |on| Command::SwitchKey {
        key_no: 1,
        on,
        by: admin(),
    };
    assert_eq!(
        ledger.run(switch(false)),
        Outcome::Done {
            lost: vec![],
            more: false
        }
    );
    let moved = View::session(&ledger.index, &first).unwrap();
    assert_eq!(moved.key_no, 2);
    let denied = ledger.acquire(one, &facts(CLUSTER, 2), 0);
    assert!(matches!(
        denied,
        Outcome::Denied(Denial::NoSeats { total: 1, .. })
    ));
    ledger.run(switch(true));
    session_of(&ledger.acquire(one, &facts(CLUSTER, 2), 0));
}
