//! What the pages show: the marks that monitors read, hostile names, both languages, many sessions.

use axum::http::{StatusCode, header};

use super::Browser;
use crate::api::tests::{SERIES, place};

/// Every page that there is, for what holds on all of them.
async fn all_pages(
    browser: &mut Browser<'_>,
    session: &str,
    connection: &str,
) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for path in [
        "/".to_owned(),
        "/?menu=false&header=true".to_owned(),
        "/sessions".to_owned(),
        "/sessions?q=a&order=user&back=1".to_owned(),
        format!("/sessions/{session}"),
        format!("/connections/{connection}"),
        "/licences".to_owned(),
        "/licences/7131766".to_owned(),
        "/licences/install".to_owned(),
        "/licences/reserve".to_owned(),
        "/history".to_owned(),
        "/history?period=year".to_owned(),
        "/journal".to_owned(),
        "/journal?kind=seats".to_owned(),
        "/logs".to_owned(),
        "/settings".to_owned(),
        "/password".to_owned(),
        "/systeminfo".to_owned(),
        "/help".to_owned(),
    ] {
        let shown = browser.get(&path).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}: {}", shown.text);
        let policy = shown.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(
            policy.contains("script-src 'self'") && !policy.contains("unsafe"),
            "{path}"
        );
        pages.push((path, shown.text));
    }
    pages
}

/// The page's series list, with what differs from run to run named.
fn list(text: &str, connection: &str) -> String {
    let begin = text.find("<ul class=\"series\">").unwrap();
    let end = text.find("</ul></div></div>").unwrap() + "</ul></div></div>".len();
    text[begin..end].replace(connection, "CONNECTION") + "\n"
}

#[tokio::test]
async fn the_series_list_in_russian_keeps_the_marks_that_monitors_read() {
    let place = place("").await;
    let connection = place.connect().await;
    place.acquire(connection, 6, "Иванов Иван").await;
    place.acquire(connection, 7, "Петров & Ко").await;
    let mut browser = Browser::new(&place);
    let shown = browser.get("/").await;
    let found = list(&shown.text, &connection.to_string());
    assert_eq!(found, include_str!("golden/series.html"));
    // What monitors cut at.
    assert!(found.ends_with("</li></ul></div></li></ul></div></div>\n"));
}

#[tokio::test]
async fn a_key_that_is_off_or_over_is_said_so_and_its_series_is_disabled() {
    let place = place("").await;
    let by = crate::accounting::Admin::default();
    place
        .server
        .switch_key((SERIES, 7_131_766), false, by)
        .await
        .unwrap();
    let shown = Browser::new(&place).get("/").await;
    assert!(
        shown
            .text
            .contains("<li id=\"672B\" class=\"serie li disabled\" storable>"),
        "{}",
        shown.text
    );
    assert!(
        shown
            .text
            .contains("<li class=\"licence disabled virtual\" id=\"7131766\">")
    );
    assert!(
        shown
            .text
            .contains("<div class=\"licence-status\">Продукт недоступен</div>")
    );
}

#[tokio::test]
async fn hostile_names_are_texts_on_every_page() {
    let place = place("").await;
    let connection = place.connect().await;
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}";
    let session = place.acquire(connection, 6, hostile).await;
    let mut browser = Browser::signed_in(&place).await;
    let pages = all_pages(&mut browser, &session.to_string(), &connection.to_string()).await;
    let search = browser
        .get(&format!(
            "/sessions?q={}",
            super::super::paging::escaped(hostile)
        ))
        .await;
    let mut seen = 0;
    for (path, text) in pages.iter().chain([&("search".to_owned(), search.text)]) {
        assert!(
            !text.contains("<script>alert") && !text.contains("<img src=x"),
            "{path}"
        );
        seen += usize::from(text.contains("&#60;script&#62;alert(1)"));
    }
    assert!(seen >= 5, "the name is shown on {seen} pages");
}

