//! Times of the API: `YYYY-MM-DDThh:mm:ss.mmmZ`, three digits and Z, always.

use jiff::Timestamp;

use crate::accounting::Moment;

/// A moment as the API writes it; nothing for one outside of the calendar.
pub(super) fn iso(moment: Moment) -> Option<String> {
    let time = Timestamp::from_millisecond(moment.0).ok()?;
    let millis = moment.0.rem_euclid(1000);
    Some(format!(
        "{}.{millis:03}Z",
        time.strftime("%Y-%m-%dT%H:%M:%S")
    ))
}

/// The same of whole seconds since 1970.
pub(super) fn iso_seconds(seconds: i64) -> Option<String> {
    iso(Moment::from_seconds(seconds))
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
}
