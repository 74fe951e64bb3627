//! A simulated 1C process that does what it is told, a line at a time, and answers each with one line:
//!
//! - `platform VERSION APPLICATION`: what objects made from now on are told of the platform;
//! - `capabilities LEVEL`: SetPlatformCapabilities, for libraries that are loaded from now on;
//! - `load LIBRARY`: loads a library and makes an object, the current one from now on;
//! - `get NAME`, `set NAME VALUE`, `call NAME [ARGUMENT[<tab>ARGUMENT…]]`: properties and methods, values as text;
//! - `code`: number and description of the last error;
//! - `destroy`: ends the current object; the one before becomes current;
//! - `modules PATH`: how many libraries of that file are in the process.

use std::{
    env,
    io::{self, BufRead, Write},
    path::Path,
};

use licence::host::{End, Library, Object, Report, Value};

#[derive(Default)]
struct Probe {
    platform: Option<(String, i32)>,
    capabilities: Option<i32>,
    objects: Vec<Object<'static>>,
}

fn main() -> io::Result<()> {
    let mut probe = Probe::default();
    // The same may be said as arguments, for a first try by hand.
    for line in env::args().skip(1) {
        println!("{}", probe.obey(&line)?);
    }
    for line in io::stdin().lock().lines() {
        println!("{}", probe.obey(&line?)?);
        io::stdout().flush()?;
    }
    while let Some(object) = probe.objects.pop() {
        object.done();
        object.finish(End::DestroyObject);
    }
    Ok(())
}

impl Probe {
    fn obey(&mut self, line: &str) -> io::Result<String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match word {
            "platform" => {
                let (version, application) = rest.split_once(' ').unwrap_or((rest, "-1"));
                self.platform = Some((version.into(), number(application)?));
                "ok".into()
            }
            "capabilities" => {
                self.capabilities = Some(number(rest)?);
                "ok".into()
            }
            "load" => self.load(Path::new(rest)),
            "get" => one_line(&self.object()?.get_text(rest)),
            "set" => {
                let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                format!("{:?}", self.object()?.set(name, value_of(value)))
            }
            "call" => {
                let (name, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
                let arguments: Vec<_> = arguments
                    .split('\t')
                    .filter(|argument| !argument.is_empty())
                    .map(value_of)
                    .collect();
                match self.object()?.call(name, &arguments) {
                    Ok(Value::Text(text)) => one_line(&text),
                    Ok(Value::Bool(value)) => value.to_string(),
                    Ok(other) => format!("{other:?}"),
                    Err(raised) => format!("{raised:?}"),
                }
            }
            "code" => {
                let object = self.object()?;
                let text = object.get_text("ErrorDescription");
                format!("{} {}", object.error_code(), one_line(&text))
            }
            "destroy" => {
                let object = self.objects.pop().ok_or_else(nothing)?;
                object.done();
                match object.finish(End::DestroyObject) {
                    report if report == Report::default() => "ok".into(),
                    report => format!("{report:?}"),
                }
            }
            "modules" => modules(rest)?.to_string(),
            other => return Err(io::Error::other(format!("unknown command {other}"))),
        })
    }

    fn load(&mut self, path: &Path) -> String {
        // As in 1C, what is loaded stays loaded.
        let library: &'static Library = Box::leak(Box::new(Library::load(path)));
        if let Some(level) = self.capabilities {
            library.set_capabilities(level);
        }
        let Some(object) = library.create("LicenceAddIn") else {
            return "no object".into();
        };
        if let Some((version, application)) = &self.platform {
            object.platform(Some((version, *application)));
        }
        let good = object.init() && object.set_memory();
        self.objects.push(object);
        if good { "ok" } else { "not initialised" }.into()
    }

    fn object(&self) -> io::Result<&Object<'static>> {
        self.objects.last().ok_or_else(nothing)
    }
}

/// A whole number or a text.
fn value_of(text: &str) -> Value {
    text.parse().map_or(Value::Text(text.into()), Value::Int)
}

fn nothing() -> io::Error {
    io::Error::other("no object was made")
}

fn number(text: &str) -> io::Result<i32> {
    text.parse().map_err(io::Error::other)
}

fn one_line(text: &str) -> String {
    text.replace('\n', "; ")
}

/// How often the first page of a file is mapped to be run: once for each time that it is loaded.
fn modules(path: &str) -> io::Result<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    Ok(maps
        .lines()
        .filter(|line| line.contains(" 00000000 ") && line.contains(path))
        .count())
}
