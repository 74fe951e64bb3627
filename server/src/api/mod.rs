//! The REST API of the administrator's manual, exactly by its rules. One endpoint, one file.

mod about;
mod connections;
mod error;
mod licences;
mod serverinfo;
mod sessions;
mod sign_in;
mod systeminfo;
#[cfg(test)]
mod tests;
mod throttle;
mod time;

pub use error::{ApiError, internal_error, not_found};
pub use serverinfo::serverinfo_json;
pub use sign_in::SignIn;
pub use systeminfo::systeminfo;

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};

use crate::server::Server;

/// The API's addresses.
pub fn router(server: &Arc<Server>) -> Router<Arc<Server>> {
    Router::new()
        .route("/api", get(about::get))
        .route("/api/", get(about::get))
        .route("/api/serverinfo", get(serverinfo::get))
        .route("/api/licences", get(licences::list))
        .route("/api/licences/{KeyNo}", get(licences::one))
        .route("/api/connections", get(connections::list))
        .route("/api/connections/{ID}", get(connections::one))
        .route("/api/sessions", get(sessions::list))
        .route("/api/sessions/{ID}", get(sessions::one))
        .route("/api/{*other}", get(not_found))
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn_with_state(
            Arc::clone(server),
            sign_in::guard,
        ))
}

/// OPTIONS is answered; any other method is not there (the manual's list has 501 and no 405).
async fn other_method(method: Method) -> Response {
    const ALLOW: &str = "GET, HEAD, OPTIONS";
    if method == Method::OPTIONS {
        return (StatusCode::OK, [(header::ALLOW, ALLOW)]).into_response();
    }
    let mut response = ApiError::not_implemented(&method).into_response();
    response
        .headers_mut()
        .insert(header::ALLOW, header::HeaderValue::from_static(ALLOW));
    response
}
