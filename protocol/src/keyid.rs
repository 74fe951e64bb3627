//! The id of a series: four hex digits, forgiving of Cyrillic look-alikes.

use std::{fmt, str::FromStr};

use minicbor::{Decode, Encode};

/// The series of keys of one protected product, shown as four hex digits ("672B").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct KeyId(#[n(0)] pub u16);

/// A series id that was read, and whether Cyrillic letters or lower case had to be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The id.
    pub id: KeyId,
    /// True when a Cyrillic letter stood for a Latin one: worth a note in the log.
    pub had_cyrillic: bool,
}

/// Why a text is not a series id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyIdError {
    /// The text has another length than four characters.
    #[error("a series is four hex digits, for example 672B; this one has {0} characters")]
    Length(usize),
    /// A character is not a hex digit.
    #[error(
        "a series is four hex digits, for example 672B; the character '{0}' at place {1} is not one"
    )]
    Character(char, usize),
}

impl KeyId {
    /// Reads an id, folding Cyrillic А В С Е and а с е to Latin.
    ///
    /// # Errors
    /// Names the character that is not a hex digit, or the wrong length.
    pub fn parse_folding(text: &str) -> Result<Folded, KeyIdError> {
        let text = text.trim();
        let count = text.chars().count();
        if count != 4 {
            return Err(KeyIdError::Length(count));
        }
        let mut value = 0;
        let mut had_cyrillic = false;
        for (index, original) in text.chars().enumerate() {
            let folded = fold(original);
            had_cyrillic |= folded != original;
            let digit = folded
                .to_digit(16)
                .ok_or(KeyIdError::Character(original, index + 1))?;
            value = value << 4 | digit as u16;
        }
        Ok(Folded {
            id: Self(value),
            had_cyrillic,
        })
    }
}

fn fold(letter: char) -> char {
    match letter {
        'А' | 'а' => 'A',
        'В' => 'B',
        'С' | 'с' => 'C',
        'Е' | 'е' => 'E',
        other => other,
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        Self::parse_folding(text).map(|folded| folded.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cyrillic_look_alikes_and_lower_case_are_folded() {
        assert_eq!(
            KeyId::parse_folding("672В").unwrap(),
            Folded {
                id: KeyId(0x672B),
                had_cyrillic: true
            }
        );
        assert_eq!(
            KeyId::parse_folding("672b").unwrap(),
            Folded {
                id: KeyId(0x672B),
                had_cyrillic: false
            }
        );
        assert_eq!("аАсС".parse::<KeyId>().unwrap().to_string(), "AACC");
    }

    #[test]
    fn an_error_names_the_character_or_the_length() {
        assert_eq!("67ZB".parse::<KeyId>(), Err(KeyIdError::Character('Z', 3)));
        assert_eq!("672в".parse::<KeyId>(), Err(KeyIdError::Character('в', 4)));
        assert_eq!("672".parse::<KeyId>(), Err(KeyIdError::Length(3)));
    }
}
