//! Seats, connections and keys, as a component sees them.

use super::*;

#[tokio::test]
async fn a_component_takes_three_seats_is_told_who_holds_them_and_frees_one() {
    let place = place(3, "").await;
    let (mut component, welcome) = Component::connect(&place.server, 1).await;
    let public = place.vendor.signing.public().unwrap();
    let hello = &component.channel.hello;
    let voucher = hello
        .credential
        .verify(
            &public.clone().into(),
            SERIES,
            &component.channel.server,
            hello.now,
        )
        .unwrap();
    assert_eq!(voucher.licence_count, 3);
    assert_eq!(
        (
            welcome.heartbeat_seconds,
            welcome.expire_seconds,
            welcome.linger_seconds
        ),
        (10, 20, 1500)
    );
    let first = granted(&component.acquire(1).await);
    granted(&component.acquire(2).await);
    granted(&component.acquire(3).await);
    match component.acquire(4).await {
        Answer::Denied(no) => {
            assert_eq!((no.reason, no.total, no.used), (Reason::NoSeats, 3, 3));
            assert_eq!(no.holders.len(), 3);
        }
        other => panic!("{other:?}"),
    }
    let release = SessionOperation {
        moved: None,
        operation: Id::random(),
        session: first,
    };
    assert_eq!(component.ask(Request::Release(release)).await, Answer::Done);
    granted(&component.acquire(4).await);
    assert!(
        matches!(component.ask(Request::Heartbeat).await, Answer::Alive(alive) if alive.lost.is_empty())
    );
    assert!(
        matches!(component.ask(Request::ServerInfo).await, Answer::Info(json) if json.contains("ComputerID"))
    );
    assert_eq!(
        component.ask(Request::Bye(Id::random())).await,
        Answer::Done
    );
    // A server process that says goodbye leaves its sessions lingering.
    assert_eq!(place.server.store.sessions().await.unwrap().len(), 3);
    assert_eq!(place.server.store.connections().await.unwrap().len(), 0);
}

#[tokio::test]
async fn after_a_restart_a_component_resumes_with_its_sessions_and_a_stranger_does_not() {
    let mut place = place(3, "").await;
    let (mut component, welcome) = Component::connect(&place.server, 1).await;
    let kept = granted(&component.acquire(1).await);
    drop(component);
    let old = std::mem::replace(&mut place.server, {
        // The store is locked by the first server until it is gone.
        let folder = tempfile::tempdir().unwrap();
        open(&vendors::place(folder.path(), &place.vendor)).await
    });
    drop(old);
    place.server = open(&place.places).await;
    let resume = || Resume {
        connection: welcome.connection,
        token: welcome.token.clone(),
        sessions: vec![
            ResumedSession {
                session: kept,
                identity: session(1).key.identity(),
            },
            ResumedSession {
                session: Id::random(),
                identity: session(2).key.identity(),
            },
        ],
    };
    let mut stranger = Component::handshake(&place.server).await;
    let refused = stranger.hello(99, Some(resume())).await;
    assert!(refused.sessions.is_empty() && refused.connection != welcome.connection);
    let mut again = Component::handshake(&place.server).await;
    let resumed = again.hello(1, Some(resume())).await;
    assert_eq!(
        (resumed.connection, &resumed.sessions[..]),
        (welcome.connection, &[kept][..])
    );
    assert_eq!(granted(&again.acquire(1).await), kept);
}

#[tokio::test]
async fn a_silent_connection_expires_its_seats_are_free_and_its_heartbeat_is_told() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    granted(&component.acquire(1).await);
    let (mut other, _) = Component::connect(&place.server, 2).await;
    assert_eq!(denied(&other.acquire(2).await), Reason::NoSeats);
    let silent = place.server.lives.expired(Duration::ZERO);
    assert_eq!(silent.len(), 2);
    let usage = place.server.read_usage().await.unwrap();
    assert_eq!((usage[0].used, usage[0].away), (1, 1));
    for (id, key_id) in silent {
        let command = crate::accounting::Command::ConnectionExpired {
            connection: id,
            owner: place.server.id,
        };
        place.server.store.apply(key_id, command).await.unwrap();
        place.server.lives.remove(&id);
    }
    assert_eq!(
        denied(&component.ask(Request::Heartbeat).await),
        Reason::ConnectionLost
    );
    assert_eq!(denied(&component.acquire(1).await), Reason::ConnectionLost);
    let (mut third, _) = Component::connect(&place.server, 3).await;
    granted(&third.acquire(2).await);
}

