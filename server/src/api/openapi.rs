//! GET /api/openapi.json: the API's description, made from the handlers that are really routed.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use protocol::Version;
use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{
        Components, Info, OpenApi,
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::{described, error::ApiError, format::names};
use crate::read::{Connection, Licence, Session, UsageNow};

/// The rows of lists.
const ROWS: [&str; 8] = [
    "About",
    "ServerInfo",
    "Licence",
    "Connection",
    "Session",
    "UsageNow",
    "PastUsage",
    "Event",
];

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
    complete(&mut api);
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

/// What all addresses have in common: the errors, the formats of answers, and the filters of lists.
fn complete(api: &mut Value) {
    let error = serde_json::to_value(<ApiError as utoipa::PartialSchema>::schema());
    api["components"]["schemas"]["ApiError"] = error.unwrap_or_default();
    // Fields leaves fields of rows out.
    for row in ROWS {
        if let Some(schema) = api["components"]["schemas"][row].as_object_mut() {
            schema.remove("required");
        }
    }
    let Some(paths) = api["paths"].as_object_mut() else {
        return;
    };
    for (path, item) in paths {
        let Some(operations) = item.as_object_mut() else {
            continue;
        };
        for (method, operation) in operations {
            errors(operation);
            let filters = match (path.as_str(), method.as_str()) {
                ("/api/licences", "get") => names::<Licence>(),
                ("/api/connections", "get") => names::<Connection>(),
                ("/api/sessions", "get") => names::<Session>(),
                ("/api/usage", "get") => names::<UsageNow>(),
                _ => Vec::new(),
            };
            let paged = !filters.is_empty() || path == "/api/usage/{Step}" || path == "/api/events";
            let formatted = operation["responses"].as_object().is_some_and(|responses| {
                responses.iter().any(|(code, response)| {
                    code.starts_with('2')
                        && response["content"]["application/json"]["schema"]["$ref"].is_string()
                })
            });
            if formatted {
                parameters(operation, &filters, paged);
                also_csv(operation);
            }
        }
    }
}

fn errors(operation: &mut Value) {
    for (code, text) in [
        ("400", "The request is not understood"),
        ("401", "User name and password are needed, or wrong"),
        ("403", "It is not allowed, or too many wrong passwords came"),
        ("404", "There is none"),
        ("500", "A fault of the server"),
        ("501", "It is not implemented"),
        ("503", "The API is switched off, or the server is busy"),
    ] {
        operation["responses"][code] = json!({
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ApiError"}}},
        });
    }
}

fn parameters(operation: &mut Value, filters: &[String], paged: bool) {
    let mut more: Vec<Value> = filters
        .iter()
        .map(|name| {
            json!({
                "name": name, "in": "query", "required": false, "schema": {"type": "string"},
                "description": format!("Only rows whose {name} is this"),
            })
        })
        .collect();
    if paged {
        for (name, text) in [
            ("Limit", "At most so many rows"),
            ("Offset", "So many rows are left out"),
        ] {
            more.push(json!({
                "name": name, "in": "query", "required": false, "description": text,
                "schema": {"type": "integer", "format": "int32", "minimum": 0},
            }));
        }
    }
    more.push(json!({
        "name": "Fields", "in": "query", "required": false, "schema": {"type": "string"},
        "description": "Only these fields, with commas, in this order",
    }));
    more.push(json!({
        "name": "Format", "in": "query", "required": false, "schema": {"enum": ["json", "pretty", "csv"]},
        "description": "How the answer is written",
    }));
    match operation["parameters"].as_array_mut() {
        Some(known) => known.append(&mut more),
        None => operation["parameters"] = Value::Array(more),
    }
}

/// A good answer may be CSV, and with Fields it has not all of its fields.
fn also_csv(operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    for (code, response) in responses {
        if code.starts_with('2') {
            response["content"]["text/csv"] = json!({"schema": {"type": "string"}});
        }
    }
}
