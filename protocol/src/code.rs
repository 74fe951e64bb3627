//! Activation codes: 20 characters in five groups; the fifth checks the other four.
//!
//! Each character is five bits. Sixteen are random, 80 bits; four more make a Reed-Solomon word over GF(32), whose
//! words differ in at least five places. So up to four wrong characters are always noticed, two neighbours that
//! changed places among them, and of wilder mistakes one in a million is not.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// How many characters a code has.
pub const LENGTH: usize = 20;
const RANDOM: usize = 16;
const CHECKS: usize = LENGTH - RANDOM;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A code whose check characters are right. Whoever knows it can activate what it stands for, so it is shown in
/// full by [`ActivationCode::reveal`] alone.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ActivationCode([u8; LENGTH]);

/// Why a text is no activation code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// It has more or fewer characters.
    #[error(
        "an activation code has 20 letters and digits in five groups; this one has {0}: look for a missing or doubled character"
    )]
    Length(usize),
    /// A character that no code has.
    #[error(
        "an activation code has no '{character}' (place {place}); it has digits and Latin letters without I, L, O and U"
    )]
    Character {
        /// The character.
        character: char,
        /// Its place among the letters and digits, from 1.
        place: usize,
    },
    /// The check characters do not match.
    #[error(
        "the activation code is mistyped: compare it with the vendor's, character by character"
    )]
    Mistyped,
}

impl CodeError {
    /// The message in Russian.
    pub fn russian(&self) -> String {
        match self {
            Self::Length(count) => format!(
                "в коде активации 20 букв и цифр, пять групп по четыре; здесь их {count}: проверьте, нет ли пропущенных или лишних"
            ),
            Self::Character { character, place } => format!(
                "в коде активации не бывает знака «{character}» (место {place}): только цифры и латинские буквы, кроме I, L, O и U"
            ),
            Self::Mistyped => {
                "код активации набран с ошибкой: сравните его с полученным от поставщика знак за знаком".into()
            }
        }
    }
}

impl ActivationCode {
    /// A new code, with 80 bits from the operating system's generator.
    pub fn random() -> Self {
        Self::from_random(crate::random_bytes())
    }

    /// The code of these random bytes.
    pub fn from_random(mut random: [u8; RANDOM]) -> Self {
        let mut values = [0; LENGTH];
        for (value, byte) in values.iter_mut().zip(&random) {
            *value = byte & 31;
        }
        random.zeroize();
        let checks = remainder(&values[..RANDOM]);
        values[RANDOM..].copy_from_slice(&checks);
        Self(values)
    }

    /// Reads what a person typed: any case, Cyrillic letters that look Latin, I and L for 1, O for 0, groups
    /// separated by anything that is no letter or digit, or not at all.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let mut values = [0; LENGTH];
        let mut count = 0;
        let mut foreign = None;
        for character in text.chars().filter(|letter| letter.is_alphanumeric()) {
            let value = value(character);
            if value.is_none() {
                foreign = foreign.or(Some(CodeError::Character {
                    character,
                    place: count + 1,
                }));
            }
            if let Some(place) = values.get_mut(count) {
                *place = value.unwrap_or(0);
            }
            count += 1;
        }
        let code = Self(values);
        match foreign {
            Some(error) => Err(error),
            None if count != LENGTH => Err(CodeError::Length(count)),
            None if remainder(&code.0) != [0; CHECKS] => Err(CodeError::Mistyped),
            None => Ok(code),
        }
    }

    /// The whole code in groups, for those who may use it.
    pub fn reveal(&self) -> String {
        let text = self.0.map(|value| ALPHABET[usize::from(value)]);
        let groups: Vec<&str> = text
            .chunks(4)
            .map(|group| str::from_utf8(group).expect("the alphabet is ASCII"))
            .collect();
        groups.join("-")
    }

    /// What the licence centre keeps of the code.
    pub fn hash(&self) -> [u8; 32] {
        self.labelled(b"licence-code-v1\0")
    }

    /// The salt of the facts in an activation by this code: the same code hashes the same facts to the same
    /// values, so that the centre recognises a computer whose disk was lost. Nobody without the code can say it.
    pub fn salt(&self) -> [u8; 16] {
        let hash = self.labelled(b"licence-code-salt-v1\0");
        hash[..16].try_into().expect("a hash has 32 bytes")
    }

    fn labelled(&self, label: &[u8]) -> [u8; 32] {
        Sha256::new()
            .chain_update(label)
            .chain_update(self.0.map(|value| ALPHABET[usize::from(value)]))
            .finalize()
            .into()
    }
}

/// Shows the first group alone: for logs, lists and errors.
impl fmt::Display for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.reveal()))
    }
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActivationCode({self})")
    }
}

/// An activation code's text of which only the first group can be read; of a short text nothing.
pub fn masked(code: &str) -> String {
    let letters = code.chars().filter(|letter| letter.is_alphanumeric());
    let shown = if letters.count() >= 16 { 4 } else { 0 };
    let mut seen = 0;
    code.chars()
        .map(|letter| {
            seen += usize::from(letter.is_alphanumeric());
            if letter.is_alphanumeric() && seen > shown {
                '*'
            } else {
                letter
            }
        })
        .collect()
}

fn value(character: char) -> Option<u8> {
    let upper = match character {
        'А' | 'а' => 'A',
        'В' | 'в' => 'B',
        'Е' | 'е' => 'E',
        'К' | 'к' => 'K',
        'М' | 'м' => 'M',
        'Н' | 'н' => 'H',
        'О' | 'о' | 'O' | 'o' => '0',
        'Р' | 'р' => 'P',
        'С' | 'с' => 'C',
        'Т' | 'т' => 'T',
        'Х' | 'х' => 'X',
        'У' | 'у' => 'Y',
        'I' | 'i' | 'L' | 'l' => '1',
        other => other.to_ascii_uppercase(),
    };
    let at = ALPHABET
        .iter()
        .position(|letter| char::from(*letter) == upper)?;
    u8::try_from(at).ok()
}

