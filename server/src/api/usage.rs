//! /api/usage and /api/usage/{Step}: seats now, and in the past by minute, hour and day.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::Uri,
    response::Response,
};

use super::{
    error::ApiError,
    query::{Asked, TOTAL},
};
use crate::{
    read::{UsageHistory, UsageOfNow, moment},
    server::Server,
    store::{MAX_PAGE, Step, UsageQuery},
};

/// What a time in a query looks like.
pub(super) const TIME: &str = "a time as 2018-04-02T20:41:13Z, or a day as 2018-04-02";

/// The usage of all series now
#[utoipa::path(get, path = "/api/usage", tag = "Usage", responses((status = 200, body = UsageOfNow)))]
pub(super) async fn now(
    State(server): State<Arc<Server>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.list::<UsageOfNow>(server.read_usage().await?)
}

/// The usage of the past, the latest first
///
/// Minutes are kept for a week, hours for three months, days for five years. At most 1000 rows are answered at once.
#[utoipa::path(
    get, path = "/api/usage/{Step}", tag = "Usage",
    params(
        ("Step" = inline(super::openapi::StepName), Path, description = "How long the rows are"),
        ("KeyID" = Option<String>, Query, description = "Of this series"),
        ("From" = Option<String>, Query, description = "From this time on"),
        ("Until" = Option<String>, Query, description = "Before this time"),
    ),
    responses((status = 200, body = UsageHistory))
)]
pub(super) async fn past(
    State(server): State<Arc<Server>>,
    Path(step): Path<String>,
    uri: Uri,
    mut asked: Asked,
) -> Result<Response, ApiError> {
    let step = match step.as_str() {
        "minute" => Step::Minute,
        "hour" => Step::Hour,
        "day" => Step::Day,
        _ => return Err(ApiError::not_found(uri.path())),
    };
    let key_id = asked.take_as("KeyID", "a series as 672B", |text| text.parse().ok())?;
    let from = asked.take_as("From", TIME, moment)?;
    let until = asked.take_as("Until", TIME, moment)?;
    asked.no_more(&[
        "KeyID", "From", "Until", "Limit", "Offset", "Fields", "Format",
    ])?;
    let (limit, offset) = asked.take_page(MAX_PAGE, MAX_PAGE);
    let query = UsageQuery {
        key_id,
        step,
        from,
        until,
        offset,
        limit,
    };
    let mut response = asked.list::<UsageHistory>(server.read_past_usage(query).await?)?;
    // Only what is on the page was counted.
    response.headers_mut().remove(TOTAL);
    Ok(response)
}
