//! Who is let in, and what answers tell browsers.

use super::*;

#[tokio::test]
async fn a_switched_off_api_answers_503_before_it_asks_for_a_password() {
    let place = place("[API]\nEnabled=0\n").await;
    let reply = ask(&place, Method::GET, "/api", None).await;
    assert_eq!(reply.json()["Code"], 503);
    assert_eq!(
        ask(&place, Method::GET, "/systeminfo", None).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused_with_403() {
    let place = place("[Console]\nAllowedAddresses=192.168.0.0/16\n").await;
    for path in ["/api", "/systeminfo"] {
        let far = ask_from([10, 0, 0, 9], &place, Method::GET, path, Some(ADMIN)).await;
        assert_eq!(
            (far.status, &far.json()["Code"]),
            (StatusCode::FORBIDDEN, &json!(403))
        );
        let near = ask_from([192, 168, 7, 9], &place, Method::GET, path, Some(ADMIN)).await;
        assert_eq!(near.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn while_the_password_is_the_default_one_only_this_computer_changes_anything() {
    let default = place("").await;
    let far = [10, 0, 0, 9];
    let reply = ask_from(far, &default, Method::PUT, "/api/serverinfo", Some(ADMIN)).await;
    assert_eq!(reply.json()["Code"], 403);
    assert!(
        reply.text.contains("The password is the default one"),
        "{}",
        reply.text
    );
    let reply = ask_from(far, &default, Method::GET, "/api", Some(ADMIN)).await;
    assert!(
        reply.headers.contains_key(header::WARNING),
        "it is said each time"
    );
    let reply = ask(&default, Method::PUT, "/api/serverinfo", Some(ADMIN)).await;
    assert_eq!(
        reply.status,
        StatusCode::NOT_IMPLEMENTED,
        "nobody stood in the way"
    );
    let changed = place("[Console]\nPassword=other\n").await;
    let other = "Basic YWRtaW46b3RoZXI=";
    let reply = ask_from(far, &changed, Method::PUT, "/api/serverinfo", Some(other)).await;
    assert_eq!(reply.status, StatusCode::NOT_IMPLEMENTED);
    let reply = ask_from(far, &changed, Method::GET, "/api", Some(other)).await;
    assert!(!reply.headers.contains_key(header::WARNING));
    let reply = ask_from(far, &changed, Method::GET, "/api", Some(ADMIN)).await;
    assert_eq!(
        reply.status,
        StatusCode::UNAUTHORIZED,
        "the default works no more"
    );
}

#[tokio::test]
async fn wrong_passwords_throttle_an_address_but_not_this_computer_nor_who_signed_in_lately() {
    let place = place("[Console]\nPassword=other\n").await;
    let right = "Basic YWRtaW46b3RoZXI=";
    let (near, far) = ([10, 0, 0, 1], [10, 0, 0, 9]);
    for _ in 0..10 {
        let reply = ask_from(far, &place, Method::GET, "/api", Some(ADMIN)).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    }
    let reply = ask_from(far, &place, Method::GET, "/api", Some(right)).await;
    assert_eq!(
        reply.status,
        StatusCode::FORBIDDEN,
        "even the right one waits"
    );
    for _ in 0..12 {
        let reply = ask(&place, Method::GET, "/api", Some(ADMIN)).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    }
    let reply = ask(&place, Method::GET, "/api", Some(right)).await;
    assert_eq!(reply.status, StatusCode::OK);
    for address in [near, far] {
        let reply = ask_from(address, &place, Method::GET, "/api", Some(right)).await;
        assert_eq!(
            reply.status,
            StatusCode::OK,
            "the credential is known for five minutes"
        );
    }
}

#[tokio::test]
async fn answers_tell_browsers_to_keep_away_and_to_keep_nothing() {
    let place = place("").await;
    for (path, credential) in [
        ("/api", Some(ADMIN)),
        ("/api", None),
        ("/nowhere", None),
        ("/systeminfo", None),
    ] {
        let reply = ask(&place, Method::GET, path, credential).await;
        let header = |name: &str| reply.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header("x-frame-options"), Some("DENY"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(
            header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'none'")
        );
        assert!(
            reply
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control"))
        );
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_with_a_body() {
    let place = place("").await;
    let path = format!("/api?x={}", "y".repeat(20_000));
    let reply = ask(&place, Method::GET, &path, Some(ADMIN)).await;
    assert_eq!(reply.json()["Code"], 400);
}
