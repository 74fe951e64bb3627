//! The wire between component and server: frames over HTTP, a Noise handshake, numbered sealed requests.

pub mod channel;
pub mod frame;
pub mod handshake;
pub mod message;
pub mod window;

/// The path of the handshake.
pub const HANDSHAKE_PATH: &str = "/component/v1/handshake";
/// The path of sealed requests.
pub const MESSAGE_PATH: &str = "/component/v1/message";
/// The media type of both bodies.
pub const CONTENT_TYPE: &str = "application/octet-stream";
/// The wire protocol's version, bound into the handshake.
pub const PROTOCOL: u8 = 1;
/// The largest Noise message, in bytes (Noise specification, section 3).
pub const MAX_NOISE: usize = 65_535;
/// The largest HTTP body in either direction, in bytes.
pub const MAX_BODY: usize = MAX_NOISE + 1024;
/// The largest payload put together from chunks, in bytes.
pub const MAX_PAYLOAD: usize = 2 * 1024 * 1024;
/// How many requests of a channel may be unanswered or unacknowledged at once.
pub const WINDOW: u64 = 64;
/// After how many requests a channel is replaced by a new handshake.
pub const MAX_REQUESTS: u64 = 1 << 20;
/// After how many seconds a channel is replaced by a new handshake.
pub const MAX_CHANNEL_LIFE: u64 = 24 * 60 * 60;
/// How many sessions one connection may attach.
pub const MAX_SESSIONS: usize = 16_384;
