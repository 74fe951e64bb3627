//! GET /systeminfo: whether the server is well. Needs no password, and nothing secret is on it: a page for people, lines of text
//! for programs.

use std::{fmt::Write, sync::Arc};

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::Version;

use super::{door, page, visit::Visit};
use crate::{
    accounting::Moment,
    health::{Health, PATIENCE},
    read::iso,
    server::{Server, now},
};

#[derive(Template)]
#[template(path = "systeminfo.html")]
struct Page<'p> {
    v: &'p Visit,
    version: String,
    started: Moment,
    time: Moment,
    computer_name: &'p str,
    computer_id: &'p str,
    os_version: &'p str,
    well: bool,
    series: Vec<protocol::series::Series>,
}

/// The page.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    visit: Visit,
    headers: HeaderMap,
) -> Response {
    let health = Health::of(server.store.as_ref(), PATIENCE).await;
    let well = health == Health::Ready;
    let status = if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    if !door::wants_page(&headers) {
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return (status, kind, text(&server, well)).into_response();
    }
    let computer = &server.keys.computer;
    page::show_as(
        status,
        &Page {
            v: &visit,
            version: Version::CURRENT.to_string(),
            started: server.started,
            time: now(),
            computer_name: &computer.name,
            computer_id: &computer.id,
            os_version: &computer.os_version,
            well,
            series: server.keys.series(),
        },
    )
}

fn text(server: &Server, well: bool) -> String {
    let computer = &server.keys.computer;
    let mut text = String::new();
    for (name, value) in [
        ("Version", Version::CURRENT.to_string()),
        ("Started", iso(server.started).unwrap_or_default()),
        ("ComputerName", computer.name.clone()),
        ("ComputerID", computer.id.clone()),
        ("OSVersion", computer.os_version.clone()),
        ("Time", iso(now()).unwrap_or_default()),
        ("Store", if well { "ok" } else { "failing" }.into()),
    ] {
        writeln!(text, "{name}: {value}").expect("writing to a String cannot fail");
    }
    for series in server.keys.series() {
        writeln!(text, "Series {}: {}", series.key_id, series.name)
            .expect("writing to a String cannot fail");
    }
    text
}
