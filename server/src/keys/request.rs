//! This computer's licence request.

use protocol::{Version, request::Request};

use super::{Computer, HolderError, HolderKeys, InstanceKey};

/// What a licence is asked for with; its facts are hashed with that salt.
///
/// # Errors
/// When the holder key is damaged.
pub(super) fn new(
    computer: &Computer,
    instance: &InstanceKey,
    holder: &HolderKeys,
    now: i64,
    salt: [u8; 16],
) -> Result<Request, HolderError> {
    Ok(Request {
        id: protocol::random_bytes(),
        created_at: now,
        version: Version::CURRENT.to_string(),
        computer_name: computer.name.clone(),
        computer_id: computer.id.clone(),
        server: instance.public,
        holder: holder
            .holder()
            .map_err(|error| HolderError::Key("server.holder".into(), error))?,
        salt,
        facts: computer
            .binding(computer.has_explicit_id())
            .iter()
            .map(|fact| fact.hash(&salt))
            .collect(),
    })
}

/// The file's bytes.
///
/// # Errors
/// When the holder key is damaged.
pub(super) fn bytes(
    computer: &Computer,
    instance: &InstanceKey,
    holder: &HolderKeys,
    now: i64,
) -> Result<Vec<u8>, HolderError> {
    new(computer, instance, holder, now, protocol::random_bytes())?
        .to_bytes(&holder.signing)
        .map_err(|error| HolderError::Key("server.holder".into(), error))
}
