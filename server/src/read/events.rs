//! The journal: who got a seat, who did not and why, and what else happened.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Many, time::iso};
use crate::{
    server::Server,
    store::{EventQuery, EventRow, StoreError},
};

/// A page of the journal.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Events {
    /// The latest first.
    pub events: Vec<Event>,
}

impl Many for Events {
    type Row = Event;
    const NAME: &str = "Events";

    fn of(events: Vec<Event>) -> Self {
        Self { events }
    }
}

/// A line of the journal.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    /// Its number: later lines have greater ones
    pub event_no: i64,
    /// When it was written, UTC
    pub time: Option<String>,
    /// What happened
    #[serde(rename = "Event")]
    pub kind: String,
    /// The series that it is about
    #[serde(rename = "KeyID")]
    pub key_id: Option<String>,
    /// The key
    pub key_no: Option<u32>,
    /// The session's ID
    pub session: Option<String>,
    /// The connection's ID
    pub connection: Option<String>,
    /// The infobase user, or the administrator's account
    pub user_name: String,
    /// The user's computer, or the administrator's address
    pub computer_name: String,
    /// The 1C application
    pub app_name: String,
    /// Why
    pub reason: String,
    /// What else helps, as name=value words
    pub data: String,
}

impl From<&EventRow> for Event {
    fn from(row: &EventRow) -> Self {
        let event = &row.event;
        Self {
            event_no: row.seq,
            time: iso(row.at),
            kind: event.kind.name().into(),
            key_id: row.key_id.map(|key_id| key_id.to_string()),
            key_no: event.key_no,
            session: event.session.map(|id| id.to_string()),
            connection: event.connection.map(|id| id.to_string()),
            user_name: event.user_name.to_string(),
            computer_name: event.computer_name.to_string(),
            app_name: event.app_name.to_string(),
            reason: event.reason.to_string(),
            data: event.data.to_string(),
        }
    }
}

impl Server {
    /// Lines of the journal, the latest first, and whether there are earlier ones.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_events(&self, query: EventQuery) -> Result<(Vec<Event>, bool), StoreError> {
        let page = self.journal.events(query).await?;
        Ok((page.rows.iter().map(Event::from).collect(), page.more))
    }
}
