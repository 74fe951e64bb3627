//! The REST API of the administrator's manual, exactly by its rules, and what comes beside it. One endpoint, one file.

mod about;
mod body;
mod connections;
pub(crate) mod csv;
mod docs;
mod error;
mod events;
mod format;
mod health;
mod licences;
mod metrics;
mod named;
mod offline;
mod openapi;
mod query;
mod reserve;
mod serverinfo;
mod sessions;
mod sign_in;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod usage;

pub use error::{ApiError, internal_error, not_found};
pub use health::{livez, readyz};
pub use metrics::Counts;
pub use stream::Streams;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    extract::MatchedPath,
    http::{HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use utoipa::openapi::path::PathItem;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::server::Server;

/// The API's addresses, with their description.
fn described() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(about::get))
        .routes(routes!(serverinfo::get))
        .routes(routes!(licences::list, licences::install))
        .routes(routes!(licences::one, licences::switch))
        .routes(routes!(reserve::reserve))
        .routes(routes!(offline::request))
        .routes(routes!(offline::answer))
        .routes(routes!(connections::list))
        .routes(routes!(connections::one, connections::drop))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::one, sessions::release))
        .routes(routes!(usage::now))
        .routes(routes!(usage::past))
        .routes(routes!(events::list))
        .routes(routes!(stream::get))
        .routes(routes!(metrics::get))
        .routes(routes!(openapi::get))
        .routes(routes!(docs::page))
        .routes(routes!(docs::script))
        .routes(routes!(docs::style))
}

/// The API's addresses.
pub fn router(server: &Arc<Server>) -> Router<Arc<Server>> {
    let (router, _) = described().split_for_parts();
    router
        .route("/api/", get(about::get))
        .route("/api/{*other}", any(not_found))
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn_with_state(
            Arc::clone(server),
            sign_in::guard,
        ))
}

/// OPTIONS is answered; any other method is not there (the manual's list has 501 and no 405).
async fn other_method(method: Method, path: Option<MatchedPath>) -> Response {
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let allow = HeaderValue::from_static(
        ALLOWED
            .get(path)
            .map_or("GET, HEAD, OPTIONS", String::as_str),
    );
    let mut response = if method == Method::OPTIONS {
        StatusCode::OK.into_response()
    } else {
        ApiError::not_implemented(&method).into_response()
    };
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// The methods of each address. The router has such a list too, but without OPTIONS, and adds it after all layers.
static ALLOWED: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let (_, api) = described().split_for_parts();
    let methods = |item: &PathItem| {
        let methods = [
            (item.get.is_some(), "GET, HEAD"),
            (item.post.is_some(), "POST"),
            (item.put.is_some(), "PUT"),
            (item.delete.is_some(), "DELETE"),
            (true, "OPTIONS"),
        ];
        let methods: Vec<&str> = methods
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| *name)
            .collect();
        methods.join(", ")
    };
    let paths = api.paths.paths.iter();
    paths
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
});
