//! GET /api/connections and /api/connections/{ID}: the component processes that talk to this server.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use serde::Serialize;

use super::{error::ApiError, time::iso};
use crate::{
    accounting::Moment,
    server::{Server, now},
    store::ConnectionRow,
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Connections {
    connections: Vec<Connection>,
}

/// One connection: all values are strings, as the manual has them, only IsServer is none.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Connection {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "PeerIP")]
    peer_ip: String,
    created: String,
    last_used: String,
    #[serde(rename = "OSVersion")]
    os_version: String,
    computer_name: String,
    #[serde(rename = "LocalIP")]
    local_ip: String,
    process: String,
    #[serde(rename = "CPU")]
    cpu: String,
    #[serde(rename = "PID")]
    pid: String,
    is_server: bool,
    platform_version: String,
    module_name: String,
    version: String,
    #[serde(rename = "KeyID")]
    key_id: String,
    expire_time: String,
    expired: &'static str,
}

pub(super) async fn list(State(server): State<Arc<Server>>) -> Result<Json<Connections>, ApiError> {
    let mut rows = server.store.connections().await?;
    rows.sort_by_key(|row| (row.connection.created, row.connection.id));
    let now = now();
    Ok(Json(Connections {
        connections: rows.iter().map(|row| describe(&server, row, now)).collect(),
    }))
}

pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Connection>, ApiError> {
    let not_found = || ApiError::not_found(uri.path());
    let id = id.parse().map_err(|_| not_found())?;
    let row = server.store.connection(id).await?.ok_or_else(not_found)?;
    Ok(Json(describe(&server, &row, now())))
}

/// When a connection ends if it stays silent, and whether that is past.
pub(super) fn expiry(
    server: &Server,
    last_used: Option<Moment>,
    created: Moment,
) -> (Moment, bool) {
    match last_used {
        Some(last) => (last.after(server.conf().expire), false),
        None => (created, true),
    }
}

/// A bool as connections write it.
pub(super) fn true_or_false(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

fn describe(server: &Server, row: &ConnectionRow, now: Moment) -> Connection {
    let connection = &row.connection;
    let last_used = server.lives.last_used(&connection.id, now);
    let (expires, expired) = expiry(server, last_used, connection.created);
    let facts = &connection.facts;
    Connection {
        id: connection.id.to_string(),
        peer_ip: connection.peer_ip.clone(),
        created: iso(connection.created).unwrap_or_default(),
        last_used: iso(last_used.unwrap_or(connection.created)).unwrap_or_default(),
        os_version: facts.os_version.clone(),
        computer_name: facts.computer_name.clone(),
        local_ip: facts.local_ip.clone(),
        process: facts.process.clone(),
        cpu: facts.cpu.clone(),
        pid: facts.pid.to_string(),
        is_server: facts.is_server,
        platform_version: facts.platform_version.clone(),
        module_name: facts.module_name.clone(),
        version: facts.version.clone(),
        key_id: row.key_id.to_string(),
        expire_time: iso(expires).unwrap_or_default(),
        expired: true_or_false(expired),
    }
}
