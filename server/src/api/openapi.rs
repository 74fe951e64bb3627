//! GET /api/openapi.json: the API's description, made from the handlers that are really routed.

mod complete;

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use protocol::Version;
use utoipa::{
    ToSchema,
    openapi::{
        Components, Info, OpenApi,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::described;

/// The steps of the history of usage.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "the description names them; the handler reads the text"
)]
pub(super) enum StepName {
    Minute,
    Hour,
    Day,
}

/// The description before there is an address in it.
pub(super) fn frame() -> OpenApi {
    let mut api = OpenApi::new(
        Info::new("licenceserver".to_owned(), Version::CURRENT.to_string()),
        utoipa::openapi::Paths::new(),
    );
    let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
    let mut components = Components::new();
    components.add_security_scheme("basic", basic);
    api.components = Some(components);
    api.security = Some(vec![SecurityRequirement::new(
        "basic",
        Vec::<String>::new(),
    )]);
    api
}

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let (_, api) = described().split_for_parts();
    let mut api = serde_json::to_value(api).unwrap_or_default();
    complete::complete(&mut api);
    api.to_string()
});

/// This description
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "Description",
    responses((status = 200, content_type = "application/json", body = Object))
)]
pub(super) async fn get() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
