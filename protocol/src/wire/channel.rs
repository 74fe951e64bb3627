//! Inside a channel: sealing with explicit numbers, and payloads larger than one Noise message.
//!
//! Every HTTP exchange carries one Noise message each way. A request's plain bytes begin with its kind and
//! the acknowledgement: all answers to requests of smaller numbers have been received.

use snow::StatelessTransportState;

use super::{MAX_NOISE, MAX_PAYLOAD};
use crate::envelope::FormatError;

const TAG: usize = 16;
/// The plain bytes of one Noise message.
const MAX_PLAIN: usize = MAX_NOISE - TAG;
/// The payload bytes of one message: a plain message less the longest head.
pub const PART: usize = MAX_PLAIN - 32;

/// Seals and opens the messages of one channel. Each direction has its own key, so a request and its answer
/// use the same number.
#[derive(Debug)]
pub struct Sealer(StatelessTransportState);

/// A message that does not open under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message does not belong to this channel, or was altered")]
pub struct NotOfChannel;

impl Sealer {
    pub(super) fn new(state: StatelessTransportState) -> Self {
        Self(state)
    }

    /// Seals plain bytes under a number. A number must never be used for other bytes again.
    ///
    /// # Errors
    /// When the bytes are more than one Noise message holds.
    pub fn seal(&self, number: u64, plain: &[u8]) -> Result<Vec<u8>, NotOfChannel> {
        let mut sealed = vec![0; plain.len() + TAG];
        let length = self
            .0
            .write_message(number, plain, &mut sealed)
            .map_err(|_| NotOfChannel)?;
        sealed.truncate(length);
        Ok(sealed)
    }

    /// Opens a message of that number.
    ///
    /// # Errors
    /// [`NotOfChannel`].
    pub fn open(&self, number: u64, sealed: &[u8]) -> Result<Vec<u8>, NotOfChannel> {
        let mut plain = vec![0; sealed.len()];
        let length = self
            .0
            .read_message(number, sealed, &mut plain)
            .map_err(|_| NotOfChannel)?;
        plain.truncate(length);
        Ok(plain)
    }
}

/// The plain bytes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// A whole payload.
    Whole {
        /// All answers to requests below this number have been received.
        ack: u64,
        /// CBOR of a request.
        payload: Vec<u8>,
    },
    /// Part `index` of `count` of a large payload. The last part to arrive is answered with the answer to
    /// the whole, the others with [`PlainAnswer::Continue`].
    Part {
        /// As above.
        ack: u64,
        /// Names the transfer within the channel.
        transfer: u32,
        /// From 0.
        index: u16,
        /// How many parts there are.
        count: u16,
        /// The part's bytes.
        bytes: Vec<u8>,
    },
    /// Asks for part `index` of the large answer to request `number`, which is not acknowledged yet.
    More {
        /// As above.
        ack: u64,
        /// The request whose answer it is.
        number: u64,
        /// From 1: part 0 came with the answer.
        index: u16,
    },
}

/// The plain bytes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlainAnswer {
    /// A whole payload, or the last missing piece is elsewhere: CBOR of an answer.
    Whole(Vec<u8>),
    /// The first of `count` parts; the others are asked for with [`Plain::More`].
    First {
        /// How many parts there are.
        count: u16,
        /// The first part's bytes.
        bytes: Vec<u8>,
    },
    /// A further part.
    Further(Vec<u8>),
    /// The part arrived, others are missing.
    Continue,
}

impl Plain {
    /// The acknowledgement of any request.
    pub const fn ack(&self) -> u64 {
        match self {
            Self::Whole { ack, .. } | Self::Part { ack, .. } | Self::More { ack, .. } => *ack,
        }
    }

