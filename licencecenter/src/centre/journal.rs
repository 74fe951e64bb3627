//! Who did what and when. Written in the transaction of what it tells of, and never changed.

use protocol::{KeyId, UnixSeconds};
use rusqlite::{Connection, params};
use serde::Serialize;

use super::{Centre, CentreError};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Entry {
    /// Its number.
    pub id: i64,
    /// When, in seconds since 1970.
    pub at: UnixSeconds,
    /// Who: `cli`, the name of a token, or a server's address.
    pub who: String,
    /// What, as one word for programs.
    pub event: String,
    /// The series.
    pub series: Option<String>,
    /// The key.
    pub key_no: Option<u32>,
    /// What, for people.
    pub text: String,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About {
    pub(super) series: Option<KeyId>,
    pub(super) key_no: Option<u32>,
}

/// Writes an entry.
pub(super) fn write(
    connection: &Connection,
    at: UnixSeconds,
    who: &str,
    event: &str,
    about: About,
    text: &str,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO journal (at, who, event, series, key_no, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![at, who, event, about.series.map(|id| id.0), about.key_no, text],
    )?;
    Ok(())
}

impl Centre {
    /// The latest entries, newest first; of one key when it is named.
    ///
    /// # Errors
    /// Those of the store.
    pub fn journal(&self, key_no: Option<u32>, limit: u32) -> Result<Vec<Entry>, CentreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, at, who, event, series, key_no, text FROM journal
             WHERE ?1 IS NULL OR key_no = ?1 ORDER BY id DESC LIMIT ?2",
        )?;
        let entries = statement.query_map(params![key_no, limit], |row| {
            Ok(Entry {
                id: row.get(0)?,
                at: row.get(1)?,
                who: row.get(2)?,
                event: row.get(3)?,
                series: row
                    .get::<_, Option<u16>>(4)?
                    .map(|id| KeyId(id).to_string()),
                key_no: row.get(5)?,
                text: row.get(6)?,
            })
        })?;
        Ok(entries.collect::<Result<_, _>>()?)
    }
}
