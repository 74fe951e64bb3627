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
    "/history",
    "/history.csv",
    "/journal",
    "/journal.csv",
    "/logs",
    "/settings",
    "/password",
];
/// What tells codes of keys.
const CODES: &str = "/licences/reserve";

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
    for mode in 0..3 {
        let conf = format!("[Console]\nAuthorization={mode}\n");
        assert!(!open(&conf, CODES).await, "{mode}");
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
async fn whoever_may_not_come_in_is_told_so_on_a_page_and_programs_as_ever() {
    let place = place("[Console]\nAllowedAddresses=192.168.0.0/16\n").await;
    let connection = place.connect().await;
    place.acquire(connection, 6, "Иванов").await;
    let mut browser = Browser::new(&place);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    let strange = ("host", "x@rebound.example");
    let rebound = ("host", "rebound.example:9099");
    let elsewhere = (header::ORIGIN.as_str(), "http://evil.example");
    for (method, header, status, told) in [
        (
            Method::GET,
            rebound,
            403,
            ["«rebound.example»", "\"rebound.example\""],
        ),
        (Method::GET, strange, 400, ["нет имени", "Host is no name"]),
        (
            Method::POST,
            elsewhere,
            403,
            ["другого сайта", "another site"],
        ),
    ] {
        for (lang, told) in ["ru", "en"].into_iter().zip(told) {
            browser.lang = lang;
            for path in [
                "/",
                "/systeminfo",
                "/sessions",
                "/settings",
                "/live",
                "/nowhere",
            ] {
                let shown = browser.send(method.clone(), path, None, &[header]).await;
                turned_away(&shown, status, lang, told);
            }
        }
        let api = browser
            .send(method.clone(), "/api/sessions", None, &[header])
            .await;
        assert!(
            api.text.starts_with(&format!("{{\"Code\":{status},")),
            "{}",
            api.text
        );
    }
    browser.lang = "ru";
    browser.address = [10, 0, 0, 1];
    turned_away(&browser.get("/").await, 403, "ru", "AllowedAddresses");
    // A program that asks for no page.
    let reply = crate::api::tests::ask_from([10, 0, 0, 1], &place, Method::GET, "/", None).await;
    assert!(reply.text.starts_with("{\"Code\":403,"), "{}", reply.text);
}

/// A page for a person, by itself and with nothing of the server on it.
fn turned_away(shown: &super::Shown, status: u16, lang: &str, told: &str) {
    let text = &shown.text;
    assert_eq!(shown.status.as_u16(), status, "{text}");
    assert!(text.starts_with("<!doctype html>") && text.contains(&format!("lang=\"{lang}\"")));
    assert!(text.replace("&#34;", "\"").contains(told), "{told}: {text}");
    for nothing in ["Иванов", "672B", "href", "src=", "token", "MORA"] {
        assert!(!text.contains(nothing), "{nothing}: {text}");
    }
    let policy = shown.headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    let (_, style) = text.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    let hash = <sha2::Sha256 as sha2::Digest>::digest(style);
    let hash = format!("'sha256-{}'", data_encoding::BASE64.encode(&hash));
    assert!(
        policy.contains(&hash) && !policy.contains("script"),
        "{policy}"
    );
    assert_eq!(shown.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(shown.headers[header::X_FRAME_OPTIONS], "DENY");
}

#[tokio::test]
async fn without_a_password_no_setting_shows_a_code() {
    let place = place("[Console]\nAuthorization=2\n").await;
    let mut browser = Browser::new(&place);
    let token = browser.get("/licences/7131766").await.token();
    let form = [("token", &*token), ("do", "show")];
    let shown = browser.post("/licences/7131766", &form).await;
    assert_eq!(
        shown.to(),
        "/sign-in?to=%2Flicences%2F7131766%3Fseries%3D672B"
    );
    let form = [
        ("token", &*token),
        ("key", "7131766"),
        ("sure", "yes"),
        ("by", "picture"),
    ];
    let shown = browser.post("/licences/reserve", &form).await;
    assert_eq!(shown.to(), "/sign-in?to=%2F");
    assert_eq!(place.server.keys.installed().len(), 1, "it is still here");
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
