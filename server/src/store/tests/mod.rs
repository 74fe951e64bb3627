//! The stores: what they say is there is still there after a restart, and nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use protocol::{
    KeyId,
    facts::{ComponentFacts, SessionFacts, SessionKey},
    licence::KeyType,
};

mod both;
mod journal;
mod sql;

use super::*;
use crate::accounting::{
    Claim, EXPIRY_CHUNK, Grant, Key, OperationId, RuleBook, ServerId, TokenHash,
};

const SERIES: KeyId = KeyId(0x672B);
/// The server that owns the connections.
const HERE: ServerId = ServerId([1; 16]);
/// Another one.
const THERE: ServerId = ServerId([2; 16]);

fn open(file: &std::path::Path, time: &Arc<AtomicI64>) -> Embedded {
    let time = Arc::clone(time);
    Embedded::open(
        file,
        RuleBook::default(),
        Box::new(move || Moment(time.load(Ordering::Relaxed)).into()),
        Box::new(|_| {}),
    )
    .unwrap()
}

fn key(seats: u32, ends: Option<Moment>) -> Key {
    Key {
        key_no: 7,
        key_type: KeyType::Main,
        seats,
        flags: 0,
        product_version: 0,
        free_app_names: [].into(),
        starts: None,
        ends,
        enabled: true,
        workable: true,
    }
}

fn connection() -> Connection {
    Connection {
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
        owner: Some(HERE),
    }
}

fn connect(connection: Connection) -> Command {
    Command::Connect {
        operation: OperationId::random(),
        connection: Box::new(connection),
    }
}

async fn apply(store: &impl Store, command: Command) -> Outcome {
    store.apply(SERIES, command).await.unwrap()
}

fn claim(connection: ConnectionId, number: u32) -> Claim {
    Claim {
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
    }
}

#[tokio::test]
async fn when_the_disk_refuses_nothing_is_granted_and_it_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(1000));
    drop(open(&file, &time));
    let database = rusqlite::Connection::open(&file).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'disk is full'); END;",
        )
        .unwrap();
    drop(database);
    let store = open(&file, &time);
    store
        .apply(SERIES, Command::KeysChanged(vec![key(2, None)]))
        .await
        .unwrap();
    let connection = connection();
    let id = connection.id;
    store
        .apply(
            SERIES,
            Command::Connect {
                operation: OperationId::random(),
                connection: Box::new(connection),
            },
        )
        .await
        .unwrap();
    let error = store
        .apply(SERIES, Command::Acquire(Box::new(claim(id, 1))))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Disk(_)));
    assert_eq!(store.used(SERIES, 7).await.unwrap(), 0);
    drop(store);
    let database = rusqlite::Connection::open(&file).unwrap();
    database.execute_batch("DROP TRIGGER full").unwrap();
    drop(database);
    let store = open(&file, &time);
    store
        .apply(SERIES, Command::KeysChanged(vec![key(2, None)]))
        .await
        .unwrap();
    let granted = store
        .apply(SERIES, Command::Acquire(Box::new(claim(id, 1))))
        .await
        .unwrap();
    assert!(matches!(granted, Outcome::Granted(_)));
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let time = Arc::new(AtomicI64::new(1000));
    let _first = open(&file, &time);
    let second = Embedded::open(
        &file,
        RuleBook::default(),
        Box::new(|| Moment(0).into()),
        Box::new(|_| {}),
    );
    assert!(matches!(second, Err(StoreError::InUse(_))));
}

#[tokio::test]
async fn a_file_from_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let result = Embedded::open(
        &file,
        RuleBook::default(),
        Box::new(|| Moment(0).into()),
        Box::new(|_| {}),
    );
    assert!(matches!(result, Err(StoreError::Newer { found: 99, .. })));
}
