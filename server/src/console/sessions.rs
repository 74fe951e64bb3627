//! GET /sessions: all sessions, with search, order and pages.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use super::{
    page,
    paging::{Asked, Pages, ROWS},
    visit::Visit,
    words::{self, SESSIONS},
};
use crate::{
    read::{Seated, SessionOrder, SessionSearch},
    server::Server,
};

/// The columns that the list can be ordered by: what the address says, English, Russian.
const COLUMNS: [(&str, SessionOrder, &str, &str); 5] = [
    ("number", SessionOrder::Number, "No.", "№"),
    ("user", SessionOrder::User, "User", "Пользователь"),
    ("computer", SessionOrder::Computer, "Computer", "Компьютер"),
    ("app", SessionOrder::App, "Application", "Приложение"),
    ("since", SessionOrder::Since, "Seated since", "Занимает с"),
];

#[derive(Template)]
#[template(path = "sessions.html")]
struct Page<'p> {
    v: &'p Visit,
    sessions: Vec<Seated>,
    search: String,
    /// The connection whose sessions alone are shown.
    connection: String,
    series: Vec<Choice>,
    columns: Vec<Column>,
    pages: Pages,
    count: String,
    everything: bool,
    freed: bool,
}

struct Choice {
    key_id: String,
    name: String,
    chosen: bool,
}

struct Column {
    title: &'static str,
    address: String,
    /// ascending, descending or none, as ARIA has it.
    sorted: &'static str,
}

/// The page.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    let order = COLUMNS
        .iter()
        .find(|(name, ..)| *name == asked.get("order"))
        .map_or(SessionOrder::Since, |(_, order, ..)| *order);
    let search = SessionSearch {
        key_id: asked.parse("series"),
        connection: asked.parse("connection"),
        text: asked.search(),
        order,
        backwards: asked.get("back") == "1",
        offset: (asked.page() - 1) * ROWS,
        limit: ROWS,
    };
    let (sessions, found) = match server.find_sessions(search.clone()).await {
        Ok(found) => found,
        Err(error) => return page::store_failed(&visit, &error),
    };
    page::show(&Page {
        series: choices(&server, search.key_id),
        columns: columns(&visit, &asked, &search),
        pages: Pages::of(&visit, &asked, found),
        count: words::count(visit.lang, found as u64, SESSIONS),
        everything: search.key_id.is_none()
            && search.connection.is_none()
            && search.text.is_empty(),
        freed: asked.get("freed") == "1",
        connection: search
            .connection
            .map_or_else(String::new, |connection| connection.to_string()),
        search: search.text,
        sessions,
        v: &visit,
    })
}

fn choices(server: &Server, chosen: Option<protocol::KeyId>) -> Vec<Choice> {
    let series = server.keys.series().into_iter();
    series
        .map(|series| Choice {
            key_id: series.key_id.to_string(),
            chosen: chosen == Some(series.key_id),
            name: series.name,
        })
        .collect()
}

fn columns(visit: &Visit, asked: &Asked, search: &SessionSearch) -> Vec<Column> {
    COLUMNS
        .iter()
        .map(|(name, order, english, russian)| {
            let here = *order == search.order;
            let back = if here && !search.backwards { "1" } else { "" };
            Column {
                title: visit.lang.pick(english, russian),
                address: visit.link(&asked.with(visit, &[("order", name), ("back", back)])),
                sorted: match (here, search.backwards) {
                    (false, _) => "none",
                    (true, false) => "ascending",
                    (true, true) => "descending",
                },
            }
        })
        .collect()
}
