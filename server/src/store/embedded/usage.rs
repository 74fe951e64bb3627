//! The usage's history: minutes are written when they are over, hours and days are made of them.

use minicbor::{Decode, Encode};
use protocol::{KeyId, envelope};
use rusqlite::{Connection, Result, Transaction, params};

use crate::{
    accounting::{Moment, Text},
    store::journal::{MAX_PAGE, Step, UsageQuery, UsageRow},
};

/// How many rows are forgotten in one go.
const FORGET_CHUNK: i64 = 5_000;

#[derive(Default, Encode, Decode)]
#[cbor(transparent)]
struct Apps(#[n(0)] Vec<(Text, u32)>);

/// Writes a minute, and brings its hour and its day up to date.
pub(super) fn write(transaction: &Transaction<'_>, row: &UsageRow) -> Result<()> {
    let apps = envelope::to_cbor(&Apps(row.apps.clone()));
    // After a restart a minute may be there in part.
    let sql = "INSERT INTO usage (series, step, at, minutes, used, total, peak, denied, apps)
        VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT DO UPDATE SET used = excluded.used, total = excluded.total, peak = max(peak, excluded.peak),
            denied = denied + excluded.denied, apps = excluded.apps";
    transaction.prepare_cached(sql)?.execute(params![
        row.key_id.0,
        Step::Minute as u8,
        row.at.0,
        row.used,
        row.total,
        row.peak,
        row.denied,
        apps
    ])?;
    for (from, to) in [(Step::Minute, Step::Hour), (Step::Hour, Step::Day)] {
        // The columns beside max(at) are those of the latest row.
        let sql = "INSERT OR REPLACE INTO usage (series, step, at, minutes, used, total, peak, denied, apps)
            SELECT series, ?1, ?2, n, u, total, p, d, apps FROM (
                SELECT series, max(at), sum(minutes) n, sum(used) u, total, max(peak) p, sum(denied) d, apps
                FROM usage WHERE step = ?3 AND at >= ?2 AND at < ?4 AND series = ?5
            ) WHERE n > 0";
        let begin = to.begin(row.at).0;
        transaction.prepare_cached(sql)?.execute(params![
            to as u8,
            begin,
            from as u8,
            begin + to.millis(),
            row.key_id.0
        ])?;
    }
    Ok(())
}

/// Finds rows, the latest first.
pub(super) fn read(database: &Connection, query: &UsageQuery) -> Result<Vec<UsageRow>> {
    let sql = "SELECT series, at, minutes, used, total, peak, denied, apps FROM usage
        WHERE step = ?1 AND at >= ?2 AND at < ?3 AND (?4 IS NULL OR series = ?4)
        ORDER BY at DESC, series LIMIT ?5 OFFSET ?6";
    let mut statement = database.prepare_cached(sql)?;
    let mut found = statement.query(params![
        query.step as u8,
        query.from.map_or(i64::MIN, |moment| moment.0),
        query.until.map_or(i64::MAX, |moment| moment.0),
        query.key_id.map(|key_id| key_id.0),
        query.limit.min(MAX_PAGE) as i64,
        i64::try_from(query.offset).unwrap_or(i64::MAX)
    ])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let (minutes, used): (i64, i64) = (row.get(2)?, row.get(3)?);
        let apps: Vec<u8> = row.get(7)?;
        rows.push(UsageRow {
            key_id: KeyId(row.get(0)?),
            at: Moment(row.get(1)?),
            used: u32::try_from((used + minutes / 2) / minutes.max(1)).unwrap_or(u32::MAX),
            total: row.get(4)?,
            peak: row.get(5)?,
            denied: row.get(6)?,
            // Names that do not decode are worth no more than their absence.
            apps: envelope::from_cbor::<Apps>(&apps).unwrap_or_default().0,
        });
    }
    Ok(rows)
}

/// Forgets some rows that are older than their step is kept. True when there may be more.
pub(super) fn forget(transaction: &Transaction<'_>, now: Moment) -> Result<bool> {
    let mut gone = 0;
    for step in Step::ALL {
        let sql = "DELETE FROM usage WHERE (step, at, series) IN (
            SELECT step, at, series FROM usage WHERE step = ?1 AND at < ?2 LIMIT ?3)";
        gone += transaction.prepare_cached(sql)?.execute(params![
            step as u8,
            now.0.saturating_sub(step.kept()),
            FORGET_CHUNK
        ])?;
    }
    Ok(gone as i64 >= FORGET_CHUNK)
}
