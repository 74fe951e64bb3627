//! The administrator's API under `/admin/v1`, by a token: `Authorization: Bearer lct_…`.

#![expect(
    unused_qualifications,
    reason = "utoipa's macros write whole paths of the types that they are given"
)]

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use protocol::{KeyId, code::ActivationCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Peer, Shared, limits};
use crate::{
    centre::{
        CentreError, Lang, Offer,
        codes::{Filter, Listed, Sale},
        journal::Entry,
        report::SeriesReport,
    },
    dates,
};

/// The name of the token that a request came with.
#[derive(Clone)]
struct Who(String);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Licence centre",
        description = "The administrator's API. Every request needs a token: `Authorization: Bearer lct_…`."
    ),
    components(schemas(Failure)),
    modifiers(&Token)
)]
struct Description;

/// Every operation but the description asks for a token.
struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{
            Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
        };
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        if let Some(components) = &mut api.components {
            components.add_security_scheme("token", scheme);
        }
        api.security = Some(vec![SecurityRequirement::new(
            "token",
            Vec::<String>::new(),
        )]);
    }
}

pub(super) fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let (closed, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(list_codes, issue_codes))
        .routes(routes!(revoke_code))
        .routes(routes!(revoke_key))
        .routes(routes!(report))
        .routes(routes!(journal))
        .split_for_parts();
    let guarded = closed.layer(middleware::from_fn_with_state(Arc::clone(shared), guard));
    guarded.route(
        "/admin/v1/openapi.json",
        get(|| async move { Json(description) }),
    )
}

/// An error's body: the sentence in both languages.
#[derive(Debug, Serialize, ToSchema)]
struct Failure {
    error: String,
    error_ru: String,
}

struct ApiError(StatusCode, Failure);

impl From<CentreError> for ApiError {
    fn from(error: CentreError) -> Self {
        let status = match error {
            CentreError::UnknownCode
            | CentreError::UnknownKey(_)
            | CentreError::UnknownSeries(_)
            | CentreError::UnknownArticle(..) => StatusCode::NOT_FOUND,
            CentreError::Offer(_) | CentreError::Usage(_) => StatusCode::BAD_REQUEST,
            _ => {
                log::error!("{error}");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self(
            status,
            Failure {
                error: error.to_string(),
                error_ru: error.text(Lang::Russian),
            },
        )
    }
}

impl ApiError {
    fn new(status: StatusCode, english: impl Into<String>, russian: impl Into<String>) -> Self {
        Self(
            status,
            Failure {
                error: english.into(),
                error_ru: russian.into(),
            },
        )
    }

    fn broken() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The centre met a fault; its log has more.",
            "В центре произошла ошибка; подробности в его журнале.",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

async fn guard(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request
        .extensions()
        .get::<axum::extract::ConnectInfo<Peer>>()
        .map(|info| info.0.0);
    let from = peer.map(|peer| limits::caller(peer, &headers, shared.behind_proxy));
    if from.is_some_and(|from| !shared.limits.lock().admit(from)) {
        return ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests came from this address; wait ten minutes.",
            "С этого адреса пришло слишком много запросов; подождите десять минут.",
        )
        .into_response();
    }
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.strip_prefix("Bearer "))
        .map(|token| token.trim().to_owned());
    let name = match token {
        Some(token) => match shared.with(move |centre| centre.token_name(&token)).await {
            Some(Ok(name)) => name,
            _ => return ApiError::broken().into_response(),
        },
        None => None,
    };
    match name {
        Some(name) => {
            request.extensions_mut().insert(Who(format!("api:{name}")));
            next.run(request).await
        }
        None => {
            if let Some(from) = from {
                shared.limits.lock().failed(from);
            }
            ApiError::new(
                StatusCode::UNAUTHORIZED,
                "A token is needed: Authorization: Bearer lct_…; make one by `licencecenter token add NAME`.",
                "Нужен токен: Authorization: Bearer lct_…; создайте его командой `licencecenter token add ИМЯ`.",
            )
            .into_response()
        }
    }
}

type Answer<T> = Result<T, ApiError>;

async fn ask<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&mut crate::centre::Centre) -> Result<T, CentreError> + Send + 'static,
) -> Answer<T> {
    shared
        .with(work)
        .await
        .ok_or_else(ApiError::broken)?
        .map_err(Into::into)
}

fn key_id(text: &str) -> Answer<KeyId> {
    text.parse().map_err(|error: protocol::keyid::KeyIdError| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            error.to_string(),
            "серия — четыре шестнадцатеричные цифры, например 672B",
        )
    })
}

#[derive(Deserialize, IntoParams)]
struct CodesQuery {
    /// Of this series.
    series: Option<String>,
    /// Of this order.
    order: Option<String>,
    /// Of this key.
    key_no: Option<u32>,
}

/// The codes that were found.
#[derive(Serialize, ToSchema)]
struct Codes {
    codes: Vec<Listed>,
}

/// Codes as lists show them; the codes themselves are not kept.
#[utoipa::path(get, path = "/admin/v1/codes", params(CodesQuery),
    responses((status = 200, body = Codes), (status = "4XX", body = Failure)))]

async fn list_codes(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<CodesQuery>,
) -> Answer<Json<Codes>> {
    let filter = Filter {
        series: query.series.as_deref().map(key_id).transpose()?,
        order: query.order,
        key_no: query.key_no,
        code: None,
    };
    let codes = ask(&shared, move |centre| centre.codes(&filter, dates::now())).await?;
    Ok(Json(Codes { codes }))
}

