//! Whole answers against the manual's samples, kept in golden/. Values that differ from run to run are masked.
//!
//! `UPDATE_GOLDEN=1 cargo test -p licenceserver api::tests::manual` writes the files anew; read what it changed.

use super::*;

/// Compares an answer with its file. Of the masked fields only the name and the length class stays.
fn golden(name: &str, text: &str, masked: &[&str]) {
    let mask = |line: &str| {
        let field = line
            .trim_start()
            .strip_prefix('"')
            .and_then(|rest| rest.split_once('"'));
        match field {
            Some((field, _)) if masked.contains(&field) => {
                let (name, _) = line.split_once(": ").unwrap();
                let comma = if line.ends_with(',') { "," } else { "" };
                format!("{name}: \"…\"{comma}")
            }
            _ => line.to_owned(),
        }
    };
    let text: Vec<String> = text.lines().map(mask).collect();
    let text = text.join("\n") + "\n";
    let file = format!(
        "{}/src/api/tests/golden/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, known.replace("\r\n", "\n"), "{file}");
}

async fn pretty(place: &Place, path: &str) -> String {
    let reply = get(place, &format!("{path}?Format=pretty")).await;
    assert_eq!(reply.status, StatusCode::OK);
    let whole = get(place, path).await;
    assert!(!whole.text.contains('\n'), "{}", whole.text);
    reply.text
}

#[tokio::test]
async fn the_list_of_addresses() {
    let place = place("").await;
    golden("api", &pretty(&place, "/api").await, &["Version"]);
    assert_eq!(
        get(&place, "/api").await.json()["Version"],
        protocol::Version::CURRENT.to_string()
    );
}

#[tokio::test]
async fn the_server() {
    let place = place("").await;
    let masked = [
        "ComputerName",
        "LocalIP",
        "OSType",
        "OSVersion",
        "ModuleName",
        "PID",
        "CPU",
        "Version",
        "Started",
        "ComputerID",
    ];
    golden(
        "serverinfo",
        &pretty(&place, "/api/serverinfo").await,
        &masked,
    );
    let json = get(&place, "/api/serverinfo").await.json();
    assert_eq!(json["PID"], json!(std::process::id()));
    let started = json["Started"].as_str().unwrap();
    assert_eq!((started.len(), started.ends_with('Z')), (24, true));
    assert!(
        json.as_object()
            .unwrap()
            .values()
            .all(|value| !value.is_null())
    );
}

#[tokio::test]
async fn licences() {
    let place = place("").await;
    golden(
        "licences",
        &pretty(&place, "/api/licences").await,
        &["FileName"],
    );
    golden(
        "licence",
        &pretty(&place, "/api/licences/7131766").await,
        &["FileName"],
    );
    let json = get(&place, "/api/licences/7131766").await.json();
    assert!(
        json["FileName"]
            .as_str()
            .unwrap()
            .ends_with("672B.7131766.licence")
    );
}

#[tokio::test]
async fn connections_and_sessions() {
    let place = place("").await;
    let connection = place.connect().await;
    let session = place.acquire(connection, 6, "Иванов").await;
    let masked = ["ID", "LastUsed", "ExpireTime", "SessionConnection"];
    golden(
        "connections",
        &pretty(&place, "/api/connections").await,
        &masked,
    );
    golden("sessions", &pretty(&place, "/api/sessions").await, &masked);
    for (name, path) in [
        ("connection", format!("/api/connections/{connection}")),
        ("session", format!("/api/sessions/{session}")),
    ] {
        golden(name, &pretty(&place, &path).await, &masked);
        let json = get(&place, &path).await.json();
        assert!(
            path.ends_with(json["ID"].as_str().unwrap()),
            "IDs are hex in upper case"
        );
        assert_eq!(json["ExpireTime"].as_str().unwrap().len(), 24);
    }
}

#[tokio::test]
async fn changes_answer_with_what_they_are_about() {
    let place = place("").await;
    let connection = place.connect().await;
    let session = place.acquire(connection, 6, "Иванов").await;
    let install = json!({"Licence": data_encoding::BASE64.encode(&place.issue(7_131_767, KeyType::Additional, 3))});
    let off = json!({"Enabled": false});
    let masked = [
        "ID",
        "LastUsed",
        "ExpireTime",
        "SessionConnection",
        "FileName",
    ];
    for (name, method, path, body, status) in [
        (
            "installed",
            Method::POST,
            "/api/licences".into(),
            install,
            201,
        ),
        (
            "switched",
            Method::PUT,
            "/api/licences/7131767".into(),
            off,
            202,
        ),
        (
            "released",
            Method::DELETE,
            format!("/api/sessions/{session}"),
            json!(null),
            200,
        ),
        (
            "dropped",
            Method::DELETE,
            format!("/api/connections/{connection}"),
            json!(null),
            200,
        ),
    ] {
        let path = format!("{path}?Format=pretty");
        let reply = tell(&place, method, &path, &body).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        golden(name, &reply.text, &masked);
    }
    let masked = ["Time", "Session", "Connection"];
    let events =
        "/api/events?Format=pretty&Event=KeyOff,Released,Disconnected,Granted,LicenceInstalled";
    golden("events", &get(&place, events).await.text, &masked);
    let later = crate::now().after(std::time::Duration::from_secs(60));
    place.server.clock.at_least(later);
    place.server.journal.minute_passed().await.unwrap();
    golden(
        "usage-past",
        &pretty(&place, "/api/usage/minute").await,
        &masked,
    );
    golden("usage", &pretty(&place, "/api/usage").await, &masked);
}

#[tokio::test]
async fn gone_ones_are_404() {
    let place = place("").await;
    for path in [
        format!("/api/sessions/{}", SessionId::random()),
        format!("/api/connections/{}", ConnectionId::random()),
        "/api/sessions/x".into(),
        "/api/licences/1".into(),
        "/api/licences/x".into(),
    ] {
        let reply = get(&place, &path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert_eq!(
            reply.text,
            format!(
                r#"{{"Code":404,"Text":"Not found","Message":"(EHTTPNotFound) The requested URL \"{path}\" was not found.","Exception":"EHTTPNotFound"}}"#
            )
        );
    }
}

#[tokio::test]
async fn every_error_has_the_manuals_body() {
    let place = place("").await;
    for (method, path, credential, status) in [
        (Method::GET, "/api", None, 401),
        (Method::GET, "/api", Some("Basic YWRtaW46d3Jvbmc="), 401),
        (Method::GET, "/api", Some("Bearer x"), 401),
        (Method::GET, "/api/someurl", None, 401),
        (Method::PUT, "/api/serverinfo", Some(ADMIN), 501),
        (Method::DELETE, "/api/sessions", Some(ADMIN), 501),
        (Method::GET, "/api?Format=xml", Some(ADMIN), 400),
        (Method::POST, "/api/licences", Some(ADMIN), 400),
        (Method::GET, "/api/someurl", Some(ADMIN), 404),
        (Method::PUT, "/api/someurl", Some(ADMIN), 404),
        (Method::GET, "/nowhere", None, 404),
    ] {
        let reply = ask(&place, method, path, credential).await;
        assert_eq!(reply.status, status, "{path}");
        let json = reply.json();
        assert_eq!(json["Code"], status, "{path}");
        assert_eq!(reply.headers[header::CONTENT_TYPE], "application/json");
        let exception = json["Exception"].as_str().unwrap();
        assert!(
            json["Message"]
                .as_str()
                .unwrap()
                .starts_with(&format!("({exception}) "))
        );
        assert_eq!(json.as_object().unwrap().len(), 4);
        assert_eq!(
            reply.headers.contains_key(header::WWW_AUTHENTICATE),
            status == 401
        );
    }
}

#[tokio::test]
async fn head_and_options_are_answered() {
    let place = place("").await;
    let reply = ask(&place, Method::HEAD, "/api", Some(ADMIN)).await;
    assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, ""));
    for (path, allowed) in [
        ("/api", "GET, HEAD, OPTIONS"),
        ("/api/licences", "GET, HEAD, POST, OPTIONS"),
        ("/api/licences/1", "GET, HEAD, PUT, OPTIONS"),
        ("/api/sessions/1", "GET, HEAD, DELETE, OPTIONS"),
    ] {
        let reply = ask(&place, Method::OPTIONS, path, None).await;
        assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, ""));
        assert_eq!(reply.headers[header::ALLOW], allowed, "{path}");
    }
}
