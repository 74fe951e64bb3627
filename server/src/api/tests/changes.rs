//! What an administrator changes: licences installed and switched, seats freed.

use data_encoding::BASE64;

use super::*;
use crate::accounting::EventKind;

async fn kinds(place: &Place) -> Vec<String> {
    let json = get(place, "/api/events?Limit=1000").await.json();
    let events = json["Events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["Event"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_document_is_installed_as_it_is_or_in_base64_and_counts_at_once() {
    let place = place("").await;
    let document = place.issue(7_131_767, KeyType::Additional, 3);
    let reply = tell(
        &place,
        Method::POST,
        "/api/licences",
        &json!({"Licence": BASE64.encode(&document)}),
    )
    .await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    assert_eq!(reply.headers[header::LOCATION], "/api/licences/7131767");
    assert_eq!(
        reply.json(),
        get(&place, "/api/licences/7131767").await.json()
    );
    assert_eq!(
        get(&place, "/api/usage").await.json()["Usage"][0]["Total"],
        8
    );
    let document = place.issue(7_131_768, KeyType::Additional, 2);
    let reply = send(
        [127, 0, 0, 1],
        &place,
        Method::POST,
        "/api/licences?Fields=KeyNo,LicenceCount",
        Some(ADMIN),
        document,
    )
    .await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.text);
    assert_eq!(reply.text, r#"{"KeyNo":7131768,"LicenceCount":2}"#);
    assert_eq!(
        get(&place, "/api/usage").await.json()["Usage"][0]["Total"],
        10
    );
    let installed = EventKind::LicenceInstalled.name().to_owned();
    assert!(kinds(&place).await.contains(&installed));
}

#[tokio::test]
async fn what_cannot_be_installed_is_refused_with_its_reason() {
    let place = place("").await;
    let demo = BASE64.encode(&place.issue(5, KeyType::Demo, 3));
    let mut altered = place.issue(6, KeyType::Main, 3);
    let last = altered.len() - 1;
    altered[last] ^= 1;
    for (body, said) in [
        (json!({"Licence": demo}), "a demo key works alone"),
        (json!({"Licence": BASE64.encode(&altered)}), "licence: "),
        (
            json!({"Licence": BASE64.encode(b"something else")}),
            "not a licence file of this system",
        ),
        (json!({"Licence": "???"}), "Licence: it is not base64"),
        (json!({}), "either Licence"),
        (
            json!({"Licence": "", "ActivationCodeString": ""}),
            "either Licence",
        ),
        (
            json!({"ActivationCodeString": "1234"}),
            "ActivationCodeString: ",
        ),
        (json!({"Other": 1}), "unknown field `Other`"),
        (json!([]), "The body is not the JSON"),
    ] {
        let reply = tell(&place, Method::POST, "/api/licences", &body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(reply.text.contains(said), "{body}: {}", reply.text);
    }
    let large = send(
        [127, 0, 0, 1],
        &place,
        Method::POST,
        "/api/licences",
        Some(ADMIN),
        vec![b' '; 1024 * 1024],
    )
    .await;
    assert!(
        large.text.contains("The body is larger than"),
        "{}",
        large.text
    );
    assert_eq!(place.server.keys.installed().len(), 1);
    assert_eq!(
        std::fs::read_dir(&place.server.places.data)
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "licence")
            })
            .count(),
        1
    );
}

#[tokio::test]
async fn an_activation_code_is_checked_and_needs_a_centre() {
    let place = place("").await;
    let code = protocol::code::ActivationCode::random().reveal();
    let manual = json!({"ActivationCodeString": code, "ITN": 7_707_083_893_u64, "IEC": null, "BlankKeyNo": null});
    let reply = tell(&place, Method::POST, "/api/licences", &manual).await;
    assert_eq!(
        reply.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        reply.text
    );
    assert!(reply.text.contains("LicenceCenterUrl"), "{}", reply.text);
    assert!(!reply.text.contains(&code), "a code is a secret");
    let wrong = json!({"ActivationCodeString": code, "ITN": 1});
    let reply = tell(&place, Method::POST, "/api/licences", &wrong).await;
    assert_eq!(reply.json()["Code"], 400);
    assert!(reply.text.contains("ITN: "), "{}", reply.text);
}

#[tokio::test]
async fn a_key_is_switched_off_and_on_and_its_seats_go_with_it() {
    let place = place("").await;
    let connection = place.connect().await;
    place.acquire(connection, 1, "Иванов").await;
    let path = "/api/licences/7131766";
    let reply = tell(&place, Method::PUT, path, &json!({"Enabled": false})).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text);
    assert_eq!(reply.json()["Enabled"], false);
    assert_eq!(get(&place, path).await.json()["Enabled"], false);
    assert_eq!(
        get(&place, "/api/sessions").await.text,
        r#"{"Sessions":[]}"#
    );
    let reply = tell(&place, Method::PUT, path, &json!({"Enabled": true})).await;
    assert_eq!(reply.json()["Enabled"], true);
    place.acquire(connection, 1, "Иванов").await;
    assert_eq!(
        get(&place, "/api/usage").await.json()["Usage"][0]["Used"],
        1
    );
    for (path, body, status) in [
        (path, json!({}), 400),
        (path, json!({"Enabled": "no"}), 400),
        (path, json!({"Enabled": true, "KeyNo": 1}), 400),
        ("/api/licences/1", json!({"Enabled": true}), 404),
        ("/api/licences/x", json!({"Enabled": true}), 404),
    ] {
        let reply = tell(&place, Method::PUT, path, &body).await;
        assert_eq!(reply.json()["Code"], status, "{path} {body}");
    }
}

