//! Several keys of a series: who sits on which, who moves, and whom access codes let in.

use std::{collections::BTreeMap, time::Duration};

use protocol::{KeyId, licence::KeyType};

use super::{
    test_ledger::{CLUSTER, Ledger, claim, client, connection, facts, key, server, session_of},
    *,
};

fn flagged(key_no: u32, seats: u32, flags: u32) -> Key {
    Key {
        flags,
        ..key(key_no, KeyType::Main, seats)
    }
}

fn key_of(ledger: &Ledger, session: SessionId) -> u32 {
    View::session(&ledger.index, &session).unwrap().key_no
}

#[test]
fn a_seat_with_flags_is_found_by_moving_those_who_need_no_flags() {
    let mut ledger = Ledger::with_keys(vec![flagged(1, 1, 0), flagged(2, 1, 0b1)]);
    let one = ledger.connect(server());
    let first = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    let second = session_of(&ledger.acquire(one, &facts(CLUSTER, 2), 0));
    assert_eq!((key_of(&ledger, first), key_of(&ledger, second)), (1, 2));
    // The plain key's seat is free again, and the one with flags is taken by somebody who needs none.
    ledger.run(test_ledger::release(one, first));
    let rich = session_of(&ledger.acquire(one, &facts(CLUSTER, 3), 0b1));
    assert_eq!((key_of(&ledger, rich), key_of(&ledger, second)), (2, 1));
}

#[test]
fn room_is_made_along_a_chain_of_keys() {
    let mut ledger = Ledger::with_keys(vec![flagged(1, 1, 0b001), flagged(2, 1, 0b011)]);
    let one = ledger.connect(server());
    let low = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0b001));
    let middle = session_of(&ledger.acquire(one, &facts(CLUSTER, 2), 0b001));
    assert_eq!((key_of(&ledger, low), key_of(&ledger, middle)), (1, 2));
    let denied = ledger.acquire(one, &facts(CLUSTER, 3), 0b010);
    assert!(matches!(denied, Outcome::Denied(Denial::NoSeats { .. })));
    // A third key serves neither of the asked flags, but whoever sits on the first one could do with it.
    ledger.run(Command::KeysChanged(vec![
        flagged(1, 1, 0b001),
        flagged(2, 1, 0b011),
        flagged(3, 1, 0b101),
    ]));
    let high = session_of(&ledger.acquire(one, &facts(CLUSTER, 3), 0b010));
    assert_eq!(key_of(&ledger, high), 2);
    assert_eq!(ledger.used(), 3);
}

#[test]
fn of_equal_keys_the_one_that_ends_first_and_the_older_product_are_used_first() {
    let ends = |key_no, ends| Key {
        ends: Some(Moment(ends)),
        ..flagged(key_no, 1, 0)
    };
    let older = Key {
        product_version: 1,
        ..flagged(5, 1, 0)
    };
    let newer = Key {
        product_version: 2,
        ..flagged(4, 1, 0)
    };
    let mut ledger = Ledger::with_keys(vec![newer, older, ends(2, 3_000_000), ends(3, 2_000_000)]);
    let one = ledger.connect(server());
    let order: Vec<u32> = (1..=4)
        .map(|number| {
            let session = session_of(&ledger.acquire(one, &facts(CLUSTER, number), 0));
            key_of(&ledger, session)
        })
        .collect();
    assert_eq!(order, [3, 2, 5, 4]);
}