/// The generator: (x − α)(x − α²)(x − α³)(x − α⁴) with α = 2 in GF(32) modulo x⁵ + x² + 1, without its leading 1.
const GENERATOR: [u8; CHECKS] = generator();

const fn generator() -> [u8; CHECKS] {
    // The coefficients from the highest power down; the leading one is left out.
    let mut polynomial = [0; CHECKS + 1];
    polynomial[0] = 1;
    let mut root = 1;
    let mut degree = 0;
    while degree < CHECKS {
        root = multiply(root, 2);
        let mut at = degree + 1;
        while at > 0 {
            polynomial[at] ^= multiply(polynomial[at - 1], root);
            at -= 1;
        }
        degree += 1;
    }
    [polynomial[1], polynomial[2], polynomial[3], polynomial[4]]
}

/// Multiplication in GF(32).
const fn multiply(a: u8, b: u8) -> u8 {
    let mut product = 0;
    let mut a = a;
    let mut bit = 0;
    while bit < 5 {
        if b >> bit & 1 == 1 {
            product ^= a;
        }
        a <<= 1;
        if a & 32 != 0 {
            a ^= 0b10_0101;
        }
        bit += 1;
    }
    product
}

/// What is left of message · x⁴ modulo the generator: the check characters of 16 values, zero for a whole code.
fn remainder(values: &[u8]) -> [u8; CHECKS] {
    let mut left = [0; CHECKS];
    for value in values {
        let lead = left[0] ^ value;
        left.rotate_left(1);
        left[CHECKS - 1] = 0;
        for (place, factor) in left.iter_mut().zip(GENERATOR) {
            *place ^= multiply(lead, factor);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code() -> impl Strategy<Value = ActivationCode> {
        any::<[u8; RANDOM]>().prop_map(ActivationCode::from_random)
    }

    #[test]
    fn a_code_is_five_groups_of_the_alphabet_and_never_changes_its_meaning() {
        let code = ActivationCode::from_random(std::array::from_fn(|at| at as u8 * 2));
        assert_eq!(code.reveal(), "0246-8ACE-GJMP-RTWY-X1CD");
        assert_eq!(
            base16ct::lower::encode_string(&code.hash()[..4]),
            "bee80bb9"
        );
        assert_eq!(code.to_string(), "0246-****-****-****-****");
        assert_eq!(
            format!("{code:?}"),
            "ActivationCode(0246-****-****-****-****)"
        );
        assert_eq!(masked("4345-9320"), "****-****");
    }

    #[test]
    fn what_people_type_is_folded() {
        let code = ActivationCode::from_random([
            1, 0, 10, 11, 14, 19, 20, 17, 0, 22, 12, 26, 29, 30, 1, 1,
        ]);
        assert!(code.reveal().starts_with("10AB-EKMH-0PCT-XY11-"));
        let tail = &code.reveal()[20..];
        for typed in [
            "lоавекмнОрстху1I",
            "LoABEKMH0PCTXYil",
            "10AB EKMH.0PCT_XY—11",
        ] {
            let typed = format!(" {typed} {}\n", tail.to_lowercase());
            assert_eq!(ActivationCode::parse(&typed), Ok(code.clone()), "{typed}");
        }
    }

    #[test]
    fn an_error_names_the_character_or_the_length() {
        let parse = |text: &str| ActivationCode::parse(text).unwrap_err();
        assert_eq!(parse(""), CodeError::Length(0));
        assert_eq!(parse("0246-8ACE-GJMP-RTWY-X1C"), CodeError::Length(19));
        assert_eq!(
            parse("0246-8ACE-GJMP-RTWU-X1CD"),
            CodeError::Character {
                character: 'U',
                place: 16
            }
        );
        assert_eq!(parse("0246-8ACE-GJMP-RTYW-X1CD"), CodeError::Mistyped);
        assert!(parse(&"0".repeat(1_000_000)).russian().contains("1000000"));
        assert!(ActivationCode::parse(&"0".repeat(20)).is_ok());
    }

    proptest! {
        #[test]
        fn a_code_survives_its_text(code in code()) {
            prop_assert_eq!(ActivationCode::parse(&code.reveal()), Ok(code));
        }

        #[test]
        fn up_to_four_wrong_characters_are_always_noticed(
            code in code(),
            errors in proptest::collection::vec((0..LENGTH, 1..32u8), 1..=4),
        ) {
            let mut wrong = code.clone();
            for (place, error) in errors {
                wrong.0[place] = code.0[place] ^ error;
            }
            prop_assert_eq!(ActivationCode::parse(&wrong.reveal()), Err(CodeError::Mistyped));
        }

        #[test]
        fn any_two_characters_that_changed_places_are_noticed(code in code(), a in 0..LENGTH, b in 0..LENGTH) {
            let mut swapped = code.clone();
            swapped.0.swap(a, b);
            let expected = if swapped == code { Ok(code) } else { Err(CodeError::Mistyped) };
            prop_assert_eq!(ActivationCode::parse(&swapped.reveal()), expected);
        }

        #[test]
        fn no_text_is_read_with_a_panic(text in any::<String>()) {
            if let Ok(code) = ActivationCode::parse(&text) {
                prop_assert_eq!(ActivationCode::parse(&code.reveal()), Ok(code));
            }
        }
    }
}
