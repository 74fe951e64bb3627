//! Messages: repeated, altered, large, of other versions, and for keys of objects.

use axum::http::StatusCode;
use protocol::wire::MAX_BODY;

use super::*;

#[tokio::test]
async fn a_repetition_gets_the_same_bytes_and_altered_bytes_spoil_nothing() {
    let place = place(3, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let request = Request::Acquire(Acquire {
        operation: Id::random(),
        facts: session(1),
        flags: 0,
    });
    let (number, body) = component.sealed(&Plain::Whole {
        ack: 0,
        payload: envelope::to_cbor(&request),
    });
    // Twice at once, and once more: one seat, the same answer.
    let (one, two) = tokio::join!(
        post(&place.server, MESSAGE_PATH, body.clone()),
        post(&place.server, MESSAGE_PATH, body.clone())
    );
    assert_eq!(one, two);
    assert_eq!(post(&place.server, MESSAGE_PATH, body.clone()).await, one);
    assert!(matches!(component.open(number, one), PlainAnswer::Whole(_)));
    // Other bytes that the component itself sealed under the used number are refused as well.
    let noise = component.channel.sealer.seal(number, &[9; 30]).unwrap();
    let frame = Frame::Request {
        channel: component.channel.channel,
        number,
        noise,
    };
    assert!(matches!(
        post(&place.server, MESSAGE_PATH, frame.to_bytes()).await,
        Frame::Refusal(_)
    ));
    let mut other = body;
    *other.last_mut().unwrap() ^= 1;
    match post(&place.server, MESSAGE_PATH, other).await {
        Frame::Refusal(refusal) => assert_eq!(refusal.reason, Reason::BadMessage),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.server.store.sessions().await.unwrap().len(), 1);
    assert!(matches!(
        component.ask(Request::Heartbeat).await,
        Answer::Alive(_)
    ));
}

#[tokio::test]
async fn an_object_key_needs_a_seat_the_signed_directory_and_the_keys_flags() {
    let place = place(1, "").await;
    let input = |name: &str, flags| datafile::pack::Input {
        name: name.into(),
        version: 1,
        flags,
        content: b"object".to_vec(),
    };
    let mut file = Vec::new();
    let inputs = [input("Open", 0b100), input("Closed", 0b1000)];
    datafile::pack::write(
        &inputs,
        &place.vendor,
        datafile::pack::Draw::random(),
        &mut file,
    )
    .unwrap();
    let public = place.vendor.signing.public().unwrap();
    let directory = datafile::read_directory(&mut file.as_slice(), Some(&public)).unwrap();
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let session = granted(&component.acquire(1).await);
    let ask = |session, name: &str, send: bool| {
        Request::ObjectKey(ObjectKey {
            session,
            directory_hash: directory.hash,
            directory: send.then(|| directory.bytes.clone().into()),
            name: name.into(),
        })
    };
    assert_eq!(
        denied(&component.ask(ask(Id::random(), "Open", true)).await),
        Reason::UnknownSession
    );
    assert_eq!(
        denied(&component.ask(ask(session, "Open", false)).await),
        Reason::SendDirectory
    );
    let object = directory.directory.object("Open").unwrap();
    let expected = directory
        .directory
        .object_key(&place.vendor.content_keys[0].key, object);
    assert_eq!(
        component.ask(ask(session, "Open", true)).await,
        Answer::Key(expected.clone())
    );
    assert_eq!(
        component.ask(ask(session, "Open", false)).await,
        Answer::Key(expected)
    );
    assert_eq!(
        denied(&component.ask(ask(session, "Closed", false)).await),
        Reason::ObjectFlags
    );
    assert_eq!(
        denied(&component.ask(ask(session, "Missing", false)).await),
        Reason::UnknownObject
    );
}

#[tokio::test]
async fn other_versions_series_channels_and_texts_are_refused_by_name() {
    let place = place(1, "").await;
    let refused = |frame: Frame| match frame {
        Frame::Refusal(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    for (version, older) in [("2.9.9.9", "the component"), ("4.0.0.1", "the server")] {
        let (_, frame) = Initiator::start(SERIES, HOST).unwrap();
        let Frame::HandshakeRequest { mut clear, noise } = frame else {
            panic!()
        };
        clear.version = version.into();
        let frame = Frame::HandshakeRequest { clear, noise };
        let refusal = refused(post(&place.server, HANDSHAKE_PATH, frame.to_bytes()).await);
        assert_eq!(refusal.reason, Reason::OldVersion);
        assert!(refusal.english.contains("OldVersion") && refusal.russian.contains("OldVersion"));
        assert!(
            refusal.english.contains(&format!("{older} (")),
            "{}",
            refusal.english
        );
    }
    let (_, frame) = Initiator::start(KeyId(1), HOST).unwrap();
    let refusal = refused(post(&place.server, HANDSHAKE_PATH, frame.to_bytes()).await);
    assert_eq!(refusal.reason, Reason::NoLicence);
    let stray = Frame::Request {
        channel: [9; 16],
        number: 0,
        noise: vec![1; 40],
    };
    let refusal = refused(post(&place.server, MESSAGE_PATH, stray.to_bytes()).await);
    assert_eq!(refusal.reason, Reason::UnknownChannel);
    let refusal = refused(post(&place.server, HANDSHAKE_PATH, b"hello".to_vec()).await);
    assert_eq!(refusal.reason, Reason::BadMessage);
    let mut early = Component::handshake(&place.server).await;
    assert_eq!(
        denied(&early.ask(Request::Heartbeat).await),
        Reason::NotConnected
    );
    assert_eq!(denied(&early.acquire(1).await), Reason::NotConnected);
}

#[tokio::test]
async fn a_large_request_comes_in_parts() {
    let place = place(1, "").await;
    let (mut component, _) = Component::connect(&place.server, 1).await;
    let session = granted(&component.acquire(1).await);
    let ask = Request::ObjectKey(ObjectKey {
        session,
        directory_hash: [0; 32],
        directory: Some(vec![7; 200_000].into()),
        name: "x".into(),
    });
    assert_eq!(denied(&component.ask(ask).await), Reason::Altered);
}

#[tokio::test]
async fn large_messages_do_not_push_each_other_out_and_have_a_limit_together() {
    use crate::component::channels::PartError;

    let place = place(1, "").await;
    let component = Component::handshake(&place.server).await;
    let channel = place.server.channels.get(&component.channel.channel);
    let channel = channel.unwrap();
    assert_eq!(channel.part(1, 0, 2, vec![1]), Ok(None));
    assert_eq!(channel.part(2, 0, 2, vec![2]), Err(PartError::Busy));
    assert_eq!(channel.part(1, 2, 2, vec![1]), Err(PartError::Wrong));
    assert_eq!(channel.part(1, 1, 2, vec![3]), Ok(Some(vec![1, 3])));
    assert_eq!(channel.part(2, 0, 1, vec![2]), Ok(Some(vec![2])));
    let most = protocol::wire::MAX_PAYLOAD;
    assert_eq!(channel.part(3, 0, 9, vec![0; most]), Ok(None));
    assert_eq!(channel.part(3, 1, 9, vec![0]), Err(PartError::Wrong));
    let mut kept = 0;
    while channel.keep_large(kept, vec![vec![0; most]]) {
        kept += 1;
    }
    assert_eq!(kept, 128, "256 MiB");
    assert_eq!(channel.part(4, 0, 2, vec![1]), Err(PartError::Busy));
    channel.acknowledge(1);
    assert_eq!(channel.part(4, 0, 2, vec![1]), Ok(None));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let place = place(1, "").await;
    for (length, status) in [
        (MAX_BODY, StatusCode::OK),
        (MAX_BODY + 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let request = HttpRequest::post(MESSAGE_PATH)
            .body(Body::from(vec![0; length]))
            .unwrap();
        let answer = Addresses::new(Arc::clone(&place.server))
            .answer(SocketAddr::from(([127, 0, 0, 1], 5)), request)
            .await;
        assert_eq!(answer.status(), status);
    }
}
