//! /api/sessions and /api/sessions/{ID}: the infobase sessions that hold seats.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use protocol::KeyId;

use super::{error::ApiError, named::Named, query::Asked};
use crate::{
    access::SignedIn,
    accounting::{Glance, SessionId},
    read::{Session, Sessions},
    server::Server,
};

/// Fields that are seen of a session where it lies.
const SEEN: [&str; 5] = [
    "UserName",
    "ComputerName",
    "AppName",
    "InfoBaseConnectionStr",
    "KeyID",
];

/// The sessions, the longest seated first
#[utoipa::path(get, path = "/api/sessions", tag = "Sessions", responses((status = 200, body = Sessions)))]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let plan = asked.plan::<Sessions>()?;
    let answer = server.in_line(move |server| {
        // A filter of another field needs the whole row.
        let beyond = plan.asks_beyond(&SEEN);
        let glances = |key_id: KeyId, session: &Glance<'_>| {
            plan.lets_pass(SEEN[0], session.user_name)
                && plan.lets_pass(SEEN[1], session.computer_name)
                && plan.lets_pass(SEEN[2], session.app_name)
                && plan.lets_pass(SEEN[3], session.infobase)
                && plan.lets_pass(SEEN[4], &key_id.to_string())
        };
        let whole = |session: &Session| plan.passes(session);
        let whole = beyond.then_some(&whole as &dyn Fn(&Session) -> bool);
        let (rows, total) = server.read_sessions(&glances, whole, plan.offset, plan.limit);
        plan.answer::<Sessions>(rows, total)
    });
    Ok(answer.await?)
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