#[tokio::test]
async fn an_administrator_frees_a_seat_and_the_component_and_the_journal_hear_why() {
    let place = place("").await;
    let connection = place.connect().await;
    let session = place.acquire(connection, 1, "Иванов").await;
    place.acquire(connection, 2, "Петров").await;
    let path = format!("/api/sessions/{session}");
    let wrong = ask(
        &place,
        Method::DELETE,
        &format!("{path}?Nonsense=1"),
        Some(ADMIN),
    )
    .await;
    assert_eq!(wrong.json()["Code"], 400);
    let before = get(&place, &format!("{path}?Fields=ID,UserName"))
        .await
        .text;
    let reply = ask(
        &place,
        Method::DELETE,
        &format!("{path}?Reason=night+work&Fields=ID,UserName"),
        Some(ADMIN),
    )
    .await;
    assert_eq!((reply.status, reply.text), (StatusCode::OK, before));
    let again = ask(&place, Method::DELETE, &path, Some(ADMIN)).await;
    assert_eq!(again.json()["Code"], 404);
    assert_eq!(
        get(&place, "/api/usage").await.json()["Usage"][0]["Used"],
        1
    );
    let lost = place.server.lives.get(&connection).unwrap().take_lost();
    assert_eq!(lost[0].reason, protocol::Reason::ReleasedByAdministrator);
    assert_eq!(lost[0].message.as_deref(), Some("night work"));
    let events = get(
        &place,
        &format!("/api/events?Event=Released&Session={session}"),
    )
    .await
    .json();
    let event = &events["Events"][0];
    assert_eq!(
        (&event["Reason"], &event["UserName"]),
        (&json!("Administrator"), &json!("Иванов"))
    );
    let data = event["Data"].as_str().unwrap();
    assert!(
        data.contains("by=admin from=127.0.0.1 word=night work"),
        "{data}"
    );
}

#[tokio::test]
async fn an_administrator_ends_a_connection_and_the_seats_that_it_alone_keeps() {
    let place = place("").await;
    let connection = place.connect().await;
    place.acquire(connection, 1, "Иванов").await;
    let path = format!("/api/connections/{connection}");
    let reply = ask(&place, Method::DELETE, &path, Some(ADMIN)).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json()["ID"], connection.to_string());
    assert_eq!(
        ask(&place, Method::DELETE, &path, Some(ADMIN)).await.json()["Code"],
        404
    );
    assert_eq!(
        get(&place, "/api/sessions").await.text,
        r#"{"Sessions":[]}"#
    );
    assert_eq!(
        get(&place, "/api/connections").await.text,
        r#"{"Connections":[]}"#
    );
}

#[tokio::test]
async fn a_query_that_is_wrong_changes_nothing() {
    let place = place("").await;
    let connection = place.connect().await;
    let session = place.acquire(connection, 1, "Иванов").await;
    let further = BASE64.encode(&place.issue(7_131_767, KeyType::Additional, 3));
    let code = protocol::code::ActivationCode::random().reveal();
    let before = kinds(&place).await;
    let key = "/api/licences/7131766";
    for (method, path, body) in [
        (
            Method::POST,
            "/api/licences".to_owned(),
            json!({"Licence": further}),
        ),
        (Method::PUT, key.to_owned(), json!({"Enabled": false})),
        (
            Method::POST,
            format!("{key}/reserve"),
            json!({"Offline": true}),
        ),
        (
            Method::POST,
            "/api/requests".to_owned(),
            json!({"ActivationCodeString": code}),
        ),
        (
            Method::POST,
            "/api/answers".to_owned(),
            json!({"Answer": ""}),
        ),
        (
            Method::DELETE,
            format!("/api/sessions/{session}"),
            json!({}),
        ),
        (
            Method::DELETE,
            format!("/api/connections/{connection}"),
            json!({}),
        ),
    ] {
        for query in [
            "Nonsense=1",
            "Fields=Nonsense",
            "Fields=",
            "Limit=1",
            "Format=x",
        ] {
            let reply = tell(&place, method.clone(), &format!("{path}?{query}"), &body).await;
            assert_eq!(
                reply.json()["Code"],
                400,
                "{method} {path}?{query}: {}",
                reply.text
            );
            assert!(
                !reply.text.contains("Answer: "),
                "{path}?{query}: the query comes first"
            );
        }
    }
    assert_eq!(kinds(&place).await, before);
    let waiting = place.server.places.data.join("pending");
    assert!(!waiting.exists(), "no order waits for its answer");
    assert_eq!(get(&place, key).await.json()["Enabled"], true);
    assert_eq!(place.server.keys.installed().len(), 1);
    assert_eq!(
        get(&place, "/api/sessions").await.json()["Sessions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
