//! The server's addresses, as a table of contents.

use std::{
    convert::Infallible, net::SocketAddr, panic::AssertUnwindSafe, pin::pin, sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, DefaultBodyLimit},
    http::{Method, Request},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{FutureExt, poll};
use protocol::wire;
use tower::{BoxError, ServiceExt, util::MapFutureLayer};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{access, api, component, console, server::Server};

/// How long a request may take altogether.
const TIMEOUT: Duration = Duration::from_secs(30);

/// All addresses of the server.
pub struct Addresses {
    server: Arc<Server>,
    others: Router,
    limit: Duration,
}

impl Addresses {
    /// The addresses.
    pub fn new(server: Arc<Server>) -> Self {
        Self::within(server, TIMEOUT)
    }

    /// The same with another limit of a request's time.
    pub(crate) fn within(server: Arc<Server>, limit: Duration) -> Self {
        Self {
            others: others(&server, limit),
            server,
            limit,
        }
    }

    /// Answers a request from there. What components send all the time goes past the router and its layers, which
    /// cost more than a heartbeat itself; it has the same limits of size and time.
    pub async fn answer<B>(&self, peer: SocketAddr, mut request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if request.method() == Method::POST && request.uri().path() == wire::MESSAGE_PATH {
            let answer = component::message(&self.server, peer, request.into_body());
            let answer = AssertUnwindSafe(answer).catch_unwind();
            return in_time(self.limit, answer)
                .await
                .unwrap_or_else(api::internal_error);
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = self.others.clone().oneshot(request.map(Body::new)).await;
        answer.unwrap_or_else(|never: Infallible| match never {})
    }
}

fn others(server: &Arc<Server>, limit: Duration) -> Router {
    let in_time = MapFutureLayer::new(move |answer| in_time(limit, answer));
    let no_panic = CatchPanicLayer::custom(api::internal_error);
    let component = Router::new()
        .route(wire::HANDSHAKE_PATH, post(component::handshake))
        .layer((
            no_panic,
            in_time.clone(),
            DefaultBodyLimit::max(wire::MAX_BODY),
        ));
    let people = Router::new()
        .merge(api::router(server))
        .route("/livez", get(api::livez))
        .route("/readyz", get(api::readyz))
        .merge(console::router(server))
        .layer(middleware::from_fn_with_state(
            Arc::clone(server),
            access::guard,
        ))
        .layer(in_time)
        .layer(middleware::from_fn_with_state(
            Arc::clone(server),
            console::turned_away,
        ))
        .layer(middleware::from_fn(access::secured))
        .layer(no_panic);
    people.merge(component).with_state(Arc::clone(server))
}

async fn in_time<R: IntoResponse, E>(
    limit: Duration,
    answer: impl Future<Output = Result<R, E>>,
) -> Result<Response, E> {
    let mut answer = pin!(answer);
    // Most answers are there at once, and need no timer.
    if let std::task::Poll::Ready(answer) = poll!(answer.as_mut()) {
        return answer.map(IntoResponse::into_response);
    }
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map(IntoResponse::into_response),
        Err(_) => Ok(access::Refusal::TooSlow.into_response()),
    }
}
