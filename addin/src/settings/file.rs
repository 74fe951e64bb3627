//! Reading one licenceaddin.conf: text, sections, and every complaint with its line.

use std::{
    io,
    path::{Path, PathBuf},
};

use ini::{Ini, ParseOption};
use protocol::{KeyId, Reason, files};

use super::warning::Warning;

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 1024 * 1024;
const COMMON: &str = "common";

/// A value with the line where it stands, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key, lower case.
    pub key: String,
    /// The value without spaces and quotes around it.
    pub value: String,
    /// The line; 0 if it cannot be told.
    pub line: usize,
}

/// What concerns one series in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conf {
    /// The file.
    pub path: PathBuf,
    common: Vec<Entry>,
    series: Vec<Entry>,
}

impl Conf {
    /// Reads a file. None when there is none; an unusable one counts as empty, with a warning.
    pub fn read(path: &Path, key_id: Option<KeyId>, warnings: &mut Vec<Warning>) -> Option<Self> {
        let empty = Self {
            path: path.into(),
            ..Self::default()
        };
        let bytes = match files::read_limited(path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) if is_absent(&error) => return None,
            Err(error) => {
                warnings.push(Warning::file(path, unreadable(&error), error.to_string()));
                return Some(empty);
            }
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) => Some(Self::parse(path, text, key_id, warnings)),
            Err(error) => {
                let line = 1 + bytes[..error.valid_up_to()]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                warnings.push(Warning::file(path, Reason::ConfNotUtf8, String::new()).at(line));
                Some(empty)
            }
        }
    }

    fn parse(path: &Path, text: &str, key_id: Option<KeyId>, warnings: &mut Vec<Warning>) -> Self {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let mut conf = Self {
            path: path.into(),
            ..Self::default()
        };
        if let Some((line, text)) = broken_line(&text) {
            let detail = format!("\"{}\"", crate::texts::one_line(text, 60));
            warnings.push(Warning::file(path, Reason::ConfSyntax, detail).at(line));
            return conf;
        }
        let option = ParseOption {
            enabled_escape: false,
            ..ParseOption::default()
        };
        let ini = match Ini::load_from_str_opt(&text, option) {
            Ok(ini) => ini,
            Err(error) => {
                // The parser counts lines from 0.
                warnings.push(
                    Warning::file(path, Reason::ConfSyntax, error.msg.to_string())
                        .at(error.line + 1),
                );
                return conf;
            }
        };
        let mut lines = Lines::new(&text);
        for (section, properties) in &ini {
            let Some(section) = section else { continue };
            let opened = lines.section(section);
            let target = match whose(section) {
                Section::Common => &mut conf.common,
                Section::Series(id, spelling) => {
                    if Some(id) != key_id {
                        continue;
                    }
                    if spelling {
                        warnings.push(Warning::cyrillic(path, opened, section));
                    }
                    if !conf.series.is_empty() {
                        warnings.push(Warning::repeated(path, opened, section));
                    }
                    &mut conf.series
                }
                Section::Other => continue,
            };
            for (key, value) in properties.iter() {
                target.push(Entry {
                    key: key.trim().to_lowercase(),
                    value: value.trim().into(),
                    line: lines.key(opened, key),
                });
            }
        }
        conf
    }

    /// The value of a key (lower case): the series' section over the common one, a later line over an earlier.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        let last = |entries: &'_ [Entry]| entries.iter().rposition(|entry| entry.key == key);
        last(&self.series)
            .map(|at| &self.series[at])
            .or_else(|| last(&self.common).map(|at| &self.common[at]))
    }
}

/// The first line that is neither a section, nor a setting, nor a comment, with its number. The parser takes
/// such a line for the beginning of the next; a person meant something else.
fn broken_line(text: &str) -> Option<(usize, &str)> {
    let known = |line: &str| {
        line.is_empty()
            || line.starts_with([';', '#'])
            || (line.starts_with('[') && line.contains(']'))
            || line
                .split_once(['=', ':'])
                .is_some_and(|(key, _)| !key.trim().is_empty() && !key.starts_with('['))
    };
    let mut lines = text.lines().map(str::trim).zip(1..);
    lines
        .find(|(line, _)| !known(line))
        .map(|(line, number)| (number, line))
}

enum Section {
    Common,
    /// Of a series; true when Cyrillic letters stood in its name.
    Series(KeyId, bool),
    Other,
}

fn whose(name: &str) -> Section {
    if name.trim().to_lowercase() == COMMON {
        return Section::Common;
    }
    match KeyId::parse_folding(name) {
        Ok(folded) => Section::Series(folded.id, folded.had_cyrillic),
        Err(_) => Section::Other,
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn unreadable(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Reason::ConfTooLarge,
        io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory => Reason::ConfNotAFile,
        _ => Reason::BadConfFile,
    }
}

/// Finds the lines of what the parser gave, because it does not tell them.
struct Lines<'a> {
    lines: Vec<&'a str>,
    seen: Vec<(&'a str, usize)>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            lines: text.lines().collect(),
            seen: Vec::new(),
        }
    }

    /// The line of the next section of that name.
    fn section(&mut self, name: &str) -> usize {
        let from = self
            .seen
            .iter()
            .rev()
            .find(|(seen, _)| *seen == name)
            .map_or(0, |(_, line)| *line);
        for (at, line) in self.lines.iter().enumerate().skip(from) {
            let inner = line
                .trim()
                .strip_prefix('[')
                .and_then(|rest| rest.split_once(']'))
                .map(|(inner, _)| inner.trim());
            if let Some(inner) = inner.filter(|inner| *inner == name) {
                self.seen.push((inner, at + 1));
                return at + 1;
            }
        }
        0
    }

    /// The last line of a key in the section that was opened on a line.
    fn key(&self, opened: usize, key: &str) -> usize {
        let mut found = 0;
        for (at, line) in self.lines.iter().enumerate().skip(opened) {
            let line = line.trim();
            if line.starts_with('[') {
                break;
            }
            let name = line.split(['=', ':']).next().unwrap_or_default().trim();
            if name == key.trim() {
                found = at + 1;
            }
        }
        found
    }
}
