//! A simulated 1C process that a test talks to, line by line; see `bin/probe1c.rs`.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// The process; the end of its input ends it.
#[derive(Debug)]
pub struct Probe {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Probe {
    /// Starts a command that runs the probe.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulated 1C process starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("its output was asked for"));
        Self {
            child,
            input,
            output,
        }
    }

    /// Says a line and returns the answer.
    ///
    /// # Panics
    /// When the process ended.
    pub fn ask(&mut self, line: &str) -> String {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").expect("the simulated 1C process listens");
        let mut answer = String::new();
        self.output
            .read_line(&mut answer)
            .expect("the answer is text");
        assert!(answer.ends_with('\n'), "{line}: the process ended");
        answer.trim_end_matches('\n').to_owned()
    }

    /// Loads a library and makes an object.
    ///
    /// # Panics
    /// When that fails.
    pub fn load(&mut self, library: &Path) {
        assert_eq!(self.ask(&format!("load {}", library.display())), "ok");
    }

    /// What `Settings()` answers.
    ///
    /// # Panics
    /// When it is no JSON.
    pub fn settings(&mut self) -> serde_json::Value {
        let text = self.ask("call Settings");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as 1C ends, and says whether it ended well.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn end(mut self) -> bool {
        self.input = None;
        self.child
            .wait()
            .expect("a child can be waited for")
            .success()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.input = None;
        // Ended already, or it ends now; one that hangs would fail the test by its time-out.
        let _ = self.child.wait();
    }
}
