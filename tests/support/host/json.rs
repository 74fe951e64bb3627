//! Values of the platform as JSON, for processes that are driven by lines of text.
//!
//! What 1C code has is plain JSON: null is Undefined. The rest is an object with one member that names it.

use data_encoding::BASE64;
use serde_json::{Value as Json, json};

use super::Value;

impl Value {
    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Empty => Json::Null,
            Self::Bool(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::Text(text) => json!(text),
            // As bits: JSON has no NaN.
            Self::Double(value) => json!({ "double": value.to_bits() }),
            Self::Date(date) => json!({ "date": date }),
            Self::Blob(bytes) => json!({ "blob": BASE64.encode(bytes) }),
            Self::Bits(kind, bits) => json!({ "bits": [kind, bits] }),
            Self::Bytes(bytes) => json!({ "bytes": BASE64.encode(bytes) }),
            Self::Null(kind, length) => json!({ "nothing": [kind, length] }),
            Self::Units(units, length) => json!({ "units": units, "told": length }),
            Self::Tm(fields) => json!({ "tm": fields }),
        }
    }

    /// The value that [`Value::to_json`] wrote; none if it is something else.
    #[must_use]
    pub fn of_json(json: &Json) -> Option<Self> {
        Some(match json {
            Json::Null => Self::Empty,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Int(small(number.as_i64())?),
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(_) => return None,
            Json::Object(members) => {
                let (name, value) = members.iter().find(|(name, _)| name.as_str() != "told")?;
                match name.as_str() {
                    "double" => Self::Double(f64::from_bits(value.as_u64()?)),
                    "date" => Self::Date(six(value)?),
                    "tm" => Self::Tm(six(value)?),
                    "blob" => Self::Blob(decoded(value)?),
                    "bytes" => Self::Bytes(decoded(value)?),
                    "bits" => Self::Bits(small(value[0].as_i64())?, value[1].as_u64()?),
                    "nothing" => Self::Null(small(value[0].as_i64())?, small(value[1].as_i64())?),
                    "units" => {
                        let units = value.as_array()?.iter();
                        let units = units
                            .map(|unit| small(unit.as_i64()))
                            .collect::<Option<_>>()?;
                        Self::Units(units, small(json["told"].as_i64())?)
                    }
                    _ => return None,
                }
            }
        })
    }
}

fn small<T: TryFrom<i64>>(number: Option<i64>) -> Option<T> {
    number?.try_into().ok()
}

fn six(json: &Json) -> Option<[i32; 6]> {
    let numbers = json.as_array()?.iter();
    let numbers = numbers
        .map(|number| small(number.as_i64()))
        .collect::<Option<Vec<i32>>>()?;
    numbers.try_into().ok()
}

fn decoded(json: &Json) -> Option<Vec<u8>> {
    BASE64.decode(json.as_str()?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back() {
        for value in [
            Value::Empty,
            Value::Bool(true),
            Value::Int(i32::MIN),
            Value::Double(f64::INFINITY),
            Value::Date([2026, 1, 2, 3, 4, 5]),
            Value::Text("Ё\n".into()),
            Value::Blob(vec![0, 255]),
            Value::Bits(0x7777, u64::MAX),
            Value::Bytes(vec![1]),
            Value::Null(22, u32::MAX),
            Value::Units(vec![0xD800], 7),
            Value::Tm([-1, i32::MAX, 0, 0, 0, 0]),
        ] {
            assert_eq!(Value::of_json(&value.to_json()), Some(value));
        }
        assert_eq!(Value::of_json(&json!([1])), None);
        assert_eq!(Value::of_json(&json!({ "other": 1 })), None);
    }
}
