//! Series and their articles.

use std::path::Path;

use protocol::{KeyId, UnixSeconds, cryptkey::CryptKey, series::Series};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Centre, CentreError, Offer,
    journal::{self, About},
    vault,
};

/// What the vendor set for a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often a key may be moved to another computer in 365 days.
    pub moves_per_year: u32,
    /// Whether the owner's ИНН is asked for at activation.
    pub needs_owner: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            moves_per_year: 3,
            needs_owner: false,
        }
    }
}

impl Centre {
    /// Takes a series' keys in; with the same keys again its policy is changed, and with those that follow them, after another
    /// signing key or content key was made, these are used from now on.
    ///
    /// # Errors
    /// When the centre has other keys for it, or its own keys were not opened.
    pub fn add_series(
        &mut self,
        keys: &CryptKey,
        policy: Policy,
        who: &str,
        now: UnixSeconds,
    ) -> Result<(), CentreError> {
        let master = self.master.as_ref().ok_or(CentreError::NoPassphrase)?;
        let sealed = vault::seal(master, keys);
        let public = keys
            .signing
            .public()
            .map_err(crate::Error::SigningKey)?
            .to_string();
        let transaction = self.transaction()?;
        let known: Option<String> = transaction
            .query_row(
                "SELECT public_key FROM series WHERE id = ?1",
                params![keys.key_id.0],
                |row| row.get(0),
            )
            .optional()?;
        let ours = keys.public_keys().map_err(crate::Error::SigningKey)?;
        if known.is_some_and(|known| ours.iter().all(|key| key.to_string() != known)) {
            return Err(CentreError::OtherSeriesKeys(keys.key_id));
        }
        transaction.execute(
            "INSERT INTO series (id, name, public_key, sealed_keys, moves_per_year, needs_owner, added_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET name = ?2, public_key = ?3, sealed_keys = ?4, moves_per_year = ?5, needs_owner = ?6",
            params![
                keys.key_id.0,
                keys.name,
                public,
                sealed,
                policy.moves_per_year,
                policy.needs_owner,
                now
            ],
        )?;
        let about = About {
            series: Some(keys.key_id),
            key_no: None,
        };
        let text = format!(
            "series {}, at most {} moves a year",
            keys.name, policy.moves_per_year
        );
        journal::write(&transaction, now, who, "series-added", about, &text)?;
        transaction.commit()?;
        Ok(())
    }

    /// All series.
    ///
    /// # Errors
    /// Those of the store.
    pub fn series(&self) -> Result<Vec<(Series, Policy)>, CentreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, name, public_key, moves_per_year, needs_owner FROM series ORDER BY id",
        )?;
        let rows = statement.query_map([], |row| {
            let public: String = row.get(2)?;
            let public = public.parse().map_err(|_| {
                rusqlite::Error::InvalidColumnType(
                    2,
                    "public_key".into(),
                    rusqlite::types::Type::Text,
                )
            })?;
            let series = Series::new(KeyId(row.get(0)?), row.get::<_, String>(1)?, public);
            let policy = Policy {
                moves_per_year: row.get(3)?,
                needs_owner: row.get(4)?,
            };
            Ok((series, policy))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds an article of a series, or replaces what it gives; keys that were made stay as they are.
    ///
    /// # Errors
    /// An unknown series, an offer that contradicts itself.
    pub fn add_article(
        &mut self,
        series: KeyId,
        article: &str,
        offer: &Offer,
        who: &str,
        now: UnixSeconds,
    ) -> Result<(), CentreError> {
        offer.check().map_err(CentreError::Offer)?;
        let transaction = self.transaction()?;
        policy(&transaction, series)?;
        transaction.execute(
            "INSERT INTO articles (series, article, offer) VALUES (?1, ?2, ?3)
             ON CONFLICT (series, article) DO UPDATE SET offer = ?3",
            params![series.0, article, offer.to_json()],
        )?;
        let about = About {
            series: Some(series),
            key_no: None,
        };
        let text = format!("article {article}, {} seats", offer.seats);
        journal::write(&transaction, now, who, "article-set", about, &text)?;
        transaction.commit()?;
        Ok(())
    }

    /// What an article gives.
    ///
    /// # Errors
    /// [`CentreError::UnknownArticle`].
    pub fn article(&self, series: KeyId, article: &str) -> Result<Offer, CentreError> {
        let found: Option<String> = self
            .connection
            .query_row(
                "SELECT offer FROM articles WHERE series = ?1 AND article = ?2",
                params![series.0, article],
                |row| row.get(0),
            )
            .optional()?;
        let text = found.ok_or_else(|| CentreError::UnknownArticle(series, article.into()))?;
        Ok(Offer::from_column(&text)?)
    }

    /// All articles.
    ///
    /// # Errors
    /// Those of the store.
    pub fn articles(&self) -> Result<Vec<(KeyId, String, Offer)>, CentreError> {
        let mut statement = self
            .connection
            .prepare("SELECT series, article, offer FROM articles ORDER BY series, article")?;
        let rows = statement.query_map([], |row| {
            let offer: String = row.get(2)?;
            Ok((KeyId(row.get(0)?), row.get(1)?, Offer::from_column(&offer)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The secret keys of a series.
    pub(super) fn keys_of(&self, series: KeyId) -> Result<CryptKey, CentreError> {
        let master = self.master.as_ref().ok_or(CentreError::NoPassphrase)?;
        let sealed: Option<Vec<u8>> = self
            .connection
            .query_row(
                "SELECT sealed_keys FROM series WHERE id = ?1",
                params![series.0],
                |row| row.get(0),
            )
            .optional()?;
        let sealed = sealed.ok_or(CentreError::UnknownSeries(series))?;
        if sealed.is_empty() {
            return Err(CentreError::KeysForgotten(series));
        }
        vault::open(master, series, &sealed)
    }
}

/// The policy of a series.
pub(super) fn policy(connection: &Connection, series: KeyId) -> Result<Policy, CentreError> {
    let found = connection
        .query_row(
            "SELECT moves_per_year, needs_owner FROM series WHERE id = ?1",
            params![series.0],
            |row| {
                Ok(Policy {
                    moves_per_year: row.get(0)?,
                    needs_owner: row.get(1)?,
                })
            },
        )
        .optional()?;
    found.ok_or(CentreError::UnknownSeries(series))
}

/// A vendor's `.cryptkey`, which may be under a passphrase of its own.
///
/// # Errors
/// A file that cannot be read or opened.
pub fn read_cryptkey(path: &Path, passphrase: Option<&str>) -> Result<CryptKey, CentreError> {
    Ok(crate::output::read_keys_with(path, passphrase)?)
}
