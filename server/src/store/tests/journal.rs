//! The journal and the history of usage, and what becomes of a file of the first version.

use super::*;
use crate::accounting::{Admin, Event, EventKind};

const MINUTE: i64 = 60_000;

fn admin() -> Admin {
    Admin {
        user_name: "admin".into(),
        address: "10.0.0.1".into(),
        word: "Go home".into(),
    }
}

fn query() -> EventQuery {
    EventQuery {
        limit: 100,
        ..EventQuery::default()
    }
}

async fn kinds(store: &Embedded, query: EventQuery) -> Vec<EventKind> {
    let page = store.events(query).await.unwrap();
    page.rows.iter().map(|row| row.event.kind).collect()
}

/// A store with a key of one seat, and a connection.
async fn seated(file: &std::path::Path, time: &Arc<AtomicI64>) -> (Embedded, ConnectionId) {
    let store = open(file, time);
    apply(&store, Command::KeysChanged(vec![key(1, None)])).await;
    let connection = connection();
    let id = connection.id;
    apply(&store, connect(connection)).await;
    (store, id)
}

#[tokio::test]
async fn who_was_refused_why_and_who_held_the_seat_stands_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicI64::new(1000));
    let (store, id) = seated(&folder.path().join("server.db"), &time).await;
    let mut first = claim(id, 1);
    first.facts.user_name = "Петров".into();
    first.facts.computer_name = "PC-7".into();
    apply(&store, Command::Acquire(Box::new(first.clone()))).await;
    time.store(2000, Ordering::Relaxed);
    let mut second = claim(id, 2);
    second.facts.user_name = "Иванов".into();
    apply(&store, Command::Acquire(Box::new(second))).await;
    let why = EventQuery {
        user_name: vec!["Никто".into(), "ИВАНОВ".into()],
        ..query()
    };
    let page = store.events(why).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    let row = &page.rows[0];
    assert_eq!((row.at, row.key_id), (Moment(2000), Some(SERIES)));
    assert_eq!(
        (row.event.kind, &*row.event.reason),
        (EventKind::Denied, "NoSeats")
    );
    assert_eq!(&*row.event.data, "seats=1 holders=Петров@PC-7");
    // The administrator frees the seat, and that stands there too.
    let release = Command::AdminRelease {
        session: first.session,
        by: admin(),
    };
    apply(&store, release).await;
    let of_session = EventQuery {
        session: Some(first.session),
        ..query()
    };
    let page = store.events(of_session).await.unwrap();
    let said: Vec<(EventKind, &str, &str)> = page
        .rows
        .iter()
        .map(|row| (row.event.kind, &*row.event.reason, &*row.event.data))
        .collect();
    assert_eq!(
        said,
        [
            (
                EventKind::Released,
                "Administrator",
                "by=admin from=10.0.0.1 word=Go home"
            ),
            (EventKind::Granted, "", "")
        ]
    );
}

#[tokio::test]
async fn the_journal_is_read_in_pages_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(1000));
    let (store, _) = seated(&file, &time).await;
    for number in 0..10 {
        time.store(10_000 + number, Ordering::Relaxed);
        let event = Event::new(EventKind::SettingsChanged).saying(&number.to_string());
        store.note(None, event).await.unwrap();
    }
    drop(store);
    let store = open(&file, &time);
    let page = |before, offset| EventQuery {
        kinds: vec![EventKind::SettingsChanged],
        before,
        offset,
        limit: 4,
        ..EventQuery::default()
    };
    let said = |page: &EventPage| -> String {
        page.rows
            .iter()
            .map(|row| row.event.data.to_string())
            .collect()
    };
    let first = store.events(page(None, 0)).await.unwrap();
    assert_eq!((said(&first).as_str(), first.more), ("9876", true));
    let second = store
        .events(page(Some(first.rows[3].seq), 0))
        .await
        .unwrap();
    assert_eq!(said(&second), "5432");
    let third = store.events(page(None, 8)).await.unwrap();
    assert_eq!((said(&third).as_str(), third.more), ("10", false));
    let window = EventQuery {
        from: Some(Moment(10_003)),
        until: Some(Moment(10_005)),
        ..query()
    };
    assert_eq!(said(&store.events(window).await.unwrap()), "43");
    // Lines go on being numbered after a restart, and old ones are forgotten.
    store
        .note(None, Event::new(EventKind::Started))
        .await
        .unwrap();
    assert!(!store.forget(Moment(10_008)).await.unwrap());
    assert_eq!(
        kinds(&store, query()).await,
        [
            EventKind::Started,
            EventKind::SettingsChanged,
            EventKind::SettingsChanged
        ]
    );
}

