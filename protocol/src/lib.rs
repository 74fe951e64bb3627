//! What both sides of the licensing system must agree on: ids, signatures, file formats, the wire.
//!
//! `docs/protocol.md` describes every format in this crate so that another language could implement it.
//! Nothing here reads a clock, a socket or a setting; time and random bytes come from the caller or the
//! operating system's generator.

pub mod binding;
pub mod carrier;
pub mod centre;
pub mod code;
pub mod cryptkey;
pub mod datafile;
pub mod delegation;
pub mod envelope;
pub mod facts;
pub mod files;
pub mod keyid;
pub mod licence;
#[cfg(feature = "issue")]
pub mod locked;
pub mod owner;
pub mod reason;
pub mod request;
#[cfg(feature = "issue")]
pub mod seal;
pub mod series;
pub mod signature;
pub mod version;
pub mod wire;

pub use keyid::KeyId;
pub use reason::Reason;
pub use version::Version;

/// Seconds since 1970-01-01T00:00:00Z. Licence dates and delegations are whole seconds.
pub type UnixSeconds = i64;

/// `N` bytes from the operating system's generator.
///
/// # Panics
/// When the operating system has no random bytes to give: nothing secret can be made then.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
