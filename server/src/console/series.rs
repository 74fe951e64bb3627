//! GET /: the products, with their keys, connections and sessions. Monitors read this page, so its marks stay as they are.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use protocol::KeyId;

use super::{
    page,
    visit::Visit,
    words::{self, CONNECTIONS, SESSIONS},
};
use crate::{
    accounting::Unusable,
    read::{Licence, Product, ProductKey, Seated},
    server::Server,
    store::{ConnectionRow, StoreError},
};

/// How many connections of a series the page shows.
const CONNECTIONS_SHOWN: usize = 30;
/// How many sessions of a series it shows: the list of sessions has all, with search and pages.
const SESSIONS_SHOWN: usize = 60;
/// How many series are shown with their lists; of those after them only the totals.
const DETAILED: usize = 20;

#[derive(Template)]
#[template(path = "series.html")]
struct Page<'p> {
    v: &'p Visit,
    series: Vec<Series>,
    nothing_known: bool,
    conf_file: String,
}

struct Series {
    key_id: String,
    name: String,
    usable: bool,
    used: u32,
    total: u32,
    /// Sessions whose processes are not heard at the moment.
    away: u32,
    /// Of the width of the bar, in hundredths.
    filled: u32,
    connections: Vec<Connection>,
    more_connections: String,
    sessions: Vec<Session>,
    more_sessions: String,
    keys: Vec<Key>,
}

struct Connection {
    id: String,
    host: String,
    address: String,
    application: String,
}

struct Session {
    number: String,
    user: String,
    attached: bool,
}

struct Key {
    number: u32,
    registration: String,
    kind: String,
    itn: String,
    iec: String,
    status: String,
    good: bool,
    carrier: bool,
    why: String,
}

/// The page.
pub(super) async fn page(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    match read(&server, &visit).await {
        Ok(series) => page::show(&Page {
            v: &visit,
            nothing_known: server.keys.series().is_empty(),
            conf_file: server.conf().series_file.display().to_string(),
            series,
        }),
        Err(error) => page::store_failed(&visit, &error),
    }
}

async fn read(server: &Arc<Server>, visit: &Visit) -> Result<Vec<Series>, StoreError> {
    let products = server.read_products().await?;
    let mut connections: BTreeMap<KeyId, (Vec<ConnectionRow>, usize)> = BTreeMap::new();
    let mut names = server.store.connection_names().await?;
    names.sort_unstable();
    for name in names {
        let (shown, found) = connections.entry(name.key_id).or_default();
        *found += 1;
        if shown.len() < CONNECTIONS_SHOWN {
            shown.extend(server.store.connection(name.id).await?);
        }
    }
    let mut sessions = server.first_sessions(SESSIONS_SHOWN).await?;
    let licences = server.read_licences_in(visit.lang);
    let hide = server.conf().console.hide_uninstalled;
    let mut all = Vec::new();
    for product in products {
        if hide && product.keys.is_empty() {
            continue;
        }
        let rows = connections.remove(&product.key_id).unwrap_or_default();
        let seated = sessions.remove(&product.key_id).unwrap_or_default();
        let detailed = all.len() < DETAILED;
        all.push(one(visit, product, rows, seated, &licences, detailed));
    }
    Ok(all)
}

fn one(
    visit: &Visit,
    product: Product,
    (rows, connected): (Vec<ConnectionRow>, usize),
    (mut seated, found): (Vec<Seated>, usize),
    licences: &[Licence],
    detailed: bool,
) -> Series {
    let connections_shown = if detailed { CONNECTIONS_SHOWN } else { 0 };
    if !detailed {
        seated.clear();
    }
    let more = |all: usize, shown: usize, forms| {
        let rest = all.saturating_sub(shown);
        if rest == 0 {
            String::new()
        } else {
            words::count(visit.lang, rest as u64, forms)
        }
    };
    Series {
        key_id: product.key_id.to_string(),
        usable: product.keys.iter().any(|key| key.unusable.is_none()),
        used: product.used,
        total: product.total,
        away: product.away,
        filled: percent(product.used, product.total),
        more_connections: more(connected, connections_shown.min(rows.len()), CONNECTIONS),
        connections: rows
            .iter()
            .take(connections_shown)
            .map(connection)
            .collect(),
        more_sessions: more(found, seated.len(), SESSIONS),
        sessions: seated
            .into_iter()
            .map(|seated| Session {
                number: seated.session.session_number,
                user: seated.session.user_name,
                attached: !seated.lingers,
            })
            .collect(),
        keys: keys(visit, &product, licences),
        name: product.name,
    }
}

fn percent(used: u32, total: u32) -> u32 {
    if total == 0 {
        return 0;
    }
    let percent = u64::from(used) * 100 / u64::from(total);
    // One seat of a thousand is seen too.
    percent.clamp(u64::from(used > 0), 100) as u32
}

fn connection(row: &ConnectionRow) -> Connection {
    let facts = &row.connection.facts;
    Connection {
        id: row.connection.id.to_string(),
        host: facts.computer_name.clone(),
        address: row.connection.peer_ip.clone(),
        application: program(&facts.process).to_owned(),
    }
}

/// The file's name of a path of either system.
pub(super) fn program(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn keys(visit: &Visit, product: &Product, licences: &[Licence]) -> Vec<Key> {
    let of_series = product.key_id.to_string();
    let ours = licences
        .iter()
        .filter(|licence| licence.key_id.as_ref() == Some(&of_series));
    ours.map(|licence| {
        let number = licence.key_no.unwrap_or_default();
        let state = product.keys.iter().find(|key| key.key_no == number);
        let good = state.is_some_and(|state| state.unusable.is_none()) && licence.workable;
        let seats = u64::from(licence.licence_count.unwrap_or(0));
        Key {
            number,
            registration: licence
                .reg_no
                .map_or_else(String::new, |number| number.to_string()),
            kind: format!(
                "{} {}",
                key_type(visit, licence.key_type),
                visit.lang.pick(
                    format!("{seats} {}", words::plural(visit.lang, seats, words::SEATS)),
                    format!("{seats} лиц."),
                )
            ),
            itn: licence.itn_text.clone().unwrap_or_default(),
            iec: licence
                .iec
                .map_or_else(String::new, |iec| format!("{iec:09}")),
            status: status(visit, good, state),
            good,
            carrier: licence.kind == "USB" || licence.blank_key_no.is_some(),
            // It may name files, which are nothing for whoever passes by.
            why: licence
                .open_error
                .clone()
                .filter(|_| visit.manages() && !good)
                .unwrap_or_default(),
        }
    })
    .collect()
}

/// What a key type is called.
pub(super) fn key_type(visit: &Visit, number: Option<u8>) -> &str {
    match number {
        Some(3) => visit.t("Main", "Основной"),
        Some(4) => visit.t("Additional", "Дополнительный"),
        Some(5) => visit.t("Demo", "Демонстрационный"),
        _ => visit.t("Key", "Ключ"),
    }
}

fn status(visit: &Visit, good: bool, state: Option<&ProductKey>) -> String {
    match state.and_then(|state| state.unusable) {
        None if good => visit.t("Available", "Доступен").into(),
        Some(Unusable::Expired(at)) => {
            let day = words::day(at, &visit.zone);
            visit.lang.pick(
                format!("Expired {day}"),
                format!("Срок действия истёк {day}"),
            )
        }
        _ => visit
            .t("Product not available", "Продукт недоступен")
            .into(),
    }
}