#[tokio::test]
async fn every_page_is_in_the_browsers_language_and_links_to_no_other_computer() {
    let place = place("").await;
    let connection = place.connect().await;
    let session = place.acquire(connection, 6, "Ivanov").await;
    let mut browser = Browser::signed_in(&place).await;
    for (lang, mark) in [
        ("ru", "<html lang=\"ru\">"),
        ("en-GB", "<html lang=\"en\">"),
    ] {
        browser.lang = lang;
        for (path, text) in
            all_pages(&mut browser, &session.to_string(), &connection.to_string()).await
        {
            assert!(text.contains(mark), "{path}");
            for name in ["src=\"", "href=\"", "action=\""] {
                for address in text.split(name).skip(1) {
                    assert!(
                        address.starts_with('/') && !address.starts_with("//")
                            || address.starts_with('#')
                            || address.starts_with("data:"),
                        "{path}: {}",
                        &address[..40.min(address.len())]
                    );
                }
            }
            assert!(
                !text.contains("style=\"") && !text.contains("onclick"),
                "{path}"
            );
            if lang == "en-GB" {
                // The way to the other language, and names, are in it.
                let body = text.replace("Русский", "").replace("Тестовая серия", "");
                let russian = body
                    .chars()
                    .filter(|letter| ('а'..='я').contains(letter))
                    .count();
                assert_eq!(russian, 0, "{path}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn the_choice_of_a_language_stays() {
    let place = place("").await;
    let mut browser = Browser::new(&place);
    let shown = browser.get("/?lang=en").await;
    assert!(shown.text.contains("<html lang=\"en\">") && shown.text.contains("href=\"/?lang=ru\""));
    assert!(
        browser
            .get("/help")
            .await
            .text
            .contains("<html lang=\"en\">")
    );
}

#[tokio::test]
async fn a_window_inside_1c_has_no_menu_and_keeps_its_frame() {
    let place = place("").await;
    let connection = place.connect().await;
    place.acquire(connection, 6, "Ivanov").await;
    let shown = Browser::new(&place).get("/?menu=false&header=true").await;
    assert!(!shown.text.contains("<nav class=\"menu\"") && shown.text.contains("<h1>"));
    assert!(
        shown.text.contains("?menu=false&#38;header=true"),
        "links stay in the frame"
    );
    let shown = Browser::new(&place).get("/?menu=false&header=false").await;
    assert!(!shown.text.contains("<h1>") && shown.text.contains("<ul class=\"series\">"));
}

/// Ten thousand sessions, or a hundred thousand with LICENCE_LONG. How long the pages take is told, and not judged here.
#[tokio::test]
async fn with_ten_thousand_sessions_a_page_is_small_and_search_finds_each() {
    let place = place("").await;
    let key = place.issue(7_131_767, protocol::licence::KeyType::Main, 200_000);
    let count = match std::env::var_os("LICENCE_LONG") {
        Some(_) => 100_000,
        None => 10_000,
    };
    let by = crate::accounting::Admin::default();
    place.server.install_licence(key, by).await.unwrap();
    let place = &place;
    for begin in (0..count).step_by(5000) {
        let connection = place.connect().await;
        let some = (begin..begin + 5000).map(|number| async move {
            let user = format!("Пользователь {number:05}");
            place.acquire(connection, number, &user).await
        });
        futures_util::future::join_all(some).await;
    }
    let mut browser = Browser::signed_in(place).await;
    for path in [
        "/",
        "/sessions",
        "/sessions?page=100",
        "/sessions?order=user&back=1",
    ] {
        let begun = std::time::Instant::now();
        let shown = browser.get(path).await;
        println!("{count} sessions, {path}: {:?}", begun.elapsed());
        assert!(shown.text.len() < 100_000, "{path}: {}", shown.text.len());
    }
    let shown = browser.get("/").await;
    assert!(
        shown
            .text
            .contains(&format!("Использовано: <strong>{count}</strong>"))
    );
    let shown = browser.get("/sessions?order=user&back=1").await;
    let user = |number: u32| format!("Пользователь {number:05}");
    assert!(shown.text.contains(&user(count - 1)) && !shown.text.contains(&user(count - 101)));
    let shown = browser.get("/sessions?q=07777").await;
    assert!(
        shown.text.contains("Пользователь 07777") && shown.text.contains("1\u{a0}сеанс<"),
        "{}",
        shown.text
    );
}
