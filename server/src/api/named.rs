//! What an address names by its last words: a key's number, the ID of a session or of a connection.

use std::{collections::HashMap, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use super::error::ApiError;

/// The ID in an address, read.
pub(super) struct Named<T> {
    /// The ID.
    pub(super) id: T,
    /// The answer when there is nothing of that ID.
    pub(super) gone: ApiError,
}

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    /// An address with something else in the ID's place names nothing either.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let gone = ApiError::not_found(parts.uri.path());
        let words = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let word = words
            .ok()
            .and_then(|Path(words)| words.into_values().next());
        match word.and_then(|word| word.parse().ok()) {
            Some(id) => Ok(Self { id, gone }),
            None => Err(gone),
        }
    }
}
