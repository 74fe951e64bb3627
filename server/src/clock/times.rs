//! The rule: what time it is, of what the wall clock says and what was seen before.

use std::time::Duration;

use crate::accounting::Moment;

/// A clock that is behind by less was corrected, and not set back.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(10 * 60);
/// For so long small corrections together may take no more than [`TOLERANCE`] away.
const ACCOUNT: Duration = Duration::from_secs(24 * 60 * 60);
/// A clock that leaps further is not believed at once: it may be wrong, and what was seen is never forgotten.
const LEAP: Duration = Duration::from_secs(24 * 60 * 60);
/// For how long the clock must stand by its leap.
const PROOF: Duration = Duration::from_secs(60 * 60);

/// What was seen of the time.
#[derive(Clone, Debug)]
pub(super) struct Times {
    /// The highest time that is believed.
    seen: Moment,
    /// How long the program ran when that was so.
    at: Duration,
    /// A time that was right, and how long the program ran then: what corrections took away is counted from here.
    steady: (Moment, Duration),
    /// Since when the clock stands far ahead of what was seen.
    leap: Option<Duration>,
}

/// What a look at the clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The time by which keys begin and end.
    pub(super) now: Moment,
    /// How far the wall clock is behind that, beyond the tolerance.
    pub(super) behind: Option<Duration>,
}

impl Times {
    pub(super) fn new(seen: Moment) -> Self {
        Self {
            seen,
            at: Duration::ZERO,
            steady: (seen, Duration::ZERO),
            leap: None,
        }
    }

    pub(super) fn seen(&self) -> Moment {
        self.seen
    }

    /// It is at least that late.
    pub(super) fn at_least(&mut self, moment: Moment) {
        self.seen = self.seen.max(moment);
    }

    /// What time it is, `uptime` after the start of the program.
    pub(super) fn look(&mut self, wall: Moment, uptime: Duration) -> Look {
        let believed = self.seen.after(uptime.saturating_sub(self.at));
        let leaps = wall > believed.after(LEAP);
        let since = leaps.then(|| self.leap.unwrap_or(uptime));
        self.leap = since;
        if let Some(since) = since
            && uptime.saturating_sub(since) < PROOF
        {
            // What ends by that clock has ended; but it is not remembered yet.
            return Look {
                now: wall,
                behind: None,
            };
        }
        let behind = wall.until(self.seen);
        self.at = uptime;
        let told = if behind.is_zero() {
            self.leap = None;
            wall
        } else if behind > TOLERANCE {
            // Nobody can stop the time by setting the clock back again and again,
            believed
        } else {
            self.seen
        };
        let (right, since) = self.steady;
        let steady = right.after(uptime.saturating_sub(since));
        let lost = told.until(steady);
        // nor by little steps.
        self.seen = if lost > TOLERANCE {
            told.max(believed)
        } else {
            told
        };
        if self.seen >= steady || uptime.saturating_sub(since) >= ACCOUNT {
            self.steady = (self.seen, uptime);
        }
        let behind = wall.until(self.seen).max(lost);
        Look {
            now: self.seen,
            behind: Some(behind).filter(|behind| *behind > TOLERANCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn second(second: i64) -> Moment {
        Moment::from_seconds(second)
    }

    fn times() -> Times {
        Times::new(second(1000 * DAY))
    }

    fn look(times: &mut Times, wall: i64, uptime: u64) -> (i64, u64) {
        let look = times.look(second(1000 * DAY + wall), Duration::from_secs(uptime));
        let behind = look.behind.unwrap_or_default().as_secs();
        (look.now.seconds() - 1000 * DAY, behind)
    }

    #[test]
    fn a_clock_that_goes_on_is_the_time_however_slow_or_fast_it_is() {
        let mut times = times();
        for (wall, uptime) in [(0, 0), (9, 10), (20, 20), (35, 30), (3_600, 3_700)] {
            assert_eq!(look(&mut times, wall, uptime), (wall, 0));
        }
    }

    #[test]
    fn a_small_correction_stops_the_time_for_that_long_and_is_not_reported() {
        let mut times = times();
        look(&mut times, 600, 600);
        assert_eq!(look(&mut times, 1, 601), (600, 0));
        assert_eq!(look(&mut times, 599, 1199), (600, 0));
        assert_eq!(look(&mut times, 601, 1201), (601, 0));
    }

    #[test]
    fn a_clock_set_back_is_reported_and_the_time_goes_on_until_it_is_right_again() {
        let mut times = times();
        look(&mut times, 1000, 1000);
        assert_eq!(look(&mut times, -DAY, 1010), (1010, DAY as u64 + 1010));
        // Not even by doing it again.
        assert_eq!(
            look(&mut times, -2 * DAY, 1020),
            (1020, 2 * DAY as u64 + 1020)
        );
        assert_eq!(look(&mut times, 1030, 1030), (1030, 0));
    }

    #[test]
    fn little_steps_back_do_not_stop_the_time_either_and_are_reported() {
        let mut times = times();
        let (mut wall, mut reported) = (0, 0);
        for round in 0..1_000 {
            // Nine minutes go by, and the clock is set back by them.
            let uptime = 540 * round;
            reported += u64::from(look(&mut times, wall, uptime).1 > 0);
            wall += 540;
            look(&mut times, wall, uptime + 540);
            wall -= 540;
        }
        let (now, behind) = look(&mut times, wall, 540_000);
        // Ten minutes a day, and what one step takes.
        assert!(now > 540_000 - 7 * 1_200, "{now}");
        assert!(reported > 900 && behind > 600, "{reported} {behind}");
        // A clock that is right again is the time.
        assert_eq!(look(&mut times, 540_010, 540_010), (540_010, 0));
    }

    #[test]
    fn a_leap_counts_at_once_but_is_remembered_only_when_the_clock_stands_by_it() {
        let mut wrong = times();
        assert_eq!(look(&mut wrong, 30 * DAY, 10), (30 * DAY, 0));
        assert_eq!(wrong.seen(), second(1000 * DAY));
        assert_eq!(look(&mut wrong, 100, 100), (100, 0), "it was set right");
        let mut right = times();
        look(&mut right, 30 * DAY, 10);
        look(&mut right, 30 * DAY + 3600, 3610);
        assert_eq!(right.seen(), second(1030 * DAY + 3600));
        assert_eq!(look(&mut right, 0, 3611).0, 30 * DAY + 3601);
    }
}
