//! /api/connections and /api/connections/{ID}: the component processes that talk to this server.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{error::ApiError, named::Named, query::Asked};
use crate::{
    access::SignedIn,
    accounting::ConnectionId,
    read::{Connection, Connections},
    server::Server,
};

/// The connections, the oldest first
#[utoipa::path(get, path = "/api/connections", tag = "Connections", responses((status = 200, body = Connections)))]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let plan = asked.plan::<Connections>()?;
    let whole = |connection: &Connection| plan.passes(connection);
    let whole = plan
        .asks_beyond(&[])
        .then_some(&whole as &(dyn Fn(&Connection) -> bool + Send + Sync));
    let (rows, total) = server
        .read_connections(whole, plan.offset, plan.limit)
        .await?;
    Ok(plan.answer::<Connections>(rows, total))
}

/// One connection
#[utoipa::path(
    get, path = "/api/connections/{ID}", tag = "Connections",
    params(("ID" = String, Path, description = "The connection's ID")),
    responses((status = 200, body = Connection))
)]
pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Named { id, gone }: Named<ConnectionId>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let connection = server.read_connection(id).await?.ok_or(gone)?;
    asked.one(&connection)
}

/// Ends a connection and frees the seats that it alone keeps; its component is told why
///
/// Answers with the connection as it was.
#[utoipa::path(
    delete, path = "/api/connections/{ID}", tag = "Connections",
    params(
        ("ID" = String, Path, description = "The connection's ID"),
        ("Reason" = Option<String>, Query, description = "For the user and the journal")
    ),
    responses((status = 200, body = Connection))
)]
pub(super) async fn drop(
    State(server): State<Arc<Server>>,
    Named { id, gone }: Named<ConnectionId>,
    by: SignedIn,
    mut asked: Asked,
) -> Result<Response, ApiError> {
    let word = asked.take("Reason")?;
    let connection = server
        .read_connection(id)
        .await?
        .ok_or_else(|| gone.clone())?;
    // Before anything is done: a query that is wrong changes nothing.
    let answer = asked.one(&connection)?;
    if !server.drop_connection(id, by.admin(word)).await? {
        return Err(gone);
    }
    Ok(answer)
}
