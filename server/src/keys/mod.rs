//! The keys that are installed here: read, checked, and ready to speak for.

mod carried;
pub mod centre;
mod computer;
mod holder;
mod install;
mod instance;
mod licences;
mod open_error;
mod request;
mod ring;
mod series_file;
mod signer;
#[cfg(test)]
pub(crate) mod tests;
mod which;

pub use carried::CarriersLook;
pub use computer::Computer;
pub use holder::{HolderError, HolderKeys};
pub use install::{InstallError, install, install_document};
pub use instance::InstanceKey;
pub use licences::{Found, Installed};
pub use open_error::OpenError;
pub use ring::{KeyRing, ObjectKeyError, RetireError};
pub use which::WhichKey;

use std::{io, path::PathBuf};

/// Why the keys' folder cannot be worked with at all.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or folder cannot be read or written.
    #[error("{}: {error}; check the rights of the server's user and the free space", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The instance key's file is not one.
    #[error("{}: {error}", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        error: protocol::envelope::FormatError,
    },
    /// A restore broke off.
    #[error("{} is there: a restore broke off; call `licenceserver restore` with the same backup again", .0.display())]
    HalfRestored(PathBuf),
    /// The holder key.
    #[error(transparent)]
    Holder(#[from] HolderError),
}

impl KeysError {
    fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::File {
            path: path.into(),
            error,
        }
    }
}

/// Whether there is licence.series, or a file in the folder `series.d` beside it.
pub(crate) fn has_series(file: &std::path::Path) -> bool {
    series_file::files(file).iter().any(|file| file.exists())
}

/// The licence centres that the series themselves name.
pub(crate) fn centres_of(file: &std::path::Path) -> Vec<String> {
    let known = series_file::read(file);
    known
        .series
        .into_iter()
        .filter_map(|one| one.centre)
        .collect()
}

/// Makes a folder that only the server's user reads.
pub(crate) fn make_folder(folder: &std::path::Path) -> Result<(), KeysError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    // On Windows the folder takes the rights that the installer gave its parent.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(KeysError::file(folder))
}
