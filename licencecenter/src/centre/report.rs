//! What was sold and what works, by series.

use protocol::{KeyId, UnixSeconds};
use rusqlite::params;
use serde::Serialize;

use super::{Centre, CentreError};

/// The numbers of one series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SeriesReport {
    /// The series.
    pub series: String,
    /// Its name.
    pub name: String,
    /// Keys that were made.
    pub keys: u64,
    /// Those with a computer.
    pub active: u64,
    /// Their seats.
    pub seats: u64,
    /// Codes that wait to be activated.
    pub waiting: u64,
    /// Keys that were taken back.
    pub revoked: u64,
    /// Keys given back within the last 365 days.
    pub moves: u64,
    /// Clones noticed within the last 365 days.
    pub clones: u64,
}

impl Centre {
    /// The numbers of all series.
    ///
    /// # Errors
    /// Those of the store.
    pub fn report(&self, now: UnixSeconds) -> Result<Vec<SeriesReport>, CentreError> {
        let year_ago = now - 365 * protocol::licence::DAY;
        let mut statement = self.connection.prepare(
            "SELECT s.id, s.name,
                (SELECT count(*) FROM keys k WHERE k.series = s.id),
                (SELECT count(*) FROM keys k JOIN activations a ON a.key_no = k.key_no
                    WHERE k.series = s.id AND a.ended_at IS NULL AND k.revoked_at IS NULL),
                (SELECT coalesce(sum(json_extract(k.offer, '$.seats')), 0) FROM keys k JOIN activations a ON a.key_no = k.key_no
                    WHERE k.series = s.id AND a.ended_at IS NULL AND k.revoked_at IS NULL),
                (SELECT count(*) FROM codes c JOIN keys k ON k.key_no = c.key_no
                    WHERE k.series = s.id AND c.used_at IS NULL AND c.revoked_at IS NULL AND coalesce(c.ends_at, ?1 + 1) > ?1),
                (SELECT count(*) FROM keys k WHERE k.series = s.id AND k.revoked_at IS NOT NULL),
                (SELECT count(*) FROM keys k JOIN activations a ON a.key_no = k.key_no
                    WHERE k.series = s.id AND a.ended_at > ?2),
                (SELECT count(*) FROM journal j WHERE j.series = s.id AND j.event = 'clone' AND j.at > ?2)
             FROM series s ORDER BY s.id",
        )?;
        let rows = statement.query_map(params![now, year_ago], |row| {
            Ok(SeriesReport {
                series: KeyId(row.get(0)?).to_string(),
                name: row.get(1)?,
                keys: row.get(2)?,
                active: row.get(3)?,
                seats: row.get(4)?,
                waiting: row.get(5)?,
                revoked: row.get(6)?,
                moves: row.get(7)?,
                clones: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
