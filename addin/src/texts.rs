//! The sentences that 1C users and administrators read, in Russian and English. Each says what to do.

mod reasons;

use std::sync::LazyLock;

use protocol::Reason;

pub use reasons::reason;

use crate::{
    settings::Address,
    table::{CallError, Language},
};

/// The error of a reason.
#[must_use]
pub fn error(why: Reason) -> CallError {
    let words = reason(why);
    CallError::new(why, words.en, words.ru)
}

/// The error of a reason with what it happened to, the same in both languages: a name, a path, a message.
#[must_use]
pub fn error_about(why: Reason, about: &str) -> CallError {
    let words = reason(why);
    let about = one_line(about, 500);
    CallError::new(
        why,
        format!("{about}: {}", words.en),
        format!("{about}: {}", words.ru),
    )
}

/// The error of a reason with more to say about it.
#[must_use]
pub fn error_with(why: Reason, en: &str, ru: &str) -> CallError {
    let words = reason(why);
    CallError::new(
        why,
        format!("{} {en}", words.en),
        format!("{} {ru}", words.ru),
    )
}

/// What failed at every address, in the order in which they were tried.
#[must_use]
pub fn no_server(tried: &[(Address, CallError)]) -> CallError {
    match tried {
        [] => error(Reason::NoServer),
        [(address, only)] => CallError::new(
            only.reason(),
            format!("{address}: {}", only.en),
            format!("{address}: {}", only.ru),
        ),
        _ => {
            let list = |language| {
                let lines: Vec<_> = tried
                    .iter()
                    .map(|(address, error)| format!("{address}: {}", error.text(language)))
                    .collect();
                lines.join("\n")
            };
            let head = reason(Reason::NoServer);
            CallError::new(
                common_reason(tried),
                format!("{}\n{}", head.en, list(Language::English)),
                format!("{}\n{}", head.ru, list(Language::Russian)),
            )
        }
    }
}

/// The number for several failures: a server's own "no" says more than silence elsewhere.
fn common_reason(tried: &[(Address, CallError)]) -> Reason {
    let refusal = tried
        .iter()
        .map(|(_, error)| error.reason())
        .find(|reason| (300..400).contains(&(*reason as u16)));
    let first = tried.first().map(|(_, error)| error.reason());
    let same = first.filter(|reason| tried.iter().all(|(_, error)| error.reason() == *reason));
    refusal.or(same).unwrap_or(Reason::NoServer)
}

/// The language of the process, before the platform names one: that of the locale's variables.
#[must_use]
pub fn default_language() -> Language {
    static LANGUAGE: LazyLock<Language> = LazyLock::new(|| {
        let variables = ["LC_ALL", "LC_MESSAGES", "LANG"];
        variables
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .map_or(Language::Russian, |value| Language::of_code(&value))
    });
    *LANGUAGE
}

/// A text from outside on one line: control characters become spaces, and it is cut at `limit` characters.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    let separators =
        |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{85}');
    let mut line: String = text
        .chars()
        .take(limit)
        .map(|letter| if separators(letter) { ' ' } else { letter })
        .collect();
    if text.chars().nth(limit).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text, 9099).unwrap()
    }

    #[test]
    fn every_reason_has_a_sentence_in_both_languages_that_ends() {
        for why in Reason::ALL {
            let words = reason(*why);
            for text in [words.en, words.ru] {
                assert!(
                    text.len() > 30 && text.ends_with(['.', ':']),
                    "{}: {text}",
                    why.name()
                );
            }
            assert!(words.ru.chars().any(|letter| ('а'..='я').contains(&letter)));
            assert_ne!(words.en, words.ru);
        }
    }

    #[test]
    fn the_version_error_contains_the_word_that_people_search_for() {
        let words = reason(Reason::OldVersion);
        assert!(words.en.contains("OldVersion") && words.ru.contains("OldVersion"));
    }

    #[test]
    fn the_final_error_lists_every_address_with_its_reason() {
        let tried = [
            (address("a"), error(Reason::ConnectionRefused)),
            (address("b:5"), error(Reason::NoSeats)),
        ];
        let error = no_server(&tried);
        assert_eq!(error.reason(), Reason::NoSeats);
        for part in ["a:9099: ", "b:5: "] {
            assert!(
                error.en.contains(part) && error.ru.contains(part),
                "{}",
                error.en
            );
        }
        assert_eq!(no_server(&tried[..1]).reason(), Reason::ConnectionRefused);
        let silent = [
            tried[0].clone(),
            (address("c"), super::error(Reason::TimedOut)),
        ];
        assert_eq!(no_server(&silent).reason(), Reason::NoServer);
    }

    #[test]
    fn texts_from_outside_stay_on_one_line_and_short() {
        assert_eq!(one_line("a\r\nb\u{2028}c\0", 100), "a  b c ");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert!(!error_about(Reason::UnknownObject, "x\ny").en.contains('\n'));
    }
}
