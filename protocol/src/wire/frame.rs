//! Frames: what stands in the body of an HTTP request or answer.

use minicbor::{Decode, Encode};

use crate::{
    KeyId, Reason,
    envelope::{self, FormatError},
};

/// What begins every frame.
pub const MAGIC: [u8; 4] = *b"LCW1";
/// The longest clear part of a handshake request, in bytes.
const MAX_CLEAR: usize = 1024;
/// The longest text of a refusal, in bytes.
const MAX_REFUSAL: usize = 16 * 1024;

/// Names a channel: what one handshake made.
pub type ChannelId = [u8; 16];

/// What a component says before anything is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Clear {
    /// The wire protocol's version.
    #[n(0)]
    pub protocol: u8,
    /// The component's version, `3.0.PATCH.BUILD`.
    #[n(1)]
    pub version: String,
    /// The series that is asked for.
    #[n(2)]
    pub key_id: KeyId,
}

/// A server's "no" outside a channel. It is not authenticated: a component takes it as a hint for choosing
/// another server, never as the loss of a seat.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Refusal {
    /// The reason's number.
    #[n(0)]
    pub reason: Reason,
    /// The reason in English, as the server puts it.
    #[n(1)]
    pub english: String,
    /// The reason in Russian.
    #[n(2)]
    pub russian: String,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Component → server: the first Noise message.
    HandshakeRequest {
        /// What is said in clear.
        clear: Clear,
        /// The Noise message.
        noise: Vec<u8>,
    },
    /// Server → component: the second Noise message.
    HandshakeReply {
        /// The channel that was made.
        channel: ChannelId,
        /// The Noise message.
        noise: Vec<u8>,
    },
    /// Component → server: a numbered sealed request.
    Request {
        /// The channel.
        channel: ChannelId,
        /// The request's number, which is its nonce.
        number: u64,
        /// The Noise message.
        noise: Vec<u8>,
    },
    /// Server → component: the sealed answer to the request of that number.
    Reply {
        /// The request's number, which is the nonce.
        number: u64,
        /// The Noise message.
        noise: Vec<u8>,
    },
    /// Server → component: no.
    Refusal(Refusal),
}

/// Why a body is not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It does not begin as a frame: something else answered.
    #[error("another program answers at this address; check address and port")]
    NotOurs,
    /// It is a frame that is cut or breaks a limit.
    #[error("the message is damaged: {0}")]
    Damaged(#[from] FormatError),
}

impl Frame {
    /// The body's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        match self {
            Self::HandshakeRequest { clear, noise } => {
                let clear = envelope::to_cbor(clear);
                bytes.push(1);
                bytes.extend((clear.len() as u16).to_be_bytes());
                bytes.extend(clear);
                bytes.extend(noise);
            }
            Self::HandshakeReply { channel, noise } => {
                bytes.push(2);
                bytes.extend(channel);
                bytes.extend(noise);
            }
            Self::Request {
                channel,
                number,
                noise,
            } => {
                bytes.reserve_exact(1 + channel.len() + 8 + noise.len());
                bytes.push(3);
                bytes.extend(channel);
                bytes.extend(number.to_be_bytes());
                bytes.extend(noise);
            }
            Self::Reply { number, noise } => {
                bytes.reserve_exact(1 + 8 + noise.len());
                bytes.push(4);
                bytes.extend(number.to_be_bytes());
                bytes.extend(noise);
            }
            Self::Refusal(refusal) => {
                bytes.push(5);
                bytes.extend(envelope::to_cbor(refusal));
            }
        }
        bytes
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(FrameError::NotOurs)?;
        let mut rest = Input(rest);
        let frame = match rest.array::<1>()?[0] {
            1 => {
                let length = u16::from_be_bytes(rest.array()?) as usize;
                if length > MAX_CLEAR {
                    return Err(FormatError::Damaged("the clear part's length".into()).into());
                }
                let clear = envelope::from_cbor(rest.take(length)?)?;
                Self::HandshakeRequest {
                    clear,
                    noise: rest.noise()?,
                }
            }
            2 => Self::HandshakeReply {
                channel: rest.array()?,
                noise: rest.noise()?,
            },
            3 => Self::Request {
                channel: rest.array()?,
                number: u64::from_be_bytes(rest.array()?),
                noise: rest.noise()?,
            },
            4 => Self::Reply {
                number: u64::from_be_bytes(rest.array()?),
                noise: rest.noise()?,
            },
            5 if rest.0.len() <= MAX_REFUSAL => Self::Refusal(envelope::from_cbor(rest.0)?),
            other => return Err(FormatError::Damaged(format!("frame type {other}")).into()),
        };
        Ok(frame)
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(FormatError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        self.take(N)?.try_into().map_err(|_| FormatError::Truncated)
    }

    fn noise(&self) -> Result<Vec<u8>, FormatError> {
        if self.0.len() > super::MAX_NOISE {
            return Err(FormatError::Damaged("the message is too long".into()));
        }
        Ok(self.0.to_vec())
    }
}
