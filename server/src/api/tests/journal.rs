//! Usage, events, the stream of changes, and the metrics.

use futures_util::StreamExt;

use super::*;

#[tokio::test]
async fn usage_tells_seats_by_key_and_by_application() {
    let place = place("").await;
    let connection = place.connect().await;
    for number in 1..=6 {
        place.acquire(connection, number, "Иванов").await;
    }
    assert_eq!(
        get(&place, "/api/usage").await.json(),
        json!({"Usage": [{
            "KeyID": "672B", "Used": 5, "Total": 5, "Peak": 5, "Denied": 1, "Away": 0,
            "Keys": [{"KeyNo": 7131766, "KeyUsed": 5, "KeyTotal": 5}],
            "Apps": [{"AppName": "1CV8C", "AppSessions": 5}],
        }]})
    );
    for step in ["minute", "hour", "day"] {
        let reply = get(
            &place,
            &format!("/api/usage/{step}?From=2018-04-02&KeyID=672B&Limit=5"),
        )
        .await;
        assert_eq!(reply.text, r#"{"Usage":[]}"#, "no minute is over yet");
    }
}

#[tokio::test]
async fn the_journal_names_who_was_refused_and_why_page_by_page() {
    let place = place("").await;
    let connection = place.connect().await;
    for number in 1..=6 {
        place
            .acquire(connection, number, &format!("User {number}"))
            .await;
    }
    let denied = get(&place, "/api/events?Event=Denied").await.json();
    let event = &denied["Events"][0];
    assert_eq!(event["UserName"], "User 6");
    assert_eq!(event["Reason"], "NoSeats");
    assert!(
        event["Data"].as_str().unwrap().contains("User 1@MORA-HP"),
        "{event}"
    );
    let first = get(&place, "/api/events?Event=Granted,Denied&Limit=2").await;
    assert_eq!(first.headers["x-more"], "true");
    let events = first.json()["Events"].clone();
    assert_eq!(
        (&events[0]["Event"], &events[1]["UserName"]),
        (&json!("Denied"), &json!("User 5"))
    );
    let last = &events[1]["EventNo"];
    let rest = get(
        &place,
        &format!("/api/events?Event=Granted&Event=Denied&Before={last}"),
    )
    .await;
    assert_eq!(rest.headers["x-more"], "false");
    assert_eq!(rest.json()["Events"].as_array().unwrap().len(), 4);
    let mine = get(
        &place,
        "/api/events?UserName=uSER+3&UserName=nobody&Fields=Event,KeyNo",
    )
    .await;
    assert_eq!(
        mine.text,
        r#"{"Events":[{"Event":"Granted","KeyNo":7131766}]}"#
    );
    let signed = get(
        &place,
        "/api/events?Event=SignedIn&Fields=UserName,ComputerName",
    )
    .await;
    assert_eq!(
        signed.text,
        r#"{"Events":[{"UserName":"admin","ComputerName":"127.0.0.1"}]}"#
    );
}

/// Reads a stream until a text has come.
async fn until(
    stream: &mut (impl futures_util::Stream<Item = Result<axum::body::Bytes, axum::Error>> + Unpin),
    text: &str,
) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let part = tokio::time::timeout(std::time::Duration::from_secs(30), stream.next()).await;
        all += std::str::from_utf8(
            &part
                .expect("it comes")
                .expect("the stream goes on")
                .unwrap(),
        )
        .unwrap();
    }
    all
}

async fn watch(place: &Place, last: Option<&str>) -> axum::response::Response {
    let mut request = Request::builder()
        .uri("/api/stream")
        .header(header::AUTHORIZATION, ADMIN);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let request = request.body(Body::empty()).unwrap();
    Addresses::new(Arc::clone(&place.server))
        .answer(SocketAddr::from(([127, 0, 0, 1], 5)), request)
        .await
}

