//! Which keys give seats, and what becomes of their sessions when they do not: each rule as one sentence.

use std::time::Duration;

use protocol::licence::KeyType;

use super::{
    test_ledger::{CLUSTER, Ledger, admin, facts, key, server, session_of},
    *,
};

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
    let due = Due::after(ledger.index.keys(), ledger.now, false);
    assert!(!due.is_at(Moment(1_999_999)) && due.is_at(Moment(2_000_000)));
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

#[test]
fn of_sessions_whose_key_went_the_first_to_move_makes_room_for_the_next() {
    let flagged = |key_no, seats, flags| Key {
        flags,
        ..key(key_no, KeyType::Main, seats)
    };
    let mut ledger = Ledger::with_keys(vec![flagged(1, 2, 0b11)]);
    let one = ledger.connect(server());
    ledger.acquire(one, &facts(CLUSTER, 1), 0);
    ledger.later(Duration::from_secs(1));
    ledger.acquire(one, &facts(CLUSTER, 2), 0b01);
    // Either key would do for the first, but one of them is the only one for the second.
    let outcome = ledger.run(Command::KeysChanged(vec![
        flagged(2, 1, 0b01),
        flagged(3, 1, 0b10),
    ]));
    let nobody = Outcome::Done {
        lost: vec![],
        more: false,
    };
    assert_eq!((outcome, ledger.used()), (nobody, 2));
}
