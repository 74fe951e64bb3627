//! /api/requests and /api/answers: a code is activated by files that somebody carries.

use std::sync::Arc;

use axum::{body::Body, extract::State, http::StatusCode, response::Response};
use data_encoding::BASE64;
use protocol::{centre::MAX_ANSWER, envelope::Kind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body,
    error::ApiError,
    licences::{NumberOrText, Ordered, created, not_activated},
    query::Asked,
};
use crate::{
    access::SignedIn,
    keys::centre::{self, Accepted},
    read::Licence,
    server::Server,
};

/// What is to be activated.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ActivationOrder {
    /// The activation code
    activation_code_string: String,
    /// The owner's tax number (ИНН), as a number or a text
    #[serde(default, rename = "ITN")]
    #[schema(nullable = true)]
    itn: Option<NumberOrText>,
    /// The owner's КПП, as a number or a text
    #[serde(default, rename = "IEC")]
    #[schema(nullable = true)]
    iec: Option<NumberOrText>,
    /// The series of the code, four hex digits
    #[serde(default, rename = "KeyID")]
    #[schema(nullable = true)]
    key_id: Option<String>,
    /// The number of the carrier to put it on
    #[serde(default)]
    #[schema(nullable = true)]
    blank_key_no: Option<u32>,
}

/// A request for the vendor.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ActivationRequest {
    /// The `.activation` file in base64; it holds the code
    request: String,
    /// The same as a picture, an SVG with a QR code, if it is not too large for one
    #[schema(nullable = true)]
    picture: Option<String>,
}

/// Makes the request that activates a code offline
///
/// The vendor's answer to it goes to `/api/answers`. The same order again gives the same request.
#[utoipa::path(
    post, path = "/api/requests", tag = "Licences",
    request_body = ActivationOrder,
    responses((status = 201, body = ActivationRequest))
)]
pub(super) async fn request(
    State(server): State<Arc<Server>>,
    _by: SignedIn,
    asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    asked.check::<ActivationRequest>()?;
    let wanted: ActivationOrder = body::json(&body::read(body, body::SMALL).await?)?;
    let ordered = Ordered {
        code: &wanted.activation_code_string,
        itn: wanted.itn.as_ref(),
        iec: wanted.iec.as_ref(),
        key_id: wanted.key_id.as_deref(),
        carrier: wanted.blank_key_no,
    };
    let lang = server.conf().lang;
    let request = server
        .prepare_activation(ordered.order()?)
        .await
        .map_err(|error| not_activated(&error, lang))?;
    let made = ActivationRequest {
        picture: centre::svg(&request),
        request: BASE64.encode(&request),
    };
    asked.one_as(StatusCode::CREATED, &made)
}

/// The vendor's answer.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AnswerFile {
    /// The `.answer` file in base64
    answer: String,
}

/// What an answer that is no licence said.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settled {
    /// The code that activates the key elsewhere
    reserve_code: String,
}

/// Takes the vendor's answer
///
/// The body is JSON, or the `.answer` file as it is. An answer to an activation installs its licence; one to a key that
/// was given back offline settles that.
#[utoipa::path(
    post, path = "/api/answers", tag = "Licences",
    request_body = AnswerFile,
    responses(
        (status = 201, body = Licence, headers(("Location" = String, description = "The licence's address"))),
        (status = 200, body = Settled)
    )
)]
pub(super) async fn answer(
    State(server): State<Arc<Server>>,
    by: SignedIn,
    asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    // Which of the two it is, is in the file.
    let either = asked.check::<Licence>();
    if either.is_err() && asked.check::<Settled>().is_err() {
        either?;
    }
    let bytes = body::read(body, MAX_ANSWER * 2).await?;
    let file = if matches!(Kind::of(&bytes), Some(Kind::Answer | Kind::Refusal)) {
        bytes.to_vec()
    } else {
        let wanted: AnswerFile = body::json(&bytes)?;
        let packed: String = wanted.answer.split_ascii_whitespace().collect();
        BASE64.decode(packed.as_bytes()).map_err(|error| {
            ApiError::bad_request(&format!("Answer: it is not base64 ({error})"))
        })?
    };
    let lang = server.conf().lang;
    let accepted = server
        .accept_answer(file, by.admin(None))
        .await
        .map_err(|error| not_activated(&error, lang))?;
    match accepted {
        Accepted::GivenBack(code) => {
            let settled = Settled {
                reserve_code: code.reveal(),
            };
            asked.fitting::<Settled>().one(&settled)
        }
        Accepted::Installed(installed) => created(&server, asked.fitting::<Licence>(), &installed),
    }
}
