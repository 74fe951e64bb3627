//! The owner's tax numbers, checked as the Russian tax service writes them.

use std::{fmt, str::FromStr};

/// An ИНН: ten digits of an organisation or twelve of a person, the last one or two of them control digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Itn(String);

/// A КПП: nine characters, four digits, two digits or capital letters, three digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Iec(String);

/// Why a text is no tax number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnerError {
    /// Not ten or twelve digits.
    #[error("an ITN (ИНН) has 10 digits (an organisation's) or 12 (a person's)")]
    ItnLength,
    /// The control digits do not match.
    #[error("the ITN (ИНН) is mistyped: its control digit is wrong")]
    ItnControl,
    /// Another shape.
    #[error("an IEC (КПП) has 9 characters, for example 770101001")]
    Iec,
}

impl OwnerError {
    /// The message in Russian.
    pub const fn russian(self) -> &'static str {
        match self {
            Self::ItnLength => "в ИНН 10 цифр (у организации) или 12 (у физического лица)",
            Self::ItnControl => "ИНН набран с ошибкой: не сходится контрольная цифра",
            Self::Iec => "в КПП 9 знаков, например 770101001",
        }
    }
}

impl Itn {
    /// The number as it stood in JSON, where it lost its leading zero.
    ///
    /// # Errors
    /// As for a text.
    pub fn from_number(number: u64) -> Result<Self, OwnerError> {
        let text = number.to_string();
        let width = if text.len() <= 10 { 10 } else { 12 };
        format!("{number:0width$}").parse()
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Iec {
    /// The number as it stood in JSON, where it lost its leading zero.
    ///
    /// # Errors
    /// As for a text.
    pub fn from_number(number: u64) -> Result<Self, OwnerError> {
        format!("{number:09}").parse()
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Itn {
    type Err = OwnerError;

    fn from_str(text: &str) -> Result<Self, OwnerError> {
        let text = text.trim();
        if !matches!(text.len(), 10 | 12) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(OwnerError::ItnLength);
        }
        let digits: Vec<u32> = text.bytes().map(|byte| u32::from(byte - b'0')).collect();
        let control = |weights: &[u32]| {
            let pairs = weights.iter().zip(&digits);
            pairs.map(|(weight, digit)| weight * digit).sum::<u32>() % 11 % 10
        };
        let right = if digits.len() == 10 {
            control(&[2, 4, 10, 3, 5, 9, 4, 6, 8]) == digits[9]
        } else {
            control(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == digits[10]
                && control(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == digits[11]
        };
        // Ten zeros keep the rule, and belong to nobody.
        if right && digits.iter().any(|digit| *digit != 0) {
            Ok(Self(text.to_owned()))
        } else {
            Err(OwnerError::ItnControl)
        }
    }
}

impl FromStr for Iec {
    type Err = OwnerError;

    fn from_str(text: &str) -> Result<Self, OwnerError> {
        let text = text.trim();
        let right = text.len() == 9
            && text.bytes().enumerate().all(|(at, byte)| {
                byte.is_ascii_digit() || (matches!(at, 4 | 5) && byte.is_ascii_uppercase())
            });
        if right {
            Ok(Self(text.to_owned()))
        } else {
            Err(OwnerError::Iec)
        }
    }
}

impl fmt::Display for Itn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Iec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_tax_numbers_pass_and_a_mistyped_digit_is_noticed() {
        for good in ["7707083893", "7830002293", "500100732259", "0274062111"] {
            assert_eq!(good.parse::<Itn>().map(|itn| itn.0), Ok(good.into()));
        }
        let bad = [
            ("7707083894", OwnerError::ItnControl),
            ("500100732258", OwnerError::ItnControl),
            ("500100732249", OwnerError::ItnControl),
            ("0000000000", OwnerError::ItnControl),
            ("77070838", OwnerError::ItnLength),
            ("770708389x", OwnerError::ItnLength),
            ("", OwnerError::ItnLength),
        ];
        for (bad, error) in bad {
            assert_eq!(bad.parse::<Itn>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_reason_code_has_nine_characters_and_letters_only_in_the_middle() {
        assert!("770101001".parse::<Iec>().is_ok() && "7701AZ001".parse::<Iec>().is_ok());
        for bad in ["77010100", "A70101001", "7701az001", "77010100Я"] {
            assert_eq!(bad.parse::<Iec>(), Err(OwnerError::Iec), "{bad}");
        }
    }

    #[test]
    fn a_leading_zero_that_json_lost_comes_back() {
        assert_eq!(Itn::from_number(274_062_111).unwrap().0, "0274062111");
        assert_eq!(Itn::from_number(500_100_732_259).unwrap().0, "500100732259");
        assert_eq!(Itn::from_number(u64::MAX), Err(OwnerError::ItnLength));
        assert_eq!(Iec::from_number(27_401_001).unwrap().0, "027401001");
        assert_eq!(Iec::from_number(u64::MAX), Err(OwnerError::Iec));
    }

    proptest! {
        #[test]
        fn no_text_is_read_with_a_panic_and_what_is_read_is_kept(text in any::<String>()) {
            if let Ok(itn) = text.parse::<Itn>() {
                prop_assert_eq!(itn.as_str(), text.trim());
            }
            if let Ok(iec) = text.parse::<Iec>() {
                prop_assert_eq!(iec.as_str(), text.trim());
            }
        }

        #[test]
        fn at_most_one_control_digit_fits(
            body in 0..1_000_000_000_u64,
        ) {
            let good: Vec<String> = (0..10).map(|control| format!("{body:09}{control}")).collect();
            let passed = good.iter().filter(|text| text.parse::<Itn>().is_ok()).count();
            prop_assert!(passed <= 1);
        }
    }
}
