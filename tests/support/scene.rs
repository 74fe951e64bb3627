//! A place of its own for a test or the demo: a vendor with a series, a server, an installed licence.

mod api;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    host::Value,
    process::{Answer, Application, Process},
    programs,
};

/// The series of every scene.
pub const SERIES: &str = "672B";
/// The number of the licence that [`Scene::new`] installs.
pub const KEY_NO: u32 = 7_131_766;
/// How long a test waits for what must come; far more than it takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The folders of a vendor and of a server, and the running server.
#[derive(Debug)]
pub struct Scene {
    root: tempfile::TempDir,
    server: Option<Server>,
    /// Environment variables of all programs here.
    variables: Vec<(String, String)>,
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The port it listens on.
    pub port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that ended by itself cannot be killed; either way it is waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Scene {
    /// A vendor with a series, and a server's folders that know it; nothing runs yet.
    ///
    /// # Panics
    /// When a program fails: the test that wanted the scene cannot go on.
    #[must_use]
    pub fn bare() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        let scene = Self {
            root,
            server: None,
            variables: Vec::new(),
        };
        fs::create_dir_all(scene.vendor()).expect("the vendor's folder can be made");
        fs::create_dir_all(scene.conf_folder()).expect("the server's folder can be made");
        scene.make_series(SERIES);
        let vendor = scene.vendor();
        fs::copy(
            vendor.join("licence.series"),
            scene.conf_folder().join("licence.series"),
        )
        .expect("licence.series can be copied");
        scene.write_conf(0);
        scene
    }

    /// The place of another server, on which the same vendor's series is known; nothing runs there yet.
    ///
    /// # Panics
    /// As [`Scene::bare`].
    #[must_use]
    pub fn beside(&self) -> Self {
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        let scene = Self {
            root,
            server: None,
            variables: Vec::new(),
        };
        fs::create_dir_all(scene.vendor()).expect("the vendor's folder can be made");
        fs::create_dir_all(scene.conf_folder()).expect("the server's folder can be made");
        for (from, to) in [
            (self.cryptkey(SERIES), scene.cryptkey(SERIES)),
            (
                self.conf_folder().join("licence.series"),
                scene.conf_folder().join("licence.series"),
            ),
        ] {
            fs::copy(from, to).expect("the vendor's files can be copied");
        }
        scene.write_conf(0);
        scene
    }

    /// Gives all programs of this scene that environment variable.
    pub fn set_variable(&mut self, variable: &(String, String)) {
        self.variables.push(variable.clone());
    }

    /// Writes licenceserver.conf: a free port of this computer, and these sections. To be done before the start.
    ///
    /// # Panics
    /// As [`Scene::bare`].
    pub fn configure(&self, sections: &str) {
        fs::write(
            self.conf_folder().join("licenceserver.conf"),
            format!("[Common]\nServerAddr=127.0.0.1\nServerPort=0\n\n{sections}"),
        )
        .expect("licenceserver.conf can be written");
    }

    /// A whole scene: a licence of so many seats is installed and the server runs.
    ///
    /// # Panics
    /// As [`Scene::bare`].
    #[must_use]
    pub fn new(seats: u32) -> Self {
        let mut scene = Self::bare();
        scene.install_licence(seats);
        scene.start();
        scene
    }

    /// Requests, issues and installs a licence of so many seats.
    ///
    /// # Panics
    /// As [`Scene::bare`].
    pub fn install_licence(&self, seats: u32) {
        self.install_licence_for(seats, &[]);
    }

    /// The same by a request that is made with these further options.
    ///
    /// # Panics
    /// As [`Scene::bare`].
    pub fn install_licence_for(&self, seats: u32, options: &[&str]) {
        let request = self.vendor().join("computer.request");
        let licence = self.vendor().join("issued.licence");
        self.licenceserver(&[&["request", text(&request)], options].concat());
        self.licenceedit(&[
            "licence",
            "issue",
            "--request",
            text(&request),
            &format!("--cryptkey={}", text(&self.cryptkey(SERIES))),
            "--key-no",
            &KEY_NO.to_string(),
            "--type",
            "main",
            "--count",
            &seats.to_string(),
            "--param",
            "Region=RU",
            "--out",
            text(&licence),
            "--yes",
        ]);
        self.licenceserver(&["install", text(&licence)]);
    }

    /// Packs a file into a datafile of the scene's series as the object `name`.
    ///
    /// # Panics
    /// As [`Scene::bare`].
    #[must_use]
    pub fn pack(&self, file: &Path, name: &str) -> PathBuf {
        self.pack_of(SERIES, file, name)
    }

    /// The same for any series, which is made if the vendor does not have it.
    ///
    /// # Panics
    /// As [`Scene::bare`].
    #[must_use]
    pub fn pack_of(&self, series: &str, file: &Path, name: &str) -> PathBuf {
        if !self.cryptkey(series).exists() {
            self.make_series(series);
        }
        let datafile = self.vendor().join(format!("{series}.{name}.datafile"));
        self.licenceedit(&[
            "c",
            text(&datafile),
            text(file),
            &format!("--cryptkey={}", text(&self.cryptkey(series))),
            &format!("--serie={series}"),
            "--yes",
            "--name",
            name,
        ]);
        datafile
    }

