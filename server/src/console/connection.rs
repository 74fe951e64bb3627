//! GET /connections/{ID}: one component process that talks to this server.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{page, visit::Visit, words};
use crate::{
    read::{Connection, Seated, SessionSearch},
    server::Server,
    store::StoreError,
};

/// How many of its sessions the page shows.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "connection.html")]
struct Page<'p> {
    v: &'p Visit,
    connection: Connection,
    sessions: Vec<Seated>,
    count: String,
    more: bool,
}

/// The page.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    visit: Visit,
) -> Response {
    match read(&server, &id).await {
        Ok(Some((connection, sessions, found))) => page::show(&Page {
            v: &visit,
            connection,
            count: words::count(visit.lang, found as u64, words::SESSIONS),
            more: found > sessions.len(),
            sessions,
        }),
        Ok(None) => page::gone(
            &visit,
            visit.t(
                "This connection has ended. The list of products has those that are here now.",
                "Это соединение завершено. Текущие соединения есть в списке продуктов.",
            ),
        ),
        Err(error) => page::store_failed(&visit, &error),
    }
}

async fn read(
    server: &Arc<Server>,
    id: &str,
) -> Result<Option<(Connection, Vec<Seated>, usize)>, StoreError> {
    let Ok(id) = id.parse() else {
        return Ok(None);
    };
    let Some(connection) = server.read_connection(id).await? else {
        return Ok(None);
    };
    let search = SessionSearch {
        connection: Some(id),
        limit: SHOWN,
        ..SessionSearch::default()
    };
    let (sessions, found) = server.find_sessions(search).await?;
    Ok(Some((connection, sessions, found)))
}
