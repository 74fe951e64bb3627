//! The server's instance key: made at the first start, its only Noise static key.

use std::{io, path::Path};

use minicbor::{Decode, Encode};
use protocol::{
    envelope::{self, Kind},
    files::{self, Access},
    signature::Secret,
};

#[derive(Encode, Decode)]
#[cbor(map)]
struct InstanceFile {
    #[n(0)]
    secret: Secret,
}

/// The key in `data/server.key`, made when the file is not there.
///
/// # Errors
/// Those of the disk; `InvalidData` for a damaged file, which is never replaced by itself: a new key would
/// make every component distrust the licences' delegations made before.
pub fn instance_key(data: &Path) -> io::Result<Secret> {
    let path = data.join("server.key");
    match files::read_limited(&path, 4096) {
        Ok(bytes) => {
            let file: InstanceFile =
                envelope::open(Kind::InstanceKey, &bytes).map_err(|error| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("{}: {error}", path.display()),
                    )
                })?;
            Ok(file.secret)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = InstanceFile {
                secret: Secret::random(),
            };
            let bytes = zeroize::Zeroizing::new(envelope::seal(Kind::InstanceKey, &file));
            files::write_whole(&path, &bytes, Access::Owner)?;
            Ok(file.secret)
        }
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_a_damaged_file_is_not_replaced() {
        let data = tempfile::tempdir().unwrap();
        let first = instance_key(data.path()).unwrap();
        assert_eq!(instance_key(data.path()).unwrap(), first);
        let path = data.path().join("server.key");
        std::fs::write(&path, b"L3IK").unwrap();
        assert_eq!(
            instance_key(data.path()).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"L3IK");
    }
}
