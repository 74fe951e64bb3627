//! Who occupies a seat: each rule as one sentence.

use std::time::Duration;

use protocol::{
    facts::{ComponentFacts, SessionFacts, Terminal},
    licence::KeyType,
};

use super::{
    test_ledger::{
        CLUSTER, FILE, Ledger, claim, client, detach, facts, key, release, server, session_of,
    },
    *,
};

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
fn a_chain_of_children_counts_as_one_parents_and_ends_with_it() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let first = session_of(&ledger.acquire(one, &facts(CLUSTER, 0), 0));
    let child_of_the_last = |number: u32| SessionFacts {
        parent: Some(facts(CLUSTER, number - 1).key),
        ..facts(CLUSTER, number)
    };
    for number in 1..=16 {
        session_of(&ledger.acquire(one, &child_of_the_last(number), 0));
    }
    let outcome = ledger.acquire(one, &child_of_the_last(17), 0);
    assert!(matches!(
        outcome,
        Outcome::Denied(Denial::NoSeats { total: 1, .. })
    ));
    ledger.run(release(one, first));
    assert_eq!((ledger.index.session_count(), ledger.used()), (0, 0));
}

#[test]
fn background_jobs_one_after_the_other_need_no_seat_beside_their_parents() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 2)]);
    let one = ledger.connect(server());
    let parent = facts(CLUSTER, 0);
    session_of(&ledger.acquire(one, &parent, 0));
    for number in 1..=40 {
        let job = SessionFacts {
            parent: Some(parent.key.clone()),
            ..facts(CLUSTER, number)
        };
        let session = session_of(&ledger.acquire(one, &job, 0));
        ledger.run(detach(one, session));
        assert_eq!((ledger.used(), ledger.index.session_count()), (1, 1));
    }
}

#[test]
fn a_child_that_nobody_keeps_lingers_as_long_as_a_child_of_its_own_sits_there() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let child_of = |parent: u32, number| SessionFacts {
        parent: Some(facts(CLUSTER, parent).key),
        ..facts(CLUSTER, number)
    };
    session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    let child = session_of(&ledger.acquire(one, &child_of(1, 2), 0));
    let grandchild = session_of(&ledger.acquire(one, &child_of(2, 3), 0));
    ledger.run(detach(one, child));
    assert_eq!(ledger.index.session_count(), 3);
    ledger.run(detach(one, grandchild));
    assert_eq!(ledger.index.session_count(), 2);
}

#[test]
fn so_many_sessions_sit_on_one_seat_and_no_more() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(client("AA"));
    let most = MAX_ON_SEAT as u32;
    for number in 0..most {
        session_of(&ledger.acquire(one, &facts(FILE, number), 0));
    }
    assert_eq!(
        ledger.acquire(one, &facts(FILE, most), 0),
        Outcome::Denied(Denial::TooManySessions)
    );
    // Who sits there is not denied, and whoever leaves makes room.
    let two = ledger.connect(client("AA"));
    let last = session_of(&ledger.acquire(two, &facts(FILE, most - 1), 0));
    ledger.run(release(two, last));
    session_of(&ledger.acquire(two, &facts(FILE, most), 0));
    assert_eq!(ledger.used(), 1);
}

#[test]
fn so_many_sessions_have_the_rights_of_a_key_without_a_seat_and_no_more() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    ledger.rules.free_app_names = vec!["backgroundjob".into()];
    let job = |number| SessionFacts {
        app_name: "BackgroundJob".into(),
        ..facts(CLUSTER, number)
    };
    let mut one = ledger.connect(server());
    for number in 0..MAX_UNSEATED as u32 {
        if number % 10_000 == 0 {
            one = ledger.connect(server());
        }
        session_of(&ledger.acquire(one, &job(number), 0));
    }
    let outcome = ledger.acquire(one, &job(MAX_UNSEATED as u32), 0);
    assert_eq!(outcome, Outcome::Denied(Denial::TooManySessions));
    session_of(&ledger.acquire(one, &job(0), 0));
}

#[test]
fn an_application_that_is_free_no_more_needs_a_seat() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    ledger.rules.free_app_names = vec!["backgroundjob".into()];
    let one = ledger.connect(server());
    let job = |number| SessionFacts {
        app_name: "BackgroundJob".into(),
        ..facts(CLUSTER, number)
    };
    for number in 0..2 {
        session_of(&ledger.acquire(one, &job(number), 0));
    }
    ledger.run(Command::TimePassed);
    assert_eq!(ledger.index.session_count(), 2);
    ledger.rules.free_app_names.clear();
    match ledger.run(Command::TimePassed) {
        Outcome::Done { lost, .. } => {
            assert_eq!(lost.len(), 2);
            assert!(lost.iter().all(|lost| lost.cause == Cause::KeyGone));
        }
        other => panic!("{other:?}"),
    }
    session_of(&ledger.acquire(one, &job(0), 0));
    assert!(matches!(
        ledger.acquire(one, &job(1), 0),
        Outcome::Denied(Denial::NoSeats { .. })
    ));
}

#[test]
fn a_request_repeated_by_another_process_has_the_session_for_its_own() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let (one, two, three) = (
        ledger.connect(server()),
        ledger.connect(server()),
        ledger.connect(server()),
    );
    let asked = claim(one, &facts(CLUSTER, 1), 0);
    let session = session_of(&ledger.run(asked.clone()));
    session_of(&ledger.acquire(two, &facts(CLUSTER, 1), 0));
    ledger.run(Command::Disconnect(one));
    assert_eq!(attached(&ledger, session), [two]);
    let Command::Acquire(claim) = asked else {
        unreachable!("it was a claim");
    };
    let repeated = Command::Acquire(Box::new(Claim {
        connection: three,
        ..*claim
    }));
    assert_eq!(session_of(&ledger.run(repeated)), session);
    assert_eq!(attached(&ledger, session), [two, three]);
}

fn attached(ledger: &Ledger, session: SessionId) -> Vec<ConnectionId> {
    let session = View::session(&ledger.index, &session);
    session.map_or_else(Vec::new, |session| session.attached)
}