#[tokio::test]
async fn usage_is_kept_by_minute_and_rolled_up_to_hours_and_days() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(0));
    let (store, id) = seated(&file, &time).await;
    let first = claim(id, 1);
    apply(&store, Command::Acquire(Box::new(first.clone()))).await;
    apply(&store, Command::Acquire(Box::new(claim(id, 2)))).await;
    apply(&store, Command::Acquire(Box::new(claim(id, 2)))).await;
    let now = store.usage_now().await.unwrap();
    assert_eq!(
        (now[0].used, now[0].total, now[0].peak, now[0].denied),
        (1, 1, 1, 2)
    );
    assert_eq!(now[0].keys, [(7, 1, 1)]);
    assert_eq!(now[0].apps, [("".into(), 1)]);
    let release = Command::Release {
        operation: OperationId::random(),
        connection: id,
        session: first.session,
    };
    apply(&store, release).await;
    time.store(MINUTE, Ordering::Relaxed);
    store.minute_passed().await.unwrap();
    store.minute_passed().await.unwrap();
    apply(&store, Command::Acquire(Box::new(claim(id, 3)))).await;
    time.store(2 * MINUTE, Ordering::Relaxed);
    store.minute_passed().await.unwrap();
    // A minute that a restart cuts in two is one minute.
    drop(store);
    let store = open(&file, &time);
    apply(&store, Command::KeysChanged(vec![key(1, None)])).await;
    drop(store);
    let store = open(&file, &time);
    let rows = |step| {
        store.usage(UsageQuery {
            key_id: Some(SERIES),
            step,
            from: None,
            until: None,
            offset: 0,
            limit: 10,
        })
    };
    let numbers = |rows: Vec<UsageRow>| -> Vec<(i64, u32, u32, u32, u32)> {
        let numbers = rows.iter();
        numbers
            .map(|row| (row.at.0 / MINUTE, row.used, row.total, row.peak, row.denied))
            .collect()
    };
    assert_eq!(
        numbers(rows(Step::Minute).await.unwrap()),
        [(2, 1, 1, 1, 0), (1, 1, 1, 1, 0), (0, 0, 1, 1, 2)]
    );
    // (0 + 1 + 1) / 3, rounded.
    for step in [Step::Hour, Step::Day] {
        assert_eq!(numbers(rows(step).await.unwrap()), [(0, 1, 1, 1, 2)]);
    }
    // Minutes go after a week, hours later.
    time.store(8 * Step::Day.millis(), Ordering::Relaxed);
    store.forget(Moment(0)).await.unwrap();
    assert_eq!(rows(Step::Minute).await.unwrap(), []);
    assert_eq!(rows(Step::Hour).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_live_view_hears_of_every_change_once_it_is_safe() {
    let folder = tempfile::tempdir().unwrap();
    let time = Arc::new(AtomicI64::new(1000));
    let (store, id) = seated(&folder.path().join("server.db"), &time).await;
    let mut changes = store.changes();
    apply(&store, Command::Acquire(Box::new(claim(id, 1)))).await;
    // What went before may still be under way to the listeners.
    let mut seen = None;
    let row = loop {
        match changes.recv().await.unwrap() {
            Change::Usage {
                key_id: SERIES,
                used,
                total,
            } => seen = Some((used, total)),
            Change::Event(row) if row.event.kind == EventKind::Granted => break row,
            _ => {}
        }
    };
    assert_eq!(seen, Some((1, 1)));
    assert_eq!(store.events(query()).await.unwrap().rows[0], *row);
}

#[tokio::test]
async fn a_key_that_is_switched_off_stays_off_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(1000));
    let (store, id) = seated(&file, &time).await;
    apply(&store, Command::Acquire(Box::new(claim(id, 1)))).await;
    let switch = |key_no, on| Command::SwitchKey {
        key_no,
        on,
        by: admin(),
    };
    assert_eq!(apply(&store, switch(8, false)).await, Outcome::UnknownKey);
    match apply(&store, switch(7, false)).await {
        Outcome::Done { lost, .. } => assert_eq!(lost.len(), 1),
        other => panic!("{other:?}"),
    }
    drop(store);
    let store = open(&file, &time);
    assert_eq!(store.keys_off().await.unwrap(), [(SERIES, 7)]);
    apply(&store, Command::KeysChanged(vec![key(1, None)])).await;
    let denied = apply(&store, Command::Acquire(Box::new(claim(id, 2)))).await;
    assert!(matches!(denied, Outcome::Denied(_)));
    // Also when its file was away for a while.
    apply(&store, Command::KeysChanged(Vec::new())).await;
    apply(&store, Command::KeysChanged(vec![key(1, None)])).await;
    let denied = apply(&store, Command::Acquire(Box::new(claim(id, 2)))).await;
    assert!(matches!(denied, Outcome::Denied(_)));
    apply(&store, switch(7, true)).await;
    let granted = apply(&store, Command::Acquire(Box::new(claim(id, 2)))).await;
    assert!(matches!(granted, Outcome::Granted(_)));
    let of_keys = EventQuery {
        key_no: Some(7),
        kinds: vec![
            EventKind::KeyAdded,
            EventKind::KeyRemoved,
            EventKind::KeyOff,
            EventKind::KeyOn,
            EventKind::KeyUnusable,
            EventKind::KeyUsable,
        ],
        ..query()
    };
    let mut said = kinds(&store, of_keys).await;
    said.reverse();
    assert_eq!(
        said,
        [
            EventKind::KeyAdded,
            EventKind::KeyOff,
            EventKind::KeyUnusable,
            EventKind::KeyRemoved,
            EventKind::KeyAdded,
            EventKind::KeyUnusable,
            EventKind::KeyOn,
            EventKind::KeyUsable,
        ]
    );
}

