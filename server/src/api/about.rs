//! GET /api: the server's version and the list of addresses.

use axum::Json;
use protocol::Version;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct About {
    version: String,
    urns: [&'static str; 4],
}

pub(super) async fn get() -> Json<About> {
    Json(About {
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
