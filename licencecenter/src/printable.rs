//! Texts of files from elsewhere, made safe for a terminal.

/// The text with control characters and direction marks escaped, so that a file cannot steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let steers = letter.is_control()
                || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let escaped = steers.then(|| letter.escape_unicode());
            let plain = (!steers).then_some(letter);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// An activation code of which only the first group can be read.
pub(crate) fn masked(code: &str) -> String {
    let letters = code
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .count();
    let shown = if letters >= 16 { 4 } else { 0 };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(printable("Сервер 1"), "Сервер 1");
        assert_eq!(
            printable("a\u{1b}[2J\nb\u{202e}"),
            "a\\u{1b}[2J\\u{a}b\\u{202e}"
        );
    }

    #[test]
    fn an_activation_code_shows_its_first_group_alone_and_a_short_one_nothing() {
        assert_eq!(
            masked("4345-9320-2035-7421-5361"),
            "4345-****-****-****-****"
        );
        assert_eq!(masked("4345-9320"), "****-****");
    }
}