#[tokio::test]
async fn a_restart_with_the_same_keys_is_no_event_of_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(1000));
    drop(seated(&file, &time).await);
    let store = open(&file, &time);
    apply(&store, Command::KeysChanged(vec![key(1, None)])).await;
    assert_eq!(
        kinds(&store, query()).await,
        [EventKind::Connected, EventKind::KeyAdded]
    );
}

#[tokio::test]
async fn a_hello_that_is_repeated_after_a_restart_opens_no_second_connection() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(1000));
    let store = open(&file, &time);
    let hello = |connection| Command::Connect {
        operation: OperationId([9; 16]),
        connection: Box::new(connection),
    };
    let first = connection();
    apply(&store, hello(first.clone())).await;
    drop(store);
    let store = open(&file, &time);
    let again = Connection {
        token: TokenHash([2; 32]),
        ..connection()
    };
    let outcome = apply(&store, hello(again)).await;
    assert!(
        matches!(outcome, Outcome::Connected { connection, .. } if connection == first.id),
        "{outcome:?}"
    );
    let rows = store.connections().await.unwrap();
    assert_eq!(rows.len(), 1);
    // The token of the lost answer and the new one are both good.
    assert_eq!(rows[0].connection.token, TokenHash([2; 32]));
    assert_eq!(rows[0].connection.previous_token, Some(first.token));
    // Another process cannot take it with the same number.
    let mut stranger = connection();
    stranger.facts.pid = 77;
    apply(&store, hello(stranger)).await;
    assert_eq!(store.connections().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_file_of_the_first_version_keeps_its_users() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let first_version =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/server-1.db");
    std::fs::copy(first_version, &file).unwrap();
    let time = Arc::new(AtomicI64::new(1_800_000_000_000));
    for _ in 0..2 {
        // The second time it is of this version already.
        let store = open(&file, &time);
        apply(&store, Command::KeysChanged(vec![key(5, None)])).await;
        assert_eq!(store.used(SERIES, 7).await.unwrap(), 3);
        assert_eq!(store.connections().await.unwrap().len(), 2);
        let lingers = store.session(SessionId([0x22; 16])).await.unwrap().unwrap();
        assert_eq!(&*lingers.session.user_name, "Иванов2");
        assert_eq!(
            lingers.session.linger_until,
            Some(Moment(1_800_000_000_000 + 25 * MINUTE))
        );
        // What was done stays done: the released seat is not given by a repetition.
        let mut repeated = claim(ConnectionId([0xA1; 16]), 3);
        repeated.operation = OperationId([0x33; 16]);
        let outcome = apply(&store, Command::Acquire(Box::new(repeated))).await;
        assert_eq!(outcome, Outcome::UnknownSession);
        assert_eq!(kinds(&store, query()).await, [EventKind::KeyAdded]);
    }
}

#[tokio::test]
async fn all_sessions_are_counted_though_not_all_applications_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(0));
    let (store, id) = seated(&file, &time).await;
    apply(&store, Command::KeysChanged(vec![key(100, None)])).await;
    let many = crate::accounting::MAX_APPS as u32 + 4;
    for number in 0..many {
        let mut claim = claim(id, number);
        claim.facts.app_name = format!("App{number}");
        apply(&store, Command::Acquire(Box::new(claim))).await;
    }
    let now = store.usage_now().await.unwrap();
    assert_eq!(now[0].sessions, many);
    assert_eq!(now[0].apps.len(), crate::accounting::MAX_APPS);
}

#[tokio::test]
async fn searches_wait_for_each_other_without_a_thread_and_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(
        &folder.path().join("server.db"),
        &Arc::new(AtomicI64::new(0)),
    );
    let before = Arc::clone(&store.reading).acquire_owned().await.unwrap();
    let search = store.events(query());
    tokio::time::pause();
    assert_eq!(search.await, Err(StoreError::Busy));
    tokio::time::resume();
    drop(before);
    assert_eq!(store.events(query()).await, Ok(EventPage::default()));
}