/// What codes are issued for: an article, or an offer of its own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Issue {
    /// The series, four hex digits.
    series: String,
    /// How many codes.
    count: u32,
    /// The article.
    article: Option<String>,
    /// What each key gives, without an article.
    offer: Option<Offer>,
    /// The order's number.
    order: Option<String>,
    /// The customer.
    customer: Option<String>,
    /// The owner's ИНН: nobody else activates the codes.
    itn: Option<String>,
    /// The owner's КПП.
    iec: Option<String>,
}

/// A code that was issued, shown this once.
#[derive(Serialize, ToSchema)]
struct NewCode {
    key_no: u32,
    code: String,
}

/// The codes that were issued.
#[derive(Serialize, ToSchema)]
struct NewCodes {
    codes: Vec<NewCode>,
}

/// Issues codes, all of them or none.
#[utoipa::path(post, path = "/admin/v1/codes", request_body = Issue,
    responses((status = 201, body = NewCodes), (status = "4XX", body = Failure)))]
async fn issue_codes(
    State(shared): State<Arc<Shared>>,
    axum::Extension(who): axum::Extension<Who>,
    Json(issue): Json<Issue>,
) -> Answer<(StatusCode, Json<NewCodes>)> {
    let series = key_id(&issue.series)?;
    let owner = |error: protocol::owner::OwnerError| {
        ApiError::new(StatusCode::BAD_REQUEST, error.to_string(), error.russian())
    };
    let itn = issue
        .itn
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(owner)?;
    let iec = issue
        .iec
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(owner)?;
    let issued = ask(&shared, move |centre| {
        let offer = match (issue.article, issue.offer) {
            (Some(article), None) => centre.article(series, &article)?,
            (None, Some(offer)) => offer,
            _ => {
                return Err(CentreError::Usage(
                    "give either article or offer".to_owned(),
                ));
            }
        };
        let sale = Sale {
            series,
            offer,
            count: issue.count,
            order: issue.order,
            customer: issue.customer,
            itn,
            iec,
            ends_at: None,
        };
        centre.issue_codes(&sale, &who.0, dates::now())
    })
    .await?;
    let codes = issued
        .iter()
        .map(|one| NewCode {
            key_no: one.key_no,
            code: one.code.reveal(),
        })
        .collect();
    Ok((StatusCode::CREATED, Json(NewCodes { codes })))
}

/// The code that is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Revoke {
    code: String,
}

/// The key that was taken back.
#[derive(Serialize, ToSchema)]
struct Revoked {
    key_no: u32,
}

/// Takes a code and its key back.
#[utoipa::path(post, path = "/admin/v1/codes/revoke", request_body = Revoke,
    responses((status = 200, body = Revoked), (status = "4XX", body = Failure)))]
async fn revoke_code(
    State(shared): State<Arc<Shared>>,
    axum::Extension(who): axum::Extension<Who>,
    Json(revoke): Json<Revoke>,
) -> Answer<Json<Revoked>> {
    let code = ActivationCode::parse(&revoke.code).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, error.to_string(), error.russian())
    })?;
    let key_no = ask(&shared, move |centre| {
        centre.revoke_code(&code, &who.0, dates::now())
    })
    .await?;
    Ok(Json(Revoked { key_no }))
}

/// Takes a key and its codes back.
#[utoipa::path(post, path = "/admin/v1/keys/{KeyNo}/revoke", params(("KeyNo" = u32, Path)),
    responses((status = 200, body = Revoked), (status = "4XX", body = Failure)))]
async fn revoke_key(
    State(shared): State<Arc<Shared>>,
    axum::Extension(who): axum::Extension<Who>,
    Path(key_no): Path<u32>,
) -> Answer<Json<Revoked>> {
    ask(&shared, move |centre| {
        centre.revoke_key(key_no, &who.0, dates::now())
    })
    .await?;
    Ok(Json(Revoked { key_no }))
}

/// The numbers of all series.
#[derive(Serialize, ToSchema)]
struct Report {
    series: Vec<SeriesReport>,
}

/// What was sold and what works.
#[utoipa::path(get, path = "/admin/v1/report",
    responses((status = 200, body = Report), (status = "4XX", body = Failure)))]
async fn report(State(shared): State<Arc<Shared>>) -> Answer<Json<Report>> {
    let series = ask(&shared, |centre| centre.report(dates::now())).await?;
    Ok(Json(Report { series }))
}

#[derive(Deserialize, IntoParams)]
struct JournalQuery {
    /// Of this key.
    key_no: Option<u32>,
    /// How many at most; 100 when not said, 10000 at most.
    limit: Option<u32>,
}

/// Entries, newest first.
#[derive(Serialize, ToSchema)]
struct Journal {
    entries: Vec<Entry>,
}

/// Who did what and when.
#[utoipa::path(get, path = "/admin/v1/journal", params(JournalQuery),
    responses((status = 200, body = Journal), (status = "4XX", body = Failure)))]
async fn journal(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<JournalQuery>,
) -> Answer<Json<Journal>> {
    let limit = query.limit.unwrap_or(100).min(10_000);
    let entries = ask(&shared, move |centre| centre.journal(query.key_no, limit)).await?;
    Ok(Json(Journal { entries }))
}
