//! A simulated 1C process.
//!
//! It loads components through the C++ host and obeys lines of JSON, one answer for each; see
//! `licence::process`. The end of the input ends it as 1C ends, by Done.

use std::{
    io::{self, BufRead, Write},
    path::Path,
    sync::Mutex,
    time::Instant,
};

use licence::{
    host::{End, Library, Object, Report, Value},
    scene::PATIENCE,
};
use serde_json::{Value as Json, json};

/// The process: what it was told of the platform, and what it made.
#[derive(Default)]
struct Process {
    capabilities: Option<i32>,
    platform: Option<(String, i32)>,
    library: Option<&'static Library>,
    /// The last one is the current one.
    objects: Vec<Object<'static>>,
}

fn main() -> io::Result<()> {
    let mut process = Process::default();
    for line in io::stdin().lock().lines() {
        let command: Json = serde_json::from_str(&line?)?;
        let told = process
            .obey(&command)
            .unwrap_or_else(|wrong| json!({ "wrong": wrong }));
        writeln!(io::stdout(), "{told}")?;
    }
    // The newest first.
    while let Some(object) = process.objects.pop() {
        drop(object);
    }
    Ok(())
}

impl Process {
    fn obey(&mut self, command: &Json) -> Result<Json, String> {
        let name = |member: &str| command[member].as_str();
        if let Some(level) = command["capabilities"].as_i64() {
            self.capabilities = Some(level.try_into().map_err(|_| "no level")?);
            return Ok(json!({}));
        }
        if let Some(version) = name("platform") {
            let application = command["application"].as_i64().ok_or("no application")?;
            let application = application.try_into().map_err(|_| "no application")?;
            self.platform = Some((version.to_owned(), application));
            return Ok(json!({}));
        }
        if let Some(path) = name("load") {
            // As in 1C, what is loaded stays loaded; and known, so that no memory checker takes it for lost.
            static LOADED: Mutex<Vec<&'static Library>> = Mutex::new(Vec::new());
            let library: &'static Library = Box::leak(Box::new(Library::load(Path::new(path))));
            let mut loaded = LOADED.lock().map_err(|error| error.to_string())?;
            loaded.push(library);
            if let Some(level) = self.capabilities {
                library.set_capabilities(level);
            }
            self.library = Some(library);
            return Ok(json!({}));
        }
        if let Some(path) = name("modules") {
            return Ok(json!({ "modules": modules(path).map_err(|error| error.to_string())? }));
        }
        match name("do") {
            Some("create") => self.create(),
            Some("end") => {
                let object = self.objects.pop().ok_or("there is no object")?;
                object.done();
                let report = object.finish(End::DestroyObject);
                let clean = report == Report::default();
                Ok(json!({ "clean": clean, "report": format!("{report:?}") }))
            }
            Some(_) => Err("no such thing to do".into()),
            None => Ok(use_object(
                self.objects.last().ok_or("there is no object")?,
                command,
            )?),
        }
    }

    fn create(&mut self) -> Result<Json, String> {
        let library = self.library.ok_or("no library is loaded")?;
        let object = library
            .create("LicenceAddIn")
            .ok_or("the class is not known")?;
        if let Some((version, application)) = &self.platform {
            object.platform(Some((version, *application)));
        }
        if !object.init() || !object.set_memory() {
            return Err("the object is not created".into());
        }
        self.objects.push(object);
        Ok(json!({}))
    }
}

/// How often the first page of a file is mapped: once for each time that it is loaded.
fn modules(path: &str) -> io::Result<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    Ok(maps
        .lines()
        .filter(|line| line.contains(" 00000000 ") && line.contains(path))
        .count())
}

/// Reads, writes or calls something of an object, or waits for its events.
fn use_object(object: &Object<'_>, command: &Json) -> Result<Json, &'static str> {
    let name = |member: &str| command[member].as_str();
    let begun = Instant::now();
    if let Some(property) = name("get") {
        return Ok(json!({ "value": object.get(property).to_json() }));
    }
    if let Some(property) = name("set") {
        let value = Value::of_json(&command["to"]).ok_or("not a value")?;
        let set = object.set(property, value);
        return Ok(told(object, begun, set.map(|()| Value::Empty)));
    }
    if let Some(method) = name("call") {
        let arguments = command["with"].as_array().ok_or("no arguments")?.iter();
        let arguments: Option<Vec<_>> = arguments.map(Value::of_json).collect();
        let called = object.call(method, &arguments.ok_or("not values")?);
        return Ok(told(object, begun, called));
    }
    if let Some(count) = command["events"].as_u64() {
        let count = usize::try_from(count).map_err(|_| "too many events")?;
        let events: Vec<_> = object
            .wait_events(count, PATIENCE)
            .iter()
            .map(|event| json!({ "source": event.source, "message": event.message, "data": event.data }))
            .collect();
        return Ok(json!({ "events": events }));
    }
    Err("an unknown command")
}

/// What a call came to, with its error in both languages.
fn told(object: &Object<'_>, begun: Instant, result: Result<Value, licence::host::Raised>) -> Json {
    let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    let text = |language: &str| {
        object.set_language(language);
        object.get_text("ErrorDescription")
    };
    json!({
        "raised": result.is_err(),
        "value": result.unwrap_or(Value::Empty).to_json(),
        "code": object.error_code(),
        "ru": text("ru"),
        "en": text("en"),
        "took": took,
    })
}
