//! GET /livez and GET /readyz: a word for whoever watches the server, with the code 200 or 503. Nothing secret is in it.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};

use crate::{
    health::{Health, PATIENCE},
    server::Server,
};

/// Whether the server lives: when not, only a restart helps.
pub async fn livez(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let health = Health::of(server.store.as_ref(), PATIENCE).await;
    answer(health.lives(), "alive", &health)
}

/// Whether the server can do its work now.
pub async fn readyz(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let health = Health::of(server.store.as_ref(), PATIENCE).await;
    answer(health == Health::Ready, "ready", &health)
}

fn answer(good: bool, word: &str, health: &Health) -> impl IntoResponse + use<> {
    let text = match health {
        _ if good => format!("{word}\n"),
        Health::NotReady(error) => format!("not {word}: {error}\n"),
        Health::Ready | Health::Hangs => format!("not {word}: the store does not answer\n"),
    };
    let code = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        code,
        [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        text,
    )
}
