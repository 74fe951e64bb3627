//! Dates of the platform: C's `struct tm` and days since 1899-12-30. They have no time zone.

use std::ffi::c_int;
#[cfg(unix)]
use std::ffi::{c_char, c_long};

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

/// `struct tm` of the C library that the platform was built with.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Tm {
    pub(super) second: c_int,
    pub(super) minute: c_int,
    pub(super) hour: c_int,
    pub(super) day: c_int,
    /// From 0.
    pub(super) month: c_int,
    /// Years since 1900.
    pub(super) year: c_int,
    /// From Sunday, which is 0.
    pub(super) week_day: c_int,
    /// From 0.
    pub(super) year_day: c_int,
    pub(super) summer_time: c_int,
    #[cfg(unix)]
    pub(super) offset: c_long,
    #[cfg(unix)]
    pub(super) zone: *const c_char,
}

/// The first day of the other way to write dates.
const OLE_EPOCH: DateTime = date(1899, 12, 30).at(0, 0, 0, 0);
/// Days of that way between 0001-01-01 and 9999-12-31, all that 1C has.
const OLE_DAYS: std::ops::Range<f64> = -693_593.0..2_958_466.0;
const DAY_SECONDS: f64 = 86_400.0;

impl Tm {
    pub(super) fn of(value: DateTime) -> Self {
        Self {
            second: value.second().into(),
            minute: value.minute().into(),
            hour: value.hour().into(),
            day: value.day().into(),
            month: c_int::from(value.month()) - 1,
            year: c_int::from(value.year()) - 1900,
            week_day: value.weekday().to_sunday_zero_offset().into(),
            year_day: c_int::from(value.day_of_year()) - 1,
            summer_time: 0,
            #[cfg(unix)]
            offset: 0,
            #[cfg(unix)]
            zone: std::ptr::null(),
        }
    }

    /// The date; none if the numbers are not one. Zone and summer time are not looked at.
    pub(super) fn date(&self) -> Option<DateTime> {
        let year = i16::try_from(self.year.checked_add(1900)?)
            .ok()
            .filter(|year| (1..=9999).contains(year))?;
        let small = |number: c_int| i8::try_from(number).ok();
        let month = small(self.month.checked_add(1)?)?;
        // C allows a leap second, 1C has none.
        let second = small(self.second)?;
        let second = if second == 60 { 59 } else { second };
        DateTime::new(
            year,
            month,
            small(self.day)?,
            small(self.hour)?,
            small(self.minute)?,
            second,
            0,
        )
        .ok()
    }
}

/// The date of a number of days since 1899-12-30; in a negative one the sign is of the day only.
pub(super) fn ole_date(days: f64) -> Option<DateTime> {
    if !OLE_DAYS.contains(&days) {
        return None;
    }
    let whole = days.trunc();
    let seconds = whole * DAY_SECONDS + ((days - whole).abs() * DAY_SECONDS).round();
    OLE_EPOCH
        .checked_add(SignedDuration::from_secs(seconds as i64))
        .ok()
        .filter(|date| (1..=9999).contains(&date.year()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Value;

    #[test]
    fn a_date_survives_the_way_there_and_back() {
        for value in [
            date(2026, 2, 28).at(23, 59, 59, 0),
            date(2024, 2, 29).at(0, 0, 0, 0),
            date(9999, 12, 31).at(23, 59, 59, 0),
            Value::EMPTY_DATE,
        ] {
            assert_eq!(Tm::of(value).date(), Some(value));
        }
    }

    #[test]
    fn fields_are_those_of_c() {
        let tm = Tm::of(date(2026, 11, 24).at(6, 5, 4, 0));
        assert_eq!(
            (tm.year, tm.month, tm.day, tm.hour, tm.minute, tm.second),
            (126, 10, 24, 6, 5, 4)
        );
        assert_eq!((tm.week_day, tm.year_day, tm.summer_time), (2, 327, 0));
        let empty = Tm::of(Value::EMPTY_DATE);
        assert_eq!((empty.year, empty.month, empty.day), (-1899, 0, 1));
    }

    #[test]
    fn numbers_that_are_no_date_are_refused() {
        let good = Tm::of(date(2026, 1, 31).at(0, 0, 0, 0));
        for bad in [
            Tm { month: 1, ..good },
            Tm { month: 12, ..good },
            Tm {
                month: c_int::MAX,
                ..good
            },
            Tm { day: 0, ..good },
            Tm { day: 300, ..good },
            Tm {
                year: c_int::MAX,
                ..good
            },
            Tm {
                year: c_int::MIN,
                ..good
            },
            Tm {
                year: -1900,
                ..good
            },
            Tm { hour: 24, ..good },
            Tm { second: -1, ..good },
        ] {
            assert_eq!(bad.date(), None);
        }
    }

    #[test]
    fn days_since_1899_are_read_with_the_sign_on_the_day_only() {
        assert_eq!(ole_date(0.0), Some(OLE_EPOCH));
        assert_eq!(ole_date(2.25), Some(date(1900, 1, 1).at(6, 0, 0, 0)));
        assert_eq!(ole_date(-1.25), Some(date(1899, 12, 29).at(6, 0, 0, 0)));
        assert_eq!(ole_date(-693_593.0), Some(Value::EMPTY_DATE));
        for bad in [f64::NAN, f64::INFINITY, -693_594.0, 2_958_466.0, 1e300] {
            assert_eq!(ole_date(bad), None, "{bad}");
        }
    }
}
