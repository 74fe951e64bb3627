//! A vendor with a licence centre, and customers' computers that activate codes there. All programs are the real ones.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use crate::{programs, scene::SERIES};

/// The owner that computers activate for.
pub const ITN: &str = "7707083893";

/// A vendor's folder, and the centre in it.
#[derive(Debug)]
pub struct Vendor {
    root: PathBuf,
    service: Option<Service>,
    /// Goes when the vendor goes, if it is the vendor's own.
    own: Option<tempfile::TempDir>,
}

/// A running centre; killed when dropped.
#[derive(Debug)]
struct Service {
    child: Child,
    url: String,
    // Kept open, so that its later lines go somewhere.
    _output: BufReader<ChildStdout>,
}

impl Drop for Service {
    fn drop(&mut self) {
        // One that ended by itself cannot be killed; either way it is waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A customer's computer with a licence server's folders.
#[derive(Debug)]
pub struct Computer {
    root: tempfile::TempDir,
    name: String,
}

impl Default for Vendor {
    fn default() -> Self {
        Self::new()
    }
}

impl Vendor {
    /// A vendor with a series, whose centre allows one move a year; it does not run yet.
    ///
    /// # Panics
    /// When a program fails: the test that wanted the vendor cannot go on.
    #[must_use]
    pub fn new() -> Self {
        let own = tempfile::tempdir().expect("a temporary folder can be made");
        let mut edit = Command::new(programs::program("licenceedit"));
        edit.args(["series", "new", SERIES, "--name", "Склад", "--dir"])
            .arg(own.path());
        good(&mut edit);
        let mut vendor = Self::with_series(own.path().to_owned());
        vendor.own = Some(own);
        vendor
    }

    /// The same in a folder that has the keys of the series already.
    ///
    /// # Panics
    /// As [`Vendor::new`].
    #[must_use]
    pub fn with_series(root: PathBuf) -> Self {
        let vendor = Self {
            root,
            service: None,
            own: None,
        };
        fs::write(vendor.path("phrase"), "a long phrase\n").expect("a file can be written");
        vendor.centre(&["init"]);
        vendor.centre(&[
            "series",
            "add",
            text(&vendor.path(&format!("{SERIES}.cryptkey"))),
            "--moves-per-year",
            "1",
        ]);
        vendor
    }

    /// A file of the vendor's.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Runs a command of the centre, and returns what it says.
    ///
    /// # Panics
    /// When it fails.
    pub fn centre(&self, arguments: &[&str]) -> String {
        good(self.command().args(arguments))
    }

    /// A code for a key of so many seats.
    ///
    /// # Panics
    /// As [`Vendor::centre`].
    #[must_use]
    pub fn code(&self, seats: u32) -> String {
        let said = self.centre(&[
            "code",
            "issue",
            "--serie",
            SERIES,
            "--seats",
            &seats.to_string(),
        ]);
        let code = said.split('\t').next().expect("a code is printed first");
        code.to_owned()
    }

    /// Starts the service.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&mut self, arguments: &[&str]) {
        let mut child = self
            .command()
            .arg("serve")
            .args(arguments)
            .args(if arguments.contains(&"--listen") {
                &[][..]
            } else {
                &["--listen", "127.0.0.1:0"]
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the centre starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output was asked for"));
        let mut line = String::new();
        output
            .read_line(&mut line)
            .expect("the centre's output is text");
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("the centre said: {line}"));
        self.service = Some(Service {
            child,
            url: url.to_owned(),
            _output: output,
        });
    }

    /// The address of the running service.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.service.as_ref().expect("the centre runs").url
    }

    /// Kills the service.
    pub fn kill(&mut self) {
        self.service = None;
    }

    /// Asks the service to end, and says whether it did so well.
    ///
    /// # Panics
    /// When it does not run.
    #[cfg(unix)]
    pub fn end(&mut self) -> bool {
        let mut service = self.service.take().expect("the centre runs");
        good(Command::new("kill").arg(service.child.id().to_string()));
        service
            .child
            .wait()
            .expect("a child can be waited for")
            .success()
    }

    /// A computer whose server knows the series, and this centre if it runs.
    ///
    /// # Panics
    /// When its folders cannot be made.
    #[must_use]
    pub fn computer(&self, name: &str) -> Computer {
        let computer = Computer {
            root: tempfile::tempdir().expect("a temporary folder can be made"),
            name: name.to_owned(),
        };
        let conf = computer.conf();
        fs::create_dir_all(&conf).expect("a folder can be made");
        fs::copy(self.path("licence.series"), conf.join("licence.series"))
            .expect("licence.series can be copied");
        let url = self.service.as_ref().map_or("", |service| &service.url);
        computer.set(&format!("LicenceCenterUrl={url}\n"));
        computer
    }

    fn command(&self) -> Command {
        let mut command = Command::new(programs::program("licencecenter"));
        command
            .arg("--data")
            .arg(self.path("centre"))
            .arg("--passphrase-file")
            .arg(self.path("phrase"))
            .args(["--lang", "en"])
            .current_dir(&self.root);
        command
    }
}

impl Computer {
    /// Writes the server's settings: these lines of the common section, and what every test needs.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn set(&self, lines: &str) {
        fs::write(
            self.conf().join("licenceserver.conf"),
            format!("[Common]\nServerAddr=127.0.0.1\nServerPort=0\n{lines}"),
        )
        .expect("licenceserver.conf can be written");
    }

    /// A command of the licence server.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs::program("licenceserver"));
        command
            .env("LICENCE_ROOT", self.root.path())
            .env("LICENCE_MACHINE_ID", &self.name)
            .current_dir(self.root.path())
            .args(arguments);
        command
    }

    /// Runs a command of the server, and returns what it says.
    ///
    /// # Panics
    /// When it fails.
    pub fn server(&self, arguments: &[&str]) -> String {
        good(&mut self.command(arguments))
    }

    /// Runs a command of the server that has to fail, and returns its one line.
    ///
    /// # Panics
    /// When it succeeds.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = run(&mut self.command(arguments));
        assert!(
            !output.status.success(),
            "{arguments:?} succeeded: {}",
            said(&output)
        );
        said(&output)
    }

    /// Activates a code.
    ///
    /// # Panics
    /// When that fails.
    pub fn activate(&self, code: &str) -> String {
        self.server(&["activate", code, "--itn", ITN])
    }

    /// A file of the computer's.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The folder of the keys.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path("var/1C/licence/data")
    }

    /// The licences that are installed.
    #[must_use]
    pub fn licences(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.data()).into_iter().flatten().flatten();
        folder
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "licence")
            })
            .collect()
    }

    /// What `licenceedit inspect` says of the one licence.
    ///
    /// # Panics
    /// When there is not one.
    #[must_use]
    pub fn licence(&self) -> String {
        let licences = self.licences();
        let [licence] = licences.as_slice() else {
            panic!("{licences:?}")
        };
        let mut edit = Command::new(programs::program("licenceedit"));
        edit.arg("inspect").arg(licence).arg("--series");
        good(edit.arg(self.conf().join("licence.series")))
    }

    fn conf(&self) -> PathBuf {
        self.path("var/1C/licence/3.0")
    }
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the program can be run")
}

fn good(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        said(&output)
    );
    said(&output)
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}
