//! Reading what is sent: within a limit, and with an error that says what is wrong.

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// The limit of a body that holds some settings, in bytes.
pub(super) const SMALL: usize = 64 * 1024;

/// The whole body, if it is not larger than `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::bad_request(&format!(
            "The body is larger than {limit} bytes."
        ))),
        Err(_) => Err(ApiError::bad_request("The body broke off.")),
    }
}

/// A body in JSON.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // Editors on Windows put a mark before UTF-8.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let wrong = |error: &str| {
        let error = crate::logs::tame(error);
        ApiError::bad_request(&format!(
            "The body is not the JSON that is wanted: {error}."
        ))
    };
    // A list would be taken for the fields in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(wrong("it is no object"));
    }
    serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string()))
}
