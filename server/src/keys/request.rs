//! This computer's licence request.

use protocol::{Version, request::Request};

use super::{Computer, HolderError, HolderKeys, InstanceKey};

/// The file's bytes.
///
/// # Errors
/// When the holder key is damaged.
pub fn request(
    computer: &Computer,
    instance: &InstanceKey,
    holder: &HolderKeys,
    now: i64,
) -> Result<Vec<u8>, HolderError> {
    let damaged = |error| HolderError::Key("server.holder".into(), error);
    let salt = protocol::random_bytes();
    let request = Request {
        id: protocol::random_bytes(),
        created_at: now,
        version: Version::CURRENT.to_string(),
        computer_name: computer.name.clone(),
        computer_id: computer.id.clone(),
        server: instance.public,
        holder: holder.holder().map_err(damaged)?,
        salt,
        facts: computer.facts.iter().map(|fact| fact.hash(&salt)).collect(),
    };
    request.to_bytes(&holder.signing).map_err(damaged)
}
