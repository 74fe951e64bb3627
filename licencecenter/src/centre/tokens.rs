//! Tokens of the admin API: 256 random bits, shown once, kept as hashes.

use protocol::{UnixSeconds, sha256};
use rusqlite::{OptionalExtension, params};

use super::{
    Centre, CentreError,
    journal::{self, About},
};

const PREFIX: &str = "lct_";

impl Centre {
    /// Makes a token; its text is shown this once.
    ///
    /// # Errors
    /// [`CentreError::TokenExists`].
    pub fn add_token(
        &mut self,
        name: &str,
        who: &str,
        now: UnixSeconds,
    ) -> Result<String, CentreError> {
        let secret: [u8; 32] = protocol::random_bytes();
        let token = format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&secret));
        let transaction = self.transaction()?;
        let added = transaction.execute(
            "INSERT INTO tokens (name, hash, made_at) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING",
            params![name, sha256(token.as_bytes()), now],
        )?;
        if added == 0 {
            return Err(CentreError::TokenExists(name.into()));
        }
        journal::write(&transaction, now, who, "token-made", About::default(), name)?;
        transaction.commit()?;
        Ok(token)
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`CentreError::UnknownToken`].
    pub fn revoke_token(
        &mut self,
        name: &str,
        who: &str,
        now: UnixSeconds,
    ) -> Result<(), CentreError> {
        let transaction = self.transaction()?;
        if transaction.execute("DELETE FROM tokens WHERE name = ?1", params![name])? == 0 {
            return Err(CentreError::UnknownToken(name.into()));
        }
        journal::write(
            &transaction,
            now,
            who,
            "token-revoked",
            About::default(),
            name,
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// The names of all tokens.
    ///
    /// # Errors
    /// Those of the store.
    pub fn tokens(&self) -> Result<Vec<(String, UnixSeconds)>, CentreError> {
        let mut statement = self
            .connection
            .prepare("SELECT name, made_at FROM tokens ORDER BY name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The name of the token with that text. Found by its hash, so that comparing tells nothing of the text.
    ///
    /// # Errors
    /// Those of the store.
    pub fn token_name(&self, token: &str) -> Result<Option<String>, CentreError> {
        Ok(self
            .connection
            .query_row(
                "SELECT name FROM tokens WHERE hash = ?1",
                params![sha256(token.as_bytes())],
                |row| row.get(0),
            )
            .optional()?)
    }
}
