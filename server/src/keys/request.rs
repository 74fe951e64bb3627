//! Asking for a licence: a holder key that no licence uses yet, and this computer's facts.

use std::io;

use protocol::{Version, binding::Fact, request::Request, seal::public_of, signature::Secret};

use super::{HolderKey, computer_id};

/// A signed request for a licence that `holder` shall hold.
///
/// # Errors
/// When the holder key is damaged.
pub fn make_request(
    holder: &HolderKey,
    instance: &Secret,
    facts: &[Fact],
    computer_name: String,
    now: protocol::UnixSeconds,
) -> io::Result<Vec<u8>> {
    let salt = protocol::random_bytes();
    let request = Request {
        id: protocol::random_bytes(),
        created_at: now,
        version: Version::CURRENT.to_string(),
        computer_name,
        computer_id: computer_id(facts),
        server: public_of(instance),
        holder: holder.public()?,
        salt,
        facts: facts.iter().map(|fact| fact.hash(&salt)).collect(),
    };
    request.to_bytes(&holder.signing).map_err(io::Error::other)
}
