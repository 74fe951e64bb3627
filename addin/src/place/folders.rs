//! The folders of configuration files and logs.

use std::path::{Component, Path, PathBuf};

/// Where the system's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The current user's folder; none when the system does not tell one.
    pub user: Option<PathBuf>,
    /// The folder for all users.
    pub common: PathBuf,
}

impl Folders {
    /// The folders of this process, under `LICENCE_ROOT` when that is set.
    #[must_use]
    pub fn current() -> Self {
        let root = root();
        // Unit tests connect too, and must neither read this computer's settings nor log into its folders.
        #[cfg(test)]
        let root = root.or_else(|| Some(std::env::temp_dir().join("licenceaddin-tests")));
        Self::under(root.as_deref())
    }

    /// The folders under a prefix.
    #[must_use]
    pub fn under(root: Option<&Path>) -> Self {
        let place = |path: PathBuf| match root {
            Some(root) => root.join(bare(&path)),
            None => path,
        };
        Self {
            user: user().map(place),
            common: place(common()),
        }
    }
}

/// The prefix of all places, for tests and for several servers on one computer.
fn root() -> Option<PathBuf> {
    std::env::var_os("LICENCE_ROOT")
        .filter(|root| !root.is_empty())
        .map(PathBuf::from)
}

/// A path under the prefix, if there is one that does not depend on the current folder.
pub(super) fn under_root(path: &Path) -> Option<PathBuf> {
    root()
        .filter(|root| root.is_absolute())
        .map(|root| root.join(bare(path)))
}

/// A path without its drive and root, to be put under another folder.
fn bare(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}

#[cfg(unix)]
fn user() -> Option<PathBuf> {
    // HOME, and the password file where it is missing.
    dirs::home_dir()
        .filter(|home| home.is_absolute())
        .map(|home| home.join(".1C/licence/3.0"))
}

#[cfg(unix)]
fn common() -> PathBuf {
    "/var/1C/licence/3.0".into()
}

#[cfg(windows)]
fn user() -> Option<PathBuf> {
    dirs::data_local_dir().map(|folder| folder.join(r"1C\licence\3.0"))
}

#[cfg(windows)]
fn common() -> PathBuf {
    use known_folders::{KnownFolder, get_known_folder_path};
    get_known_folder_path(KnownFolder::ProgramData)
        .unwrap_or_else(|| r"C:\ProgramData".into())
        .join(r"1C\licence\3.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_goes_before_every_folder() {
        let folders = Folders::under(Some(Path::new("/tmp/root")));
        assert!(folders.common.starts_with("/tmp/root"));
        assert!(
            folders
                .user
                .is_none_or(|user| user.starts_with("/tmp/root"))
        );
        assert!(!Folders::under(None).common.starts_with("/tmp/root"));
    }
}
