//! Ids and moments: newtypes, so that no two are mixed up.

use std::{fmt, str::FromStr, time::Duration};

use minicbor::{Decode, Encode};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Moment(#[n(0)] pub i64);

impl Moment {
    /// The moment that whole seconds since 1970 name.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment and some time more; the far end of time instead of an overflow.
    pub fn after(self, time: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long it is from this moment to a later one; nothing to an earlier one.
    pub fn until(self, later: Self) -> Duration {
        let millis = later.0.saturating_sub(self.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

/// What time it is when a command is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// By the wall clock, as far as it is believed: keys begin and end by it, and people read it.
    pub wall: Moment,
    /// By a clock that nobody sets: what lingers ends by it. It begins with the wall clock's time when the server starts,
    /// so that lingers go on where they were.
    pub steady: Moment,
}

impl From<Moment> for Now {
    /// A wall clock that nobody sets.
    fn from(moment: Moment) -> Self {
        Self {
            wall: moment,
            steady: moment,
        }
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

        impl $name {
            /// A new id that nobody has.
            pub fn random() -> Self {
                Self(protocol::random_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXUPPER.encode(&self.0))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let bytes = data_encoding::HEXUPPER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| NotAnId)?;
                Ok(Self(bytes.try_into().map_err(|_| NotAnId)?))
            }
        }
    )*};
}

ids! {
    /// Names a session in this server and in the REST API.
    SessionId,
    /// Names a connection.
    ConnectionId,
    /// Names a server, by its instance key: a new key makes another server of it.
    ServerId,
    /// Names one state-changing request, so that its repetition changes nothing.
    OperationId,
}

impl ServerId {
    /// The server whose instance key has this public half.
    pub fn of(public: &[u8; 32]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&protocol::sha256(public)[..16]);
        Self(id)
    }
}

/// A text that is not 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hex digits")]
pub struct NotAnId;

/// SHA-256 of a resume token. The token itself is kept by the component alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct TokenHash(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);
