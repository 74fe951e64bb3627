//! The licence request of this computer or of a carrier.

use protocol::{Version, request::Request};

use super::{HolderError, InstanceKey, signer::Signer};

/// What a licence is asked for with; its facts are hashed with that salt.
pub(super) fn new(
    signer: &Signer<'_>,
    instance: &InstanceKey,
    now: i64,
    salt: [u8; 16],
) -> Request {
    Request {
        id: protocol::random_bytes(),
        created_at: now,
        version: Version::CURRENT.to_string(),
        computer_name: signer.name(),
        computer_id: signer.id(),
        server: instance.public,
        holder: signer.holder.clone(),
        salt,
        facts: signer.facts(&salt),
    }
}

/// The file's bytes.
///
/// # Errors
/// When the holder key is damaged, or its carrier is gone.
pub(super) fn bytes(
    signer: &Signer<'_>,
    instance: &InstanceKey,
    now: i64,
) -> Result<Vec<u8>, HolderError> {
    new(signer, instance, now, protocol::random_bytes()).to_bytes(signer)
}
