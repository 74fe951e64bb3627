//! The infobase sessions that hold seats.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Many,
    connections::{expiry, true_or_false},
    time::{iso, iso_seconds},
};
use crate::{
    accounting::{Moment, SessionId},
    server::Server,
    store::{SessionRow, StoreError},
};

/// All of them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Sessions {
    /// The longest seated first.
    pub sessions: Vec<Session>,
}

impl Many for Sessions {
    type Row = Session;
    const NAME: &str = "Sessions";

    fn of(sessions: Vec<Session>) -> Self {
        Self { sessions }
    }
}

/// One session. Values are strings as those of connections are.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Session {
    /// Names the session here
    #[serde(rename = "ID")]
    pub id: String,
    /// The connection that created it
    pub session_connection: String,
    /// Its number in the infobase
    pub session_number: String,
    /// When it began in the infobase, UTC
    pub session_started: String,
    /// The infobase
    pub info_base_connection_str: String,
    /// The user's computer
    pub computer_name: String,
    /// The 1C application
    pub app_name: String,
    /// The infobase user
    pub user_name: String,
    /// Whether a server process created it
    pub is_server: bool,
    /// The access code of its connection
    pub access_code: String,
    /// The series
    #[serde(rename = "KeyID")]
    pub key_id: String,
    /// When it ends if nothing is heard of it, UTC
    pub expire_time: String,
    /// True or False: whether that is past
    pub expired: String,
    /// The KeyNo whose seat it has
    pub used_licence: String,
}

impl Server {
    /// All sessions, the longest seated first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_sessions(&self) -> Result<Vec<Session>, StoreError> {
        let mut rows = self.store.sessions().await?;
        rows.sort_by_key(|row| (row.session.since, row.session.number, row.session.id));
        let now = self.clock.now();
        Ok(rows.iter().map(|row| describe(self, row, now)).collect())
    }

    /// One session.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row = self.store.session(id).await?;
        Ok(row.map(|row| describe(self, &row, self.clock.now())))
    }
}

fn describe(server: &Server, row: &SessionRow, now: Moment) -> Session {
    let session = &row.session;
    let (expires, expired) = match session.linger_until {
        Some(end) => (end, end <= now),
        // Kept as long as the longest of its connections.
        None => {
            let last = session
                .attached
                .iter()
                .filter_map(|id| server.lives.last_used(id, now))
                .max();
            expiry(server, last, session.since)
        }
    };
    Session {
        id: session.id.to_string(),
        session_connection: session.created_by.to_string(),
        session_number: session.number.to_string(),
        session_started: iso_seconds(session.started).unwrap_or_default(),
        info_base_connection_str: session.infobase.to_string(),
        computer_name: session.computer_name.to_string(),
        app_name: session.app_name.to_string(),
        user_name: session.user_name.to_string(),
        is_server: session.is_server,
        access_code: session.access_code.to_string(),
        key_id: row.key_id.to_string(),
        expire_time: iso(expires).unwrap_or_default(),
        expired: true_or_false(expired),
        used_licence: session.key_no.to_string(),
    }
}
