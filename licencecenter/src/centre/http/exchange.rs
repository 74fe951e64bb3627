//! Servers' requests: the body is a request, the answer's body is an answer or a refusal.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::centre::{CentreReason, Refusal};

use super::{Peer, Shared, limits};
use crate::{centre::exchange::Exchanged, dates};

pub(super) async fn post(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let from = limits::caller(peer.0, &headers, shared.behind_proxy);
    if !shared.limits.lock().admit(from) {
        return too_many();
    }
    let name = from.to_string();
    let exchanged = shared
        .with(move |centre| centre.exchange(&body, &name, dates::now()))
        .await;
    let Some(Exchanged { bytes, refusal }) = exchanged else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Some(refusal) = refusal else {
        return answer(StatusCode::OK, bytes);
    };
    // Who tries codes, or keys that are not his, is slowed down; who has a problem with a key of his own is not.
    let guesses = [
        CentreReason::UnknownCode,
        CentreReason::BadRequest,
        CentreReason::UnknownKey,
        CentreReason::NotTheHolder,
    ];
    if guesses.iter().any(|reason| refusal.is(*reason)) {
        shared.limits.lock().failed(from);
    }
    let status = if refusal.is(CentreReason::Internal) {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::CONFLICT
    };
    answer(status, bytes)
}

fn too_many() -> Response {
    let refusal = Refusal::new(
        CentreReason::TooManyRequests,
        "Too many requests came from this address; wait ten minutes and try again.",
        "С этого адреса пришло слишком много запросов; подождите десять минут и повторите.",
    );
    answer(StatusCode::TOO_MANY_REQUESTS, refusal.to_bytes())
}

fn answer(status: StatusCode, bytes: Vec<u8>) -> Response {
    (
        status,
        [
            (header::CONTENT_TYPE, "application/octet-stream"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        bytes,
    )
        .into_response()
}
