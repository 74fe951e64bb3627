//! GET /history: seats used, peaks and refusals over a time, as a chart and as a table; who was refused and why. GET /history.csv:
//! the same figures for a table program.

mod chart;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use protocol::KeyId;

use self::chart::{Chart, Point};
use super::{events, install, page, paging::Asked, visit::Visit, words};
use crate::{
    accounting::{EventKind, Moment},
    api::csv,
    read::iso,
    server::{Server, now},
    store::{EventQuery, EventRow, MAX_PAGE, Step, StoreError, UsageQuery, UsageRow},
};

/// How many refusals are shown.
const REFUSALS: usize = 50;

/// A period: what the address says, English, Russian, how long it is, in which steps.
struct Period {
    id: &'static str,
    name: (&'static str, &'static str),
    step: Step,
    steps: i64,
}

const PERIODS: [Period; 5] = [
    Period {
        id: "hours",
        name: ("6 hours", "6 часов"),
        step: Step::Minute,
        steps: 360,
    },
    Period {
        id: "day",
        name: ("Day", "Сутки"),
        step: Step::Minute,
        steps: 1440,
    },
    Period {
        id: "week",
        name: ("Week", "Неделя"),
        step: Step::Hour,
        steps: 168,
    },
    Period {
        id: "month",
        name: ("Month", "Месяц"),
        step: Step::Hour,
        steps: 744,
    },
    Period {
        id: "year",
        name: ("Year", "Год"),
        step: Step::Day,
        steps: 366,
    },
];

#[derive(Template)]
#[template(path = "history.html")]
struct Page<'p> {
    v: &'p Visit,
    series: Vec<(String, String, bool)>,
    periods: Vec<(&'static str, &'static str, bool)>,
    chart: Option<Chart>,
    peak: u32,
    mean: String,
    denied: u64,
    seats: u32,
    days: Vec<Day>,
    refusals: Vec<Refusal>,
    csv: String,
    journal: String,
}

/// A line of the table.
struct Day {
    name: String,
    mean: String,
    peak: u32,
    total: u32,
    denied: u64,
}

struct Refusal {
    at: Moment,
    who: String,
    app: String,
    why: String,
    detail: String,
}

/// What is asked for.
struct Wanted {
    key_id: Option<KeyId>,
    period: &'static Period,
    from: Moment,
    until: Moment,
}

fn wanted(server: &Server, asked: &Asked) -> Wanted {
    let period = PERIODS
        .iter()
        .find(|period| period.id == asked.get("period"))
        .unwrap_or(&PERIODS[1]);
    let until = Moment(period.step.begin(now()).0 + period.step.millis());
    let known = server.keys.series();
    let first = known.first().map(|series| series.key_id);
    Wanted {
        key_id: asked.parse("series").or(first),
        from: Moment(until.0 - period.steps * period.step.millis()),
        until,
        period,
    }
}

/// The usage, the earliest first.
async fn usage(server: &Server, wanted: &Wanted) -> Result<Vec<UsageRow>, StoreError> {
    let mut all = Vec::new();
    if wanted.key_id.is_none() {
        return Ok(all);
    }
    loop {
        let query = UsageQuery {
            key_id: wanted.key_id,
            step: wanted.period.step,
            from: Some(wanted.from),
            until: Some(wanted.until),
            offset: all.len(),
            limit: MAX_PAGE,
        };
        let rows = server.journal.usage(query).await?;
        let last = rows.len() < MAX_PAGE;
        all.extend(rows);
        if last {
            break;
        }
    }
    all.reverse();
    Ok(all)
}

/// The page.
pub(super) async fn page(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    let wanted = wanted(&server, &asked);
    let read = async {
        let rows = usage(&server, &wanted).await?;
        let refusals = server
            .journal
            .events(EventQuery {
                kinds: vec![EventKind::Denied],
                key_id: wanted.key_id,
                from: Some(wanted.from),
                until: Some(wanted.until),
                limit: REFUSALS,
                ..EventQuery::default()
            })
            .await?;
        Ok::<_, StoreError>((rows, refusals.rows))
    };
    match read.await {
        Ok((rows, refusals)) => {
            page::show(&whole(&server, &visit, &asked, &wanted, &rows, &refusals))
        }
        Err(error) => page::store_failed(&visit, &error),
    }
}

