//! Who is let in, and which changes are refused.

use axum::http::{Method, StatusCode, header};

use super::Browser;
use crate::api::tests::{ADMIN, SERIES, place};

const ALWAYS: [&str; 3] = ["/systeminfo", "/sign-in", "/help"];
const LISTS: [&str; 2] = ["/", "/sessions"];
const SERVICE: [&str; 10] = [
    "/licences",
    "/licences/7131766",
    "/licences/install",
    "/licences/reserve",
    "/history",
    "/history.csv",
    "/journal",
    "/logs",
    "/settings",
    "/password",
];

async fn open(conf: &str, path: &str) -> bool {
    let place = place(conf).await;
    let mut browser = Browser::new(&place);
    let shown = browser.get(path).await;
    match shown.status {
        StatusCode::OK => true,
        StatusCode::SEE_OTHER => {
            let to = shown.to();
            assert!(to.starts_with("/sign-in?to=%2F"), "{to}");
            false
        }
        status => panic!("{path}: {status}"),
    }
}

#[tokio::test]
async fn the_setting_says_which_pages_ask_for_a_password() {
    for path in ALWAYS {
        for mode in 0..3 {
            let conf = format!("[Console]\nAuthorization={mode}\n");
            assert!(open(&conf, path).await, "{mode} {path}");
        }
    }
    for path in LISTS {
        assert!(open("", path).await, "{path}");
        assert!(!open("[Console]\nAuthorization=1\n", path).await, "{path}");
        assert!(open("[Console]\nAuthorization=2\n", path).await, "{path}");
    }
    for path in SERVICE {
        assert!(!open("", path).await, "{path}");
        assert!(!open("[Console]\nAuthorization=1\n", path).await, "{path}");
        assert!(open("[Console]\nAuthorization=2\n", path).await, "{path}");
    }
}

#[tokio::test]
async fn a_program_signs_in_by_basic_and_is_told_when_it_did_not() {
    let place = place("").await;
    let mut browser = Browser::new(&place);
    let basic = [(header::AUTHORIZATION.as_str(), ADMIN)];
    let shown = browser.send(Method::GET, "/settings", None, &basic).await;
    assert_eq!(shown.status, StatusCode::OK);
    let wrong = [(header::AUTHORIZATION.as_str(), "Basic YWRtaW46eA==")];
    let shown = browser.send(Method::GET, "/settings", None, &wrong).await;
    assert_eq!(shown.status, StatusCode::UNAUTHORIZED);
    // Without text/html it is no person who could fill in a form.
    let reply = crate::api::tests::ask(&place, Method::GET, "/settings", None).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(reply.headers.contains_key(header::WWW_AUTHENTICATE));
}

#[tokio::test]
async fn a_sign_in_is_a_cookie_that_scripts_and_other_sites_do_not_get() {
    let place = place("").await;
    let mut browser = Browser::new(&place);
    let refused = browser.sign_in("admin", "wrong").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(
        refused
            .text
            .contains("Неверное имя пользователя или пароль")
    );
    let entered = browser.sign_in("admin", "admin").await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
    assert_eq!(
        entered.to(),
        "/password",
        "the first sign-in asks for a new password"
    );
    let cookie = entered.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"),
        "{cookie}"
    );
    let settings = browser.get("/settings").await;
    assert_eq!(settings.status, StatusCode::OK);
    // With no referrer at all, browsers send forms of our own pages as from nowhere.
    assert_eq!(settings.headers[header::REFERRER_POLICY], "same-origin");
    let token = browser.get("/settings").await.token();
    let left = browser.post("/sign-out", &[("token", &token)]).await;
    assert_eq!(left.status, StatusCode::SEE_OTHER);
    browser.cookie = entered.headers[header::SET_COOKIE]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(
        browser.get("/settings").await.status,
        StatusCode::SEE_OTHER,
        "the old cookie is of no use"
    );
}

