//! Finds a name's number: both languages, any letter case, a few nanoseconds, no allocation.

use super::Words;

/// A letter with its case taken away, in units of UTF-16. Names of 1C never leave the basic plane.
#[must_use]
pub fn fold(unit: u16) -> u16 {
    match unit {
        // A…Z
        0x41..=0x5A => unit + 0x20,
        0..=0x7F => unit,
        // А…Я
        0x410..=0x42F => unit + 0x20,
        // Ѐ Ё … Џ
        0x400..=0x40F => unit + 0x50,
        0x430..=0x45F => unit,
        _ => fold_rare(unit),
    }
}

#[cold]
fn fold_rare(unit: u16) -> u16 {
    let Some(letter) = char::from_u32(u32::from(unit)) else {
        return unit;
    };
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(letter), None) => u16::try_from(u32::from(letter)).unwrap_or(unit),
        _ => unit,
    }
}

/// The names of a table's rows, both languages, hashed.
#[derive(Debug)]
pub struct Index {
    /// Open addressing; a power of two, at most a quarter full.
    slots: Box<[u16]>,
    names: Vec<Name>,
    longest: usize,
}

#[derive(Debug)]
struct Name {
    units: Box<[u16]>,
    row: u16,
}

impl Name {
    /// Mostly a name comes as it is written here; any other letter case is the same name.
    fn is(&self, name: &[u16]) -> bool {
        *self.units == *name
            || (self.units.len() == name.len()
                && self
                    .units
                    .iter()
                    .zip(name)
                    .all(|(known, unit)| fold(*known) == fold(*unit)))
    }
}

const FREE: u16 = u16::MAX;

impl Index {
    /// Hashes the rows' names. A name that occurs twice keeps its first row.
    pub fn new(rows: impl Iterator<Item = Words>) -> Self {
        let mut names = Vec::new();
        for (row, words) in rows.enumerate() {
            for name in [words.en, words.ru] {
                names.push(Name {
                    units: name.encode_utf16().collect(),
                    row: row as u16,
                });
            }
        }
        let longest = names.iter().map(|name| name.units.len()).max().unwrap_or(0);
        let mut slots = vec![FREE; (names.len() * 4).next_power_of_two().max(4)].into_boxed_slice();
        for (number, name) in names.iter().enumerate() {
            let mut at = hash(&name.units);
            while slots[at & (slots.len() - 1)] != FREE {
                at += 1;
            }
            let at = at & (slots.len() - 1);
            slots[at] = number as u16;
        }
        Self {
            slots,
            names,
            longest,
        }
    }

    /// The units of the longest name.
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// The row that has this name in either language.
    #[must_use]
    pub fn find(&self, name: &[u16]) -> Option<usize> {
        let mut at = hash(name);
        loop {
            let number = self.slots[at & (self.slots.len() - 1)];
            let known = self.names.get(usize::from(number))?;
            if known.is(name) {
                return Some(usize::from(known.row));
            }
            at += 1;
        }
    }
}

/// By the length, the first, the middle and the last letter: few names of a table agree in all of them. Of a letter
/// only those bits count that are the same in both its cases, Latin and Russian, so that it need not be folded.
fn hash(name: &[u16]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return 0;
    };
    let middle = name[name.len() / 2];
    [*first, middle, *last]
        .iter()
        .fold(name.len(), |hash, unit| {
            (hash << 3) ^ usize::from(unit & 0xF)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::words;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn index() -> Index {
        Index::new(
            [
                words("Version", "Версия"),
                words("Report", "ОтчётЁлки"),
                words("Same", "Same"),
            ]
            .into_iter(),
        )
    }

    #[test]
    fn names_are_found_in_both_languages_and_any_case() {
        let index = index();
        for name in [
            "Version",
            "VERSION",
            "vErSiOn",
            "Версия",
            "версия",
            "ВЕРСИЯ",
            "вЕРСИЯ",
        ] {
            assert_eq!(index.find(&units(name)), Some(0), "{name}");
        }
        for name in ["ОтчётЁлки", "ОТЧЁТЁЛКИ", "отчётёлки"] {
            assert_eq!(index.find(&units(name)), Some(1), "{name}");
        }
        assert_eq!(index.find(&units("SAME")), Some(2));
    }

    #[test]
    fn other_names_are_not_found() {
        let index = index();
        for name in [
            "",
            "V",
            "Versio",
            "Versionn",
            "ОтчетЕлки",
            "Vеrsion",
            "\0",
            &"x".repeat(70_000),
        ] {
            assert_eq!(index.find(&units(name)), None);
        }
        assert_eq!(index.find(&[0xD800, 0xFFFF, 0]), None);
        assert_eq!(Index::new(std::iter::empty()).find(&units("a")), None);
    }

    #[test]
    fn folding_agrees_with_unicode_on_the_whole_basic_plane() {
        for unit in 0..=u16::MAX {
            let Some(letter) = char::from_u32(u32::from(unit)) else {
                continue;
            };
            let lower: Vec<char> = letter.to_lowercase().collect();
            if let [one] = lower[..]
                && let Ok(one) = u16::try_from(u32::from(one))
            {
                assert_eq!(fold(unit), one, "{letter}");
            } else {
                assert_eq!(fold(unit), unit, "{letter}");
            }
        }
    }
}
