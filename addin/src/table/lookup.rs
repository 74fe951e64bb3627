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

/// The longest names together, in units, that a table may have; more does not compile.
const MAX_UNITS: usize = 768;
/// Twice as many names as a table may have rows.
const MAX_NAMES: usize = 64;
/// A power of two, so many times the names that a hash without collisions is found soon.
const SLOTS: usize = 512;
const FREE: u8 = u8::MAX;

/// The names of a table's rows, both languages, hashed when the component is compiled: nothing is made at run time,
/// and nothing in it is an address that had to be put right when the component is loaded.
#[derive(Debug)]
pub struct Index {
    units: [u16; MAX_UNITS],
    names: [Name; MAX_NAMES],
    slots: [u8; SLOTS],
    count: usize,
    end: usize,
    longest: usize,
    factor: u32,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    start: u16,
    length: u8,
    row: u8,
}

impl Index {
    /// An index without names.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            units: [0; MAX_UNITS],
            names: [Name {
                start: 0,
                length: 0,
                row: 0,
            }; MAX_NAMES],
            slots: [FREE; SLOTS],
            count: 0,
            end: 0,
            longest: 0,
            factor: 0,
        }
    }

    /// Adds both names of the next row.
    ///
    /// # Panics
    /// When there are too many, or another letter than a Latin or Cyrillic one is in them; it is meant for constants,
    /// where that does not compile.
    #[must_use]
    pub const fn and(mut self, row: usize, words: Words) -> Self {
        self.add(row, words.en);
        self.add(row, words.ru);
        self
    }

    const fn add(&mut self, row: usize, name: &str) {
        let (start, bytes) = (self.end, name.as_bytes());
        let mut at = 0;
        while at < bytes.len() {
            // UTF-8 of one or two bytes.
            let (unit, length) = match bytes[at] {
                first @ 0..0x80 => (first as u16, 1),
                first @ 0xC0..0xE0 => {
                    let second = bytes[at + 1];
                    ((first as u16 & 0x1F) << 6 | second as u16 & 0x3F, 2)
                }
                _ => panic!("a name has neither Latin nor Cyrillic letters"),
            };
            self.units[self.end] = unit;
            self.end += 1;
            at += length;
        }
        let length = self.end - start;
        assert!(length < 256 && row < 256, "a name or a table is too long");
        self.names[self.count] = Name {
            start: start as u16,
            length: length as u8,
            row: row as u8,
        };
        self.count += 1;
        if length > self.longest {
            self.longest = length;
        }
    }

    /// Gives each name a slot of its own; a name that occurs twice keeps its first row.
    ///
    /// # Panics
    /// When that cannot be: two names have the same length, and the same first, middle and last letter.
    #[must_use]
    pub const fn hashed(mut self) -> Self {
        self.factor = 1;
        while !self.fill() {
            self.factor += 2;
            assert!(self.factor < 10_000, "two names look the same to the hash");
        }
        self
    }

    /// Says whether the factor suits all names.
    const fn fill(&mut self) -> bool {
        self.slots = [FREE; SLOTS];
        let mut number = 0;
        while number < self.count {
            let name = self.known(number);
            let slot = self.slot(name);
            match self.slots[slot] {
                FREE => self.slots[slot] = number as u8,
                other if same(self.known(other as usize), name) => {}
                _ => return false,
            }
            number += 1;
        }
        true
    }

    const fn known(&self, number: usize) -> &[u16] {
        let name = self.names[number];
        let (_, from) = self.units.split_at(name.start as usize);
        from.split_at(name.length as usize).0
    }

    /// By the length, the first, the middle and the last letter. Of a letter only those bits count that are the same in
    /// both its cases, Latin and Russian, so that it need not be folded.
    #[inline]
    const fn slot(&self, name: &[u16]) -> usize {
        let length = name.len();
        if length == 0 {
            return 0;
        }
        let letters = (name[0] as u32 & 0xF) << 8
            | (name[length / 2] as u32 & 0xF) << 4
            | name[length - 1] as u32 & 0xF;
        let key = (length as u32) << 12 | letters;
        (key.wrapping_mul(self.factor.wrapping_mul(0x9E37_79B1)) >> (32 - SLOTS.ilog2())) as usize
    }

    /// The units of the longest name.
    #[must_use]
    #[inline]
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// The row that has this name in either language.
    #[must_use]
    #[inline]
    pub fn find(&self, name: &[u16]) -> Option<u8> {
        let number = usize::from(*self.slots.get(self.slot(name))?);
        let Name { start, length, row } = *self.names.get(number)?;
        let (start, length) = (usize::from(start), usize::from(length));
        let known = self.units.get(start..start + length)?;
        // Mostly a name comes as it is written here; any other letter case is the same name.
        (known == name || is_folded(known, name)).then_some(row)
    }
}

const fn same(one: &[u16], other: &[u16]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

#[cold]
fn is_folded(known: &[u16], name: &[u16]) -> bool {
    known.len() == name.len()
        && known
            .iter()
            .zip(name)
            .all(|(known, unit)| fold(*known) == fold(*unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::words;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn index() -> Index {
        Index::empty()
            .and(0, words("Version", "Версия"))
            .and(1, words("Report", "ОтчётЁлки"))
            .and(2, words("Same", "Same"))
            .hashed()
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
        assert_eq!(Index::empty().hashed().find(&units("a")), None);
        assert_eq!(Index::empty().hashed().find(&[]), None);
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
