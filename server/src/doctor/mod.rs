//! `licenceserver doctor`: looks at everything that the server needs, changes nothing, and says what to do.

mod component;
mod keys;
mod machine;
mod reach;

use std::io::{self, Write};

pub(crate) use machine::address;
pub(crate) use reach::ask;

use crate::{conf::Lang, places::Places};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As it should be.
    Good,
    /// The server works, and somebody should look at it.
    Warning,
    /// The server does not work, or not for everybody.
    Bad,
}

/// One line of the table.
#[derive(Debug)]
struct Line {
    what: &'static str,
    state: State,
    text: String,
}

/// The lines, in the administrator's language.
struct Report {
    lang: Lang,
    lines: Vec<Line>,
}

impl Report {
    fn add(&mut self, what: (&'static str, &'static str), state: State, text: (String, String)) {
        self.lines.push(Line {
            what: self.lang.pick(what.0, what.1),
            state,
            text: self.lang.pick(text.0, text.1),
        });
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let widest = self
            .lines
            .iter()
            .map(|line| line.what.chars().count())
            .max();
        let widest = widest.unwrap_or(0);
        for line in &self.lines {
            let state = match line.state {
                State::Good => self.lang.pick("ok     ", "хорошо"),
                State::Warning => self.lang.pick("warning", "важно "),
                State::Bad => self.lang.pick("BAD    ", "ПЛОХО "),
            };
            let text = line.text.replace(['\r', '\n'], " ");
            writeln!(out, "{:widest$}  {state}  {text}", line.what)?;
        }
        Ok(())
    }
}

/// Looks, and prints the table. True when nothing is bad.
///
/// # Errors
/// Those of writing the table.
pub fn run(places: &Places, out: &mut impl Write) -> io::Result<bool> {
    let mut report = Report {
        lang: Lang::default(),
        lines: Vec::new(),
    };
    let conf = machine::settings(places, &mut report);
    machine::rights(places, &mut report);
    let running = match &conf {
        Some(conf) => machine::ports(places, conf, &mut report),
        None => false,
    };
    machine::clock(places, &mut report);
    machine::store(places, running, &mut report);
    if let Some(conf) = &conf {
        keys::binding(places, &mut report);
        keys::keys(places, conf, &mut report);
    }
    let of_series = conf
        .as_ref()
        .map_or_else(Vec::new, |conf| crate::keys::centres_of(&conf.series_file));
    let centre = conf.as_ref().map(|conf| &conf.centre);
    if let Some(centre) = centre {
        reach::centres(centre, of_series, &mut report);
    }
    component::settings(places, &mut report);
    report.write(out)?;
    Ok(report.lines.iter().all(|line| line.state != State::Bad))
}
