//! A simulated 1C process with many objects, `crowd1c`, driven from the test that started it.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use crate::{
    process::{Application, Process},
    programs,
    scene::{PATIENCE, Scene},
};

/// The process; the end of its input ends it as 1C ends, by Done of every object.
#[derive(Debug)]
pub struct Crowd {
    process: Process,
}

/// Where the objects of a process go.
#[derive(Clone, Debug)]
pub struct Way {
    /// The first server's host.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// The other servers, host:port with commas.
    pub reserved: String,
    /// The datafile.
    pub datafile: String,
}

impl Way {
    /// To the server of a scene, with the reserves' ports of this computer.
    #[must_use]
    pub fn to(scene: &Scene, reserves: &[u16], datafile: &Path) -> Self {
        let reserved: Vec<_> = reserves
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        Self {
            server: "127.0.0.1".into(),
            port: scene.port(),
            reserved: reserved.join(","),
            datafile: datafile.display().to_string(),
        }
    }

    fn command(&self, what: &str) -> Json {
        json!({
            "do": what, "server": self.server, "port": self.port, "reserved": self.reserved,
            "datafile": self.datafile,
        })
    }
}

impl Crowd {
    /// Starts it in a scene's place.
    #[must_use]
    pub fn start(scene: &Scene, application: Application) -> Self {
        Self::with_library(
            scene.root(),
            &programs::addin_library(),
            application,
            |_| {},
        )
    }

    /// The same with any library, and with a word about the command.
    #[must_use]
    pub fn with_library(
        root: &Path,
        library: &Path,
        application: Application,
        dress: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = Command::new(programs::crowd1c());
        command
            .arg(library)
            .arg((application as i32).to_string())
            .env("LICENCE_ROOT", root)
            .env("HOME", root)
            .current_dir(root);
        dress(&mut command);
        Self {
            process: Process::bare(&mut command),
        }
    }

    /// Says a command and returns the answer.
    ///
    /// # Panics
    /// When the process ended.
    pub fn tell(&mut self, command: &Json) -> Json {
        self.process.ask(command)
    }

    /// Seats so many sessions, the first of them `from`, on so many threads.
    ///
    /// # Panics
    /// When one of them gets no seat.
    pub fn seat(&mut self, way: &Way, from: u32, count: usize, threads: usize) {
        let mut command = way.command("seat");
        command["from"] = from.into();
        command["count"] = count.into();
        command["threads"] = threads.into();
        let told = self.tell(&command);
        assert_eq!(told["seated"], count, "{told}");
    }

    /// The same for one session, with the answer of what went wrong.
    pub fn try_seat(&mut self, way: &Way, from: u32) -> Json {
        let mut command = way.command("seat");
        command["from"] = from.into();
        self.tell(&command)
    }

    /// Any other command that goes a way.
    pub fn go(&mut self, what: &str, way: &Way, more: &[(&str, Json)]) -> Json {
        let mut command = way.command(what);
        for (name, value) in more {
            command[*name] = value.clone();
        }
        self.tell(&command)
    }

    /// How it stands with the objects: see `crowd1c`.
    pub fn state(&mut self) -> Json {
        self.tell(&json!({ "do": "state" }))
    }

    /// How many objects get the protected object.
    ///
    /// # Panics
    /// When the process ended.
    pub fn open(&mut self) -> u64 {
        self.tell(&json!({ "do": "open" }))["opened"]
            .as_u64()
            .expect("the process tells a number")
    }

    /// The bytes that it has from the allocator.
    ///
    /// # Panics
    /// When the process ended.
    pub fn memory(&mut self) -> u64 {
        self.tell(&json!({ "do": "memory" }))["bytes"]
            .as_u64()
            .expect("the process tells a number")
    }

    /// The number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Ends all objects.
    ///
    /// # Panics
    /// When one lost memory of the platform or called it after Done.
    pub fn close(&mut self) {
        let told = self.tell(&json!({ "do": "close" }));
        assert_eq!(told["unclean"], 0, "{told}");
    }

    /// Waits for a state, and returns it.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn wait(&mut self, condition: impl Fn(&Json) -> bool) -> Json {
        let begin = Instant::now();
        loop {
            let state = self.state();
            if condition(&state) {
                return state;
            }
            assert!(begin.elapsed() < PATIENCE, "it did not come: {state}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
