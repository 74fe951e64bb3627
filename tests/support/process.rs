//! A simulated 1C process, `process1c`, driven from the test that started it.
//!
//! It is told what to do by lines of JSON and answers each with one. What it holds ends with it: the end of
//! its input ends it as 1C ends, by Done; [`Process::kill`] as a crash does.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::{Value as Json, json};

use crate::{
    host::{Event, Value},
    programs,
};

/// No call takes longer: the component's own limit is 6 s, the rest is for a busy computer.
const LONGEST: Duration = Duration::from_secs(12);

/// Which program of the platform a process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    /// The thin client.
    ThinClient = 0,
    /// A process of the 1C server.
    Server = 3,
    /// Another program with an external connection.
    ExternalConnection = 4,
}

/// A simulated 1C process with one object of the component at a time.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// What a call of the component came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it returned; none when the platform would raise an error.
    pub value: Option<Value>,
    /// ErrorCode after it.
    pub code: i32,
    /// ErrorDescription after it, in Russian.
    pub ru: String,
    /// The same in English.
    pub en: String,
    /// How long it took.
    pub took: Duration,
}

impl Answer {
    /// Whether the call returned True.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.value == Some(Value::Bool(true))
    }

    /// Fails the test unless the call did nothing, in its time, and said why: a number of its own and a
    /// sentence in each language.
    ///
    /// # Panics
    /// When it is otherwise.
    #[track_caller]
    pub fn assert_refused(&self, code: i32) {
        assert!(!self.is_true(), "the call succeeded");
        assert_eq!(self.code, code, "{}", self.en);
        assert!(self.took < LONGEST, "the call took {:?}", self.took);
        let has = |text: &str, letters: std::ops::RangeInclusive<char>| {
            text.chars()
                .filter(|letter| letters.contains(letter))
                .count()
                > 20
        };
        assert!(
            has(&self.ru, 'а'..='я'),
            "no sentence in Russian: {}",
            self.ru
        );
        assert!(
            has(&self.en, 'a'..='z'),
            "no sentence in English: {}",
            self.en
        );
        assert_ne!(self.ru, self.en);
    }
}

impl Process {
    /// Starts a process of that kind with the component loaded and an object made. `root` stands in for
    /// the computer's folders.
    ///
    /// # Panics
    /// When it cannot be started, or the component cannot be loaded.
    #[must_use]
    pub fn start(root: &Path, application: Application) -> Self {
        let mut process = Self::bare(
            Command::new(programs::process1c())
                .env("LICENCE_ROOT", root)
                .env("HOME", root)
                .current_dir(root),
        );
        process.capabilities(3);
        process.platform("8.3.25.1286", application as i32);
        process.load(&programs::addin_library());
        process
    }

