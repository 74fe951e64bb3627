//! Where files are. One variable, `LICENCE_ROOT`, puts a prefix before all of them: for tests, demos and
//! several servers on one computer.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// The folders and files of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// licenceserver.conf and licence.series.
    pub config: PathBuf,
    /// Keys and the store.
    pub data: PathBuf,
    /// Logs.
    pub logs: PathBuf,
}

/// The system does not say where its common folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the system does not name its ProgramData folder; set LICENCE_ROOT to a folder for the server's files"
)]
pub struct NoFolder;

impl Places {
    /// The places of this computer, or those under the prefix.
    ///
    /// # Errors
    /// On Windows, when the system does not name its common folder.
    pub fn of_system() -> Result<Self, NoFolder> {
        let root = env::var_os("LICENCE_ROOT").filter(|root| !root.is_empty());
        Ok(Self::under(&common_folder()?, root.as_deref()))
    }

    fn under(common: &Path, root: Option<&OsStr>) -> Self {
        let common = match root {
            // A drive letter cannot stand in the middle of a path.
            Some(root) => below(root.into(), common),
            None => common.to_owned(),
        };
        let config = common.join("1C").join("licence").join("3.0");
        let data = common
            .join("1C")
            .join(if cfg!(windows) { "Licence" } else { "licence" });
        Self {
            logs: config.join("logs"),
            data: data.join(if cfg!(windows) { "Data" } else { "data" }),
            config,
        }
    }

    /// Another place of this computer, as `LICENCE_ROOT` moves it.
    pub fn under_root(&self, path: &Path) -> PathBuf {
        match env::var_os("LICENCE_ROOT").filter(|root| !root.is_empty()) {
            Some(root) => below(root.into(), path),
            None => path.to_owned(),
        }
    }

    /// licenceserver.conf.
    pub fn conf(&self) -> PathBuf {
        self.config.join("licenceserver.conf")
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.data.join("server.db")
    }

    /// The file with this server's Noise key.
    pub fn instance_key(&self) -> PathBuf {
        self.data.join("server.key")
    }

    /// Where a restore puts everything before any of it is used; it is gone when the restore is whole.
    pub fn half_restored(&self) -> PathBuf {
        self.data.join(".restore")
    }

    /// The file with the highest time that was seen.
    pub fn clock(&self) -> PathBuf {
        self.data.join("server.clock")
    }

    /// The file with the port that is listened on, for whoever asked for any free one.
    pub fn port(&self) -> PathBuf {
        self.data.join("server.port")
    }

    /// The file with the administrator's machine id.
    pub fn machine_id(&self) -> PathBuf {
        self.data.join("machine-id")
    }
}

/// A path put below another: without its root and drive.
fn below(root: PathBuf, path: &Path) -> PathBuf {
    let names = path
        .components()
        .filter(|part| matches!(part, std::path::Component::Normal(_)));
    names.fold(root, |path, part| path.join(part))
}

#[cfg(unix)]
fn common_folder() -> Result<PathBuf, NoFolder> {
    Ok(PathBuf::from("/var"))
}

#[cfg(windows)]
fn common_folder() -> Result<PathBuf, NoFolder> {
    known_folders::get_known_folder_path(known_folders::KnownFolder::ProgramData).ok_or(NoFolder)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_put_before_the_system_places() {
        let places = Places::under(Path::new("/var"), None);
        assert_eq!(
            places.conf(),
            Path::new("/var/1C/licence/3.0/licenceserver.conf")
        );
        assert_eq!(places.data, Path::new("/var/1C/licence/data"));
        let places = Places::under(Path::new("/var"), Some(OsStr::new("/tmp/x")));
        assert_eq!(places.logs, Path::new("/tmp/x/var/1C/licence/3.0/logs"));
    }
}
