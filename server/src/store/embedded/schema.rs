//! The tables of the embedded store, and how an older file becomes a newer one.

use rusqlite::{Connection, Result};

/// One step for each version of the schema. A step is never changed once it was released.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE connections (id BLOB PRIMARY KEY, series INTEGER NOT NULL, row BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE sessions (id BLOB PRIMARY KEY, series INTEGER NOT NULL, row BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE operations (
        id BLOB NOT NULL, series INTEGER NOT NULL, at INTEGER NOT NULL, effect BLOB NOT NULL,
        PRIMARY KEY (series, id)
    ) WITHOUT ROWID;
",
// The journal, the usage's history, and what is remembered of keys.
"
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind INTEGER NOT NULL, series INTEGER, key_no INTEGER,
        session BLOB, connection BLOB, user_name TEXT NOT NULL, computer_name TEXT NOT NULL, app_name TEXT NOT NULL,
        reason TEXT NOT NULL, data TEXT NOT NULL
    );
    CREATE TABLE usage (
        series INTEGER NOT NULL, step INTEGER NOT NULL, at INTEGER NOT NULL, minutes INTEGER NOT NULL,
        used INTEGER NOT NULL, total INTEGER NOT NULL, peak INTEGER NOT NULL, denied INTEGER NOT NULL, apps BLOB NOT NULL,
        PRIMARY KEY (step, at, series)
    ) WITHOUT ROWID;
    CREATE TABLE keys (
        series INTEGER NOT NULL, key_no INTEGER NOT NULL, row BLOB NOT NULL, PRIMARY KEY (series, key_no)
    ) WITHOUT ROWID;
"];

/// The newest version.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The version of an open file; 0 for a new one.
pub(super) fn version(database: &Connection) -> Result<u32> {
    database.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a file of version `from` up to the newest one, all or nothing.
pub(super) fn migrate(database: &mut Connection, from: u32) -> Result<()> {
    if from == VERSION {
        // Nothing is written: a start is possible on a full disk.
        return Ok(());
    }
    let transaction = database.transaction()?;
    for step in MIGRATIONS.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
