//! Every field of every form with input that nobody means well by. Pages are found by their links and fields by what the pages have,
//! so a new field is looked at as soon as there is one.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{StatusCode, header};

use super::*;
use crate::{
    accounting::ConnectionId,
    api::tests::{Place, place},
    console::paging::escaped,
};

const HTML: &str = "<script>harm</script>\"'><b>&amp;";
/// Whether a text that is neither number nor choice has to be refused: a number or a list to choose from.
const CHOSEN: [&str; 2] = ["number", "select"];

/// A form of a page.
#[derive(Debug)]
struct Form {
    post: bool,
    multipart: bool,
    action: String,
    /// Name, kind and what a browser would send.
    fields: Vec<(String, String, Option<String>)>,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&#34;", "\"").replace("&#38;", "&"))
}

/// The tags of that name with what follows each, up to the next `end`.
fn tags<'t>(text: &'t str, name: &str, end: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let begin = format!("<{name}");
    let parts: Vec<&str> = text.split(begin.as_str()).skip(1).collect();
    parts.into_iter().map(move |part| {
        let part = part.split_once(end).map_or(part, |(inside, _)| inside);
        part.split_once('>').unwrap_or((part, ""))
    })
}

fn forms(page: &str, path: &str) -> Vec<Form> {
    tags(page, "form", "</form>")
        .map(|(tag, inside)| {
            let tag = format!(" {tag}");
            let mut fields = Vec::new();
            for (input, _) in tags(inside, "input", "\u{0}") {
                let kind = attribute(input, "type").unwrap_or_default();
                let value = attribute(input, "value").unwrap_or_default();
                let sent = kind != "checkbox" || input.contains(" checked");
                let name = attribute(input, "name").unwrap();
                fields.push((name, kind, sent.then_some(value)));
            }
            for (select, options) in tags(inside, "select", "</select>") {
                let options: Vec<_> = tags(options, "option", "</option>").collect();
                let chosen = options
                    .iter()
                    .find(|(option, _)| option.contains(" selected"));
                let chosen = chosen.or(options.first()).unwrap().0;
                let name = attribute(select, "name").unwrap();
                fields.push((name, "select".into(), attribute(chosen, "value")));
            }
            // The first button is the one that Enter presses.
            for (button, _) in tags(inside, "button", "</button>") {
                if let Some(name) = attribute(button, "name")
                    && !fields.iter().any(|(other, ..)| *other == name)
                {
                    fields.push((name, "button".into(), attribute(button, "value")));
                }
            }
            Form {
                post: attribute(&tag, "method").as_deref() == Some("post"),
                multipart: tag.contains("multipart/"),
                action: attribute(&tag, "action").unwrap_or_else(|| path.to_owned()),
                fields,
            }
        })
        .collect()
}

/// All forms that a signed-in visitor comes by, each once.
async fn all(browser: &mut Browser<'_>) -> Vec<Form> {
    let mut waiting = vec!["/".to_owned(), "/sign-in".to_owned()];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut found: BTreeMap<(String, String), Form> = BTreeMap::new();
    while let Some(path) = waiting.pop() {
        let plain = path.split(['?', '#']).next().unwrap().to_owned();
        if !plain.starts_with('/') || plain.starts_with("/api") || !seen.insert(plain) {
            continue;
        }
        let shown = browser.get(&path).await;
        let kind = shown.headers.get(header::CONTENT_TYPE);
        if !kind.is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html")) {
            continue;
        }
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        waiting
            .extend(tags(&shown.text, "a", "</a>").filter_map(|(tag, _)| attribute(tag, "href")));
        for form in forms(&shown.text, &path) {
            // The one that would end the visit.
            if form.action != "/sign-out" {
                let names: Vec<_> = form.fields.iter().map(|field| field.0.as_str()).collect();
                found.insert((form.action.clone(), names.join(" ")), form);
            }
        }
    }
    found.into_values().collect()
}

/// What is written into a field, as it stands in a body; and whether it is none of a number and of no list.
fn values() -> Vec<(String, bool)> {
    vec![
        (String::new(), false),
        (escaped(&"я".repeat(10_000)), true),
        ("a%00%01%0d%0a%5bConsole%5d%0d%0aPassword%3dx".into(), true),
        ("%ff%fe".into(), true),
        ("-1".into(), true),
        ("99999999999999999999".into(), true),
        (escaped(HTML), true),
        ("nonsense".into(), true),
    ]
}

/// What a browser sends with one field otherwise.
fn body(form: &Form, field: &str, value: &str) -> String {
    let mut words = Vec::new();
    for (name, _, sent) in &form.fields {
        let usual = match (name.as_str(), sent) {
            // What lets the other fields be looked at, too.
            ("sure", _) if form.action.starts_with("/sessions/") => Some("yes"),
            ("new" | "again", _) => Some("secret12"),
            ("password", _) => Some("admin"),
            ("user", _) => Some("admin"),
            ("code", _) => Some("1234"),
            (_, sent) => sent.as_deref(),
        };
        if name == field {
            words.push(format!("{}={value}", escaped(name)));
        } else if let Some(usual) = usual {
            words.push(format!("{}={}", escaped(name), escaped(usual)));
        }
    }
    words.join("&")
}

