//! The infobase sessions that hold seats.

use std::{cmp::Ordering, collections::BTreeMap};

use protocol::KeyId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Many,
    connections::{expiry, true_or_false},
    time::{iso, iso_seconds},
};
use crate::{
    accounting::{ConnectionId, Moment, Session as Row, SessionId},
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

/// Which sessions a list shows, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSearch {
    /// Of this series.
    pub key_id: Option<KeyId>,
    /// Kept by this connection.
    pub connection: Option<ConnectionId>,
    /// With this in user, computer, application, infobase or number, whatever the case.
    pub text: String,
    /// In which order.
    pub order: SessionOrder,
    /// The other way round.
    pub backwards: bool,
    /// How many to skip.
    pub offset: usize,
    /// How many at most.
    pub limit: usize,
}

/// What a list of sessions is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionOrder {
    /// Since when it has its seat.
    #[default]
    Since,
    /// Its number.
    Number,
    /// Its user.
    User,
    /// Its computer.
    Computer,
    /// Its application.
    App,
}

/// A session in a list.
pub struct Seated {
    /// The session.
    pub session: Session,
    /// Since when it has its seat.
    pub since: Moment,
    /// Whether no process keeps it: it waits to be taken over.
    pub lingers: bool,
}

impl Server {
    /// The sessions that a search finds, cut to its page, and how many it finds altogether.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn find_sessions(
        &self,
        search: &SessionSearch,
    ) -> Result<(Vec<Seated>, usize), StoreError> {
        let mut rows = self.store.sessions().await?;
        let text = search.text.to_lowercase();
        rows.retain(|row| finds(search, &text, row));
        let found = rows.len();
        let end = search.offset.saturating_add(search.limit);
        put_in_order(&mut rows, search.order, search.backwards, end);
        let page = rows.iter().skip(search.offset);
        let now = self.clock.now();
        Ok((page.map(|row| seated(self, row, now)).collect(), found))
    }

    /// The longest seated sessions of each series, at most so many, and how many it has.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn first_sessions(
        &self,
        limit: usize,
    ) -> Result<BTreeMap<KeyId, (Vec<Seated>, usize)>, StoreError> {
        let mut by_series: BTreeMap<KeyId, Vec<SessionRow>> = BTreeMap::new();
        for row in self.store.sessions().await? {
            by_series.entry(row.key_id).or_default().push(row);
        }
        let now = self.clock.now();
        let first = |(key_id, mut rows): (KeyId, Vec<SessionRow>)| {
            let found = rows.len();
            put_in_order(&mut rows, SessionOrder::Since, false, limit);
            let rows = rows.iter().map(|row| seated(self, row, now));
            (key_id, (rows.collect(), found))
        };
        Ok(by_series.into_iter().map(first).collect())
    }

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

fn seated(server: &Server, row: &SessionRow, now: Moment) -> Seated {
    Seated {
        session: describe(server, row, now),
        since: row.session.since,
        lingers: row.session.linger_until.is_some(),
    }
}

/// Cuts rows to those that come first, in their order: what comes later needs none.
fn put_in_order(rows: &mut Vec<SessionRow>, order: SessionOrder, backwards: bool, end: usize) {
    let compare = |one: &SessionRow, other: &SessionRow| {
        let compared = compare(order, &one.session, &other.session);
        if backwards {
            compared.reverse()
        } else {
            compared
        }
    };
    if end == 0 {
        rows.clear();
    } else if end < rows.len() {
        rows.select_nth_unstable_by(end - 1, compare);
        rows.truncate(end);
    }
    rows.sort_unstable_by(compare);
}

fn finds(search: &SessionSearch, text: &str, row: &SessionRow) -> bool {
    let session = &row.session;
    search.key_id.is_none_or(|key_id| row.key_id == key_id)
        && search
            .connection
            .is_none_or(|id| session.attached.contains(&id))
        && (text.is_empty()
            || session.number.to_string() == text
            || [
                &session.user_name,
                &session.computer_name,
                &session.app_name,
                &session.infobase,
            ]
            .iter()
            .any(|field| field.to_lowercase().contains(text)))
}

fn compare(order: SessionOrder, one: &Row, other: &Row) -> Ordering {
    let first = match order {
        SessionOrder::Since => Ordering::Equal,
        SessionOrder::Number => one.number.cmp(&other.number),
        SessionOrder::User => one.user_name.cmp(&other.user_name),
        SessionOrder::Computer => one.computer_name.cmp(&other.computer_name),
        SessionOrder::App => one.app_name.cmp(&other.app_name),
    };
    let usual = |row: &Row| (row.since, row.number, row.id);
    first.then_with(|| usual(one).cmp(&usual(other)))
}

fn describe(server: &Server, row: &SessionRow, now: Moment) -> Session {
    let session = &row.session;
    let (expires, expired) = match session.linger_until {
        Some(end) => (server.clock.shown(end), end <= server.clock.steady()),
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
