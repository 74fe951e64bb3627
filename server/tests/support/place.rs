//! A server program in a folder of its own, with a licence.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

use std::{
    io::{Read, Write},
    net::TcpStream,
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

impl Running {
    /// The JSON that the API answers.
    pub(crate) fn get(&self, path: &str) -> serde_json::Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }
}
