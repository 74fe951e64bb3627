//! A computer of its own for a test, as the component sees it: the folders of the user and of everybody, and processes of
//! any name.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{process::Process, programs};

/// The folders and programs of the computer.
#[derive(Debug)]
pub struct Room {
    root: tempfile::TempDir,
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

/// The user's home; under the root it need not exist elsewhere.
const HOME: &str = "/home/user";

impl Room {
    /// A room with both folders and no file in them.
    ///
    /// # Panics
    /// When the folders cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let room = Self {
            root: tempfile::tempdir().expect("a temporary folder can be made"),
        };
        for folder in [room.user(), room.common(), room.root().join("bin")] {
            fs::create_dir_all(folder).expect("a folder can be made");
        }
        room
    }

    /// What stands before every place.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The user's folder.
    #[must_use]
    pub fn user(&self) -> PathBuf {
        self.root().join(&HOME[1..]).join(".1C/licence/3.0")
    }

    /// The folder of all users.
    #[must_use]
    pub fn common(&self) -> PathBuf {
        self.root().join("var/1C/licence/3.0")
    }

    /// Writes licenceaddin.conf into one of the folders.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn conf(&self, folder: &Path, text: impl AsRef<[u8]>) -> PathBuf {
        let file = folder.join("licenceaddin.conf");
        fs::write(&file, text).expect("the configuration can be written");
        file
    }

    /// A program of that name, which is the simulated 1C process.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        let file = self.root().join("bin").join(name);
        if !file.exists() {
            copy_program(&programs::process1c(), &file);
        }
        file
    }

    /// The command that starts such a program here.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        self.dress(&mut command);
        command
    }

    /// Gives a command the environment of this room.
    pub fn dress(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LICENCE_ROOT", self.root())
            .env("HOME", HOME)
            .env("LANG", "en_US.UTF-8")
            .current_dir("/");
    }

    /// A process of that name with an object of the component in it.
    #[must_use]
    pub fn process(&self, name: &str) -> Process {
        let mut process = Process::bare(&mut self.command(name));
        process.load(&programs::addin_library());
        process
    }
}

/// Copies a program by a process of its own. A copy made here would be open for writing for a moment, another thread's
/// child would inherit that, and a program that anybody writes cannot be started.
///
/// # Panics
/// When it cannot be copied.
pub fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").args([from, to]).status();
    assert!(
        copied.expect("cp runs").success(),
        "{} is not copied",
        from.display()
    );
}

/// The logs of the component in a folder: names and texts, in the order of the names.
///
/// # Panics
/// When one cannot be read.
#[must_use]
pub fn logs(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(folder.join("logs")) else {
        return Vec::new();
    };
    let mut logs: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("the folder can be listed").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = fs::read_to_string(&path).expect("a log is text");
            (name.into_owned(), text)
        })
        .collect();
    logs.sort();
    logs
}

/// Makes a process read its settings and open its log, without any server: the series has no key yet.
///
/// # Panics
/// When Connect says anything else than that.
pub fn touch(process: &mut Process) {
    process.set("KeyID", "672B".into());
    assert_eq!(process.call("Connect", &[]).code, 105);
}
