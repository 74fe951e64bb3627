//! The journal's table: writing lines, finding them, forgetting them.

use protocol::KeyId;
use rusqlite::{Connection, Result, Row, ToSql, Transaction, params, types::Value};

use crate::{
    accounting::{ConnectionId, Event, EventKind, Moment, SessionId, Text},
    store::journal::{EventPage, EventQuery, EventRow, MAX_PAGE},
};

/// The most lines that are kept, whatever their age: a storm of denials does not fill the disk.
const MAX_LINES: i64 = 2_000_000;
/// How many lines are forgotten in one go, so that nobody waits for it.
const FORGET_CHUNK: i64 = 5_000;

/// The number of the last line, 0 when there was none.
pub(super) fn last(database: &Connection) -> Result<i64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'";
    database.query_row(sql, [], |row| row.get(0))
}

/// Writes a line.
pub(super) fn write(transaction: &Transaction<'_>, row: &EventRow) -> Result<()> {
    let event = &row.event;
    let sql = "INSERT INTO events (seq, at, kind, series, key_no, session, connection, user_name, computer_name, app_name, reason, data)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    transaction.prepare_cached(sql)?.execute(params![
        row.seq,
        row.at.0,
        event.kind as u16,
        row.key_id.map(|key_id| key_id.0),
        event.key_no,
        event.session.map(|id| id.0),
        event.connection.map(|id| id.0),
        &*event.user_name,
        &*event.computer_name,
        &*event.app_name,
        &*event.reason,
        &*event.data,
    ])?;
    Ok(())
}

/// Finds lines, the latest first.
pub(super) fn read(database: &Connection, query: &EventQuery) -> Result<EventPage> {
    let mut sql = String::from(
        "SELECT seq, at, kind, series, key_no, session, connection, user_name, computer_name, app_name, reason, data
         FROM events WHERE 1",
    );
    let mut values: Vec<Value> = Vec::new();
    let mut filter = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(" AND ");
            sql.push_str(&condition.replace('?', &format!("?{}", values.len())));
        }
    };
    let number = |number: i64| Value::Integer(number);
    filter("series = ?", query.key_id.map(|id| number(id.0.into())));
    filter(
        "key_no = ?",
        query.key_no.map(|key_no| number(key_no.into())),
    );
    filter(
        "session = ?",
        query.session.map(|id| Value::Blob(id.0.into())),
    );
    filter(
        "connection = ?",
        query.connection.map(|id| Value::Blob(id.0.into())),
    );
    filter("at >= ?", query.from.map(|moment| number(moment.0)));
    filter("at < ?", query.until.map(|moment| number(moment.0)));
    filter("seq < ?", query.before.map(number));
    filter("seq > ?", query.after.map(number));
    if !query.kinds.is_empty() {
        let kinds: Vec<String> = query
            .kinds
            .iter()
            .map(|kind| (*kind as u16).to_string())
            .collect();
        sql.push_str(&format!(" AND kind IN ({})", kinds.join(", ")));
    }
    let limit = query.limit.min(MAX_PAGE);
    sql.push_str(" ORDER BY seq DESC");
    // SQLite knows the case of Latin letters alone, so texts are compared here.
    let texts = [
        (7, &query.user_name),
        (8, &query.computer_name),
        (9, &query.app_name),
        (10, &query.reason),
    ];
    let texts: Vec<(usize, Vec<String>)> = texts
        .into_iter()
        .filter(|(_, wanted)| !wanted.is_empty())
        .map(|(column, wanted)| {
            let wanted = wanted.iter().map(|text| text.to_lowercase());
            (column, wanted.collect())
        })
        .collect();
    let passes = |row: &Row<'_>| -> Result<bool> {
        for (column, wanted) in &texts {
            let text = row.get_ref(*column)?.as_str()?.to_lowercase();
            if !wanted.contains(&text) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let mut skip = query.offset;
    let mut statement = database.prepare(&sql)?;
    let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut found = statement.query(&parameters[..])?;
    let mut page = EventPage::default();
    while let Some(row) = found.next()? {
        if !passes(row)? {
            continue;
        }
        if skip > 0 {
            skip -= 1;
            continue;
        }
        if page.rows.len() == limit {
            page.more = true;
            break;
        }
        // A later version may know more kinds.
        let Some(kind) = EventKind::from_number(row.get(2)?) else {
            continue;
        };
        let word = |at: usize| {
            row.get::<_, String>(at)
                .map(|text| Text::from(text.as_str()))
        };
        page.rows.push(EventRow {
            seq: row.get(0)?,
            at: Moment(row.get(1)?),
            key_id: row.get::<_, Option<u16>>(3)?.map(KeyId),
            event: Event {
                kind,
                key_no: row.get(4)?,
                session: row.get::<_, Option<[u8; 16]>>(5)?.map(SessionId),
                connection: row.get::<_, Option<[u8; 16]>>(6)?.map(ConnectionId),
                user_name: word(7)?,
                computer_name: word(8)?,
                app_name: word(9)?,
                reason: word(10)?,
                data: word(11)?,
            },
        });
    }
    Ok(page)
}

/// Forgets the oldest lines: those from before a moment, and those beyond the most that are kept. True when there
/// may be more.
pub(super) fn forget(transaction: &Transaction<'_>, before: Moment) -> Result<bool> {
    let beyond = last(transaction)? - MAX_LINES;
    let mut statement =
        transaction.prepare_cached("SELECT seq, at FROM events ORDER BY seq LIMIT ?1")?;
    let mut oldest = statement.query([FORGET_CHUNK])?;
    let (mut until, mut count) = (0, 0);
    // Looked at in their order, and not all of them by their time: that would read the whole table each time.
    while let Some(row) = oldest.next()? {
        let (seq, at): (i64, i64) = (row.get(0)?, row.get(1)?);
        if at >= before.0 && seq > beyond {
            break;
        }
        (until, count) = (seq, count + 1);
    }
    if count > 0 {
        transaction
            .prepare_cached("DELETE FROM events WHERE seq <= ?1")?
            .execute([until])?;
    }
    Ok(count == FORGET_CHUNK)
}
