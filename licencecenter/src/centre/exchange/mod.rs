//! What servers ask and what they are answered, whether it came over HTTP or as a file.
//!
//! Each request changes the store in one transaction together with its journal entry, and the answer is made
//! from what the store says then. A request that is repeated, because its answer was lost, changes nothing and gets
//! an answer to the same effect.

mod activation;
mod holding;
mod refusals;
mod release;
#[cfg(test)]
mod tests;
mod update;

use protocol::{
    KeyId, UnixSeconds,
    centre::{Answer, CentreReason, Message, Outcome, Refusal},
    cryptkey::CryptKey,
    sha256,
};
use rusqlite::{Connection, OptionalExtension, params};

use self::holding::Key;
use super::{Centre, CentreError};

/// An answer's bytes, and the refusal in it, if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// What goes back.
    pub bytes: Vec<u8>,
    /// Why not, if not.
    pub refusal: Option<Refusal>,
}

/// Why a request changes nothing.
enum No {
    /// The server is told, unsigned: the key is not known, or is not the server's.
    Plain(Refusal),
    /// The server is told by the series key, and acts on it.
    Signed(KeyId, Refusal),
    /// The centre cannot work.
    Broken(CentreError),
}

impl From<CentreError> for No {
    fn from(error: CentreError) -> Self {
        Self::Broken(error)
    }
}

impl From<rusqlite::Error> for No {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error.into())
    }
}

/// What a request came to.
struct Yes {
    key_id: KeyId,
    outcome: Outcome,
}

impl Centre {
    /// Answers a server's request. `from` is where it came from, for the journal.
    pub fn exchange(&mut self, bytes: &[u8], from: &str, now: UnixSeconds) -> Exchanged {
        let message = match Message::from_bytes(bytes) {
            Ok(message) => message,
            Err(error) => return plain(refusals::format(&error)),
        };
        let id = message.id();
        let result = match &message {
            Message::Activation(body) => self.activate(body, sha256(bytes), from, now),
            Message::Release(body) => self.release(body, from, now),
            Message::Update(body) => self.update(body, from, now),
        };
        let (key_id, outcome) = match result {
            Ok(yes) => (yes.key_id, yes.outcome),
            Err(No::Plain(refusal)) => return plain(refusal),
            Err(No::Signed(key_id, refusal)) => (key_id, Outcome::Refused(refusal)),
            Err(No::Broken(error)) => {
                log::error!("{error}");
                return plain(refusals::internal());
            }
        };
        let refusal = match &outcome {
            Outcome::Refused(refusal) => Some(refusal.clone()),
            _ => None,
        };
        let answer = Answer {
            id,
            key_id,
            at: now,
            outcome,
        };
        let signed = self.keys_of(key_id).and_then(|keys| sign(&answer, &keys));
        match signed {
            Ok(bytes) => Exchanged { bytes, refusal },
            Err(error) => {
                log::error!("{error}");
                plain(refusals::internal())
            }
        }
    }
}

fn sign(answer: &Answer, keys: &CryptKey) -> Result<Vec<u8>, CentreError> {
    answer
        .to_bytes(&keys.signing)
        .map_err(|error| crate::Error::SigningKey(error).into())
}

fn plain(refusal: Refusal) -> Exchanged {
    Exchanged {
        bytes: refusal.to_bytes(),
        refusal: Some(refusal),
    }
}

/// Why nothing is done for whoever does not hold a key. The server ends its licence on a signed word, and a centre that
/// was restored from a backup gives that only when it surely `knows`: the holder may have come after the backup.
fn not_the_holder(connection: &Connection, key: &Key, knows: bool) -> Result<No, No> {
    Ok(match Centre::restored_at(connection)? {
        Some(at) if !knows => No::Plain(refusals::restored(key.key_no, at)),
        _ => No::Signed(key.series, refusals::not_the_holder(key.key_no)),
    })
}

/// Why nothing is done for a key that the centre does not have.
fn unknown_key(connection: &Connection, key_no: u32) -> Result<No, No> {
    Ok(No::Plain(match Centre::restored_at(connection)? {
        Some(at) => refusals::restored(key_no, at),
        None => refusals::unknown_key(key_no),
    }))
}

/// A request's id serves one request: the same bytes may come again, others may not. True when they do come again.
fn check_single_use(
    connection: &Connection,
    id: &[u8; 16],
    hash: &[u8; 32],
    now: UnixSeconds,
) -> Result<bool, No> {
    let known: Option<Vec<u8>> = connection
        .query_row(
            "SELECT hash FROM requests WHERE id = ?1",
            params![id],
            |row| row.get(0),
        )
        .optional()?;
    match known {
        Some(known) if known == hash => Ok(true),
        Some(_) => Err(No::Plain(Refusal::new(
            CentreReason::RequestUsed,
            "This request was used already, with another content; make a new one.",
            "Этот запрос уже использован с другим содержимым; сделайте новый.",
        ))),
        None => {
            connection.execute(
                "INSERT INTO requests (id, hash, at) VALUES (?1, ?2, ?3)",
                params![id, hash, now],
            )?;
            Ok(false)
        }
    }
}