#[tokio::test]
async fn watchers_are_told_of_changes_and_of_those_that_they_missed() {
    let place = place("").await;
    let response = watch(&place, None).await;
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    let mut stream = response.into_body().into_data_stream();
    let connection = place.connect().await;
    place.acquire(connection, 1, "Иванов").await;
    let all = until(&mut stream, "event: usage").await;
    let all = all + &until(&mut stream, "\n\n").await;
    assert!(
        all.contains("event: event\ndata: {\"EventNo\":") || all.contains("event: event\nid: "),
        "{all}"
    );
    assert!(
        all.contains("\"Event\":\"Granted\"") && all.contains("Иванов"),
        "{all}"
    );
    assert!(
        all.contains(r#"{"KeyID":"672B","Used":1,"Total":5}"#),
        "{all}"
    );
    drop(stream);
    place.acquire(connection, 2, "Петров").await;
    let last = get(&place, "/api/events?Event=Granted&Limit=1&Offset=1")
        .await
        .json()["Events"][0]["EventNo"]
        .to_string();
    let mut stream = watch(&place, Some(&last))
        .await
        .into_body()
        .into_data_stream();
    let all = until(&mut stream, "Петров").await;
    assert!(!all.contains("Иванов"), "{all}");
}

#[tokio::test]
async fn the_end_of_the_server_ends_a_stream() {
    let place = place("").await;
    let mut stream = watch(&place, None).await.into_body().into_data_stream();
    place.server.streams.end();
    while let Some(part) = stream.next().await {
        part.unwrap();
    }
}

#[tokio::test]
async fn the_65th_watcher_is_told_that_there_are_too_many() {
    let place = place("").await;
    let mut watchers = Vec::new();
    for _ in 0..64 {
        watchers.push(watch(&place, None).await);
    }
    assert_eq!(
        watch(&place, None).await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    watchers.pop();
    assert_eq!(watch(&place, None).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_prometheus_text_and_need_a_password() {
    let place = place("").await;
    assert_eq!(
        ask(&place, Method::GET, "/metrics", None).await.status,
        StatusCode::UNAUTHORIZED
    );
    let counting = tokio::spawn(crate::api::Counts::run(Arc::clone(&place.server)));
    let connection = place.connect().await;
    place.acquire(connection, 1, "Иванов").await;
    let counted = "licenceserver_events_total{event=\"Granted\",series=\"672B\"} 1";
    let reply = loop {
        let reply = ask(&place, Method::GET, "/metrics", Some(ADMIN)).await;
        // The counter starts with its task: what came before is not its.
        if reply.text.contains("event=\"SignedIn\"") || reply.text.contains(counted) {
            break reply;
        }
        place.acquire(connection, 1, "Иванов").await;
        tokio::task::yield_now().await;
    };
    counting.abort();
    assert!(
        reply.headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    for line in [
        "licenceserver_seats{series=\"672B\",product=\"Test\"} 5",
        "licenceserver_seats_used{series=\"672B\",product=\"Test\"} 1",
        "licenceserver_key_usable{series=\"672B\",key=\"7131766\"} 1",
        "licenceserver_connections{series=\"672B\"} 1",
        "licenceserver_ready 1",
        "licenceserver_denied_total{series=\"672B\",reason=\"NoSeats\"} 0",
        "licenceserver_denied_total{series=\"672B\",reason=\"Expired\"} 0",
        "licenceserver_events_total{event=\"ClockSetBack\",series=\"\"} 0",
        "licenceserver_events_total{event=\"SignInRefused\",series=\"\"} 0",
    ] {
        assert!(
            reply.text.lines().any(|found| found == line),
            "{line}\n{}",
            reply.text
        );
    }
    let help = reply
        .text
        .lines()
        .filter(|line| line.starts_with("# HELP "))
        .count();
    let kinds = reply
        .text
        .lines()
        .filter(|line| line.starts_with("# TYPE "))
        .count();
    assert_eq!(help, kinds);
}

#[tokio::test]
async fn texts_of_the_journal_pass_in_any_case_and_several_of_them() {
    let place = place("").await;
    let connection = place.connect().await;
    for (number, user) in [(1, "Иванов"), (2, "Петров"), (3, "Сидоров")] {
        place.acquire(connection, number, user).await;
    }
    let of = async |query: &str| {
        let path = format!("/api/events?Event=Granted&Fields=UserName&{query}");
        let reply = get(&place, &path).await;
        let more = reply.headers["x-more"].to_str().unwrap().to_owned();
        let events = reply.json()["Events"].as_array().unwrap().clone();
        let names: Vec<String> = events
            .iter()
            .map(|event| event["UserName"].as_str().unwrap().to_owned())
            .collect();
        (names.join(" "), more)
    };
    // иванов, СИДОРОВ
    let two = "UserName=%D0%B8%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2&username=%D0%A1%D0%98%D0%94%D0%9E%D0%A0%D0%9E%D0%92";
    assert_eq!(of(two).await, ("Сидоров Иванов".into(), "false".into()));
    let paged = "ComputerName=mora-hp&AppName=1cv8c&Limit=1&Offset=1";
    assert_eq!(of(paged).await, ("Петров".into(), "true".into()));
    assert_eq!(of("ComputerName=MORA").await.0, "");
}

#[tokio::test]
async fn the_usage_of_the_past_is_told_by_minute_hour_and_day() {
    let place = place("").await;
    let connection = place.connect().await;
    for number in 1..=7 {
        place.acquire(connection, number, "Иванов").await;
    }
    let ahead = |minutes: u64| {
        let later = crate::now().after(std::time::Duration::from_secs(60 * minutes));
        place.server.clock.at_least(later);
    };
    ahead(1);
    place.server.journal.minute_passed().await.unwrap();
    let past = |query: &'static str| get_text(&place, query);
    let first = past("/api/usage/minute").await;
    let json: Value = serde_json::from_str(&first).unwrap();
    let minute = json["Usage"][0]["Time"].as_str().unwrap().to_owned();
    assert!(minute.ends_with(":00.000Z"), "{minute}");
    let row = json!({
        "Time": minute, "KeyID": "672B", "Used": 5, "Total": 5, "Peak": 5, "Denied": 2,
        "Apps": [{"AppName": "1CV8C", "AppSessions": 5}],
    });
    assert_eq!(
        serde_json::from_str::<Value>(&first).unwrap(),
        json!({ "Usage": [row] })
    );
    for step in ["/api/usage/hour", "/api/usage/day"] {
        let json: Value = serde_json::from_str(&past(step).await).unwrap();
        let row = &json["Usage"][0];
        assert_eq!((&row["Used"], &row["Denied"]), (&json!(5), &json!(2)));
    }
    ahead(2);
    place.server.journal.minute_passed().await.unwrap();
    let csv = past("/api/usage/minute?Format=csv&Fields=Time,Used,Denied&Limit=1&Offset=1").await;
    assert_eq!(csv, format!("Time,Used,Denied\r\n{minute},5,2\r\n"));
    let none = past("/api/usage/minute?KeyID=0000").await;
    assert_eq!(none, r#"{"Usage":[]}"#);
    let query = format!("/api/usage/minute?Until={minute}");
    assert_eq!(get(&place, &query).await.text, r#"{"Usage":[]}"#);
    let query = format!("/api/usage/minute?From={minute}&Fields=Denied");
    assert_eq!(
        get(&place, &query).await.text,
        r#"{"Usage":[{"Denied":0},{"Denied":2}]}"#
    );
}

async fn get_text(place: &Place, path: &str) -> String {
    ask(place, Method::GET, path, Some(ADMIN)).await.text
}

#[tokio::test]
async fn sessions_are_away_whose_processes_are_all_silent() {
    let place = place("[Sessions]\nHeartbeatSeconds=1\nExpireSeconds=600\n").await;
    let (silent, heard) = (place.connect().await, place.connect().await);
    place.acquire(silent, 1, "Иванов").await;
    place.acquire(silent, 2, "Петров").await;
    place.acquire(heard, 2, "Петров").await;
    let away = || async {
        let life = place.server.lives.get(&heard).unwrap();
        assert!(place.server.lives.touch(&life));
        get(&place, "/api/usage").await.json()["Usage"][0]["Away"].clone()
    };
    assert_eq!(away().await, 0);
    let begin = std::time::Instant::now();
    while away().await != 1 {
        assert!(begin.elapsed().as_secs() < 30, "nobody is away");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let life = place.server.lives.get(&silent).unwrap();
    assert!(place.server.lives.touch(&life));
    assert_eq!(away().await, 0);
}
