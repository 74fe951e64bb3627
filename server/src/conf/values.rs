//! The file taken apart: a value of a key, read as what it must be.

use std::{collections::BTreeMap, path::Path};

use ini::Ini;

use super::{
    codes, edit,
    error::{ConfError, Expected},
};
use crate::accounting::{AccessCode, lower_case_list};

/// The parser takes a line without `=` for the beginning of the next; a person meant something else.
pub(super) fn check_lines(file: &Path, text: &str) -> Result<(), ConfError> {
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let known = line.is_empty()
            || line.starts_with([';', '#'])
            || (line.starts_with('[') && line.ends_with(']'))
            || line
                .split_once('=')
                .is_some_and(|(key, _)| !key.trim().is_empty());
        if !known {
            return Err(ConfError::Syntax {
                file: file.into(),
                line: at + 1,
                found: crate::logs::tame(line),
            });
        }
    }
    Ok(())
}

/// A text that was taken apart.
pub(super) struct Values<'a> {
    /// Its file, for errors.
    pub(super) file: &'a Path,
    /// The text.
    pub(super) text: &'a str,
    /// Its parts.
    pub(super) ini: Ini,
}

impl Values<'_> {
    /// What the last section of that name has for a key.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&str> {
        let same =
            |name: Option<&str>| name.is_some_and(|name| name.trim().eq_ignore_ascii_case(section));
        let mut found = None;
        for (_, properties) in self.ini.iter().filter(|(name, _)| same(*name)) {
            found = properties
                .iter()
                .rfind(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value)
                .or(found);
        }
        found
    }

    /// The same without spaces around it, or what stands when there is none.
    pub(super) fn text<'v>(&'v self, section: &str, key: &str, default: &'v str) -> &'v str {
        self.get(section, key).map_or(default, str::trim)
    }

    /// Names with commas between them, in lower case.
    pub(super) fn list(&self, section: &str, key: &str) -> Vec<String> {
        lower_case_list(self.text(section, key, ""))
    }

    /// A number within a range.
    pub(super) fn number(
        &self,
        section: &str,
        key: &'static str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ConfError> {
        match self.text(section, key, "") {
            "" => Ok(default),
            text => match text.parse() {
                Ok(number) if range.contains(&number) => Ok(number),
                _ => Err(self.wrong(section, key, Expected::number(&range))),
            },
        }
    }

    /// 0 or 1.
    pub(super) fn switch(
        &self,
        section: &str,
        key: &'static str,
        default: bool,
    ) -> Result<bool, ConfError> {
        match self.text(section, key, "") {
            "" => Ok(default),
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(self.wrong(section, key, Expected::Switch)),
        }
    }

    /// `[AccessCodes]`, by their codes.
    pub(super) fn access_codes(&self) -> Result<BTreeMap<String, AccessCode>, ConfError> {
        const SECTION: &str = "AccessCodes";
        let same =
            |name: Option<&str>| name.is_some_and(|name| name.trim().eq_ignore_ascii_case(SECTION));
        let wrong = |line: Option<usize>| ConfError::AccessCode {
            file: self.file.into(),
            line: line.map_or(1, |line| line + 1),
        };
        // The parser ends a key at a colon too: another code would get in than the one that is written there.
        if let Some((line, _)) = edit::in_section(self.text, SECTION).find(|(_, line)| {
            line.split('=')
                .next()
                .is_some_and(|code| code.contains(':'))
        }) {
            return Err(wrong(Some(line)));
        }
        let mut found = BTreeMap::new();
        for (_, properties) in self.ini.iter().filter(|(name, _)| same(*name)) {
            for (code, value) in properties.iter() {
                let code = code.trim();
                let access = codes::parse(code, value)
                    .ok_or_else(|| wrong(edit::find(self.text, SECTION, code)))?;
                found.insert(code.to_owned(), access);
            }
        }
        Ok(found)
    }

    /// The error that names the value, with its line.
    pub(super) fn wrong(&self, section: &str, key: &'static str, expected: Expected) -> ConfError {
        // A password does not go into an error's text.
        let value = if key == "Password" {
            "…".into()
        } else {
            crate::logs::tame(self.text(section, key, ""))
        };
        let line = edit::find(self.text, section, key).map_or(1, |line| line + 1);
        ConfError::Value {
            file: self.file.into(),
            line,
            key,
            value,
            expected,
        }
    }
}
