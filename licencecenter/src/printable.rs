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
}
