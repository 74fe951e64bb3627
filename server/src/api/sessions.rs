//! /api/sessions and /api/sessions/{ID}: the infobase sessions that hold seats.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{error::ApiError, named::Named, query::Asked};
use crate::{
    access::SignedIn,
    accounting::SessionId,
    read::{Session, Sessions},
    server::Server,
};

/// The sessions, the longest seated first
#[utoipa::path(get, path = "/api/sessions", tag = "Sessions", responses((status = 200, body = Sessions)))]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.list::<Sessions>(server.read_sessions().await?)
}

/// One session
#[utoipa::path(
    get, path = "/api/sessions/{ID}", tag = "Sessions",
    params(("ID" = String, Path, description = "The session's ID")),
    responses((status = 200, body = Session))
)]
pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Named { id, gone }: Named<SessionId>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let session = server.read_session(id).await?.ok_or(gone)?;
    asked.one(&session)
}

/// Frees a session's seat; its component is told why
///
/// Answers with the session as it was.
#[utoipa::path(
    delete, path = "/api/sessions/{ID}", tag = "Sessions",
    params(
        ("ID" = String, Path, description = "The session's ID"),
        ("Reason" = Option<String>, Query, description = "For the user and the journal")
    ),
    responses((status = 200, body = Session))
)]
pub(super) async fn release(
    State(server): State<Arc<Server>>,
    Named { id, gone }: Named<SessionId>,
    by: SignedIn,
    mut asked: Asked,
) -> Result<Response, ApiError> {
    let word = asked.take("Reason")?;
    let session = server.read_session(id).await?.ok_or_else(|| gone.clone())?;
    // Before anything is done: a query that is wrong changes nothing.
    let answer = asked.one(&session)?;
    if !server.release_session(id, by.admin(word)).await? {
        return Err(gone);
    }
    Ok(answer)
}
