//! What all addresses have in common: the errors, the formats of answers, the filters of lists, names and links.

use serde_json::{Map, Value, json};

use crate::{
    accounting::EventKind,
    api::{about::About, error::ApiError, format::names},
    read::{Connection, Event, Licence, PastUsage, ServerInfo, Session, UsageNow},
};

/// A row's schema and its fields.
type Row = (&'static str, fn() -> Vec<String>);

/// The rows of answers.
const ROWS: [Row; 8] = [
    ("About", names::<About>),
    ("ServerInfo", names::<ServerInfo>),
    ("Licence", names::<Licence>),
    ("Connection", names::<Connection>),
    ("Session", names::<Session>),
    ("UsageNow", names::<UsageNow>),
    ("PastUsage", names::<PastUsage>),
    ("Event", names::<Event>),
];
/// Lists that any field filters.
const FILTERED: [&str; 4] = [
    "/api/licences",
    "/api/connections",
    "/api/sessions",
    "/api/usage",
];
/// Lists whose parameters are all their handlers'.
const PAGED: [&str; 2] = ["/api/usage/{Step}", "/api/events"];

/// Completes the description.
pub(super) fn complete(api: &mut Value) {
    let error = serde_json::to_value(<ApiError as utoipa::PartialSchema>::schema());
    api["components"]["schemas"]["ApiError"] = error.unwrap_or_default();
    let schemas = api["components"]["schemas"].clone();
    for (row, _) in ROWS {
        // Fields leaves fields of rows out.
        if let Some(schema) = api["components"]["schemas"][row].as_object_mut() {
            schema.remove("required");
        }
    }
    let Some(paths) = api["paths"].as_object_mut() else {
        return;
    };
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            operation["operationId"] = id(method, path).into();
            formats(operation);
            if let Some(fields) = fields(operation, &schemas) {
                let filtered = method == "get" && FILTERED.contains(&path.as_str());
                let paged = filtered || PAGED.contains(&path.as_str());
                parameters(operation, &fields, filtered, paged);
                also_csv(operation);
            }
            answers(operation);
            links(operation, method, path);
        }
    }
}

/// As `getLicencesKeyNo`.
fn id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty() && *word != "api");
    words.fold(method.to_owned(), |id, word| {
        let (first, rest) = word.split_at(1);
        id + &first.to_ascii_uppercase() + rest
    })
}

/// What texts look like that a handler reads.
fn formats(operation: &mut Value) {
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let more = match parameter["name"].as_str() {
            Some("KeyID") => json!({"pattern": "^[0-9A-Fa-f]{4}$"}),
            Some("Session" | "Connection") => json!({"pattern": "^[0-9A-Fa-f]{32}$"}),
            // A number of 32 bits without a sign, which no format of OpenAPI says.
            Some("KeyNo") => {
                parameter["schema"] = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
                continue;
            }
            Some("From" | "Until") => json!({"format": "date-time"}),
            Some("Event") => {
                let kinds: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
                json!({"pattern": some_of(&kinds)})
            }
            _ => continue,
        };
        if let (Some(schema), Value::Object(more)) = (parameter["schema"].as_object_mut(), more) {
            // Whoever leaves a parameter out leaves it out.
            schema.insert("type".into(), "string".into());
            schema.extend(more);
        }
    }
}

/// The pattern of some of these names with commas between them.
fn some_of(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let one = format!("({})", names.join("|"));
    format!("^{one}(,{one})*$")
}

/// The fields of the rows that an operation answers, if it answers rows.
fn fields(operation: &Value, schemas: &Value) -> Option<Vec<String>> {
    let named = |schema: &Value| Some(schema["$ref"].as_str()?.rsplit('/').next()?.to_owned());
    let mut good = operation["responses"].as_object()?.iter();
    let (_, answer) = good.find(|(code, _)| code.starts_with('2'))?;
    let name = named(&answer["content"]["application/json"]["schema"])?;
    let row = |name: &str| ROWS.iter().find(|(row, _)| *row == name);
    let found = row(&name).or_else(|| {
        let mut properties = schemas[&name]["properties"].as_object()?.values();
        row(&named(&properties.next()?["items"])?)
    });
    found.map(|(_, names)| names())
}

fn parameters(operation: &mut Value, fields: &[String], filtered: bool, paged: bool) {
    let query = |name: &str, description: &str, schema: Value| {
        json!({
            "name": name, "in": "query", "required": false, "description": description, "schema": schema,
        })
    };
    let mut more = Vec::new();
    if filtered {
        more.extend(fields.iter().map(|name| {
            let text = format!(
                "Only rows whose {name} is this; one of them when it is given several times"
            );
            query(name, &text, json!({"type": "string"}))
        }));
    }
    if paged {
        let number = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
        more.push(query("Limit", "At most so many rows", number.clone()));
        more.push(query("Offset", "So many rows are left out", number));
    }
    let chosen = json!({"type": "string", "pattern": some_of(fields)});
    more.push(query(
        "Fields",
        "Only these fields, with commas, in this order",
        chosen,
    ));
    let format = json!({"type": "string", "enum": ["json", "pretty", "csv"]});
    more.push(query("Format", "How the answer is written", format));
    match operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut)
    {
        Some(known) => known.append(&mut more),
        None => operation["parameters"] = Value::Array(more),
    }
}

fn also_csv(operation: &mut Value) {
    for (code, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        if code.starts_with('2') {
            response["content"]["text/csv"] = json!({"schema": {"type": "string"}});
        }
    }
}

fn answers(operation: &mut Value) {
    for (code, text) in [("200", "OK"), ("201", "Created"), ("202", "Updated")] {
        // An answer's description is a must.
        if let Some(answer) = operation["responses"].get_mut(code) {
            answer["description"] = text.into();
        }
    }
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

/// Where the rows of a list are found by themselves.
fn links(operation: &mut Value, method: &str, path: &str) {
    let (list, parameter, operations): (&str, &str, &[&str]) = match (method, path) {
        ("get", "/api/licences") => (
            "Licences",
            "KeyNo",
            &["getLicencesKeyNo", "putLicencesKeyNo"],
        ),
        ("get", "/api/connections") => (
            "Connections",
            "ID",
            &["getConnectionsID", "deleteConnectionsID"],
        ),
        ("get", "/api/sessions") => ("Sessions", "ID", &["getSessionsID", "deleteSessionsID"]),
        _ => return,
    };
    let links: Map<String, Value> = operations
        .iter()
        .map(|id| {
            let value = format!("$response.body#/{list}/0/{parameter}");
            (
                (*id).to_owned(),
                json!({"operationId": id, "parameters": {parameter: value}}),
            )
        })
        .collect();
    operation["responses"]["200"]["links"] = Value::Object(links);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_made_of_method_and_path() {
        assert_eq!(id("get", "/api"), "get");
        assert_eq!(id("put", "/api/licences/{KeyNo}"), "putLicencesKeyNo");
        assert_eq!(id("get", "/api/docs/page.js"), "getDocsPageJs");
    }
}
