//! How deltas are written to the tables, and how tables are read at a start.

use protocol::{KeyId, envelope};
use rusqlite::{Connection as Database, Result, Transaction, params};

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

/// Reads all rows as the deltas that make them; a row that does not decode is an error's text.
pub(super) fn read(
    database: &Database,
    mut each: impl FnMut(KeyId, Delta),
) -> std::result::Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    let mut statement = database
        .prepare("SELECT series, row FROM connections")
        .map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        let bytes: Vec<u8> = row.get(1).map_err(text)?;
        let connection = envelope::from_cbor(&bytes).map_err(|error| error.to_string())?;
        each(
            KeyId(row.get(0).map_err(text)?),
            Delta::PutConnection(Box::new(connection)),
        );
    }
    let mut statement = database
        .prepare("SELECT series, row FROM sessions")
        .map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        let bytes: Vec<u8> = row.get(1).map_err(text)?;
        let session = envelope::from_cbor(&bytes).map_err(|error| error.to_string())?;
        each(
            KeyId(row.get(0).map_err(text)?),
            Delta::PutSession(Box::new(session)),
        );
    }
    let mut statement = database
        .prepare("SELECT series, row FROM keys")
        .map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        let bytes: Vec<u8> = row.get(1).map_err(text)?;
        let state = envelope::from_cbor(&bytes).map_err(|error| error.to_string())?;
        each(KeyId(row.get(0).map_err(text)?), Delta::PutKeyState(state));
    }
    let mut statement = database
        .prepare("SELECT series, id, at, effect FROM operations ORDER BY at")
        .map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        let id: [u8; 16] = row.get(1).map_err(text)?;
        let bytes: Vec<u8> = row.get(3).map_err(text)?;
        let effect: Effect = envelope::from_cbor(&bytes).map_err(|error| error.to_string())?;
        let at = Moment(row.get(2).map_err(text)?);
        each(
            KeyId(row.get(0).map_err(text)?),
            Delta::PutOperation(OperationId(id), at, effect),
        );
    }
    Ok(())
}
