//! The handshake: Noise NX, whose second message proves that the server may speak for a key of the series.

use minicbor::{Decode, Encode};
use snow::{Builder, HandshakeState};

use super::{
    MAX_NOISE, PROTOCOL,
    channel::Sealer,
    frame::{ChannelId, Clear, Frame},
};
use crate::{
    KeyId, UnixSeconds, Version,
    envelope::{self, FormatError},
    licence::Credential,
    signature::Secret,
};

const NOISE: &str = "Noise_NX_25519_ChaChaPoly_BLAKE2s";

/// What the server says in the second message, encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ServerHello {
    /// The server's version.
    #[n(0)]
    pub version: String,
    /// The server's clock.
    #[n(1)]
    pub now: UnixSeconds,
    /// Why the component should believe it.
    #[n(2)]
    pub credential: Credential,
}

/// Why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The messages do not fit together: altered on the way, or another Host, series or protocol.
    #[error("the handshake failed: the messages were altered on the way")]
    Noise(#[from] snow::Error),
    /// The payload does not decode.
    #[error("the handshake's payload is damaged: {0}")]
    Payload(#[from] FormatError),
    /// A frame of another type came.
    #[error("the answer is not one to a handshake")]
    Unexpected,
}

/// The bytes that both sides bind into the handshake. `host` is the value of the HTTP Host header.
pub fn prologue(protocol: u8, key_id: KeyId, host: &str) -> Vec<u8> {
    let host = host.to_ascii_lowercase();
    let mut bytes = b"licence-wire-v1\0".to_vec();
    bytes.push(protocol);
    bytes.extend(key_id.0.to_be_bytes());
    bytes.extend((host.len() as u16).to_be_bytes());
    bytes.extend(host.as_bytes());
    bytes
}

fn builder(prologue: &[u8]) -> Result<Builder<'_>, snow::Error> {
    Builder::new(NOISE.parse()?).prologue(prologue)
}

/// A component's handshake under way.
#[derive(Debug)]
pub struct Initiator(HandshakeState);

/// What a component has after a handshake. The credential is not checked yet.
#[derive(Debug)]
pub struct Established {
    /// The channel's id.
    pub channel: ChannelId,
    /// Seals requests and opens answers.
    pub sealer: Sealer,
    /// The server's static key: the credential must delegate to it.
    pub server: [u8; 32],
    /// What the server said.
    pub hello: ServerHello,
}

impl Initiator {
    /// Begins a handshake about a series with the server at `host`.
    ///
    /// # Errors
    /// Those of snow.
    pub fn start(key_id: KeyId, host: &str) -> Result<(Self, Frame), HandshakeError> {
        let mut state = builder(&prologue(PROTOCOL, key_id, host))?.build_initiator()?;
        let mut noise = vec![0; 128];
        let length = state.write_message(&[], &mut noise)?;
        noise.truncate(length);
        let clear = Clear {
            protocol: PROTOCOL,
            version: Version::CURRENT.to_string(),
            key_id,
        };
        Ok((Self(state), Frame::HandshakeRequest { clear, noise }))
    }

    /// Ends it with the server's answer.
    ///
    /// # Errors
    /// [`HandshakeError`].
    pub fn finish(mut self, reply: Frame) -> Result<Established, HandshakeError> {
        let Frame::HandshakeReply { channel, noise } = reply else {
            return Err(HandshakeError::Unexpected);
        };
        let mut payload = vec![0; MAX_NOISE];
        let length = self.0.read_message(&noise, &mut payload)?;
        let hello = envelope::from_cbor(&payload[..length])?;
        let server = self
            .0
            .get_remote_static()
            .and_then(|key| key.try_into().ok());
        let server = server.ok_or(HandshakeError::Unexpected)?;
        Ok(Established {
            channel,
            sealer: Sealer::new(self.0.into_stateless_transport_mode()?),
            server,
            hello,
        })
    }
}

/// Answers a component's handshake.
///
/// # Errors
/// [`HandshakeError`] when the first message does not fit the prologue or is damaged.
pub fn respond(
    clear: &Clear,
    noise: &[u8],
    host: &str,
    instance: &Secret,
    channel: ChannelId,
    hello: &ServerHello,
) -> Result<(Sealer, Frame), HandshakeError> {
    let prologue = prologue(clear.protocol, clear.key_id, host);
    let mut state = builder(&prologue)?
        .local_private_key(&instance.0)?
        .build_responder()?;
    let mut empty = vec![0; MAX_NOISE];
    state.read_message(noise, &mut empty)?;
    let mut answer = vec![0; MAX_NOISE];
    let length = state.write_message(&envelope::to_cbor(hello), &mut answer)?;
    answer.truncate(length);
    let sealer = Sealer::new(state.into_stateless_transport_mode()?);
    Ok((
        sealer,
        Frame::HandshakeReply {
            channel,
            noise: answer,
        },
    ))
}
