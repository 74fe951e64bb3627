//! Numbers and dates as people write them, in both languages.

use jiff::{Timestamp, tz::TimeZone};

use crate::{accounting::Moment, conf::Lang};

/// The forms of a word: one and many in English; one, few and many in Russian.
pub(super) type Forms = ([&'static str; 2], [&'static str; 3]);

/// Seats.
pub(super) const SEATS: Forms = (["seat", "seats"], ["лицензия", "лицензии", "лицензий"]);
/// Sessions.
pub(super) const SESSIONS: Forms = (["session", "sessions"], ["сеанс", "сеанса", "сеансов"]);
/// Connections.
pub(super) const CONNECTIONS: Forms = (
    ["connection", "connections"],
    ["соединение", "соединения", "соединений"],
);

/// The form of a word that goes with a number.
pub(super) fn plural(lang: Lang, number: u64, forms: Forms) -> &'static str {
    let (english, russian) = forms;
    match lang {
        Lang::English => english[usize::from(number != 1)],
        Lang::Russian => match (number % 10, number % 100) {
            (_, 11..=14) => russian[2],
            (1, _) => russian[0],
            (2..=4, _) => russian[1],
            _ => russian[2],
        },
    }
}

/// A number with its word: `5 лицензий`.
pub(super) fn count(lang: Lang, number: u64, forms: Forms) -> String {
    format!("{}\u{a0}{}", grouped(number), plural(lang, number, forms))
}

/// A number with its thousands set apart by a narrow space that does not break.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digits.len() > 4 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A moment in a zone, as `02.04.2018 20:41:13`; nothing for one outside of the calendar.
pub(super) fn moment(at: Moment, zone: &TimeZone) -> String {
    shown(at, zone, "%d.%m.%Y %H:%M:%S")
}

/// A moment's day, as `02.04.2018`.
pub(super) fn day(at: Moment, zone: &TimeZone) -> String {
    shown(at, zone, "%d.%m.%Y")
}

/// A moment in a pattern of strftime.
pub(super) fn shown(at: Moment, zone: &TimeZone, pattern: &str) -> String {
    Timestamp::from_millisecond(at.0).map_or_else(
        |_| String::new(),
        |time| zone.to_datetime(time).strftime(pattern).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_goes_with_the_number() {
        for (number, russian, english) in [
            (0, "0 лицензий", "0 seats"),
            (1, "1 лицензия", "1 seat"),
            (2, "2 лицензии", "2 seats"),
            (5, "5 лицензий", "5 seats"),
            (11, "11 лицензий", "11 seats"),
            (12, "12 лицензий", "12 seats"),
            (21, "21 лицензия", "21 seats"),
            (104, "104 лицензии", "104 seats"),
            (112, "112 лицензий", "112 seats"),
        ] {
            let plain = |text: String| text.replace('\u{a0}', " ");
            assert_eq!(plain(count(Lang::Russian, number, SEATS)), russian);
            assert_eq!(plain(count(Lang::English, number, SEATS)), english);
        }
    }

    #[test]
    fn thousands_are_set_apart_from_five_digits_on() {
        assert_eq!(grouped(1234), "1234");
        assert_eq!(grouped(12345), "12\u{202f}345");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn a_moment_is_shown_in_its_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(3));
        assert_eq!(
            moment(Moment(1_522_701_673_272), &zone),
            "02.04.2018 23:41:13"
        );
        assert_eq!(moment(Moment(i64::MAX), &zone), "");
    }
}
