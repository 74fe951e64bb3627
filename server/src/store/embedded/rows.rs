//! How deltas are written to the tables, and how tables are read at a start.

use protocol::{KeyId, envelope};
use rusqlite::{Connection as Database, Result, Row, Transaction, params};

use crate::accounting::{Delta, Effect, Moment, OperationId};

/// Writes a change of a row.
pub(super) fn write(transaction: &Transaction<'_>, key_id: KeyId, delta: &Delta) -> Result<()> {
    let series = key_id.0;
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        transaction.prepare_cached(sql)?.execute(values).map(drop)
    };
    match delta {
        Delta::PutConnection(connection) => run(
            "INSERT OR REPLACE INTO connections (id, series, row) VALUES (?1, ?2, ?3)",
            params![
                connection.id.0,
                series,
                envelope::to_cbor(connection.as_ref())
            ],
        ),
        Delta::DropConnection(id) => run("DELETE FROM connections WHERE id = ?1", params![id.0]),
        Delta::PutSession(session) => run(
            "INSERT OR REPLACE INTO sessions (id, series, row) VALUES (?1, ?2, ?3)",
            params![session.id.0, series, envelope::to_cbor(session.as_ref())],
        ),
        Delta::DropSession(id) => run("DELETE FROM sessions WHERE id = ?1", params![id.0]),
        Delta::PutOperation(id, at, effect) => run(
            "INSERT OR REPLACE INTO operations (id, series, at, effect) VALUES (?1, ?2, ?3, ?4)",
            params![id.0, series, at.0, envelope::to_cbor(effect)],
        ),
        Delta::DropOperation(id) => run(
            "DELETE FROM operations WHERE series = ?1 AND id = ?2",
            params![series, id.0],
        ),
        Delta::PutKeyState(state) => run(
            "INSERT OR REPLACE INTO keys (series, key_no, row) VALUES (?1, ?2, ?3)",
            params![series, state.key_no, envelope::to_cbor(state)],
        ),
        Delta::DropKeyState(key_no) => run(
            "DELETE FROM keys WHERE series = ?1 AND key_no = ?2",
            params![series, key_no],
        ),
        // Keys are read from their own files at each start.
        Delta::SetKeys(_) => Ok(()),
    }
}

/// Reads all rows as the deltas that make them; a row that does not decode is an error's text. The remembered requests,
/// which are the most, are read beside the others, by a second connection.
pub(super) fn read(
    database: &Database,
    second: &mut Database,
    mut each: impl FnMut(KeyId, Delta),
) -> std::result::Result<(), String> {
    std::thread::scope(|scope| {
        let operations = scope.spawn(move || operations(second));
        ledger(database, &mut each)?;
        let operations = operations
            .join()
            .map_err(|_| "the requests cannot be read".to_owned())??;
        for (at, key_id, id, effect) in operations {
            each(key_id, Delta::PutOperation(id, at, effect));
        }
        Ok(())
    })
}

fn ledger(
    database: &Database,
    each: &mut impl FnMut(KeyId, Delta),
) -> std::result::Result<(), String> {
    rows(database, "connections", |key_id, connection| {
        each(key_id, Delta::PutConnection(Box::new(connection)));
    })?;
    rows(database, "sessions", |key_id, session| {
        each(key_id, Delta::PutSession(Box::new(session)));
    })?;
    rows(database, "keys", |key_id, state| {
        each(key_id, Delta::PutKeyState(state));
    })
}

/// The rows of a table that has them as CBOR.
fn rows<T: for<'b> minicbor::Decode<'b, ()>>(
    database: &Database,
    table: &str,
    mut each: impl FnMut(KeyId, T),
) -> std::result::Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    let sql = format!("SELECT series, row FROM {table}");
    let mut statement = database.prepare(&sql).map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        each(KeyId(row.get(0).map_err(text)?), decoded(row, 1)?);
    }
    Ok(())
}

fn decoded<T: for<'b> minicbor::Decode<'b, ()>>(
    row: &Row<'_>,
    column: usize,
) -> std::result::Result<T, String> {
    let value = row.get_ref(column).map_err(|error| error.to_string())?;
    let bytes = value.as_blob().map_err(|error| error.to_string())?;
    envelope::from_cbor(bytes).map_err(|error| error.to_string())
}

type Operation = (Moment, KeyId, OperationId, Effect);

/// The remembered requests in the order in which they came. They are put in order here: the table has another one.
fn operations(database: &Database) -> std::result::Result<Vec<Operation>, String> {
    let text = |error: rusqlite::Error| error.to_string();
    let mut found = Vec::new();
    let mut statement = database
        .prepare("SELECT series, id, at, effect FROM operations")
        .map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        let key_id = KeyId(row.get(0).map_err(text)?);
        let id = OperationId(row.get(1).map_err(text)?);
        let at = Moment(row.get(2).map_err(text)?);
        found.push((at, key_id, id, decoded(row, 3)?));
    }
    found.sort_unstable_by_key(|(at, ..)| *at);
    Ok(found)
}
