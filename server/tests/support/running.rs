//! The server's program as a process that runs.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
};

/// A server that runs. It ends when it is dropped, as in a power cut: no handler of it runs.
pub(crate) struct Running {
    pub(crate) process: Child,
    pub(crate) port: u16,
    lines: BufReader<ChildStdout>,
}

impl Running {
    /// Starts the program by that command, and waits until it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
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
            .split_once("http://127.0.0.1:")
            .map(|(_, port)| port)
            .unwrap_or_else(|| panic!("the server said '{line}'"))
            .parse()
            .unwrap();
        Self {
            process,
            port,
            lines,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Nobody is left who has its output.
        let _ = self.lines.read_to_string(&mut String::new());
    }
}
