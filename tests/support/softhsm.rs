//! Tokens of SoftHSM2: real PKCS#11 without hardware. A token is a folder, so it is pulled out by moving that away.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The module.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// The PIN of every token here.
pub const PIN: &str = "20406080";

/// A folder of tokens.
#[derive(Debug)]
pub struct SoftHsm {
    root: PathBuf,
}

impl SoftHsm {
    /// Whether the module is installed.
    #[must_use]
    pub fn is_here() -> bool {
        Path::new(MODULE).exists()
    }

    /// A folder without tokens, below that one.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(below: &Path) -> Self {
        let hsm = Self {
            root: below.join("softhsm"),
        };
        for folder in [hsm.tokens(), hsm.pulled()] {
            fs::create_dir_all(folder).expect("a folder can be made");
        }
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            hsm.tokens().display()
        );
        fs::write(hsm.conf(), text).expect("a file can be written");
        fs::write(hsm.pin_file(), format!("{PIN}\n")).expect("a file can be written");
        hsm
    }

    /// The environment variable that leads programs to this folder.
    #[must_use]
    pub fn variable(&self) -> (String, String) {
        ("SOFTHSM2_CONF".into(), self.conf().display().to_string())
    }

    /// The section of licenceserver.conf for these tokens.
    #[must_use]
    pub fn section(&self) -> String {
        format!(
            "[UPKey]\nPkcs11Module={MODULE}\nPinFile={}\n",
            self.pin_file().display()
        )
    }

    /// Makes a new token: its folder's name.
    ///
    /// # Panics
    /// When SoftHSM2 is not installed.
    #[must_use]
    pub fn make(&self, label: &str) -> String {
        let before = self.folders();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", label])
            .args(["--so-pin", "12345678", "--pin", PIN])
            .env("SOFTHSM2_CONF", self.conf())
            .output()
            .expect("softhsm2-util runs; install the package softhsm2");
        assert!(made.status.success(), "{made:?}");
        let mut new = self.folders();
        new.retain(|name| !before.contains(name));
        new.pop().expect("a token has its folder")
    }

    /// Pulls a token out.
    ///
    /// # Panics
    /// When it is not there.
    pub fn pull(&self, token: &str) {
        fs::rename(self.tokens().join(token), self.pulled().join(token))
            .expect("the token is there");
    }

    /// Plugs a pulled token in again.
    ///
    /// # Panics
    /// When it was not pulled.
    pub fn plug(&self, token: &str) {
        fs::rename(self.pulled().join(token), self.tokens().join(token))
            .expect("the token was pulled");
    }

    /// Where the PIN is written.
    #[must_use]
    pub fn pin_file(&self) -> PathBuf {
        self.root.join("pin")
    }

    fn folders(&self) -> Vec<String> {
        let folders = fs::read_dir(self.tokens()).expect("the folder of tokens is there");
        folders
            .flatten()
            .map(|folder| folder.file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn conf(&self) -> PathBuf {
        self.root.join("softhsm2.conf")
    }

    fn tokens(&self) -> PathBuf {
        self.root.join("tokens")
    }

    fn pulled(&self) -> PathBuf {
        self.root.join("pulled")
    }
}
