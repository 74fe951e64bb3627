//! A server program in a folder of its own, with a licence.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use protocol::{
    KeyId,
    licence::KeyType,
    series::{self, Series},
};

use crate::{running::Running, vendor};

/// The series of all these tests.
pub(crate) const SERIES: KeyId = KeyId(0x672B);

/// Where a server lives.
pub(crate) struct Place {
    root: PathBuf,
    program: PathBuf,
}

impl Place {
    /// A folder with a series and one main key of so many seats, that may work for a time: from when, and for how many days.
    pub(crate) fn new(
        root: &Path,
        program: &Path,
        seats: u32,
        time: Option<(i64, u32)>,
        conf: &str,
    ) -> Self {
        let place = Self {
            root: root.into(),
            program: program.into(),
        };
        let config = root.join("var/1C/licence/3.0");
        let data = root.join("var/1C/licence/data");
        std::fs::create_dir_all(&config).unwrap();
        let vendor = vendor::vendor(SERIES);
        let known = Series::new(SERIES, "Test", vendor.signing.public().unwrap());
        std::fs::write(config.join("licence.series"), series::with("", &known)).unwrap();
        std::fs::write(config.join("licenceserver.conf"), conf).unwrap();
        let file = root.join("a.request");
        let made = place.command().arg("request").arg(&file).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let request = std::fs::read(&file).unwrap();
        let licence = vendor::issue(&vendor, &request, 7, KeyType::Main, seats, time);
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("672B.7.licence"), licence).unwrap();
        place
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("LICENCE_ROOT", &self.root)
            .env("LICENCE_MACHINE_ID", "test-machine");
        command
    }

    /// Starts the program, and waits until it listens.
    pub(crate) fn start(&self) -> Running {
        Running::start(self.command().arg("run"))
    }
}
