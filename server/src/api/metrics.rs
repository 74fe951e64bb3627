//! GET /metrics: seats, keys and events for Prometheus.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use protocol::{KeyId, Reason, Version};
use tokio::sync::broadcast::error::RecvError;

use super::error::ApiError;
use crate::{
    accounting::EventKind,
    health::{Health, PATIENCE},
    read::Product,
    server::Server,
    store::{Change, EventRow},
};

/// What alerts wait for, and what happens so seldom that its first time counts. Prometheus sees no increase in a counter that
/// appears with its first count, so these are there from the start, without a series.
const AWAITED: [EventKind; 2] = [EventKind::ClockSetBack, EventKind::SignInRefused];

/// How often what happened since the start.
#[derive(Default)]
pub struct Counts {
    events: Mutex<BTreeMap<(&'static str, Option<KeyId>), u64>>,
    denied: Mutex<BTreeMap<(Option<KeyId>, &'static str), u64>>,
    missed: Mutex<u64>,
}

impl Counts {
    /// Counts until it is aborted.
    pub async fn run(server: Arc<Server>) {
        let mut changes = server.journal.changes();
        loop {
            match changes.recv().await {
                Ok(Change::Event(row)) => server.counts.count(&row),
                Ok(Change::Usage { .. }) => {}
                Err(RecvError::Lagged(count)) => *server.counts.missed.lock() += count,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

impl Counts {
    fn count(&self, row: &EventRow) {
        let kind = row.event.kind;
        *self
            .events
            .lock()
            .entry((kind.name(), row.key_id))
            .or_insert(0) += 1;
        if kind == EventKind::Denied {
            // Only what is in the list of reasons, so that the page has a bound.
            let reason = Reason::ALL
                .iter()
                .map(|reason| reason.name())
                .find(|name| *name == &*row.event.reason)
                .unwrap_or("other");
            *self.denied.lock().entry((row.key_id, reason)).or_insert(0) += 1;
        }
    }
}

/// Seats, keys and events for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "Usage",
    responses((status = 200, content_type = "text/plain", body = String))
)]
pub(super) async fn get(State(server): State<Arc<Server>>) -> Result<Response, ApiError> {
    let products = server.read_products().await?;
    let connections = server.store.connection_names().await?;
    let mut by_series: BTreeMap<KeyId, usize> = BTreeMap::new();
    for row in &connections {
        *by_series.entry(row.key_id).or_insert(0) += 1;
    }
    let mut page = Page::default();
    page.metric("licenceserver_info", "gauge", "The server's version.");
    page.value(
        "licenceserver_info",
        &[("version", &Version::CURRENT.to_string())],
        1,
    );
    page.metric(
        "licenceserver_start_time_seconds",
        "gauge",
        "When the server started, seconds since 1970.",
    );
    page.value(
        "licenceserver_start_time_seconds",
        &[],
        server.started.seconds(),
    );
    page.metric(
        "licenceserver_ready",
        "gauge",
        "1 when the disk takes what the server writes.",
    );
    let health = Health::of(server.store.as_ref(), PATIENCE).await;
    page.value(
        "licenceserver_ready",
        &[],
        i64::from(health == Health::Ready),
    );
    of_products(&mut page, &products);
    page.metric("licenceserver_connections", "gauge", "Component processes.");
    for (key_id, count) in by_series {
        page.value(
            "licenceserver_connections",
            &[("series", &key_id.to_string())],
            count,
        );
    }
    page.metric(
        "licenceserver_events_total",
        "counter",
        "Lines of the journal since the start, by event and series.",
    );
    let mut events = server.counts.events.lock().clone();
    for kind in AWAITED {
        events.entry((kind.name(), None)).or_insert(0);
    }
    for ((kind, key_id), count) in events {
        let series = key_id.map_or_else(String::new, |key_id| key_id.to_string());
        page.value(
            "licenceserver_events_total",
            &[("event", kind), ("series", &series)],
            count,
        );
    }
    page.metric(
        "licenceserver_denied_total",
        "counter",
        "Sessions that got no seat since the start, by series and reason.",
    );
    let mut denied = server.counts.denied.lock().clone();
    for product in &products {
        // As with the events that are awaited: each reason is there before its first refusal.
        for reason in Reason::ALL
            .iter()
            .filter(|reason| matches!(**reason as u16, 300..=399))
        {
            denied
                .entry((Some(product.key_id), reason.name()))
                .or_insert(0);
        }
    }
    for ((key_id, reason), count) in denied {
        let series = key_id.map_or_else(String::new, |key_id| key_id.to_string());
        page.value(
            "licenceserver_denied_total",
            &[("series", &series), ("reason", reason)],
            count,
        );
    }
    page.metric(
        "licenceserver_events_uncounted_total",
        "counter",
        "Lines that came faster than they were counted.",
    );
    page.value(
        "licenceserver_events_uncounted_total",
        &[],
        *server.counts.missed.lock(),
    );
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], page.text).into_response())
}

fn of_products(page: &mut Page, products: &[Product]) {
    type Of = fn(&Product) -> u32;
    let metrics: [(&str, &str, Of); 3] = [
        (
            "licenceserver_seats",
            "Seats that the usable keys give.",
            |product| product.total,
        ),
        ("licenceserver_seats_used", "Occupied seats.", |product| {
            product.used
        }),
        ("licenceserver_sessions", "Infobase sessions.", |product| {
            product.sessions
        }),
    ];
    for (name, help, value) in metrics {
        page.metric(name, "gauge", help);
        for product in products {
            let series = product.key_id.to_string();
            let labels = [
                ("series", series.as_str()),
                ("product", product.name.as_str()),
            ];
            page.value(name, &labels, value(product));
        }
    }
    type OfKey = fn(&crate::read::ProductKey) -> Option<i64>;
    let metrics: [(&str, &str, OfKey); 4] = [
        ("licenceserver_key_seats", "Seats of a key.", |key| {
            Some(key.seats.into())
        }),
        (
            "licenceserver_key_seats_used",
            "Occupied seats of a key.",
            |key| Some(key.used.into()),
        ),
        (
            "licenceserver_key_usable",
            "1 when the key gives seats now.",
            |key| Some(key.unusable.is_none().into()),
        ),
        (
            "licenceserver_key_end_time_seconds",
            "When the key ends, seconds since 1970; a key without an end has none.",
            |key| key.ends.map(crate::accounting::Moment::seconds),
        ),
    ];
    for (name, help, value) in metrics {
        page.metric(name, "gauge", help);
        for product in products {
            let series = product.key_id.to_string();
            for key in &product.keys {
                let key_no = key.key_no.to_string();
                if let Some(value) = value(key) {
                    page.value(name, &[("series", &series), ("key", &key_no)], value);
                }
            }
        }
    }
}

/// The text in Prometheus' format.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        if labels.is_empty() {
            self.line(format_args!("{name} {value}"));
        } else {
            self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