    fn make_series(&self, series: &str) {
        self.licenceedit(&[
            "series",
            "new",
            series,
            "--name",
            "Демонстрационная серия",
            "--dir",
            text(&self.vendor()),
        ]);
    }

    /// Starts the server and waits until it listens: on any port, or on that of the one killed before.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&mut self) {
        // A file takes what the server says whoever is there to read it.
        let said = self.root().join("licenceserver.out");
        let output = File::create(&said).expect("the scene's folder is writable");
        let errors = output.try_clone().expect("a file can be used twice");
        let mut child = self
            .command("licenceserver")
            .arg("run")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .expect("the server starts");
        let begun = Instant::now();
        let port = loop {
            let text = fs::read_to_string(&said).expect("the server's output is text");
            let whole = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            if let Some(port) = whole.map(str::trim_end).find_map(port_in) {
                break port;
            }
            let ended = child.try_wait().expect("a child can be waited for");
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "the server does not listen: {text}"
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        self.server = Some(Server { child, port });
    }

    /// Kills the server as a power failure would.
    pub fn kill_server(&mut self) {
        if let Some(server) = self.server.take() {
            // It may have to come back where it was.
            self.write_conf(server.port);
        }
    }

    fn write_conf(&self, port: u16) {
        let text = format!(
            "[Common]\nServerAddr=127.0.0.1\nServerPort={port}\n\n[Sessions]\nHeartbeatSeconds=1\nExpireSeconds=3\n"
        );
        fs::write(self.conf_folder().join("licenceserver.conf"), text)
            .expect("licenceserver.conf can be written");
    }

    /// The port of the running server.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.as_ref().expect("the server runs").port
    }

    /// Leaves everything as it is: the server running, the folders in place. They are the caller's to remove.
    pub fn leave(mut self) {
        if let Some(server) = self.server.take() {
            std::mem::forget(server);
        }
        self.root.disable_cleanup(true);
    }

    /// The process of the running server.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn server_pid(&self) -> u32 {
        self.server.as_ref().expect("the server runs").child.id()
    }

    /// Starts a simulated 1C process on this computer.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn process(&self, application: Application) -> Process {
        Process::start(self.root(), application)
    }

    /// Starts a simulated 1C client and lets it take a seat for session `number`: what that came to.
    ///
    /// # Panics
    /// When something before ObtainLicence fails.
    #[must_use]
    pub fn client(&self, datafile: &Path, number: u32) -> (Process, Answer) {
        let mut process = self.process(Application::ThinClient);
        self.prepare(&mut process, datafile, number);
        let connected = process.call("Connect", &[]);
        assert!(connected.is_true(), "{}", connected.en);
        let obtained = process.call("ObtainLicence", &[]);
        (process, obtained)
    }

    /// Tells a process's object the server, the series, the datafile and the session: all that comes
    /// before Connect.
    ///
    /// # Panics
    /// When the component refuses any of it.
    pub fn prepare(&self, process: &mut Process, datafile: &Path, number: u32) {
        process.set("ServerAddr", "127.0.0.1".into());
        process.set("ServerPort", Value::Int(self.port().into()));
        process.set("KeyID", SERIES.into());
        let loaded = process.call("LoadDataFile", &[text(datafile).into()]);
        assert!(loaded.is_true(), "{}", loaded.en);
        let told = process.call("SetSession", &session(number));
        assert!(told.is_true(), "{}", told.en);
    }

    /// The vendor's folder.
    #[must_use]
    pub fn vendor(&self) -> PathBuf {
        self.root.path().join("vendor")
    }

    /// The folder of everything.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    fn cryptkey(&self, series: &str) -> PathBuf {
        self.vendor().join(format!("{series}.cryptkey"))
    }

    /// The folder of configuration files.
    #[must_use]
    pub fn conf_folder(&self) -> PathBuf {
        self.root.path().join("var/1C/licence/3.0")
    }

    /// A program of the workspace, in this scene's place.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(programs::program(program));
        command
            .env("LICENCE_ROOT", self.root.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.root.path());
        command
    }

    fn licenceedit(&self, arguments: &[&str]) {
        run(self.command("licenceedit").args(arguments));
    }

    fn licenceserver(&self, arguments: &[&str]) {
        run(self.command("licenceserver").args(arguments));
    }
}

/// The sections for [`Scene::configure`] of a server that asks that licence centre.
#[must_use]
pub fn asking(centre: &str) -> String {
    format!("LicenceCenterUrl={centre}\n\n[Sessions]\nHeartbeatSeconds=1\nExpireSeconds=3\n")
}

/// The arguments of SetSession for session `number` of the scene's infobase.
#[must_use]
pub fn session(number: u32) -> [Value; 6] {
    [
        "Srvr=\"app\";Ref=\"demo\";".into(),
        Value::Int(
            number
                .try_into()
                .expect("1C's numbers of sessions are small"),
        ),
        Value::Date([2026, 1, 2, 3, 4, 5]),
        Value::Text(format!("Пользователь {number}")),
        "PC".into(),
        "1CV8C".into(),
    ]
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program can be run");
    assert!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

/// The port of the first address in a line like `listening on http://127.0.0.1:9099`.
#[must_use]
pub fn port_in(line: &str) -> Option<u16> {
    let (_, address) = line.split_once("http://")?;
    let (_, port) = address.trim().trim_end_matches('/').rsplit_once(':')?;
    port.parse().ok()
}
