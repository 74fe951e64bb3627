//! A USB bus with keys in software (`usb_key.py`): the real libusb sees them in the environment that it tells.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// The PIN of every key there.
pub const PIN: &str = "20406080";

/// The bus; its keys are gone when it is dropped.
#[derive(Debug)]
pub struct Bus {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    variables: Vec<(String, String)>,
}

impl Bus {
    /// A bus without keys.
    ///
    /// # Panics
    /// When the packages of `tools/stages/keys.sh` are not installed.
    #[must_use]
    pub fn new() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/usb_key.py");
        // Not by way of env or a shell: Debian's Python is the one that has the packages.
        let mut child = Command::new("umockdev-wrapper")
            .args(["/usr/bin/python3", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("umockdev-wrapper runs; tools/stages/keys.sh installs it");
        let input = child.stdin.take().expect("its input was asked for");
        let mut output = BufReader::new(child.stdout.take().expect("its output was asked for"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the bus says text");
        let variables: HashMap<String, String> =
            serde_json::from_str(&line).expect("the bus tells its environment");
        Self {
            child,
            input,
            output,
            variables: variables.into_iter().collect(),
        }
    }

    /// The environment in which programs see this bus.
    #[must_use]
    pub fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// Connects a key of that serial number, new or pulled out before.
    pub fn plug(&mut self, serial: &str) {
        self.tell(&format!("plug {serial}"));
    }

    /// Pulls a key out.
    pub fn pull(&mut self, serial: &str) {
        self.tell(&format!("pull {serial}"));
    }

    /// Makes a key misbehave: the faults of `usb_key.py`, or `nothing` for none any more.
    pub fn set(&mut self, serial: &str, fault: &str) {
        self.tell(&format!("set {serial} {fault}"));
    }

    /// Puts the maker's certificate onto a key.
    pub fn certify(&mut self, serial: &str, file: &std::path::Path) {
        self.tell(&format!("certify {serial} {}", file.display()));
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the bus listens");
        let mut answer = String::new();
        self.output
            .read_line(&mut answer)
            .expect("the bus answers text");
        assert!(
            !answer.starts_with("failed") && !answer.is_empty(),
            "{line}: {answer}"
        );
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // The wrapper and Python are one process; one that ended by itself cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
