//! GET /api/sessions and /api/sessions/{ID}: the infobase sessions that hold seats.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use serde::Serialize;

use super::{
    connections::{expiry, true_or_false},
    error::ApiError,
    time::{iso, iso_seconds},
};
use crate::{
    accounting::Moment,
    server::{Server, now},
    store::SessionRow,
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sessions {
    sessions: Vec<Session>,
}

/// One session. Values are strings as those of connections are.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Session {
    #[serde(rename = "ID")]
    id: String,
    session_connection: String,
    session_number: String,
    session_started: String,
    info_base_connection_str: String,
    computer_name: String,
    app_name: String,
    user_name: String,
    is_server: bool,
    access_code: String,
    #[serde(rename = "KeyID")]
    key_id: String,
    expire_time: String,
    expired: &'static str,
    used_licence: String,
}

pub(super) async fn list(State(server): State<Arc<Server>>) -> Result<Json<Sessions>, ApiError> {
    let mut rows = server.store.sessions().await?;
    rows.sort_by_key(|row| (row.session.since, row.session.id));
    let now = now();
    Ok(Json(Sessions {
        sessions: rows.iter().map(|row| describe(&server, row, now)).collect(),
    }))
}

pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Session>, ApiError> {
    let not_found = || ApiError::not_found(uri.path());
    let id = id.parse().map_err(|_| not_found())?;
    let row = server.store.session(id).await?.ok_or_else(not_found)?;
    Ok(Json(describe(&server, &row, now())))
}

fn describe(server: &Server, row: &SessionRow, now: Moment) -> Session {
    let session = &row.session;
    let (expires, expired) = match session.linger_until {
        Some(end) => (end, end <= now),
        // Kept as long as the longest of its connections.
        None => {
            let last = session
                .attached
                .iter()
                .filter_map(|id| server.lives.last_used(id, now))
                .max();
            expiry(server, last, session.since)
        }
    };
    Session {
        id: session.id.to_string(),
        session_connection: session.created_by.to_string(),
        session_number: session.number.to_string(),
        session_started: iso_seconds(session.started).unwrap_or_default(),
        info_base_connection_str: session.infobase.to_string(),
        computer_name: session.computer_name.to_string(),
        app_name: session.app_name.to_string(),
        user_name: session.user_name.to_string(),
        is_server: session.is_server,
        access_code: session.access_code.to_string(),
        key_id: row.key_id.to_string(),
        expire_time: iso(expires).unwrap_or_default(),
        expired: true_or_false(expired),
        used_licence: session.key_no.to_string(),
    }
}
