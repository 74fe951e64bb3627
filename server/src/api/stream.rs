//! GET /api/stream: changes as they come, as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

use super::{error::ApiError, query::Asked};
use crate::{
    read::Event,
    server::Server,
    store::{Change, EventQuery, EventRow, MAX_PAGE},
};

/// The most that watch at once.
const MOST: usize = 64;
/// How often a quiet stream says that it lives, and looks whether it still may.
const QUIET: Duration = Duration::from_secs(5);
/// The header with the number of the last line that a watcher has seen.
const LAST: &str = "last-event-id";

/// Who watches, and whether they still may.
pub struct Streams {
    places: Arc<Semaphore>,
    ending: watch::Sender<bool>,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST)),
            ending: watch::Sender::new(false),
        }
    }
}

impl Streams {
    /// Hears when all of them end.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Ends all of them: the server stops.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }
}

/// Occupied seats, or the seats that there are, have changed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Seats {
    #[serde(rename = "KeyID")]
    key_id: String,
    used: u32,
    total: u32,
}

/// The watcher was too slow, or away for too long: it should read everything anew.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Missed {
    count: Option<u64>,
}

struct Watcher {
    server: Arc<Server>,
    changes: broadcast::Receiver<Change>,
    ending: watch::Receiver<bool>,
    /// What came while it was away, the latest first, and whether that is not all.
    late: Vec<EventRow>,
    missed: bool,
    /// The last line that it was told.
    last: i64,
    /// The settings' credential when it came: it ends when that is changed.
    credential: (String, String),
    _place: OwnedSemaphorePermit,
}

/// Changes as they come, as server-sent events
///
/// `event` carries a line of the journal, `usage` the seats of a series, `missed` says that something was left out and
/// everything should be read anew. With the header Last-Event-ID the lines since then come first.
#[utoipa::path(
    get, path = "/api/stream", tag = "Events",
    responses((status = 200, content_type = "text/event-stream", body = String))
)]
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.no_more(&[])?;
    let place = Arc::clone(&server.streams.places)
        .try_acquire_owned()
        .map_err(|_| ApiError::busy("Too many watch already; close another page, or try later."))?;
    // Watched first: what is written while the past is read comes too.
    let changes = server.journal.changes();
    let last: Option<i64> = headers
        .get(LAST)
        .and_then(|last| last.to_str().ok()?.parse().ok());
    let (late, missed) = match last {
        None => (Vec::new(), false),
        Some(after) => {
            let query = EventQuery {
                after: Some(after),
                limit: MAX_PAGE,
                ..EventQuery::default()
            };
            let page = server.journal.events(query).await?;
            (page.rows, page.more)
        }
    };
    let watcher = Watcher {
        ending: server.streams.ending(),
        credential: credential(&server),
        server,
        changes,
        late,
        missed,
        last: last.unwrap_or(i64::MIN),
        _place: place,
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(QUIET))
        .into_response())
}

fn credential(server: &Server) -> (String, String) {
    let conf = server.conf();
    (conf.user_name.clone(), conf.password.text().to_owned())
}

impl Watcher {
    fn may_watch(&self) -> bool {
        !*self.ending.borrow()
            && self.server.conf().api_enabled
            && credential(&self.server) == self.credential
    }

    async fn next(&mut self) -> Option<sse::Event> {
        if std::mem::take(&mut self.missed) {
            return Some(event("missed", &Missed { count: None }));
        }
        if let Some(row) = self.late.pop() {
            return Some(self.line(&row));
        }
        loop {
            if !self.may_watch() {
                return None;
            }
            let change = tokio::select! {
                change = self.changes.recv() => change,
                () = tokio::time::sleep(QUIET) => continue,
                _ = self.ending.changed() => continue,
            };
            match change {
                Ok(Change::Event(row)) if row.seq <= self.last => {}
                Ok(Change::Event(row)) => return Some(self.line(&row)),
                Ok(Change::Usage {
                    key_id,
                    used,
                    total,
                }) => {
                    let seats = Seats {
                        key_id: key_id.to_string(),
                        used,
                        total,
                    };
                    return Some(event("usage", &seats));
                }
                Err(broadcast::error::RecvError::Lagged(count)) => {
                    return Some(event("missed", &Missed { count: Some(count) }));
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    fn line(&mut self, row: &EventRow) -> sse::Event {
        self.last = self.last.max(row.seq);
        event("event", &Event::from(row)).id(row.seq.to_string())
    }
}

fn event(name: &str, data: &impl Serialize) -> sse::Event {
    sse::Event::default()
        .event(name)
        // JSON has no line breaks of its own.
        .data(serde_json::to_string(data).unwrap_or_default())
}
