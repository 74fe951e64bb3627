//! Formats of answers: JSON, JSON for people, CSV. Fields keep their order, which monitors and tables rely on.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{
    Deserialize, Serialize,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::Value;

use super::{csv, error::ApiError};

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON without spaces.
    #[default]
    Json,
    /// JSON with a line for each field.
    Pretty,
    /// CSV of RFC 4180 with a line of names.
    Csv,
}

impl std::str::FromStr for Format {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        match text.to_ascii_lowercase().as_str() {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            "csv" => Ok(Self::Csv),
            _ => Err(ApiError::bad_request("Format is json, pretty or csv.")),
        }
    }
}

/// The names of a row's fields, in their order.
pub(super) fn names<R: Serialize + Default>() -> Vec<String> {
    let row = Ordered::of(&R::default());
    row.0.into_iter().map(|(name, _)| name).collect()
}

/// A row whose fields keep their order.
#[derive(Debug)]
pub(super) struct Ordered(Vec<(String, Value)>);

impl Ordered {
    pub(super) fn of(row: &impl Serialize) -> Self {
        let text = serde_json::to_string(row).unwrap_or_default();
        // Rows are objects: only what is none would end up empty.
        serde_json::from_str(&text).unwrap_or(Self(Vec::new()))
    }

    /// These fields, in this order.
    pub(super) fn only(mut self, names: &[String]) -> Self {
        let mut take = |name: &String| {
            let at = self.0.iter().position(|(other, _)| other == name)?;
            Some(self.0.swap_remove(at))
        };
        Self(names.iter().filter_map(&mut take).collect())
    }

    /// A field's value as a text without quotes: what filters compare and CSV has.
    pub(super) fn text(&self, name: &str) -> String {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map_or_else(String::new, |(_, value)| plain(value))
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Serialize for Ordered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Ordered;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Ordered(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A list under its name.
struct Named<'a> {
    name: &'a str,
    rows: Vec<Ordered>,
}

impl Serialize for Named<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.name, &self.rows)?;
        map.end()
    }
}

impl Format {
    /// An answer in JSON; a list or row as a whole.
    pub(super) fn json(self, status: StatusCode, value: &impl Serialize) -> Response {
        let text = if self == Self::Pretty {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        match text {
            Ok(text) => (status, said("application/json"), text).into_response(),
            Err(error) => {
                log::error!("an answer cannot be written: {error}");
                ApiError::internal().into_response()
            }
        }
    }

    /// An answer with chosen fields of a list.
    pub(super) fn rows(self, name: &str, names: &[String], rows: Vec<Ordered>) -> Response {
        if self == Self::Csv {
            csv(names, &rows)
        } else {
            self.json(StatusCode::OK, &Named { name, rows })
        }
    }

    /// An answer with chosen fields of one row.
    pub(super) fn row(self, names: &[String], row: Ordered) -> Response {
        if self == Self::Csv {
            csv(names, &[row])
        } else {
            self.json(StatusCode::OK, &row)
        }
    }
}

fn said(kind: &'static str) -> [(HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, kind)]
}

fn csv(names: &[String], rows: &[Ordered]) -> Response {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = rows.iter().map(|row| {
        let cells = row.0.iter().map(|(_, value)| plain(value));
        cells.collect()
    });
    (said("text/csv; charset=utf-8"), csv::text(&names, rows)).into_response()
}
