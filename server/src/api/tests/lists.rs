//! Filters, pages, fields and formats.

use super::*;

async fn numbers(place: &Place, query: &str) -> Vec<String> {
    let reply = get(place, &format!("/api/sessions?{query}")).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    let json = reply.json();
    let sessions = json["Sessions"].as_array().unwrap();
    sessions
        .iter()
        .map(|session| session["SessionNumber"].as_str().unwrap().to_owned())
        .collect()
}

async fn three() -> Place {
    let place = place("").await;
    let connection = place.connect().await;
    for (number, user) in [(1, "Иванов"), (2, "Петров"), (3, "=Сидоров, \"А\"")]
    {
        place.acquire(connection, number, user).await;
    }
    place
}

#[tokio::test]
async fn rows_pass_whose_fields_have_one_of_the_values() {
    let place = three().await;
    let encoded = "UserName=%D0%B8%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2";
    assert_eq!(
        numbers(&place, encoded).await,
        ["1"],
        "in any case of letters"
    );
    assert_eq!(
        numbers(&place, "SessionNumber=1&sessionnumber=3").await,
        ["1", "3"]
    );
    assert_eq!(numbers(&place, "SessionNumber=1&KeyID=672B").await, ["1"]);
    assert!(
        numbers(&place, "SessionNumber=1&KeyID=0000")
            .await
            .is_empty()
    );
    assert_eq!(
        numbers(&place, "Expired=False&IsServer=false").await.len(),
        3
    );
    let licences = get(
        &place,
        "/api/licences?Enabled=true&KeyType=3&ActivationCode=",
    )
    .await;
    assert_eq!(licences.json()["Licences"][0]["KeyNo"], 7_131_766);
}

#[tokio::test]
async fn pages_are_cut_after_the_filters_and_say_how_much_there_is() {
    let place = three().await;
    assert_eq!(numbers(&place, "Limit=2").await, ["1", "2"]);
    assert_eq!(numbers(&place, "Limit=2&Offset=2").await, ["3"]);
    assert_eq!(numbers(&place, "Offset=9").await, [""; 0]);
    let page = "/api/sessions?SessionNumber=2&SessionNumber=3&Limit=1&Offset=1";
    let reply = get(&place, page).await;
    assert_eq!(reply.headers["x-total-count"], "2");
    assert_eq!(reply.json()["Sessions"][0]["SessionNumber"], "3");
    assert_eq!(
        get(&place, "/api/sessions?Limit=0").await.headers["x-total-count"],
        "3"
    );
}

#[tokio::test]
async fn fields_are_chosen_and_keep_the_order_of_the_wish() {
    let place = three().await;
    let reply = get(
        &place,
        "/api/sessions?Fields=usedlicence,SessionNumber&Limit=1",
    )
    .await;
    assert_eq!(
        reply.text,
        r#"{"Sessions":[{"UsedLicence":"7131766","SessionNumber":"1"}]}"#
    );
    let reply = get(&place, "/api/licences/7131766?Fields=KeyNo,ITN").await;
    assert_eq!(reply.text, r#"{"KeyNo":7131766,"ITN":123456789}"#);
}

#[tokio::test]
async fn csv_has_names_and_quotes_and_no_formulas() {
    let place = three().await;
    let path =
        "/api/sessions?Format=csv&Fields=SessionNumber,UserName,InfoBaseConnectionStr,IsServer";
    let reply = ask(&place, Method::GET, path, Some(ADMIN)).await;
    assert_eq!(
        reply.headers[header::CONTENT_TYPE],
        "text/csv; charset=utf-8"
    );
    let infobase = r#""Srvr=""a"";Ref=""b"";""#;
    assert_eq!(
        reply.text,
        format!(
            "SessionNumber,UserName,InfoBaseConnectionStr,IsServer\r\n1,Иванов,{infobase},false\r\n\
             2,Петров,{infobase},false\r\n3,\"'=Сидоров, \"\"А\"\"\",{infobase},false\r\n"
        )
    );
    let reply = ask(
        &place,
        Method::GET,
        "/api/connections?Format=CSV&Limit=0",
        Some(ADMIN),
    )
    .await;
    assert!(reply.text.starts_with("ID,PeerIP,Created,") && reply.text.ends_with("Expired\r\n"));
    let reply = ask(
        &place,
        Method::GET,
        "/api/licences/7131766?Format=csv",
        Some(ADMIN),
    )
    .await;
    assert_eq!(reply.text.lines().count(), 2);
    assert!(
        reply.text.contains(",7131766,672B,202,3,0,5,0,,"),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn a_query_that_is_not_understood_says_what_would_be() {
    let place = place("").await;
    for (path, said) in [
        (
            "/api/sessions?Nonsense=1",
            "There is no field or parameter Nonsense; there are: ID, SessionConnection",
        ),
        ("/api/sessions?Fields=ID,Nonsense", "Nonsense"),
        ("/api/sessions?Fields=,", "Fields names no field"),
        (
            "/api/sessions?Limit=-1",
            "Limit=-1 is wrong; expected a whole number from 0",
        ),
        ("/api/sessions?Offset=x", "Offset=x"),
        ("/api/sessions?Limit=1&Limit=2", "more than once"),
        ("/api/sessions?Format=xml", "json, pretty or csv"),
        ("/api/licences/7131766?Limit=1", "for lists"),
        ("/api/licences/7131766?KeyNo=1", "KeyNo"),
        ("/api?%FF=1", "There is no field or parameter"),
        ("/api/events?Event=Nonsense", "there are: Granted, Denied"),
        ("/api/events?From=yesterday", "From=yesterday is wrong"),
        ("/api/events?Session=1", "32 hex digits"),
        ("/api/events?Nonsense=1", "Nonsense"),
        ("/api/usage/hour?KeyID=xyz", "a series as 672B"),
    ] {
        let reply = get(&place, path).await;
        let json = reply.json();
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(
            json["Message"].as_str().unwrap().contains(said),
            "{path}: {json}"
        );
    }
    assert_eq!(
        get(&place, "/api/usage/year").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn lists_are_read_in_turn_and_who_waits_too_long_is_told() {
    let place = three().await;
    assert_eq!(get(&place, "/api").await.status, StatusCode::OK);
    let all = place.server.lists.available_permits() as u32;
    let others = place.server.lists.clone().acquire_many_owned(all);
    let others = others.await.unwrap();
    tokio::time::pause();
    let reply = get(&place, "/api/sessions").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.text.contains("try again"), "{}", reply.text);
    tokio::time::resume();
    drop(others);
    assert_eq!(numbers(&place, "").await, ["1", "2", "3"]);
    assert_eq!(place.server.lists.available_permits() as u32, all);
}
