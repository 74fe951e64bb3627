//! Times as they are shown: `YYYY-MM-DDThh:mm:ss.mmmZ`, three digits and Z, always.

use jiff::Timestamp;

use crate::accounting::Moment;

/// A moment as people are shown it; nothing for one outside of the calendar.
pub(crate) fn iso(moment: Moment) -> Option<String> {
    let time = Timestamp::from_millisecond(moment.0).ok()?;
    let millis = moment.0.rem_euclid(1000);
    Some(format!(
        "{}.{millis:03}Z",
        time.strftime("%Y-%m-%dT%H:%M:%S")
    ))
}

/// The same of whole seconds since 1970.
pub(crate) fn iso_seconds(seconds: i64) -> Option<String> {
    iso(Moment::from_seconds(seconds))
}

/// The moment that a text in ISO 8601 names: with a time zone, or a whole day in UTC.
pub(crate) fn moment(text: &str) -> Option<Moment> {
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let day: jiff::civil::Date = text.parse().ok()?;
        let midnight = day.to_datetime(jiff::civil::Time::midnight());
        jiff::tz::TimeZone::UTC.to_timestamp(midnight).ok()
    })?;
    Some(Moment(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_z_also_before_1970() {
        assert_eq!(
            iso(Moment(1_522_701_673_272)).as_deref(),
            Some("2018-04-02T20:41:13.272Z")
        );
        assert_eq!(
            iso(Moment(1_522_701_673_000)).as_deref(),
            Some("2018-04-02T20:41:13.000Z")
        );
        assert_eq!(iso(Moment(-1)).as_deref(), Some("1969-12-31T23:59:59.999Z"));
        assert_eq!(iso(Moment(i64::MAX)), None);
    }

    #[test]
    fn a_time_is_read_back_and_a_day_begins_at_midnight() {
        for (text, millis) in [
            ("2018-04-02T20:41:13.272Z", 1_522_701_673_272),
            ("2018-04-02T23:41:13.272+03:00", 1_522_701_673_272),
            ("2018-04-02", 1_522_627_200_000),
        ] {
            assert_eq!(moment(text), Some(Moment(millis)), "{text}");
        }
        for bad in ["", "yesterday", "2018-13-01", "1522701673"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }
}
