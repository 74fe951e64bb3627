//! /api/licences and /api/licences/{KeyNo}: the installed keys, working or not; installing one, switching one.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use protocol::{
    KeyId,
    code::ActivationCode,
    envelope::Kind,
    licence::MAX_FILE,
    owner::{Iec, Itn},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{body, error::ApiError, named::Named, query::Asked};
use crate::{
    access::SignedIn,
    conf::Lang,
    keys::{
        InstallError, Installed, WhichKey,
        centre::{CentreError, Order},
    },
    read::{Licence, Licences},
    server::Server,
};

/// The installed licences
#[utoipa::path(get, path = "/api/licences", tag = "Licences", responses((status = 200, body = Licences)))]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.list::<Licences>(server.read_licences())
}

/// One licence
#[utoipa::path(
    get, path = "/api/licences/{KeyNo}", tag = "Licences",
    params(
        ("KeyNo" = u32, Path, description = "The key's number"),
        ("KeyID" = Option<String>, Query, description = "Its series, needed where several have that number")
    ),
    responses((status = 200, body = Licence))
)]
pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Named { id: key_no, gone }: Named<u32>,
    mut asked: Asked,
) -> Result<Response, ApiError> {
    let series = series_asked(&mut asked)?;
    let key_id = match server.keys.which(key_no, series) {
        Ok(key_id) => Some(key_id),
        // It may be a blank carrier's.
        Err(WhichKey::Unknown(_)) if series.is_none() => None,
        Err(error) => return Err(not_one(&error, gone, server.conf().lang)),
    };
    let licence = server.read_licence(key_id, key_no);
    asked.one(&licence.ok_or(gone)?)
}

/// The series that an address's query names.
pub(super) fn series_asked(asked: &mut Asked) -> Result<Option<KeyId>, ApiError> {
    asked.take_as("KeyID", "four hex digits", |text| text.parse().ok())
}

/// The answer when a number means no key, or not one.
pub(super) fn not_one(error: &WhichKey, gone: ApiError, lang: Lang) -> ApiError {
    match error {
        WhichKey::Unknown(_) => gone,
        WhichKey::Several(..) => ApiError::bad_request(&error.text(lang)),
    }
}

/// The answer about a licence that was installed.
pub(super) fn created(
    server: &Server,
    asked: Asked,
    installed: &Installed,
) -> Result<Response, ApiError> {
    let key_no = installed.key_no.ok_or_else(ApiError::internal)?;
    let licence = server.read_licence(installed.key_id, key_no);
    let licence = licence.ok_or_else(ApiError::internal)?;
    let mut response = asked.one_as(StatusCode::CREATED, &licence)?;
    let mut address = format!("/api/licences/{key_no}");
    if let (Err(WhichKey::Several(..)), Some(key_id)) =
        (server.keys.which(key_no, None), &licence.key_id)
    {
        address += &format!("?KeyID={key_id}");
    }
    if let Ok(address) = HeaderValue::try_from(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    Ok(response)
}

/// What is to be installed.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Installation {
    /// A whole `.licence` document in base64; then nothing else is needed
    #[serde(default)]
    #[schema(nullable = true)]
    licence: Option<String>,
    /// An activation code, which the licence centre turns into a licence
    #[serde(default)]
    #[schema(nullable = true)]
    activation_code_string: Option<String>,
    /// The owner's tax number (ИНН), as a number or a text
    #[serde(default, rename = "ITN")]
    #[schema(nullable = true)]
    itn: Option<NumberOrText>,
    /// The owner's КПП, as a number or a text
    #[serde(default, rename = "IEC")]
    #[schema(nullable = true)]
    iec: Option<NumberOrText>,
    /// The series of the code, four hex digits; needed where series of several vendors are known
    #[serde(default, rename = "KeyID")]
    #[schema(nullable = true)]
    key_id: Option<String>,
    /// The number of the carrier to put it on
    #[serde(default)]
    #[schema(nullable = true)]
    blank_key_no: Option<u32>,
}

/// A number that may have lost a leading zero, or a text that has it.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum NumberOrText {
    Number(u64),
    Text(String),
}

/// Installs a licence
///
/// The body is JSON, or a `.licence` document as it is. A demo licence beside another one of its series is refused.
#[utoipa::path(
    post, path = "/api/licences", tag = "Licences",
    request_body = Installation,
    responses((status = 201, body = Licence, headers(("Location" = String, description = "The licence's address"))))
)]
pub(super) async fn install(
    State(server): State<Arc<Server>>,
    by: SignedIn,
    asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    asked.check::<Licence>()?;
    // In base64 a document is a third longer.
    let bytes = body::read(body, MAX_FILE * 2).await?;
    let installed = match wanted(&bytes)? {
        Wanted::Document(document) => server
            .install_licence(document, by.admin(None))
            .await
            .map_err(|error| refused(&error, server.conf().lang))?,
        Wanted::Code(order) => server
            .activate_code(*order, by.admin(None))
            .await
            .map_err(|error| not_activated(&error, server.conf().lang))?,
    };
    created(&server, asked, &installed)
}

