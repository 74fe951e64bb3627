//! Reading inputs with a limit, and the care taken before an output replaces a file.

use std::{fs, io::Read, path::Path};

use protocol::{
    cryptkey::{self, CryptKey},
    envelope::HEAD,
    files::{self, open_regular},
    locked,
};

use crate::Error;

/// An input of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Error> {
    files::read_limited(path, limit).map_err(|cause| Error::Read {
        path: path.into(),
        cause,
    })
}

/// The secrets of a series; a file under a passphrase is opened with that of the environment.
pub(crate) fn read_keys(path: &Path) -> Result<CryptKey, Error> {
    let passphrase = std::env::var(PASSPHRASE).ok().map(zeroize::Zeroizing::new);
    read_keys_with(path, passphrase.as_ref().map(|text| text.as_str()))
}

/// The variable with the passphrase of a `.cryptkey`.
const PASSPHRASE: &str = "LICENCE_PASSPHRASE";

/// The secrets of a series, of a file that may be under a passphrase.
pub(crate) fn read_keys_with(path: &Path, passphrase: Option<&str>) -> Result<CryptKey, Error> {
    let mut bytes = zeroize::Zeroizing::new(read(path, cryptkey::MAX_FILE)?);
    if locked::is_locked(&bytes) {
        let passphrase = passphrase.ok_or_else(|| Error::PassphraseNeeded(path.into()))?;
        bytes = locked::unlock(&bytes, passphrase).map_err(|error| Error::Locked {
            path: path.into(),
            error,
        })?;
    }
    CryptKey::from_bytes(&bytes).map_err(Error::format(path))
}

/// A series' secrets, as their file has them.
pub(crate) struct Opened {
    pub(crate) keys: CryptKey,
    /// The file's bytes.
    pub(crate) bytes: zeroize::Zeroizing<Vec<u8>>,
    /// What opened them, if they are under a passphrase.
    pub(crate) passphrase: Option<zeroize::Zeroizing<String>>,
}

/// The secrets of a series, to be changed and written again.
pub(crate) fn open_keys(path: &Path) -> Result<Opened, Error> {
    let bytes = zeroize::Zeroizing::new(read(path, cryptkey::MAX_FILE)?);
    let passphrase = std::env::var(PASSPHRASE).ok().map(zeroize::Zeroizing::new);
    let keys = read_keys_with(path, passphrase.as_ref().map(|text| text.as_str()))?;
    Ok(Opened {
        keys,
        passphrase: passphrase.filter(|_| locked::is_locked(&bytes)),
        bytes,
    })
}

/// The first bytes of a regular file, enough to tell its kind.
pub(crate) fn read_head(path: &Path) -> Result<Vec<u8>, Error> {
    let read_error = |cause| Error::Read {
        path: path.into(),
        cause,
    };
    let file = open_regular(path).map_err(read_error)?;
    let mut head = Vec::new();
    file.take(HEAD as u64)
        .read_to_end(&mut head)
        .map_err(read_error)?;
    Ok(head)
}

/// Refuses an output that is one of the inputs, or that exists while replacing was not asked for.
pub(crate) fn check_output(out: &Path, replace: bool, inputs: &[&Path]) -> Result<(), Error> {
    if let Ok(existing) = fs::canonicalize(out) {
        if inputs
            .iter()
            .any(|input| fs::canonicalize(input).is_ok_and(|input| input == existing))
        {
            return Err(Error::OutputIsInput(out.into()));
        }
        if !replace {
            return Err(Error::Exists(out.into()));
        }
    }
    Ok(())
}
