//! Dates of the command line and of reports. All are UTC.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use protocol::UnixSeconds;

/// The moment now.
pub(crate) fn now() -> UnixSeconds {
    Timestamp::now().as_second()
}

/// The midnight (UTC) that begins a day written as YYYY-MM-DD.
pub(crate) fn parse_day(text: &str) -> Result<UnixSeconds, String> {
    let wrong = || "a date looks like 2026-01-31".to_owned();
    let shape = text.len() == 10
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    let date: Date = shape
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(wrong)?;
    TimeZone::UTC
        .to_timestamp(date.at(0, 0, 0, 0))
        .map(|midnight| midnight.as_second())
        .map_err(|_| wrong())
}

/// As `2026-01-31T00:00:00Z`; seconds since 1970 for what no calendar has.
pub(crate) fn show(seconds: UnixSeconds) -> String {
    match Timestamp::from_second(seconds) {
        Ok(moment) => moment.to_string(),
        Err(_) => format!("{seconds} seconds since 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_and_a_day_that_is_none_is_refused() {
        assert_eq!(parse_day("1970-01-02"), Ok(86_400));
        assert_eq!(show(86_400), "1970-01-02T00:00:00Z");
        assert_eq!(show(i64::MAX), "9223372036854775807 seconds since 1970");
        for bad in ["", "2026-02-30", "31.01.2026", "2026-1-1", "2026-01-01T05"] {
            assert!(parse_day(bad).is_err(), "{bad}");
        }
    }
}