#[tokio::test]
async fn guesses_of_the_password_are_held_up_and_the_computer_itself_is_not() {
    let place = place("").await;
    let mut far = Browser::new(&place);
    far.address = [192, 168, 7, 7];
    for _ in 0..10 {
        assert_eq!(
            far.sign_in("admin", "guess").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let shown = far.sign_in("admin", "admin").await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
    assert!(shown.text.contains("Подождите минуту"), "{}", shown.text);
    let mut near = Browser::new(&place);
    assert_eq!(
        near.sign_in("admin", "admin").await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_change_needs_the_token_of_its_visitors_own_page() {
    let place = place("").await;
    let connection = place.connect().await;
    let session = place.acquire(connection, 6, "Иванов").await;
    let path = format!("/sessions/{session}");
    let mut browser = Browser::signed_in(&place).await;
    let mut other = Browser::signed_in(&place).await;
    let strange = other.get(&path).await.token();
    let nobodys = Browser::new(&place).get("/sign-in").await.token();
    for token in ["", "x", &strange, &nobodys] {
        let form = [("token", token), ("word", "update"), ("sure", "yes")];
        let shown = browser.post(&path, &form).await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN);
        assert!(shown.text.contains("Форма устарела"));
    }
    // A page of another site sends its origin, whatever token it has.
    let token = browser.get(&path).await.token();
    let body = format!("token={token}&word=x&sure=yes").into_bytes();
    let headers = [
        (
            header::CONTENT_TYPE.as_str(),
            "application/x-www-form-urlencoded",
        ),
        (header::ORIGIN.as_str(), "http://evil.example"),
    ];
    let shown = browser
        .send(Method::POST, &path, Some(body.clone()), &headers)
        .await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
    // Signed in by Basic, which a browser sends by itself, the token is another one.
    let mut basic = Browser::new(&place);
    let headers = [headers[0], (header::AUTHORIZATION.as_str(), ADMIN)];
    let shown = basic.send(Method::POST, &path, Some(body), &headers).await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
    assert!(place.server.read_session(session).await.unwrap().is_some());
    let freed = browser
        .post(&path, &[("token", &token), ("word", "x"), ("sure", "yes")])
        .await;
    assert_eq!(freed.status, StatusCode::SEE_OTHER);
    assert!(place.server.read_session(session).await.unwrap().is_none());
}

#[tokio::test]
async fn a_name_that_is_not_this_servers_gets_no_page() {
    let place = place("").await;
    let mut browser = Browser::new(&place);
    for path in ["/", "/systeminfo", "/console.js", "/live"] {
        let host = [("host", "rebound.example")];
        let request = axum::http::Request::get(path).header(host[0].0, host[0].1);
        let request = request.body(axum::body::Body::empty()).unwrap();
        let router = crate::router(std::sync::Arc::clone(&place.server));
        let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn with_the_default_password_only_the_computer_itself_changes_anything() {
    let place = place("").await;
    let mut far = Browser::new(&place);
    far.address = [192, 168, 7, 7];
    assert_eq!(
        far.sign_in("admin", "admin").await.status,
        StatusCode::SEE_OTHER
    );
    let token = far.get("/settings").await.token();
    let shown = far
        .post("/licences/7131766", &[("token", &token), ("do", "off")])
        .await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN);
    assert!(shown.text.contains("licenceserver.conf"), "{}", shown.text);
    assert!(
        place
            .server
            .read_licence(Some(SERIES), 7_131_766)
            .unwrap()
            .enabled
    );
}

#[tokio::test]
async fn a_picture_stands_before_changes_when_the_settings_say_so() {
    let place = place("[Console]\nCheckCaptcha=1\n").await;
    let mut browser = Browser::new(&place);
    let page = browser.get("/sign-in").await;
    assert!(
        page.text.contains("data:image/svg+xml;base64,"),
        "{}",
        page.text
    );
    let form = [
        ("token", &*page.token()),
        ("user", "admin"),
        ("password", "admin"),
        ("picture", &page.field("picture")),
        ("letters", "wrong"),
    ];
    let shown = browser.post("/sign-in", &form).await;
    assert_eq!(shown.status, StatusCode::BAD_REQUEST);
    assert!(shown.text.contains("не совпали с картинкой"));
}