#[test]
fn when_a_key_goes_those_who_sat_longest_find_the_free_seats_and_others_are_told() {
    let mut ledger = Ledger::with_keys(vec![flagged(1, 2, 0), flagged(2, 1, 0b1)]);
    let one = ledger.connect(server());
    let first = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    ledger.later(Duration::from_secs(1));
    let second = session_of(&ledger.acquire(one, &facts(CLUSTER, 2), 0));
    match ledger.run(Command::KeysChanged(vec![flagged(2, 1, 0b1)])) {
        Outcome::Done { lost, more: false } => {
            assert_eq!(lost.len(), 1);
            assert_eq!((lost[0].session, lost[0].cause), (second, Cause::KeyGone));
            assert_eq!(lost[0].connections, [one]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(key_of(&ledger, first), 2);
}

#[test]
fn a_key_with_thousands_of_seats_goes_in_parts_and_nobody_is_seated_on_it_meanwhile() {
    let seats = EXPIRY_CHUNK as u32 * 2 + 10;
    let mut ledger = Ledger::with_keys(vec![flagged(1, seats, 0)]);
    let connections = [ledger.connect(server()), ledger.connect(server())];
    for number in 0..seats {
        session_of(&ledger.acquire(connections[number as usize % 2], &facts(CLUSTER, number), 0));
    }
    let mut outcome = ledger.run(Command::KeysChanged(vec![flagged(2, 5, 0)]));
    let mut parts = 1;
    while let Outcome::Done { more: true, .. } = outcome {
        let newcomer = ledger.acquire(connections[0], &facts(CLUSTER, 1_000_000 + parts), 0);
        assert!(matches!(newcomer, Outcome::Denied(_)), "{newcomer:?}");
        outcome = ledger.run(Command::TimePassed);
        parts += 1;
    }
    assert_eq!(parts, 3);
    assert_eq!((ledger.index.session_count(), ledger.used()), (5, 5));
}

#[test]
fn an_application_that_the_licence_names_needs_no_seat_of_that_key() {
    let free = Key {
        free_app_names: lower_case_list("BackgroundJob, WSConnection").into(),
        ..flagged(2, 1, 0b1)
    };
    let mut ledger = Ledger::with_keys(vec![flagged(1, 1, 0), free]);
    let one = ledger.connect(server());
    let job = |number| protocol::facts::SessionFacts {
        app_name: "backgroundjob".into(),
        ..facts(CLUSTER, number)
    };
    for number in 1..=3 {
        let session = session_of(&ledger.acquire(one, &job(number), 0));
        assert_eq!(key_of(&ledger, session), 2);
    }
    assert_eq!(ledger.used(), 0);
    // Without that key they need seats like others, and must ask for them.
    match ledger.run(Command::KeysChanged(vec![flagged(1, 1, 0)])) {
        Outcome::Done { lost, .. } => assert_eq!(lost.len(), 3),
        other => panic!("{other:?}"),
    }
    session_of(&ledger.acquire(one, &job(1), 0));
    assert_eq!(ledger.used(), 1);
}

fn with_codes(seats: u32, codes: &[(&str, Option<u32>, u32)]) -> Ledger {
    let codes: BTreeMap<String, AccessCode> = codes
        .iter()
        .map(|(code, limit, reserve)| {
            let share = Share {
                limit: *limit,
                reserve: *reserve,
            };
            let access = AccessCode {
                share,
                ..AccessCode::default()
            };
            ((*code).to_owned(), access)
        })
        .collect();
    let book = RuleBook {
        access_codes: Some(codes),
        ..RuleBook::default()
    };
    let mut ledger = Ledger::with_keys(vec![flagged(1, seats, 0)]);
    ledger.rules = book.of(KeyId(1));
    ledger
}

fn connect_with(
    ledger: &mut Ledger,
    code: &str,
    facts: protocol::facts::ComponentFacts,
) -> ConnectionId {
    let connection = Connection {
        access_code: code.into(),
        ..connection(facts)
    };
    let id = connection.id;
    ledger.run(Command::Connect {
        operation: OperationId::random(),
        connection: Box::new(connection),
    });
    id
}

#[test]
fn only_holders_of_a_known_access_code_get_seats_and_never_more_than_its_limit() {
    let mut ledger = with_codes(5, &[("SALES", Some(2), 0), ("OTHER", None, 0)]);
    let sales = connect_with(&mut ledger, "SALES", server());
    let nobody = connect_with(&mut ledger, "", server());
    let unknown = connect_with(&mut ledger, "sales", server());
    for connection in [nobody, unknown] {
        let denied = ledger.acquire(connection, &facts(CLUSTER, 9), 0);
        assert_eq!(denied, Outcome::Denied(Denial::UnknownCode));
    }
    let first = session_of(&ledger.acquire(sales, &facts(CLUSTER, 1), 0));
    session_of(&ledger.acquire(sales, &facts(CLUSTER, 2), 0));
    let denied = ledger.acquire(sales, &facts(CLUSTER, 3), 0);
    assert_eq!(denied, Outcome::Denied(Denial::CodeLimit(2)));
    // Who has a seat keeps it, and a seat that is given back is there for the code again.
    session_of(&ledger.acquire(sales, &facts(CLUSTER, 2), 0));
    ledger.run(test_ledger::release(sales, first));
    session_of(&ledger.acquire(sales, &facts(CLUSTER, 3), 0));
}

#[test]
fn reserved_seats_wait_for_the_holders_of_their_code() {
    let mut ledger = with_codes(3, &[("BOSS", None, 2), ("SALES", None, 0)]);
    let boss = connect_with(&mut ledger, "BOSS", server());
    let sales = connect_with(&mut ledger, "SALES", server());
    session_of(&ledger.acquire(sales, &facts(CLUSTER, 1), 0));
    match ledger.acquire(sales, &facts(CLUSTER, 2), 0) {
        Outcome::Denied(Denial::NoSeats {
            total: 3,
            reserved: 2,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    session_of(&ledger.acquire(boss, &facts(CLUSTER, 11), 0));
    assert!(matches!(
        ledger.acquire(sales, &facts(CLUSTER, 2), 0),
        Outcome::Denied(_)
    ));
    session_of(&ledger.acquire(boss, &facts(CLUSTER, 12), 0));
    // Above its reserve the code stands in line like all others, and there is no seat more.
    let denied = ledger.acquire(boss, &facts(CLUSTER, 13), 0);
    assert!(matches!(
        denied,
        Outcome::Denied(Denial::NoSeats { reserved: 0, .. })
    ));
    assert_eq!(ledger.used(), 3);
}

#[test]
fn a_shared_seat_counts_for_the_code_that_took_it() {
    let mut ledger = with_codes(5, &[("A", Some(1), 0), ("B", Some(1), 0)]);
    let first = connect_with(&mut ledger, "A", client("PC"));
    let second = connect_with(&mut ledger, "B", client("PC"));
    let file = |number| facts("File=/b;", number);
    let opener = session_of(&ledger.acquire(first, &file(1), 0));
    session_of(&ledger.acquire(second, &file(2), 0));
    assert_eq!(ledger.index.used_by_code("A"), 1);
    ledger.run(test_ledger::release(first, opener));
    // The seat is still occupied, and still counts for A.
    let other = connect_with(&mut ledger, "A", client("PC2"));
    let denied = ledger.acquire(other, &file(3), 0);
    assert_eq!(denied, Outcome::Denied(Denial::CodeLimit(1)));
    let elsewhere = connect_with(&mut ledger, "B", client("PC3"));
    session_of(&ledger.acquire(elsewhere, &file(4), 0));
    assert_eq!(
        (
            ledger.index.used_by_code("A"),
            ledger.index.used_by_code("B")
        ),
        (1, 1)
    );
    assert!(matches!(
        ledger.run(claim(ConnectionId::random(), &file(5), 0)),
        Outcome::UnknownConnection
    ));
}
