//! /api/licences/{KeyNo}/reserve: a key is given back for a reserve code.

use std::sync::Arc;

use axum::{body::Body, extract::State, http::StatusCode, response::Response};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body,
    error::ApiError,
    licences::{not_activated, not_one, series_asked},
    named::Named,
    query::Asked,
};
use crate::{
    access::SignedIn,
    keys::centre::{self, CentreError},
    server::Server,
};

/// How the key is given back.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Wish {
    /// Whether nobody is asked: the answer then has a file for the vendor
    #[serde(default)]
    offline: bool,
}

/// A key that was given back.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GivenBack {
    /// The key's number
    key_no: u32,
    /// The code that activates it elsewhere; offline, as soon as the vendor has taken the file
    reserve_code: String,
    /// Offline: the `.release` file for the vendor, in base64
    #[schema(nullable = true)]
    request: Option<String>,
    /// Offline: the same as a picture, an SVG with a QR code, if it is not too large for one
    #[schema(nullable = true)]
    picture: Option<String>,
}

/// Gives a key back for a reserve code
///
/// The key works here no more, and the code activates it on another computer. When the vendor refuses, it works on. The same
/// request again goes on from where it was, and tells the same code.
#[utoipa::path(
    post, path = "/api/licences/{KeyNo}/reserve", tag = "Licences",
    params(
        ("KeyNo" = u32, Path, description = "The key's number"),
        ("KeyID" = Option<String>, Query, description = "Its series, needed where several have that number")
    ),
    request_body = Wish,
    responses((status = 200, body = GivenBack))
)]
pub(super) async fn reserve(
    State(server): State<Arc<Server>>,
    Named { id: key_no, gone }: Named<u32>,
    by: SignedIn,
    mut asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    let series = series_asked(&mut asked)?;
    asked.check::<GivenBack>()?;
    let wish: Wish = body::json(&body::read(body, body::SMALL).await?)?;
    let lang = server.conf().lang;
    let failed = |error: CentreError| match error {
        CentreError::Key(error) => not_one(&error, gone.clone(), lang),
        error => not_activated(&error, lang),
    };
    let key = centre::which(&server.keys, key_no, series).map_err(|error| failed(error.into()))?;
    let mut given = GivenBack {
        key_no,
        ..GivenBack::default()
    };
    if wish.offline {
        let reserved = server.give_key_back_by_file(key, by.admin(None)).await;
        let (request, code) = reserved.map_err(failed)?;
        given.picture = centre::svg(&request);
        given.request = Some(BASE64.encode(&request));
        given.reserve_code = code.reveal();
    } else {
        let reserved = server.give_key_back(key, by.admin(None)).await;
        given.reserve_code = reserved.map_err(failed)?.reveal();
    }
    asked.one_as(StatusCode::OK, &given)
}