/// What a body asks for.
enum Wanted {
    Document(Vec<u8>),
    Code(Box<Order>),
}

fn wanted(bytes: &[u8]) -> Result<Wanted, ApiError> {
    if Kind::of(bytes) == Some(Kind::Licence) {
        return Ok(Wanted::Document(bytes.to_vec()));
    }
    let wanted: Installation = body::json(bytes)?;
    let wrong = |field: &str, error: String| ApiError::bad_request(&format!("{field}: {error}"));
    match (&wanted.licence, &wanted.activation_code_string) {
        (Some(licence), None) => {
            let packed: String = licence.split_ascii_whitespace().collect();
            let document = data_encoding::BASE64.decode(packed.as_bytes());
            document
                .map(Wanted::Document)
                .map_err(|error| wrong("Licence", format!("it is not base64 ({error})")))
        }
        (None, Some(code)) => {
            let asked = Ordered {
                code,
                itn: wanted.itn.as_ref(),
                iec: wanted.iec.as_ref(),
                key_id: wanted.key_id.as_deref(),
                carrier: wanted.blank_key_no,
            };
            Ok(Wanted::Code(Box::new(asked.order()?)))
        }
        _ => Err(ApiError::bad_request(
            "The body has either Licence, a document in base64, or ActivationCodeString.",
        )),
    }
}

/// An order as a body names it.
pub(super) struct Ordered<'a> {
    pub(super) code: &'a str,
    pub(super) itn: Option<&'a NumberOrText>,
    pub(super) iec: Option<&'a NumberOrText>,
    pub(super) key_id: Option<&'a str>,
    pub(super) carrier: Option<u32>,
}

impl Ordered<'_> {
    /// Its values, checked.
    pub(super) fn order(&self) -> Result<Order, ApiError> {
        let wrong =
            |field: &str, error: String| ApiError::bad_request(&format!("{field}: {error}"));
        let code = ActivationCode::parse(self.code)
            .map_err(|error| wrong("ActivationCodeString", error.to_string()))?;
        let itn = self.itn.map(|itn| match itn {
            NumberOrText::Number(number) => Itn::from_number(*number),
            NumberOrText::Text(text) => text.parse(),
        });
        let iec = self.iec.map(|iec| match iec {
            NumberOrText::Number(number) => Iec::from_number(*number),
            NumberOrText::Text(text) => text.parse(),
        });
        let series = self.key_id.map(str::parse::<KeyId>);
        Ok(Order {
            code,
            itn: itn
                .transpose()
                .map_err(|error| wrong("ITN", error.to_string()))?,
            iec: iec
                .transpose()
                .map_err(|error| wrong("IEC", error.to_string()))?,
            series: series
                .transpose()
                .map_err(|error| wrong("KeyID", error.to_string()))?,
            carrier: self.carrier,
        })
    }
}

pub(super) fn not_activated(error: &CentreError, lang: Lang) -> ApiError {
    match error {
        CentreError::Install(error) => refused(error, lang),
        CentreError::Carrier(error) => ApiError::bad_request(&error.text(lang)),
        CentreError::Keys(_) | CentreError::Holder(_) => {
            log::error!("{error}");
            ApiError::internal()
        }
        CentreError::Refused(_)
        | CentreError::Answer(_)
        | CentreError::NotWaiting
        | CentreError::NotOurs(..)
        | CentreError::WhichSeries(_)
        | CentreError::UnknownSeries(_) => ApiError::bad_request(&error.text(lang)),
        _ => ApiError::busy(&error.text(lang)),
    }
}

fn refused(error: &InstallError, lang: Lang) -> ApiError {
    match error {
        InstallError::Keys(error) => {
            log::error!("{error}");
            ApiError::internal()
        }
        _ => ApiError::bad_request(&error.text(lang)),
    }
}

/// What of a licence is to be changed.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Switch {
    /// Whether the key gives seats
    enabled: bool,
}

/// Switches a key on or off
///
/// Sessions of a key that goes off move to free seats of other keys.
#[utoipa::path(
    put, path = "/api/licences/{KeyNo}", tag = "Licences",
    params(
        ("KeyNo" = u32, Path, description = "The key's number"),
        ("KeyID" = Option<String>, Query, description = "Its series, needed where several have that number")
    ),
    request_body = Switch,
    responses((status = 202, body = Licence))
)]
pub(super) async fn switch(
    State(server): State<Arc<Server>>,
    Named { id: key_no, gone }: Named<u32>,
    by: SignedIn,
    mut asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    let series = series_asked(&mut asked)?;
    asked.check::<Licence>()?;
    let wanted: Switch = body::json(&body::read(body, body::SMALL).await?)?;
    let key_id = server
        .keys
        .which(key_no, series)
        .map_err(|error| not_one(&error, gone.clone(), server.conf().lang))?;
    if !server
        .switch_key((key_id, key_no), wanted.enabled, by.admin(None))
        .await?
    {
        return Err(gone);
    }
    let licence = server.read_licence(Some(key_id), key_no);
    let licence = licence.ok_or(gone)?;
    asked.one_as(StatusCode::ACCEPTED, &licence)
}
