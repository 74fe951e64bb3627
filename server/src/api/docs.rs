//! GET /api/docs: the API's description as a page, with nothing from elsewhere.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

fn file(kind: &'static str, text: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_SECURITY_POLICY, POLICY),
        ],
        text,
    )
        .into_response()
}

/// The description as a page for browsers
#[utoipa::path(
    get, path = "/api/docs", tag = "Description",
    responses((status = 200, content_type = "text/html", body = String))
)]
pub(super) async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("docs/page.html"))
}

/// The page's script
#[utoipa::path(
    get, path = "/api/docs/page.js", tag = "Description",
    responses((status = 200, content_type = "text/javascript", body = String))
)]
pub(super) async fn script() -> Response {
    file(
        "text/javascript; charset=utf-8",
        include_str!("docs/page.js"),
    )
}

/// The page's style
#[utoipa::path(
    get, path = "/api/docs/page.css", tag = "Description",
    responses((status = 200, content_type = "text/css", body = String))
)]
pub(super) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("docs/page.css"))
}
