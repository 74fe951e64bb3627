//! The server's addresses, as a table of contents.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use protocol::wire;
use tower::util::MapFutureLayer;
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
    let in_time = MapFutureLayer::new(move |answer| in_time(limit, answer));
    let no_panic = CatchPanicLayer::custom(api::internal_error);
    // In one: each layer of a router costs every request some memory and a call.
    let of_component = (
        no_panic,
        in_time.clone(),
        DefaultBodyLimit::max(wire::MAX_BODY),
    );
    let component = Router::new()
        .route(wire::HANDSHAKE_PATH, post(component::handshake))
        .route(wire::MESSAGE_PATH, post(component::message))
        .layer(of_component);
    let people = Router::new()
        .merge(api::router(&server))
        .route("/livez", get(api::livez))
        .route("/readyz", get(api::readyz))
        .merge(console::router(&server))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&server),
            access::guard,
        ))
        .layer(in_time)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&server),
            console::turned_away,
        ))
        .layer(middleware::from_fn(access::secured))
        .layer(no_panic);
    people.merge(component).with_state(server)
}

async fn in_time<R: IntoResponse, E>(
    limit: Duration,
    answer: impl Future<Output = Result<R, E>>,
) -> Result<Response, E> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map(IntoResponse::into_response),
        Err(_) => Ok(access::Refusal::TooSlow.into_response()),
    }
}
