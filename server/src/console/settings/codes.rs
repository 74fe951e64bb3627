//! Access codes in a form: a row each, with the code, its name and its shares.

use std::collections::BTreeMap;

use super::super::posted::Posted;
use crate::conf::Change;

const SECTION: &str = "AccessCodes";
/// Rows for new codes.
const EMPTY: usize = 3;
/// The most codes that the form shows. The rest of the file's stays as it is.
const MOST: usize = 500;

/// A row of the form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// The code as the file has it; empty in a row for a new one.
    pub(super) was: String,
    /// What the components present.
    pub(super) code: String,
    /// For people.
    pub(super) name: String,
    /// How many seats its holders take at most.
    pub(super) limit: String,
    /// How many wait for them.
    pub(super) reserve: String,
    /// Shares of single series, as the file has them.
    pub(super) series: String,
}

impl Row {
    fn of(code: &str, value: &str) -> Self {
        let mut parts = value.split('|').map(str::trim);
        let mut row = Self {
            was: code.to_owned(),
            code: code.to_owned(),
            name: parts.next().unwrap_or_default().to_owned(),
            ..Self::default()
        };
        let mut series = Vec::new();
        for part in parts {
            let words = || part.split_whitespace();
            if words().next().is_some_and(|word| !word.contains('=')) {
                series.push(part);
                continue;
            }
            for (name, number) in words().filter_map(|word| word.split_once('=')) {
                match name.to_lowercase().as_str() {
                    "limit" => row.limit = number.to_owned(),
                    "reserve" => row.reserve = number.to_owned(),
                    _ => {}
                }
            }
        }
        row.series = series.join(" | ");
        row
    }

    /// The line's value in the file.
    fn value(&self) -> String {
        let mut value = self.name.replace('|', "/");
        let mut share = Vec::new();
        if !self.limit.is_empty() {
            share.push(format!("limit={}", self.limit));
        }
        if !self.reserve.is_empty() {
            share.push(format!("reserve={}", self.reserve));
        }
        for part in [share.join(" "), self.series.clone()] {
            if !part.is_empty() {
                value += " | ";
                value += &part;
            }
        }
        value
    }

    /// Whether the code can stand at the beginning of a line of the file.
    fn is_good(&self) -> bool {
        !self
            .code
            .contains(['=', ':', ';', '#', '[', ']', '"', '\''])
            && !self
                .code
                .chars()
                .any(|letter| letter.is_control() || letter.is_whitespace())
            && !self
                .fields()
                .any(|field| field.chars().any(char::is_control))
            && !self.name.starts_with(['"', '\''])
    }

    fn fields(&self) -> impl Iterator<Item = &String> {
        [
            &self.code,
            &self.name,
            &self.limit,
            &self.reserve,
            &self.series,
        ]
        .into_iter()
    }
}

/// How many of a text's codes have no row in the form.
pub(super) fn not_shown(text: &str) -> usize {
    lines(text).len().saturating_sub(MOST)
}

/// The codes that a text has, in its order, and empty rows for new ones.
pub(super) fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = lines(text)
        .into_iter()
        .take(MOST)
        .map(|(code, value)| Row::of(&code, &value))
        .collect();
    rows.extend(std::iter::repeat_n(Row::default(), EMPTY));
    rows
}

