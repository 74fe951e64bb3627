//! The infobase sessions that hold seats.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use protocol::KeyId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Many,
    connections::{expiry, true_or_false},
    time::{iso, iso_seconds},
};
use crate::{
    accounting::{ConnectionId, Glance, Moment, SessionId, Text},
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
        self: &Arc<Self>,
        search: SessionSearch,
    ) -> Result<(Vec<Seated>, usize), StoreError> {
        self.in_line(move |server| {
            let text = search.text.to_lowercase();
            let mut page = Page::new(&search);
            server
                .store
                .look_at_sessions(search.key_id, &mut |key_id, session| {
                    if finds(&search, &text, session) {
                        page.add(key_id, session);
                    }
                });
            let (ids, found) = page.cut();
            (server.seated(&ids), found)
        })
        .await
    }

    /// The longest seated sessions of each series, at most so many, and how many it has.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn first_sessions(
        self: &Arc<Self>,
        limit: usize,
    ) -> Result<BTreeMap<KeyId, (Vec<Seated>, usize)>, StoreError> {
        self.in_line(move |server| {
            let search = SessionSearch {
                limit,
                ..SessionSearch::default()
            };
            let mut pages: BTreeMap<KeyId, Page> = BTreeMap::new();
            server.store.look_at_sessions(None, &mut |key_id, session| {
                let page = pages.entry(key_id).or_insert_with(|| Page::new(&search));
                page.add(key_id, session);
            });
            let first = |(key_id, page): (KeyId, Page)| {
                let (ids, found) = page.cut();
                (key_id, (server.seated(&ids), found))
            };
            pages.into_iter().map(first).collect()
        })
        .await
    }

    fn seated(&self, ids: &[(KeyId, SessionId)]) -> Vec<Seated> {
        let now = self.clock.now();
        let rows = self.store.some_sessions(ids);
        rows.iter().map(|row| seated(self, row, now)).collect()
    }

    /// The sessions that pass, the longest seated first: so many after the first `offset`, and how many pass altogether.
    /// `glances` looks at a session where it lies; `passes`, where there is one, at the whole of it. To be called in line.
    pub(crate) fn read_sessions(
        &self,
        glances: &dyn Fn(KeyId, &Glance<'_>) -> bool,
        passes: Option<&dyn Fn(&Session) -> bool>,
        offset: usize,
        limit: usize,
    ) -> (Vec<Session>, usize) {
        let mut page = Page::new(&SessionSearch {
            offset: if passes.is_some() { 0 } else { offset },
            limit: if passes.is_some() { usize::MAX } else { limit },
            ..SessionSearch::default()
        });
        self.store.look_at_sessions(None, &mut |key_id, session| {
            if glances(key_id, session) {
                page.add(key_id, session);
            }
        });
        let (ids, found) = page.cut();
        let now = self.clock.now();
        let described = ids.chunks(CHUNK).flat_map(|ids| {
            let rows = self.store.some_sessions(ids).into_iter();
            rows.map(|row| describe(self, &row, now))
        });
        let Some(passes) = passes else {
            return (described.collect(), found);
        };
        let (mut rows, mut found) = (Vec::new(), 0);
        for session in described.filter(passes) {
            if found >= offset && rows.len() < limit {
                rows.push(session);
            }
            found += 1;
        }
        (rows, found)
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

/// How many sessions are unpacked in one go.
const CHUNK: usize = 512;

/// The page of a list that is being looked through: nothing is kept but what may be on it or before it.
struct Page {
    order: SessionOrder,
    backwards: bool,
    offset: usize,
    /// How many come first, those before the page included.
    end: usize,
    found: usize,
    places: Vec<Place>,
}

/// What a session is ordered by, and where it is found.
struct Place {
    text: Option<Text>,
    since: Moment,
    number: u32,
    id: SessionId,
    key_id: KeyId,
}

impl Page {
    fn new(search: &SessionSearch) -> Self {
        Self {
            order: search.order,
            backwards: search.backwards,
            offset: search.offset,
            end: search.offset.saturating_add(search.limit),
            found: 0,
            places: Vec::new(),
        }
    }

    fn add(&mut self, key_id: KeyId, session: &Glance<'_>) {
        self.found += 1;
        let text = match self.order {
            SessionOrder::Since | SessionOrder::Number => None,
            SessionOrder::User => Some(session.user_name.clone()),
            SessionOrder::Computer => Some(session.computer_name.clone()),
            SessionOrder::App => Some(session.app_name.clone()),
        };
        self.places.push(Place {
            text,
            since: session.since,
            number: session.number,
            id: session.id,
            key_id,
        });
        if self.places.len() > self.end.saturating_mul(2).saturating_add(CHUNK) {
            self.shorten();
        }
    }

    /// Cuts to those that come first: what comes later needs no order.
    fn shorten(&mut self) {
        if self.end == 0 {
            self.places.clear();
        } else if self.end < self.places.len() {
            let (order, backwards) = (self.order, self.backwards);
            self.places
                .select_nth_unstable_by(self.end - 1, |one, other| {
                    compare(order, backwards, one, other)
                });
            self.places.truncate(self.end);
        }
    }

    /// Who is on the page, in order, and how many there are on all pages.
    fn cut(mut self) -> (Vec<(KeyId, SessionId)>, usize) {
        self.shorten();
        let (order, backwards) = (self.order, self.backwards);
        self.places
            .sort_unstable_by(|one, other| compare(order, backwards, one, other));
        let page = self.places.iter().skip(self.offset);
        (
            page.map(|place| (place.key_id, place.id)).collect(),
            self.found,
        )
    }
}

fn finds(search: &SessionSearch, text: &str, session: &Glance<'_>) -> bool {
    search.connection.is_none_or(|id| session.is_kept_by(id))
        && (text.is_empty()
            || session.number.to_string() == text
            || [
                session.user_name,
                session.computer_name,
                session.app_name,
                session.infobase,
            ]
            .iter()
            .any(|field| field.to_lowercase().contains(text)))
}

fn compare(order: SessionOrder, backwards: bool, one: &Place, other: &Place) -> Ordering {
    let first = match order {
        SessionOrder::Number => one.number.cmp(&other.number),
        _ => one.text.cmp(&other.text),
    };
    let usual = |place: &Place| (place.since, place.number, place.id);
    let compared = first.then_with(|| usual(one).cmp(&usual(other)));
    if backwards {
        compared.reverse()
    } else {
        compared
    }
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
