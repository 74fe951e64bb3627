//! GET /journal: what happened, with a filter. GET /journal.csv: the same for a table program.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use super::{events, history, page, paging::Asked, visit::Visit};
use crate::{
    accounting::Moment,
    api::csv,
    read::{iso, moment},
    server::Server,
    store::{EventQuery, EventRow, MAX_PAGE},
};

/// Lines of a page.
const LINES: usize = 100;
/// The most lines of a file.
const MOST: usize = 100_000;

#[derive(Template)]
#[template(path = "journal.html")]
struct Page<'p> {
    v: &'p Visit,
    kinds: Vec<(&'static str, &'static str, bool)>,
    user: String,
    computer: String,
    from: String,
    until: String,
    /// What a link chose, for which the form has no field.
    kept: Vec<(&'static str, String)>,
    lines: Vec<Line>,
    earlier: Option<String>,
    first: bool,
    csv: String,
    filtered: bool,
}

struct Line {
    at: Moment,
    name: &'static str,
    bad: bool,
    series: String,
    who: String,
    place: String,
    app: String,
    why: String,
    detail: String,
    session: Option<String>,
}

/// The page.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    let query = query(&visit, &asked);
    let found = match server.journal.events(query).await {
        Ok(found) => found,
        Err(error) => return page::store_failed(&visit, &error),
    };
    let kind = asked.get("kind");
    let earlier = found.rows.last().filter(|_| found.more).map(|row| {
        let before = row.seq.to_string();
        visit.link(&asked.with(&visit, &[("before", &before)]))
    });
    let text = |name| asked.get(name).chars().take(100).collect::<String>();
    let page = Page {
        kinds: events::GROUPS
            .iter()
            .map(|(id, english, russian, _)| {
                (*id, visit.lang.pick(*english, *russian), *id == kind)
            })
            .collect(),
        user: text("user"),
        computer: text("computer"),
        from: text("from"),
        until: text("until"),
        kept: ["session", "series"]
            .map(|name| (name, text(name)))
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        lines: found.rows.iter().map(|row| line(&visit, row)).collect(),
        earlier,
        first: asked.get("before").is_empty(),
        csv: visit.link(&asked.with(&visit, &[("before", "")]).replacen(
            "/journal",
            "/journal.csv",
            1,
        )),
        filtered: [
            "kind", "user", "computer", "from", "until", "session", "series",
        ]
        .iter()
        .any(|name| !asked.get(name).is_empty()),
        v: &visit,
    };
    page::show(&page)
}

fn query(visit: &Visit, asked: &Asked) -> EventQuery {
    let kind = asked.get("kind");
    let group = events::GROUPS.iter().find(|(id, ..)| *id == kind);
    let text = |name| {
        let text = Some(asked.get(name)).filter(|text| !text.is_empty());
        text.map(str::to_owned).into_iter().collect::<Vec<String>>()
    };
    EventQuery {
        kinds: group.map_or_else(Vec::new, |(.., kinds)| kinds.to_vec()),
        key_id: asked.parse("series"),
        session: asked.parse("session"),
        user_name: text("user"),
        computer_name: text("computer"),
        from: day(visit, asked.get("from"), 0),
        until: day(visit, asked.get("until"), 1),
        before: asked.parse("before"),
        limit: LINES,
        ..EventQuery::default()
    }
}

/// The beginning of a day in the server's zone, or of one of the days after it; of anything else the moment that it names.
fn day(visit: &Visit, text: &str, after: i64) -> Option<Moment> {
    let Ok(date) = text.parse::<jiff::civil::Date>() else {
        return moment(text);
    };
    let date = date.checked_add(jiff::Span::new().days(after)).ok()?;
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    let at = visit.zone.to_timestamp(midnight).ok()?;
    Some(Moment(at.as_millisecond()))
}

fn line(visit: &Visit, row: &EventRow) -> Line {
    let event = &row.event;
    let key = event
        .key_no
        .map_or_else(String::new, |key_no| format!("·{key_no}"));
    Line {
        at: row.at,
        name: events::name(visit.lang, event.kind),
        bad: events::is_bad(event.kind),
        series: format!(
            "{}{key}",
            row.key_id
                .map_or_else(String::new, |key_id| key_id.to_string())
        ),
        who: event.user_name.to_string(),
        place: event.computer_name.to_string(),
        app: event.app_name.to_string(),
        why: events::reason(visit.lang, &event.reason).to_owned(),
        detail: event.data.to_string(),
        session: event.session.map(|session| session.to_string()),
    }
}

/// The lines as CSV.
pub(super) async fn download(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    let mut query = EventQuery {
        limit: MAX_PAGE,
        ..query(&visit, &asked)
    };
    let mut all = Vec::new();
    while all.len() < MOST {
        let found = match server.journal.events(query.clone()).await {
            Ok(found) => found,
            Err(error) => return page::store_failed(&visit, &error),
        };
        query.before = found.rows.last().map(|row| row.seq);
        all.extend(found.rows);
        if !found.more {
            break;
        }
    }
    let names = [
        "Time",
        "Event",
        "KeyID",
        "KeyNo",
        "UserName",
        "ComputerName",
        "AppName",
        "Reason",
        "Data",
    ];
    let cells = all.iter().map(|row| {
        let event = &row.event;
        vec![
            iso(row.at).unwrap_or_default(),
            event.kind.name().to_owned(),
            row.key_id
                .map_or_else(String::new, |key_id| key_id.to_string()),
            event
                .key_no
                .map_or_else(String::new, |key_no| key_no.to_string()),
            event.user_name.to_string(),
            event.computer_name.to_string(),
            event.app_name.to_string(),
            event.reason.to_string(),
            event.data.to_string(),
        ]
    });
    history::file(csv::text(&names, cells), "journal.csv")
}
