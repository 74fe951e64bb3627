//! When what is due: pure arithmetic of the worker's times, with the present as an argument.

use std::time::{Duration, Instant};

/// The first and the longest pause between attempts to reach a server again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// The first and the longest pause between asking for the seats of sessions in grace.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));
/// How often at most sessions return to a server that is wanted more, and how often that is tried when none of
/// them is seen to come back.
const RETURN: Duration = Duration::from_secs(5 * 60);

/// Attempts to reach a server again.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackOff {
    /// When the next one is due.
    pub next: Instant,
    pause: Duration,
}

impl BackOff {
    /// The first attempt is due at once.
    pub(super) const fn begin(now: Instant) -> Self {
        Self {
            next: now,
            pause: BACK_OFF.0,
        }
    }

    /// An attempt failed. `chance`, 0 to 1, keeps a thousand processes from coming back at once; `expiry` is
    /// the server's time-out for silent connections, of which a pause takes less than a half.
    pub(super) fn failed(&mut self, now: Instant, expiry: Duration, chance: f64) {
        let longest = BACK_OFF.1.min(expiry.mul_f64(0.49));
        let pause = self.pause.mul_f64(0.8 + 0.4 * chance).min(longest);
        self.next = now + pause;
        self.pause = (self.pause * 2).min(BACK_OFF.1);
    }
}

/// The pause before the next heartbeat: never longer than the server asks for.
pub(super) fn until_beat(heartbeat: Duration, chance: f64) -> Duration {
    heartbeat.mul_f64(1.0 - 0.2 * chance)
}

/// Asking for the seats of sessions in grace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// When it is due.
    pub next: Instant,
    pause: Duration,
}

impl Asking {
    /// Something changed: it is due at once.
    pub(super) const fn begin(now: Instant) -> Self {
        Self {
            next: now,
            pause: ASK_AGAIN.0,
        }
    }

    /// It is being done.
    pub(super) fn done(&mut self, now: Instant) {
        self.next = now + self.pause;
        self.pause = (self.pause * 2).min(ASK_AGAIN.1);
    }
}

/// Returning to servers that are wanted more: when one of them comes back, or after a while; never twice
/// within that while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returns {
    last: Option<Instant>,
    look: Instant,
}

impl Returns {
    pub(super) fn begin(now: Instant) -> Self {
        Self {
            last: None,
            look: now + RETURN,
        }
    }

    /// When it is to be tried.
    pub(super) fn next(&self) -> Instant {
        let rest = self.last.map(|last| last + RETURN);
        rest.map_or(self.look, |rest| rest.max(self.look))
    }

    /// A server came back.
    pub(super) fn came_back(&mut self, now: Instant) {
        self.look = self.look.min(now);
    }

    /// It is tried now.
    pub(super) fn tried(&mut self, now: Instant) {
        self.look = now + RETURN;
    }

    /// Sessions return now.
    pub(super) const fn done(&mut self, now: Instant) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_from_a_fifth_of_a_second_to_five_and_stay_below_half_the_time_out() {
        for chance in [0.0, 0.5, 1.0] {
            let begin = Instant::now();
            let mut back_off = BackOff::begin(begin);
            assert_eq!(back_off.next, begin);
            let pauses: Vec<_> = (0..10)
                .map(|_| {
                    back_off.failed(begin, 20 * SECOND, chance);
                    back_off.next - begin
                })
                .collect();
            assert!(
                pauses[0] >= Duration::from_millis(160) && pauses[0] <= Duration::from_millis(240)
            );
            assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
            assert!(pauses[9] >= 4 * SECOND && pauses[9] <= 5 * SECOND);
            for expiry in [2, 3, 5, 20] {
                back_off.failed(begin, expiry * SECOND, chance);
                assert!(back_off.next - begin < expiry * SECOND / 2);
            }
        }
    }

    #[test]
    fn heartbeats_are_only_ever_early() {
        assert_eq!(until_beat(10 * SECOND, 0.0), 10 * SECOND);
        assert_eq!(until_beat(10 * SECOND, 1.0), 8 * SECOND);
    }

    #[test]
    fn sessions_in_grace_are_asked_for_at_once_and_then_ever_more_seldom() {
        let begin = Instant::now();
        let mut asking = Asking::begin(begin);
        assert_eq!(asking.next, begin);
        let pauses = [5, 10, 20, 30, 30].map(|seconds| seconds * SECOND);
        for pause in pauses {
            asking.done(begin);
            assert_eq!(asking.next - begin, pause);
        }
    }

    #[test]
    fn sessions_return_when_a_server_comes_back_and_not_again_within_five_minutes() {
        let begin = Instant::now();
        let mut returns = Returns::begin(begin);
        assert_eq!(returns.next(), begin + RETURN);
        returns.came_back(begin + SECOND);
        assert_eq!(returns.next(), begin + SECOND);
        returns.tried(begin + SECOND);
        returns.done(begin + SECOND);
        assert_eq!(returns.next(), begin + SECOND + RETURN);
        returns.came_back(begin + 2 * SECOND);
        assert_eq!(returns.next(), begin + SECOND + RETURN);
        // Nobody was there to return: the next one that comes back is tried at once.
        let mut returns = Returns::begin(begin);
        returns.tried(begin + RETURN);
        assert_eq!(returns.next(), begin + 2 * RETURN);
        returns.came_back(begin + RETURN + SECOND);
        assert_eq!(returns.next(), begin + RETURN + SECOND);
    }
}
