//! The lines of a report, one fact a line, its values safe for a terminal.

use crate::printable::printable;

/// A report being written.
pub(super) struct Report(String);

impl Report {
    pub(super) fn new(kind: &str) -> Self {
        Self(format!("{kind}\n"))
    }

    /// One line.
    pub(super) fn line(&mut self, name: &str, value: impl AsRef<str>) {
        self.0 += &format!("  {name}: {}\n", printable(value.as_ref()));
    }

    /// One line when there is something to say.
    pub(super) fn optional(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.line(name, value);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}
