//! The owner's tax numbers, checked as the Russian tax service writes them.

/// An ИНН: ten digits of an organisation or twelve of a person, the last one or two of them control digits.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse_itn(text: &str) -> Result<String, String> {
    let digits: Option<Vec<u32>> = text.chars().map(|letter| letter.to_digit(10)).collect();
    let digits = digits
        .filter(|digits| matches!(digits.len(), 10 | 12))
        .ok_or("an ITN (ИНН) has 10 or 12 digits")?;
    let control = |weights: &[u32]| {
        let sum: u32 = weights
            .iter()
            .zip(&digits)
            .map(|(weight, digit)| weight * digit)
            .sum();
        sum % 11 % 10
    };
    let right = if digits.len() == 10 {
        control(&[2, 4, 10, 3, 5, 9, 4, 6, 8]) == digits[9]
    } else {
        control(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == digits[10]
            && control(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) == digits[11]
    };
    if right {
        Ok(text.to_owned())
    } else {
        Err("its control digit is wrong; look for a mistyped digit".to_owned())
    }
}

/// A КПП: nine characters, four digits, two digits or capital letters, three digits.
///
/// # Errors
/// Says what it looks like.
pub fn parse_iec(text: &str) -> Result<String, String> {
    let right = text.len() == 9
        && text.bytes().enumerate().all(|(at, byte)| {
            byte.is_ascii_digit() || (matches!(at, 4 | 5) && byte.is_ascii_uppercase())
        });
    if right {
        Ok(text.to_owned())
    } else {
        Err("an IEC (КПП) has 9 characters, for example 770101001".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_tax_numbers_pass_and_a_mistyped_digit_is_noticed() {
        for good in ["7707083893", "7830002293", "500100732259", "0274062111"] {
            assert_eq!(parse_itn(good).as_deref(), Ok(good));
        }
        for bad in [
            "7707083894",
            "500100732258",
            "500100732249",
            "77070838",
            "770708389x",
            "",
        ] {
            assert!(parse_itn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reason_code_has_nine_characters_and_letters_only_in_the_middle() {
        assert!(parse_iec("770101001").is_ok());
        assert!(parse_iec("7701AZ001").is_ok());
        for bad in ["77010100", "A70101001", "7701az001", "77010100Я"] {
            assert!(parse_iec(bad).is_err(), "{bad}");
        }
    }
}