    /// Starts a command that runs the program `process1c` under whatever name, or one that talks as it does.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn bare(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulated 1C process starts");
        let input = child.stdin.take().expect("its input was asked for");
        let output = BufReader::new(child.stdout.take().expect("its output was asked for"));
        Self {
            child,
            input: Some(input),
            output,
        }
    }

    /// Tells libraries that are loaded from now on the platform's level of capabilities.
    ///
    /// # Panics
    /// When the process ended.
    pub fn capabilities(&mut self, level: i32) {
        self.tell(&json!({ "capabilities": level }));
    }

    /// What the platform tells of itself to objects that are made from now on.
    ///
    /// # Panics
    /// When the process ended.
    pub fn platform(&mut self, version: &str, application: i32) {
        self.tell(&json!({ "platform": version, "application": application }));
    }

    /// Loads a library and makes an object of it, the current one from now on.
    ///
    /// # Panics
    /// When either fails.
    pub fn load(&mut self, library: &Path) {
        self.tell(&json!({ "load": library }));
        self.create();
    }

    /// How many libraries of that file are in the process.
    ///
    /// # Panics
    /// When the process ended.
    pub fn modules(&mut self, file: &Path) -> u64 {
        let told = self.tell(&json!({ "modules": file }));
        told["modules"]
            .as_u64()
            .expect("the process tells a number")
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Makes an object of the library that was loaded last.
    ///
    /// # Panics
    /// As [`Process::set`].
    pub fn create(&mut self) {
        self.tell(&json!({ "do": "create" }));
    }

    /// Ends the current object as 1C does, by Done and DestroyObject; the one before becomes current.
    ///
    /// # Panics
    /// When the component lost the platform's memory or called the platform after Done.
    pub fn end(&mut self) {
        let told = self.tell(&json!({ "do": "end" }));
        assert_eq!(
            told["clean"], true,
            "the component did what it must not: {told}"
        );
    }

    /// Writes a property and says what that came to.
    ///
    /// # Panics
    /// When the process ended, or does not understand.
    pub fn try_set(&mut self, name: &str, value: &Value) -> Answer {
        answer(&self.tell(&json!({ "set": name, "to": value.to_json() })))
    }

    /// Writes a property.
    ///
    /// # Panics
    /// When the component refuses the value.
    pub fn set(&mut self, name: &str, value: Value) {
        let told = self.try_set(name, &value);
        assert_eq!(told.code, 0, "{name} cannot be set: {}", told.en);
    }

    /// Reads a property.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn get(&mut self, name: &str) -> Value {
        let told = self.tell(&json!({ "get": name }));
        Value::of_json(&told["value"]).expect("the process tells a value")
    }

    /// Reads a property that is a text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&mut self, name: &str) -> String {
        match self.get(name) {
            Value::Text(text) => text,
            other => panic!("{name} is {other:?}"),
        }
    }

    /// What `Settings()` answers.
    ///
    /// # Panics
    /// When it is no JSON.
    pub fn settings(&mut self) -> Json {
        let Some(Value::Text(text)) = self.call("Settings", &[]).value else {
            panic!("Settings is a text");
        };
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Calls a method that must succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn must(&mut self, name: &str, arguments: &[Value]) {
        let answer = self.call(name, arguments);
        assert!(answer.is_true(), "{name}: {} {}", answer.code, answer.en);
    }

    /// Ends the process as 1C ends, and says whether it ended well.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn exit(mut self) -> bool {
        self.input = None;
        let ended = self.child.wait();
        ended.expect("a child can be waited for").success()
    }

    /// Calls a method; arguments that are not given are left out, as 1C does it.
    ///
    /// # Panics
    /// When the process ended, or there is no such method.
    pub fn call(&mut self, name: &str, arguments: &[Value]) -> Answer {
        let arguments: Vec<_> = arguments.iter().map(Value::to_json).collect();
        answer(&self.tell(&json!({ "call": name, "with": arguments })))
    }

    /// The events that came, once there are `count`.
    ///
    /// # Panics
    /// When they do not come.
    pub fn wait_events(&mut self, count: usize) -> Vec<Event> {
        let told = self.tell(&json!({ "events": count }));
        let events = told["events"].as_array().expect("the process tells a list");
        assert!(
            events.len() >= count,
            "{} events instead of {count}",
            events.len()
        );
        let text =
            |event: &Json, member: &str| event[member].as_str().unwrap_or_default().to_owned();
        events
            .iter()
            .map(|event| Event {
                source: text(event, "source"),
                message: text(event, "message"),
                data: text(event, "data"),
            })
            .collect()
    }

    /// Kills it, as a crash would.
    ///
    /// # Panics
    /// When it ended before.
    pub fn kill(mut self) {
        self.child.kill().expect("the process runs");
    }

    fn tell(&mut self, command: &Json) -> Json {
        let told = self.ask(command);
        assert!(told["wrong"].is_null(), "{command}: {}", told["wrong"]);
        told
    }

    /// Says a line of JSON and returns the one that answers it.
    ///
    /// # Panics
    /// When the process ended.
    pub(crate) fn ask(&mut self, command: &Json) -> Json {
        let input = self
            .input
            .as_mut()
            .expect("the input is open until the end");
        writeln!(input, "{command}").expect("the process takes commands");
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .expect("the process answers in text");
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("after {command} the process said '{line}': {error}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input ends it; one that hangs would fail the test by its time-out.
        self.input = None;
        let _ = self.child.wait();
    }
}

fn answer(told: &Json) -> Answer {
    let text = |member: &str| told[member].as_str().unwrap_or_default().to_owned();
    Answer {
        value: (told["raised"] == false)
            .then(|| Value::of_json(&told["value"]))
            .flatten(),
        code: told["code"]
            .as_i64()
            .and_then(|code| code.try_into().ok())
            .unwrap_or(-1),
        ru: text("ru"),
        en: text("en"),
        took: Duration::from_micros(told["took"].as_u64().unwrap_or(u64::MAX)),
    }
}
