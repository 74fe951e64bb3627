//! openapi.json and its page.

use super::*;

#[tokio::test]
async fn the_description_has_every_address_with_its_errors_and_no_field_without_a_word() {
    let place = place("").await;
    let api = get(&place, "/api/openapi.json").await.json();
    assert_eq!(
        api["info"]["version"],
        protocol::Version::CURRENT.to_string()
    );
    let mut operations: Vec<String> = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push(format!("{method} {path}"));
            assert!(operation["summary"].is_string(), "{method} {path}");
            for code in ["400", "401", "403", "404", "500", "501", "503"] {
                let schema = &operation["responses"][code]["content"]["application/json"]["schema"];
                assert_eq!(
                    schema["$ref"], "#/components/schemas/ApiError",
                    "{method} {path}"
                );
            }
        }
    }
    let mut ids: Vec<&str> = api["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        ids.len(),
        operations.len(),
        "every operation has a name of its own"
    );
    operations.sort();
    assert_eq!(
        operations,
        [
            "delete /api/connections/{ID}",
            "delete /api/sessions/{ID}",
            "get /api",
            "get /api/connections",
            "get /api/connections/{ID}",
            "get /api/docs",
            "get /api/docs/page.css",
            "get /api/docs/page.js",
            "get /api/events",
            "get /api/licences",
            "get /api/licences/{KeyNo}",
            "get /api/openapi.json",
            "get /api/serverinfo",
            "get /api/sessions",
            "get /api/sessions/{ID}",
            "get /api/stream",
            "get /api/usage",
            "get /api/usage/{Step}",
            "get /metrics",
            "post /api/answers",
            "post /api/licences",
            "post /api/licences/{KeyNo}/reserve",
            "post /api/requests",
            "put /api/licences/{KeyNo}",
        ]
    );
    for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
        for (field, its) in schema["properties"].as_object().into_iter().flatten() {
            let nested = its["$ref"].is_string() || its["items"].is_object();
            assert!(
                nested || its["description"].is_string() || its["oneOf"].is_array(),
                "{name}.{field}"
            );
        }
    }
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let place = place("").await;
    for path in ["/api/docs", "/api/docs/page.js", "/api/docs/page.css"] {
        let reply = ask(&place, Method::GET, path, Some(ADMIN)).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(!reply.text.contains("://"), "{path}");
        let policy = reply.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(
            ask(&place, Method::GET, path, None).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
}
