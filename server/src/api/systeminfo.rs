//! GET /systeminfo: a short text for whoever looks whether the server is there. Nothing secret is in it.

use std::{fmt::Write, sync::Arc};

use axum::{extract::State, http::header, response::IntoResponse};
use protocol::Version;

use crate::{read::iso, server::Server};

/// The page.
pub async fn systeminfo(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let computer = &server.keys.computer;
    let mut text = String::new();
    for (name, value) in [
        ("Version", Version::CURRENT.to_string()),
        ("Started", iso(server.started).unwrap_or_default()),
        ("ComputerName", computer.name.clone()),
        ("ComputerID", computer.id.clone()),
        ("OSVersion", computer.os_version.clone()),
    ] {
        writeln!(text, "{name}: {value}").expect("writing to a String cannot fail");
    }
    for series in server.keys.series() {
        writeln!(text, "Series {}: {}", series.key_id, series.name)
            .expect("writing to a String cannot fail");
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text)
}
