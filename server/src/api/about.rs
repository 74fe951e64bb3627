//! GET /api: the server's version and the list of addresses.

use axum::response::Response;
use protocol::Version;
use serde::Serialize;
use utoipa::ToSchema;

use super::{error::ApiError, query::Asked};

/// What the API is.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct About {
    /// The server's version
    version: String,
    /// The addresses of the manual
    urns: [&'static str; 4],
}

/// The server's version and the list of addresses
#[utoipa::path(get, path = "/api", tag = "Server", responses((status = 200, body = About)))]
pub(super) async fn get(asked: Asked) -> Result<Response, ApiError> {
    asked.one(&About {
        version: Version::CURRENT.to_string(),
        // Exactly the manual's four: monitors compare the list.
        urns: [
            "/api/serverinfo",
            "/api/licences",
            "/api/connections",
            "/api/sessions",
        ],
    })
}
