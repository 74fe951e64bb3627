//! The server's addresses, as a table of contents.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use protocol::wire;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{access, api, component, console, server::Server};

/// How long a request may take altogether.
const TIMEOUT: Duration = Duration::from_secs(30);

/// All addresses of the server.
pub fn router(server: Arc<Server>) -> Router {
    router_within(server, TIMEOUT)
}

/// The same with another limit of a request's time.
pub(crate) fn router_within(server: Arc<Server>, limit: Duration) -> Router {
    let in_time = middleware::from_fn(move |request, next| in_time(limit, request, next));
    let component = Router::new()
        .route(wire::HANDSHAKE_PATH, post(component::handshake))
        .route(wire::MESSAGE_PATH, post(component::message))
        .layer(DefaultBodyLimit::max(wire::MAX_BODY));
    let people = Router::new()
        .merge(api::router(&server))
        .route("/livez", get(api::livez))
        .route("/readyz", get(api::readyz))
        .merge(console::router(&server))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&server),
            access::guard,
        ))
        .layer(in_time.clone())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&server),
            console::turned_away,
        ))
        .layer(middleware::from_fn(access::secured));
    people
        .merge(component.layer(in_time))
        .with_state(server)
        .layer(CatchPanicLayer::custom(api::internal_error))
}

async fn in_time(limit: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => access::Refusal::TooSlow.into_response(),
    }
}
