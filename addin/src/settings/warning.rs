//! What is wrong with a configuration file: never an error of a call, always a line in the log.

use std::path::{Path, PathBuf};

use protocol::Reason;

use crate::table::Language;

/// One complaint about a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1; 0 when it concerns the whole file.
    pub line: usize,
    /// Its number.
    pub reason: Reason,
    en: String,
    ru: String,
}

impl Warning {
    /// The whole file cannot be used, and counts as empty.
    pub(super) fn file(path: &Path, reason: Reason, detail: String) -> Self {
        let words = crate::texts::reason(reason);
        let tail = if detail.is_empty() {
            String::new()
        } else {
            format!(" ({detail})")
        };
        Self {
            path: path.into(),
            line: 0,
            reason,
            en: format!("{}{tail}", words.en),
            ru: format!("{}{tail}", words.ru),
        }
    }

    /// The same, about a line.
    pub(super) fn at(self, line: usize) -> Self {
        Self { line, ..self }
    }

    /// A value that is not one of its key's; the default stands in for it.
    pub(super) fn value(path: &Path, line: usize, key: &str, value: &str, default: &str) -> Self {
        let value: String = value.chars().take(60).collect();
        Self {
            path: path.into(),
            line,
            reason: Reason::ConfBadValue,
            en: format!(
                "{key}={value} is not a possible value; {default} is used. Correct the line."
            ),
            ru: format!(
                "{key}={value}: недопустимое значение, используется {default}. Исправьте строку."
            ),
        }
    }

    /// Cyrillic letters in a section's name were read as Latin ones.
    pub(super) fn cyrillic(path: &Path, line: usize, section: &str) -> Self {
        Self {
            path: path.into(),
            line,
            reason: Reason::ConfBadValue,
            en: format!(
                "section [{section}] has Cyrillic letters in its name; they were read as Latin ones. Retype the name."
            ),
            ru: format!(
                "в имени раздела [{section}] есть кириллические буквы, они прочитаны как латинские. Наберите имя заново."
            ),
        }
    }

    /// A series has a second section.
    pub(super) fn repeated(path: &Path, line: usize, section: &str) -> Self {
        Self {
            path: path.into(),
            line,
            reason: Reason::ConfBadValue,
            en: format!(
                "section [{section}] repeats an earlier one; where both set a key, the later line counts. Join the two."
            ),
            ru: format!(
                "раздел [{section}] повторяет более ранний; если ключ задан в обоих, действует более поздняя строка. Объедините их."
            ),
        }
    }

    /// The user's own file hides a common file that wanted to force its settings.
    pub(super) fn hidden(path: &Path, common: &Path) -> Self {
        Self {
            path: path.into(),
            line: 0,
            reason: Reason::ConfBadValue,
            en: format!(
                "this user's file hides the common file {}, which has ForceUseConfig=1. Delete it if the common one is to count.",
                common.display()
            ),
            ru: format!(
                "этот файл пользователя скрывает общий файл {}, где ForceUseConfig=1. Удалите его, если должен действовать общий.",
                common.display()
            ),
        }
    }

    /// Whether the whole file counts as empty.
    #[must_use]
    pub const fn is_of_whole_file(&self) -> bool {
        !matches!(self.reason, Reason::ConfBadValue)
    }

    /// The complaint with its place.
    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        let file = self.path.display();
        let text = self.text(language);
        match (self.line, language) {
            (0, _) => format!("{file}: {text}"),
            (line, Language::English) => format!("{file}, line {line}: {text}"),
            (line, Language::Russian) => format!("{file}, строка {line}: {text}"),
        }
    }

    /// The complaint without its place.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Russian => &self.ru,
        }
    }
}
