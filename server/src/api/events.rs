//! GET /api/events: the journal.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue},
    response::Response,
};

use super::{
    error::ApiError,
    query::{Asked, TOTAL},
    usage::TIME,
};
use crate::{
    accounting::EventKind,
    read::{Events, moment},
    server::Server,
    store::{EventQuery, MAX_PAGE},
};

/// How many lines are answered when Limit says nothing.
const PAGE: usize = 100;
/// The header that says whether earlier lines match too.
const MORE: HeaderName = HeaderName::from_static("x-more");

/// The parameters.
const KNOWN: [&str; 17] = [
    "Event",
    "KeyID",
    "KeyNo",
    "Session",
    "Connection",
    "UserName",
    "ComputerName",
    "AppName",
    "Reason",
    "From",
    "Until",
    "Before",
    "After",
    "Limit",
    "Offset",
    "Fields",
    "Format",
];

/// The journal, the latest line first
///
/// 100 lines are answered, or Limit, which is at most 1000; the header X-More says whether earlier ones match too.
/// Before takes the EventNo of a page's last line, for the page after it. Texts pass whatever the case of letters; those and Event may be given several times.
#[utoipa::path(
    get, path = "/api/events", tag = "Events",
    params(
        ("Event" = Option<String>, Query, description = "What happened; names with commas"),
        ("KeyID" = Option<String>, Query, description = "About this series"),
        ("KeyNo" = Option<u32>, Query, description = "About this key"),
        ("Session" = Option<String>, Query, description = "About the session with this ID"),
        ("Connection" = Option<String>, Query, description = "About the connection with this ID"),
        ("UserName" = Option<String>, Query, description = "About this user"),
        ("ComputerName" = Option<String>, Query, description = "At this computer"),
        ("AppName" = Option<String>, Query, description = "With this application"),
        ("Reason" = Option<String>, Query, description = "For this reason"),
        ("From" = Option<String>, Query, description = "From this time on"),
        ("Until" = Option<String>, Query, description = "Before this time"),
        ("Before" = Option<i64>, Query, description = "Lines before the one with this EventNo"),
        ("After" = Option<i64>, Query, description = "Lines after the one with this EventNo"),
    ),
    responses((status = 200, body = Events))
)]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    mut asked: Asked,
) -> Result<Response, ApiError> {
    let id = "an ID of 32 hex digits";
    let number = "a whole number";
    let mut kinds = Vec::new();
    for name in asked
        .take_all("Event")
        .iter()
        .flat_map(|names| names.split(','))
    {
        kinds.push(EventKind::from_name(name.trim()).ok_or_else(|| unknown_kind(name))?);
    }
    let query = EventQuery {
        kinds,
        key_id: asked.take_as("KeyID", "a series as 672B", |text| text.parse().ok())?,
        key_no: asked.take_as("KeyNo", number, |text| text.parse().ok())?,
        session: asked.take_as("Session", id, |text| text.parse().ok())?,
        connection: asked.take_as("Connection", id, |text| text.parse().ok())?,
        user_name: asked.take_all("UserName"),
        computer_name: asked.take_all("ComputerName"),
        app_name: asked.take_all("AppName"),
        reason: asked.take_all("Reason"),
        from: asked.take_as("From", TIME, moment)?,
        until: asked.take_as("Until", TIME, moment)?,
        before: asked.take_as("Before", number, |text| text.parse().ok())?,
        after: asked.take_as("After", number, |text| text.parse().ok())?,
        ..EventQuery::default()
    };
    asked.no_more(&KNOWN)?;
    let (limit, offset) = asked.take_page(PAGE, MAX_PAGE);
    let query = EventQuery {
        limit,
        offset,
        ..query
    };
    let (rows, more) = server.read_events(query).await?;
    let mut response = asked.list::<Events>(rows)?;
    let headers = response.headers_mut();
    // Only what is on the page was counted.
    headers.remove(TOTAL);
    headers.insert(
        MORE,
        HeaderValue::from_static(if more { "true" } else { "false" }),
    );
    Ok(response)
}

fn unknown_kind(name: &str) -> ApiError {
    let names: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    ApiError::bad_request(&format!(
        "There is no event {}; there are: {}.",
        crate::logs::tame(name),
        names.join(", ")
    ))
}