fn multipart(form: &Form, field: &str, value: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, _, sent) in &form.fields {
        let sent = if name == field {
            value
        } else {
            sent.as_deref().unwrap_or("")
        };
        let head =
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{sent}\r\n");
        body.extend(head.into_bytes());
    }
    body.extend(b"--b--\r\n");
    body
}

async fn send(browser: &mut Browser<'_>, form: &Form, field: &str, value: &str) -> Shown {
    if !form.post {
        let path = format!("{}?{}", form.action, body(form, field, value));
        return browser.get(&path).await;
    }
    let (kind, body) = if form.multipart {
        (
            "multipart/form-data; boundary=b",
            multipart(form, field, value),
        )
    } else {
        (
            "application/x-www-form-urlencoded",
            body(form, field, value).into_bytes(),
        )
    };
    let kind = [(header::CONTENT_TYPE.as_str(), kind)];
    browser
        .send(Method::POST, &form.action, Some(body), &kind)
        .await
}

/// A form that freed its session gets another one.
async fn seat_again(place: &Place, connection: ConnectionId, form: &mut Form, number: &mut u32) {
    if form.action.starts_with("/sessions/") {
        *number += 1;
        let session = place.acquire(connection, *number, "Иванов").await;
        form.action = format!("/sessions/{session}");
    }
}

#[tokio::test]
async fn no_field_of_any_form_takes_what_it_should_not_or_ends_in_a_fault() {
    let place = place("[Common]\nServerPort=9099\n").await;
    let connection = place.connect().await;
    let mut number = 1;
    place.acquire(connection, number, "Иванов").await;
    let mut browser = Browser::signed_in(&place).await;
    let conf = place.server.places.conf();
    let before = std::fs::read_to_string(&conf).unwrap();
    let mut fields = BTreeSet::new();
    for mut form in all(&mut browser).await {
        for at in 0..form.fields.len() {
            let (name, kind, _) = form.fields[at].clone();
            // The rows of a table are alike.
            if name.starts_with("code.") && !name.ends_with(".0") {
                continue;
            }
            fields.insert(format!("{} {name}", form.action.split('?').next().unwrap()));
            for (value, wrong) in values() {
                let shown = send(&mut browser, &form, &name, &value).await;
                let what = format!("{} {name}={:.40}: {}", form.action, value, shown.status);
                assert!(!shown.status.is_server_error(), "{what}");
                assert!(
                    !shown.text.contains("<script>harm") && !shown.text.contains("'><b>"),
                    "{what}"
                );
                if !form.post && shown.text.contains("Адрес и заголовки запроса")
                {
                    // No address is so long.
                    continue;
                }
                if shown.status.is_client_error() {
                    assert!(
                        shown.text.contains("/console.css"),
                        "{what}: no page of the console"
                    );
                    let told = shown.text.contains("role=\"alert\"")
                        || shown.text.contains("class=\"card empty\"");
                    assert!(
                        told,
                        "{what}: it does not say what is wrong: {}",
                        shown.text
                    );
                    assert_eq!(std::fs::read_to_string(&conf).unwrap(), before, "{what}");
                    continue;
                }
                let saved = form.action.starts_with("/settings");
                assert!(
                    !(saved && wrong && CHOSEN.contains(&&*kind)),
                    "{what}: it was taken"
                );
                assert!(
                    !(form.post && value.contains("%ff")),
                    "{what}: it is no text"
                );
                if saved {
                    let page = browser.get("/settings").await;
                    assert!(!page.text.contains("<script>harm"), "{what}");
                    crate::conf::load(&conf).unwrap();
                    std::fs::write(&conf, &before).unwrap();
                } else {
                    assert_eq!(std::fs::read_to_string(&conf).unwrap(), before, "{what}");
                }
                if shown.status == StatusCode::SEE_OTHER {
                    let to = shown.to();
                    assert!(to.starts_with('/') && !to.starts_with("//"), "{what}: {to}");
                    seat_again(&place, connection, &mut form, &mut number).await;
                }
            }
        }
    }
    for one in [
        "/sign-in user",
        "/password current",
        "/settings Common.ServerPort",
        "/settings code.code.0",
        "/settings mark",
        "/licences/install code",
        "/licences/install/file file",
        "/licences/reserve key",
        "/licences/7131766 do",
        "/journal user",
        "/sessions q",
        "/history period",
    ] {
        assert!(
            fields.contains(one),
            "{one} is in none of the forms: {fields:?}"
        );
    }
    assert!(
        fields
            .iter()
            .any(|field| field.starts_with("/sessions/") && field.ends_with(" word"))
    );
}