fn whole<'p>(
    server: &Server,
    visit: &'p Visit,
    asked: &Asked,
    wanted: &Wanted,
    rows: &[UsageRow],
    refusals: &[EventRow],
) -> Page<'p> {
    let points: Vec<Point> = rows
        .iter()
        .map(|row| Point {
            at: row.at,
            used: row.used,
            peak: row.peak,
            total: row.total,
            denied: row.denied,
        })
        .collect();
    let sum: u64 = rows.iter().map(|row| u64::from(row.used)).sum();
    let known = server.keys.series().into_iter();
    let csv = asked
        .with(visit, &[])
        .replacen("/history", "/history.csv", 1);
    Page {
        v: visit,
        series: known
            .map(|series| {
                (
                    series.key_id.to_string(),
                    series.name,
                    wanted.key_id == Some(series.key_id),
                )
            })
            .collect(),
        periods: PERIODS
            .iter()
            .map(|period| {
                (
                    period.id,
                    visit.lang.pick(period.name.0, period.name.1),
                    std::ptr::eq(period, wanted.period),
                )
            })
            .collect(),
        chart: chart::draw(
            &points,
            wanted.from,
            wanted.until,
            wanted.period.step,
            &visit.zone,
        ),
        peak: rows.iter().map(|row| row.peak).max().unwrap_or(0),
        mean: tenth(sum, rows.len()),
        denied: rows.iter().map(|row| u64::from(row.denied)).sum(),
        seats: rows.last().map_or(0, |row| row.total),
        days: days(visit, rows, wanted.period.step),
        refusals: refusals.iter().map(|row| refusal(visit, row)).collect(),
        csv: visit.link(&csv),
        journal: visit.link("/journal?kind=refused"),
    }
}

/// A mean with one digit after the point.
fn tenth(sum: u64, count: usize) -> String {
    let count = (count as u64).max(1);
    let tenths = (sum * 10 + count / 2) / count;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The table: an hour a line, or a day, the latest first.
fn days(visit: &Visit, rows: &[UsageRow], step: Step) -> Vec<Day> {
    let pattern = match step {
        Step::Minute => "%d.%m.%Y %H:00",
        Step::Hour | Step::Day => "%d.%m.%Y",
    };
    // Days of the history are those of UTC.
    let utc = jiff::tz::TimeZone::UTC;
    let zone = if step == Step::Day { &utc } else { &visit.zone };
    let mut groups: Vec<(String, Vec<&UsageRow>)> = Vec::new();
    for row in rows.iter().rev() {
        let name = words::shown(row.at, zone, pattern);
        match groups.last_mut() {
            Some((last, group)) if *last == name => group.push(row),
            _ => groups.push((name, vec![row])),
        }
    }
    let day = |(name, group): (String, Vec<&UsageRow>)| Day {
        name,
        mean: tenth(
            group.iter().map(|row| u64::from(row.used)).sum(),
            group.len(),
        ),
        peak: group.iter().map(|row| row.peak).max().unwrap_or(0),
        total: group.first().map_or(0, |row| row.total),
        denied: group.iter().map(|row| u64::from(row.denied)).sum(),
    };
    groups.into_iter().map(day).collect()
}

fn refusal(visit: &Visit, row: &EventRow) -> Refusal {
    let event = &row.event;
    Refusal {
        at: row.at,
        who: format!("{} @ {}", &*event.user_name, &*event.computer_name),
        app: event.app_name.to_string(),
        why: events::reason(visit.lang, &event.reason).to_owned(),
        detail: event.data.to_string(),
    }
}

/// The figures as CSV.
pub(super) async fn download(
    State(server): State<Arc<Server>>,
    visit: Visit,
    asked: Asked,
) -> Response {
    let wanted = wanted(&server, &asked);
    let rows = match usage(&server, &wanted).await {
        Ok(rows) => rows,
        Err(error) => return page::store_failed(&visit, &error),
    };
    let names = ["Time", "KeyID", "Used", "Total", "Peak", "Denied"];
    let cells = rows.iter().map(|row| {
        vec![
            iso(row.at).unwrap_or_default(),
            row.key_id.to_string(),
            row.used.to_string(),
            row.total.to_string(),
            row.peak.to_string(),
            row.denied.to_string(),
        ]
    });
    file(csv::text(&names, cells), "history.csv")
}

/// A table as a file.
pub(super) fn file(text: String, name: &str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8"),
    );
    install::as_attachment(headers, name);
    response
}
