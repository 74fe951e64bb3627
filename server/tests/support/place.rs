//! A server program in a folder of its own, with a licence.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error should end there"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use protocol::{
    KeyId,
    licence::KeyType,
    series::{self, Series},
};

use crate::vendor;

/// The series of all these tests.
pub(crate) const SERIES: KeyId = KeyId(0x672B);

/// Where a server lives.
pub(crate) struct Place {
    root: PathBuf,
    program: PathBuf,
}

/// A server that runs; it is killed when it is dropped.
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) port: u16,
    lines: BufReader<std::process::ChildStdout>,
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
        let mut command = self.command();
        command.arg("run");
        Self::start_as(command)
    }

    /// Starts the program by a command of one's own.
    pub(crate) fn start_as(mut command: Command) -> Running {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let port = line
            .trim()
            .strip_prefix("listening on http://127.0.0.1:")
            .unwrap_or_else(|| panic!("the server said '{line}'"))
            .parse()
            .unwrap();
        Running {
            process,
            port,
            lines,
        }
    }
}

impl Running {
    /// Ends the process as a power cut would: no handler runs.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        // Nobody may be left who reads the pipe.
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
    }

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

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
