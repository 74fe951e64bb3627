//! The server's addresses, as a table of contents.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    routing::{get, post},
};
use protocol::wire;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{api, component, server::Server};

/// How long a request may take altogether.
const TIMEOUT: Duration = Duration::from_secs(30);

/// All addresses of the server.
pub fn router(server: Arc<Server>) -> Router {
    let component = Router::new()
        .route(wire::HANDSHAKE_PATH, post(component::handshake))
        .route(wire::MESSAGE_PATH, post(component::message))
        .layer(DefaultBodyLimit::max(wire::MAX_BODY));
    Router::new()
        .merge(component)
        .merge(api::router(&server))
        .route("/systeminfo", get(api::systeminfo))
        .fallback(api::not_found)
        .with_state(server)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT))
        .layer(CatchPanicLayer::new())
}
