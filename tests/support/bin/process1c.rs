//! A simulated 1C process: `process1c LIBRARY APPLICATION`, the number of the platform's program that it plays.
//!
//! It loads the component through the C++ host and obeys lines of JSON, one answer for each; see
//! `licence::process`. The end of the input ends it as 1C ends, by Done.

use std::{
    env,
    io::{self, BufRead, Write},
    path::Path,
    time::Instant,
};

use licence::{
    host::{End, Library, Object, Report, Value},
    scene::PATIENCE,
};
use serde_json::{Value as Json, json};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [library, application] = arguments.as_slice() else {
        return Err(io::Error::other("usage: process1c LIBRARY APPLICATION"));
    };
    let application = application.parse().map_err(io::Error::other)?;
    let library = Library::load(Path::new(library));
    library.set_capabilities(3);
    let mut object = None;
    for line in io::stdin().lock().lines() {
        let command: Json = serde_json::from_str(&line?)?;
        let told = obey(&library, application, &mut object, &command)
            .unwrap_or_else(|wrong| json!({ "wrong": wrong }));
        writeln!(io::stdout(), "{told}")?;
    }
    Ok(())
}

fn obey<'l>(
    library: &'l Library,
    application: i32,
    current: &mut Option<Object<'l>>,
    command: &Json,
) -> Result<Json, &'static str> {
    let name = |member: &str| command[member].as_str();
    match name("do") {
        Some("create") => {
            let object = library
                .create("LicenceAddIn")
                .ok_or("the class is not known")?;
            object.platform(Some(("8.3.25.1286", application)));
            if !object.init() || !object.set_memory() {
                return Err("the object is not created");
            }
            *current = Some(object);
            return Ok(json!({}));
        }
        Some("end") => {
            let object = current.take().ok_or("there is no object")?;
            object.done();
            let report = object.finish(End::DestroyObject);
            return Ok(
                json!({ "clean": report == Report::default(), "report": format!("{report:?}") }),
            );
        }
        Some(_) => return Err("no such thing to do"),
        None => {}
    }
    let object = current.as_ref().ok_or("there is no object")?;
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
