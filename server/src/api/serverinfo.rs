//! GET /api/serverinfo: the computer and the process.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{error::ApiError, query::Asked};
use crate::{read::ServerInfo, server::Server};

/// The server's computer and process
#[utoipa::path(get, path = "/api/serverinfo", tag = "Server", responses((status = 200, body = ServerInfo)))]
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.one(&server.read_serverinfo())
}