fn lines(text: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(head) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            inside = head.trim().eq_ignore_ascii_case(SECTION);
        } else if inside
            && !line.starts_with([';', '#'])
            && let Some((code, value)) = line.split_once('=')
        {
            found.push((code.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

/// What the visitor wrote.
pub(super) fn posted(posted: &Posted) -> Vec<Row> {
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    for (name, value) in posted.all("code.") {
        let Some((field, number)) = name.split_once('.') else {
            continue;
        };
        let Some(number) = number.parse().ok().filter(|number| *number < MOST + EMPTY) else {
            continue;
        };
        let row = rows.entry(number).or_default();
        let value = value.trim().to_owned();
        match field {
            "was" => row.was = value,
            "code" => row.code = value,
            "name" => row.name = value,
            "limit" => row.limit = value,
            "reserve" => row.reserve = value,
            "series" => row.series = value,
            _ => {}
        }
    }
    rows.into_values().collect()
}

/// The changes that make a text's codes those of the rows. Codes that no row was made of stay.
///
/// # Errors
/// The number of the row, from 1, that cannot be written.
pub(super) fn changes(text: &str, rows: &[Row]) -> Result<Vec<Change>, usize> {
    let before: BTreeMap<String, String> = lines(text).into_iter().collect();
    let shown = |code: &str| rows.iter().any(|row| row.was.eq_ignore_ascii_case(code));
    let hidden: Vec<&String> = before.keys().filter(|code| !shown(code)).collect();
    let mut after: BTreeMap<&str, String> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let empty = row.fields().all(String::is_empty);
        if row.code.is_empty() && (empty || !row.was.is_empty()) {
            // A row whose code was emptied goes.
            continue;
        }
        let same = |code: &str| code.eq_ignore_ascii_case(&row.code);
        let twice = after.keys().any(|code| same(code)) || hidden.iter().any(|code| same(code));
        if row.code.is_empty() || !row.is_good() || twice {
            return Err(at + 1);
        }
        after.insert(&row.code, row.value());
    }
    let gone = before
        .keys()
        .filter(|code| shown(code) && !after.contains_key(code.as_str()))
        .map(|code| Change::Remove(SECTION.into(), code.clone()));
    let mut changes: Vec<Change> = gone.collect();
    for (code, value) in after {
        let same = before
            .get(code)
            .is_some_and(|before| Row::of(code, before) == Row::of(code, &value));
        if !same {
            changes.push(Change::Set(SECTION.into(), code.into(), value));
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "[AccessCodes]\n; ours\nA1=Sales | limit=5 reserve=2 | 672B limit=3\nB2=Shop\n";

    #[test]
    fn a_code_is_taken_apart_and_put_together_again() {
        let all = rows(TEXT);
        assert_eq!(all.len(), 2 + EMPTY);
        assert_eq!(
            (
                &*all[0].name,
                &*all[0].limit,
                &*all[0].reserve,
                &*all[0].series
            ),
            ("Sales", "5", "2", "672B limit=3")
        );
        assert_eq!(all[0].value(), "Sales | limit=5 reserve=2 | 672B limit=3");
        assert_eq!(changes(TEXT, &all), Ok(Vec::new()), "nothing was changed");
    }

    #[test]
    fn codes_come_change_and_go() {
        let mut all = rows(TEXT);
        all[0].limit = "7".into();
        all[1].code.clear();
        all[2] = Row {
            code: "C3".into(),
            name: "New".into(),
            ..Row::default()
        };
        let section = || SECTION.to_owned();
        assert_eq!(
            changes(TEXT, &all),
            Ok(vec![
                Change::Remove(section(), "B2".into()),
                Change::Set(
                    section(),
                    "A1".into(),
                    "Sales | limit=7 reserve=2 | 672B limit=3".into()
                ),
                Change::Set(section(), "C3".into(), "New".into()),
            ])
        );
    }

    #[test]
    fn codes_that_the_form_does_not_show_stay() {
        let mut text = "[AccessCodes]\n".to_owned();
        for number in 0..MOST + 100 {
            text += &format!("C{number}=Name\n");
        }
        let mut all = rows(&text);
        assert_eq!((all.len(), not_shown(&text)), (MOST + EMPTY, 100));
        assert_eq!(changes(&text, &all), Ok(Vec::new()));
        assert_eq!(changes(&text, &[]), Ok(Vec::new()), "a form without codes");
        all[MOST].code = "c599".into();
        assert_eq!(changes(&text, &all), Err(MOST + 1), "it is there already");
        all[MOST].code = "new".into();
        all[0].code.clear();
        let (section, new) = (SECTION.to_owned(), "new".to_owned());
        let wanted = vec![
            Change::Remove(section.clone(), "C0".into()),
            Change::Set(section, new, String::new()),
        ];
        assert_eq!(changes(&text, &all), Ok(wanted));
    }

    #[test]
    fn a_code_that_would_break_the_file_is_refused() {
        for code in ["a=b", "a:b", ";a", "[a", "a b", "A1"] {
            let mut all = rows(TEXT);
            all[2].code = code.into();
            assert_eq!(changes(TEXT, &all), Err(3), "{code}");
        }
        let mut all = rows(TEXT);
        all[2].name = "no code".into();
        assert_eq!(changes(TEXT, &all), Err(3));
    }
}
