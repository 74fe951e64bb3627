//! GET /help: what to do first, and where the documentation is.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use protocol::Version;

use super::{page, visit::Visit};
use crate::server::Server;

#[derive(Template)]
#[template(path = "help.html")]
struct Page<'p> {
    v: &'p Visit,
    version: String,
    api: bool,
}

/// The page.
pub(super) async fn page(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    page::show(&Page {
        v: &visit,
        version: Version::CURRENT.to_string(),
        api: server.conf().api_enabled,
    })
}
