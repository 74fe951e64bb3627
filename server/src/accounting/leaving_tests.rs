//! How connections and sessions come back and end: each rule as one sentence.

use std::time::Duration;

use protocol::{facts::ComponentFacts, licence::KeyType};

use super::{
    test_ledger::{
        CLUSTER, HERE, Ledger, THERE, admin, claim, client, detach, expired, facts, key, release,
        server, session_of,
    },
    *,
};

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
fn a_linger_that_a_wrong_clock_made_longer_than_the_settings_allow_is_shortened() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let session = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    let right = ledger.now;
    ledger.later(Duration::from_secs(365 * 24 * 60 * 60));
    ledger.run(detach(one, session));
    ledger.now = right;
    let linger = ledger.rules.linger;
    assert_eq!(ledger.index.linger_ended(right, linger), [session]);
    ledger.run(Command::LingerEnded(session));
    assert_eq!(ledger.used(), 1, "it lingers as long as any other");
    assert_eq!(ledger.index.linger_ended(right, linger), []);
    ledger.later(linger);
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
    ledger.run(expired(one));
    assert_eq!(ledger.used(), 1);
    assert_eq!(ledger.run(expired(one)), Outcome::UnknownConnection);
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
            owner: THERE,
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
    // It came to another server, which alone hears it now.
    let row = View::connection(&ledger.index, &one).unwrap();
    assert_eq!(row.owner, Some(THERE));
    let connection = one;
    for (owner, left) in [(HERE, 1), (THERE, 0)] {
        ledger.run(Command::ConnectionExpired { connection, owner });
        assert_eq!(ledger.index.connections().count(), left);
    }
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
fn requests_from_a_time_that_a_wrong_clock_showed_keep_no_others_from_being_forgotten() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 3)]);
    let one = ledger.connect(server());
    let right = ledger.now;
    ledger.later(Duration::from_secs(365 * 24 * 60 * 60));
    let ahead = claim(one, &facts(CLUSTER, 1), 0);
    ledger.run(ahead.clone());
    ledger.now = right;
    let old = claim(one, &facts(CLUSTER, 2), 0);
    ledger.run(old.clone());
    ledger.later(Duration::from_secs(60));
    let young = claim(one, &facts(CLUSTER, 3), 0);
    ledger.run(young.clone());
    ledger.run(Command::ForgetOperations(ledger.now));
    let remembered = |command: &Command| match command {
        Command::Acquire(claim) => ledger.index.operation(&claim.operation).is_some(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        [remembered(&ahead), remembered(&old), remembered(&young)],
        [false, false, true]
    );
}

#[test]
fn a_jump_of_the_wall_clock_neither_frees_nor_prolongs_a_lingering_seat() {
    let mut ledger = Ledger::with_keys(vec![key(1, KeyType::Main, 1)]);
    let one = ledger.connect(server());
    let session = session_of(&ledger.acquire(one, &facts(CLUSTER, 1), 0));
    let steady = ledger.now;
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    let linger = ledger.rules.linger;
    let end = steady.after(linger);
    // Left while the wall clock is a year ahead, looked at while it is right again, and a year ahead again.
    let at = |wall: Moment, steady| Now { wall, steady };
    let mut run = |command: Command, now: Now| {
        let decision = decide(&ledger.index, command, &ledger.rules, now);
        for delta in decision.deltas {
            ledger.index.apply(delta);
        }
        ledger.used()
    };
    run(detach(one, session), at(steady.after(year), steady));
    let ended = Command::LingerEnded(session);
    let before = Moment(end.0 - 1);
    for wall in [steady, steady.after(year)] {
        assert_eq!(run(ended.clone(), at(wall, before)), 1);
    }
    assert_eq!(run(ended, at(Moment(0), end)), 0);
}