    /// The bytes to seal.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Whole { ack, payload } => {
                out.push(0);
                out.extend(ack.to_be_bytes());
                out.extend(payload);
            }
            Self::Part {
                ack,
                transfer,
                index,
                count,
                bytes,
            } => {
                out.push(1);
                out.extend(ack.to_be_bytes());
                out.extend(transfer.to_be_bytes());
                out.extend(index.to_be_bytes());
                out.extend(count.to_be_bytes());
                out.extend(bytes);
            }
            Self::More { ack, number, index } => {
                out.push(2);
                out.extend(ack.to_be_bytes());
                out.extend(number.to_be_bytes());
                out.extend(index.to_be_bytes());
            }
        }
        out
    }

    /// Reads opened bytes.
    ///
    /// # Errors
    /// Cut, of an unknown kind, or past a limit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let (kind, rest) = bytes.split_first().ok_or(FormatError::Truncated)?;
        let (ack, rest) = number(rest)?;
        match kind {
            0 => Ok(Self::Whole {
                ack,
                payload: rest.to_vec(),
            }),
            1 => {
                let (head, bytes) = rest.split_at_checked(8).ok_or(FormatError::Truncated)?;
                let transfer = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
                let index = u16::from_be_bytes([head[4], head[5]]);
                let count = u16::from_be_bytes([head[6], head[7]]);
                if index >= count || usize::from(count) > MAX_PAYLOAD.div_ceil(PART) {
                    return Err(FormatError::Damaged("the parts' count".into()));
                }
                Ok(Self::Part {
                    ack,
                    transfer,
                    index,
                    count,
                    bytes: bytes.to_vec(),
                })
            }
            2 => {
                let (number, rest) = number(rest)?;
                let index =
                    u16::from_be_bytes(rest.try_into().map_err(|_| FormatError::Truncated)?);
                Ok(Self::More { ack, number, index })
            }
            other => Err(FormatError::Damaged(format!("request kind {other}"))),
        }
    }

    /// The requests that carry a payload; `ack` is set when each is sent.
    ///
    /// # Errors
    /// When the payload is over [`MAX_PAYLOAD`].
    pub fn split(payload: Vec<u8>, transfer: u32) -> Result<Vec<Self>, FormatError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(FormatError::Damaged("the message is too long".into()));
        }
        if payload.len() <= PART {
            return Ok(vec![Self::Whole { ack: 0, payload }]);
        }
        let count = payload.len().div_ceil(PART) as u16;
        let parts = payload.chunks(PART).zip(0..);
        Ok(parts
            .map(|(bytes, index)| Self::Part {
                ack: 0,
                transfer,
                index,
                count,
                bytes: bytes.to_vec(),
            })
            .collect())
    }

    /// The same request with the acknowledgement of the moment.
    #[must_use]
    pub fn acknowledging(mut self, now: u64) -> Self {
        match &mut self {
            Self::Whole { ack, .. } | Self::Part { ack, .. } | Self::More { ack, .. } => *ack = now,
        }
        self
    }
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), FormatError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(FormatError::Truncated)?;
    Ok((u64::from_be_bytes(*head), rest))
}

impl PlainAnswer {
    /// The bytes to seal.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Whole(payload) => [&[0], payload.as_slice()].concat(),
            Self::First { count, bytes } => [&[1][..], &count.to_be_bytes(), bytes].concat(),
            Self::Further(bytes) => [&[2], bytes.as_slice()].concat(),
            Self::Continue => vec![3],
        }
    }

    /// Reads opened bytes.
    ///
    /// # Errors
    /// Cut, of an unknown kind, or past a limit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let (kind, rest) = bytes.split_first().ok_or(FormatError::Truncated)?;
        match kind {
            0 => Ok(Self::Whole(rest.to_vec())),
            1 => {
                let (count, bytes) = rest.split_first_chunk().ok_or(FormatError::Truncated)?;
                let count = u16::from_be_bytes(*count);
                if usize::from(count) > MAX_PAYLOAD.div_ceil(PART) {
                    return Err(FormatError::Damaged("the parts' count".into()));
                }
                Ok(Self::First {
                    count,
                    bytes: bytes.to_vec(),
                })
            }
            2 => Ok(Self::Further(rest.to_vec())),
            3 if rest.is_empty() => Ok(Self::Continue),
            other => Err(FormatError::Damaged(format!("answer kind {other}"))),
        }
    }

    /// The answer that carries a payload, and the parts that [`Plain::More`] will ask for.
    ///
    /// # Errors
    /// When the payload is over [`MAX_PAYLOAD`].
    pub fn split(payload: Vec<u8>) -> Result<(Self, Vec<Vec<u8>>), FormatError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(FormatError::Damaged("the answer is too long".into()));
        }
        if payload.len() <= PART {
            return Ok((Self::Whole(payload), Vec::new()));
        }
        let mut parts: Vec<Vec<u8>> = payload.chunks(PART).map(<[u8]>::to_vec).collect();
        let count = parts.len() as u16;
        let first = parts.remove(0);
        Ok((
            Self::First {
                count,
                bytes: first,
            },
            parts,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_every_size_are_split_and_read_back() {
        for size in [0, 1, PART, PART + 1, 3 * PART + 5] {
            let payload = vec![7; size];
            let parts = Plain::split(payload.clone(), 9).unwrap();
            let mut together = Vec::new();
            for part in parts {
                let part = part.acknowledging(3);
                assert!(part.to_bytes().len() <= MAX_PLAIN);
                match Plain::from_bytes(&part.to_bytes()).unwrap() {
                    Plain::Whole { ack: 3, payload } => together.extend(payload),
                    Plain::Part {
                        ack: 3,
                        transfer: 9,
                        bytes,
                        ..
                    } => together.extend(bytes),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(together, payload);
            let (first, rest) = PlainAnswer::split(payload.clone()).unwrap();
            assert_eq!(
                PlainAnswer::from_bytes(&first.to_bytes()),
                Ok(first.clone())
            );
            let first = match first {
                PlainAnswer::Whole(bytes) | PlainAnswer::First { bytes, .. } => bytes,
                other => panic!("{other:?}"),
            };
            assert_eq!([first, rest.concat()].concat(), payload);
        }
        assert!(Plain::split(vec![0; MAX_PAYLOAD + 1], 0).is_err());
    }
}
