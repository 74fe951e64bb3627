//! GET /live: says that something has changed, and nothing of what. A page that hears it asks for itself again, with whatever
//! rights its visitor has by then.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::{
    sync::{broadcast, watch},
    time::Instant,
};

use super::{visit::Visit, watchers::Place};
use crate::{server::Server, store::Change};

/// Changes that come closer together are told once.
const TOGETHER: Duration = Duration::from_millis(400);
/// How often a quiet stream says that it lives.
const QUIET: Duration = Duration::from_secs(15);
/// A stream ends after so long, and its page asks for another: it may not be its visitor's to have any more.
const LONGEST: Duration = Duration::from_secs(10 * 60);

struct Watcher {
    changes: broadcast::Receiver<Change>,
    ending: watch::Receiver<bool>,
    ends: Instant,
    _place: Place,
}

/// The stream.
pub(super) async fn stream(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    let Some(place) = server.visitors.watching.take(&visit) else {
        // The page asks for itself from time to time then.
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let watcher = Watcher {
        changes: server.journal.changes(),
        ending: server.streams.ending(),
        ends: Instant::now() + LONGEST,
        _place: place,
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        watcher.next().await.then(|| {
            let event = sse::Event::default().event("changed").data("now");
            (Ok::<_, Infallible>(event), watcher)
        })
    });
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(QUIET))
        .into_response()
}

impl Watcher {
    /// Waits for a change; false when the stream ends.
    async fn next(&mut self) -> bool {
        let came = tokio::select! {
            change = self.changes.recv() => !matches!(change, Err(broadcast::error::RecvError::Closed)),
            _ = self.ending.changed() => false,
            () = tokio::time::sleep_until(self.ends) => false,
        };
        if !came || *self.ending.borrow() {
            return false;
        }
        tokio::time::sleep(TOGETHER).await;
        // What came meanwhile is in what the page asks for now.
        loop {
            match self.changes.try_recv() {
                Ok(_) | Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(broadcast::error::TryRecvError::Empty) => return true,
                Err(broadcast::error::TryRecvError::Closed) => return false,
            }
        }
    }
}
