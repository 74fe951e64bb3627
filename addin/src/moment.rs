//! How moments are written: in UTC, without the machinery of free formats, which every 1C process would carry.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

fn utc(moment: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(moment)
}

/// `YYYY-MM-DDThh:mm:ss.mmmZ`, as everywhere in the system.
pub(crate) fn iso(moment: Timestamp) -> String {
    format!(
        "{}.{:03}Z",
        to_second(moment, 'T'),
        utc(moment).millisecond()
    )
}

/// `YYYY-MM-DD hh:mm UTC`, for people.
pub(crate) fn minute(moment: Timestamp) -> String {
    let mut text = to_second(moment, ' ');
    text.truncate("YYYY-MM-DD hh:mm".len());
    text + " UTC"
}

/// `YYYY-MM-DDThh:mm:ssZ`, for a log's lines.
pub(crate) fn second(moment: Timestamp) -> String {
    to_second(moment, 'T') + "Z"
}

/// `YYYYMMDD-hhmmss`, for a file's name.
pub(crate) fn stamp(moment: Timestamp) -> String {
    to_second(moment, '-').replacen('-', "", 2).replace(':', "")
}

fn to_second(moment: Timestamp, between: char) -> String {
    let time = utc(moment);
    format!(
        "{:04}-{:02}-{:02}{between}{:02}:{:02}:{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_moment() {
        let moment = Timestamp::from_millisecond(1_772_323_199_007).unwrap();
        assert_eq!(iso(moment), "2026-02-28T23:59:59.007Z");
        assert_eq!(minute(moment), "2026-02-28 23:59 UTC");
        assert_eq!(second(moment), "2026-02-28T23:59:59Z");
        assert_eq!(stamp(moment), "20260228-235959");
    }
}