#[tokio::test]
async fn an_administrators_release_is_told_with_the_next_heartbeat() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let session = granted(&component.acquire(1).await);
    let id = crate::accounting::SessionId(session.0);
    assert!(place.server.release_session(id, admin()).await.unwrap());
    assert!(!place.server.release_session(id, admin()).await.unwrap());
    match component.ask(Request::Heartbeat).await {
        Answer::Alive(alive) => {
            assert_eq!(
                (alive.lost[0].session, alive.lost[0].reason),
                (session, Reason::ReleasedByAdministrator)
            );
            assert_eq!(
                alive.lost[0].message.as_deref(),
                Some("Сервер останавливается")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_an_administrator_ends_hears_the_word_and_is_gone() {
    let place = place(1, "").await;
    let (mut component, welcome) = Component::connect(&place.server, 1).await;
    let session = granted(&component.acquire(1).await);
    let id = crate::accounting::ConnectionId(welcome.connection.0);
    assert!(place.server.drop_connection(id, admin()).await.unwrap());
    assert!(!place.server.drop_connection(id, admin()).await.unwrap());
    match component.ask(Request::Heartbeat).await {
        Answer::Alive(alive) => {
            assert_eq!(
                (alive.lost[0].session, alive.lost[0].reason),
                (session, Reason::ReleasedByAdministrator)
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        denied(&component.ask(Request::Heartbeat).await),
        Reason::ConnectionLost
    );
    let (mut other, _) = Component::connect(&place.server, 2).await;
    granted(&other.acquire(2).await);
}

#[tokio::test]
async fn a_key_that_is_switched_off_gives_no_seats_and_stays_off_after_a_restart() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    granted(&component.acquire(1).await);
    assert!(
        place
            .server
            .switch_key((SERIES, 7), false, admin())
            .await
            .unwrap()
    );
    assert!(
        !place
            .server
            .switch_key((SERIES, 8), false, admin())
            .await
            .unwrap()
    );
    assert_eq!(denied(&component.acquire(1).await), Reason::Disabled);
    let Place {
        places,
        server,
        _folder,
        ..
    } = place;
    drop(component);
    drop(server);
    let server = open(&places).await;
    assert!(!server.keys.installed()[0].enabled);
    assert_eq!(
        server
            .keys
            .any_credential(SERIES, crate::now(), crate::now())
            .unwrap_err(),
        Reason::Disabled
    );
    assert!(server.switch_key((SERIES, 7), true, admin()).await.unwrap());
    let (mut component, _) = Component::connect(&server, 2).await;
    granted(&component.acquire(2).await);
}

#[tokio::test]
async fn a_seat_that_cannot_be_told_is_not_kept() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    // The key's file goes, and the ledger has not heard of it yet.
    for file in std::fs::read_dir(&place.places.data).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|kind| kind == "licence") {
            std::fs::remove_file(file).unwrap();
        }
    }
    place.server.keys.reload();
    assert_eq!(denied(&component.acquire(1).await), Reason::NotWorkable);
    assert_eq!(place.server.store.used(SERIES, 7).await.unwrap(), 0);
    assert!(place.server.store.sessions().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_component_that_said_goodbye_or_is_being_ended_hears_that_its_connection_is_lost() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let goodbye = Request::Bye(Id::random());
    assert_eq!(component.ask(goodbye).await, Answer::Done);
    assert_eq!(
        denied(&component.ask(Request::Heartbeat).await),
        Reason::ConnectionLost
    );
    // A hello whose answer was lost is repeated over another channel, while the connection is being ended.
    let hello = Request::Hello(Box::new(Hello {
        operation: Id::random(),
        facts: ComponentFacts::default(),
        access_code: String::new(),
        resume: None,
    }));
    let mut component = Component::handshake(&place.server).await;
    assert!(matches!(
        component.ask(hello.clone()).await,
        Answer::Welcome(_)
    ));
    assert_eq!(place.server.lives.expired(Duration::ZERO).len(), 1);
    let mut again = Component::handshake(&place.server).await;
    assert_eq!(denied(&again.ask(hello).await), Reason::ConnectionLost);
}

#[tokio::test]
async fn one_session_at_many_computers_is_written_down_once() {
    let place = place(1, "").await;
    let mut components = Vec::new();
    for number in 0..12 {
        let mut component = Component::handshake(&place.server).await;
        // Two processes of each of two computers, and one of each of eight others.
        let computer = if number < 4 { number / 2 } else { number };
        component
            .hello_from(&format!("C{computer}"), number, None)
            .await;
        granted(&component.acquire(1).await);
        // Asking again makes it no more.
        granted(&component.acquire(1).await);
        components.push(component);
    }
    let query = crate::store::EventQuery {
        kinds: vec![crate::accounting::EventKind::ManyComputers],
        limit: 100,
        ..Default::default()
    };
    let page = place.server.journal.events(query).await.unwrap();
    let said: Vec<&str> = page.rows.iter().map(|row| &*row.event.data).collect();
    assert_eq!(said, ["computers=9"]);
}
