//! Sign-in at the API: Basic authentication, as the manual has it.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::ApiError;
use crate::{
    access::{self, SignedIn, sign_in},
    server::Server,
};

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let signed_in = parts.extensions.get::<Self>().cloned();
        signed_in.ok_or_else(ApiError::unauthorized)
    }
}

/// Lets a request of the API through: the API must be on and the credential right.
pub(super) async fn guard(
    State(server): State<Arc<Server>>,
    mut request: Request,
    next: Next,
) -> Response {
    if !server.conf().api_enabled {
        return ApiError::disabled().into_response();
    }
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let peer = access::peer(&request);
    match sign_in::check(&server, request.headers(), peer).await {
        Ok(signed_in) => request.extensions_mut().insert(signed_in),
        Err(error) => return error.into_response(),
    };
    let default = server.conf().password.is_default();
    let far = peer.is_none_or(|peer| !peer.is_loopback());
    if default && far && access::writes(request.method()) {
        return ApiError::forbidden(
            "The password is the default one: until it is changed, only this computer itself changes anything.",
        )
        .into_response();
    }
    let mut response = next.run(request).await;
    if default {
        response.headers_mut().insert(
            header::WARNING,
            HeaderValue::from_static(
                "299 licenceserver \"The default password is in use: change it\"",
            ),
        );
    }
    response
}
