//! The instance key: the static Noise key of this server, `data/server.key`.

use std::{io, path::Path};

use minicbor::{Decode, Encode};
use protocol::{
    envelope::{self, Kind},
    files::{Access, read_limited, write_whole},
    seal::public_of,
    signature::Secret,
};

use super::KeysError;

/// The key and its public half.
#[derive(Clone, Debug)]
pub struct InstanceKey {
    /// The secret.
    pub secret: Secret,
    /// The public half.
    pub public: [u8; 32],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct File {
    #[n(0)]
    secret: Secret,
}

impl InstanceKey {
    /// Reads the file, or makes it where there is none.
    ///
    /// # Errors
    /// A file that cannot be read, written, or is something else.
    pub fn open_or_make(path: &Path) -> Result<Self, KeysError> {
        let secret = match read_limited(path, 4096) {
            Ok(bytes) => {
                let bytes = zeroize::Zeroizing::new(bytes);
                let file: File = envelope::open(Kind::InstanceKey, &bytes).map_err(|error| {
                    KeysError::Format {
                        path: path.into(),
                        error,
                    }
                })?;
                file.secret
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = Secret::random();
                let bytes = zeroize::Zeroizing::new(envelope::seal(
                    Kind::InstanceKey,
                    &File {
                        secret: secret.clone(),
                    },
                ));
                write_whole(path, &bytes, Access::Owner).map_err(KeysError::file(path))?;
                secret
            }
            Err(error) => {
                return Err(KeysError::File {
                    path: path.into(),
                    error,
                });
            }
        };
        Ok(Self {
            public: public_of(&secret),
            secret,
        })
    }
}
