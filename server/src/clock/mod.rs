//! The time by which keys begin and end: the wall clock's, but never behind the highest time that was seen. A clock
//! that is set back lengthens no licence.
//!
//! The highest time seen is kept in `data/server.clock`, written at most once a minute, with a code that only this
//! instance's key makes. Lingers end by the steady clock: the time of the start and what has passed since by the monotonic
//! clock. Time-outs of connections do not come from here: they run on the monotonic clock too.

mod times;

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use protocol::{
    files::{Access, read_limited, write_whole},
    signature::Secret,
};
use sha2::Sha256;

pub(crate) use self::times::TOLERANCE;
use self::times::Times;
use crate::accounting::Moment;

/// How much later the time must be before it is written again.
const WRITE: Duration = Duration::from_secs(60);
/// The longest file that is read.
const MAX_FILE: usize = 256;

/// What the file said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The highest time that was seen.
    Seen(Moment),
    /// There is no file.
    Missing,
    /// It was altered, or is another instance's.
    Damaged,
}

/// The clock was set back, or is right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is behind the time that was seen by so much.
    Back(Duration),
    /// It is not any more.
    Right,
}

/// The clock of a server.
pub(crate) struct Clock {
    file: PathBuf,
    secret: Secret,
    begin: Instant,
    /// What time it was then.
    began: Moment,
    state: Mutex<State>,
}

struct State {
    times: Times,
    /// What the file says.
    written: Option<Moment>,
    /// Whether it was said that the clock was set back.
    told: bool,
}

impl Clock {
    /// Goes on from what the file says; without one the wall clock is believed.
    pub(crate) fn open(file: PathBuf, secret: &Secret) -> (Self, Kept) {
        let kept = read(&file, secret);
        let written = match kept {
            Kept::Seen(moment) => Some(moment),
            Kept::Missing | Kept::Damaged => None,
        };
        let mut times = Times::new(written.unwrap_or_else(crate::now));
        let began = times.look(crate::now(), Duration::ZERO).now;
        let state = State {
            times,
            written,
            told: false,
        };
        let clock = Self {
            file,
            secret: secret.clone(),
            begin: Instant::now(),
            began,
            state: Mutex::new(state),
        };
        (clock, kept)
    }

    /// It is at least that late: something else than the file tells it.
    pub(crate) fn at_least(&self, moment: Moment) {
        self.state.lock().times.at_least(moment);
    }

    /// The time by which keys begin and end.
    pub(crate) fn now(&self) -> Moment {
        let mut state = self.state.lock();
        state.times.look(crate::now(), self.begin.elapsed()).now
    }

    /// The time by which lingers end: no setting of the wall clock moves it.
    pub(crate) fn steady(&self) -> Moment {
        self.began.after(self.begin.elapsed())
    }

    /// A moment of the steady clock, as the wall clock will show it.
    pub(crate) fn shown(&self, steady: Moment) -> Moment {
        let apart = self.now().0 - self.steady().0;
        // Nearly always the two go together, and the same moment is not shown in two ways.
        if apart.abs() < 1000 {
            steady
        } else {
            Moment(steady.0.saturating_add(apart))
        }
    }

    /// How far the wall clock is behind what was seen, beyond the tolerance.
    pub(crate) fn behind(&self) -> Option<Duration> {
        let mut state = self.state.lock();
        state.times.look(crate::now(), self.begin.elapsed()).behind
    }

    /// Whether the clock was set back, or set right, since this was asked last.
    pub(crate) fn turned(&self) -> Option<Turn> {
        let behind = self.behind();
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.told, behind.is_some()) == behind.is_some() {
            return None;
        }
        Some(behind.map_or(Turn::Right, Turn::Back))
    }

    /// Writes the highest time that was seen, when that is a minute later than what is written.
    ///
    /// # Errors
    /// Those of the disk; it is tried again with the next call.
    pub(crate) fn keep(&self) -> io::Result<()> {
        let seen = {
            let state = self.state.lock();
            let seen = state.times.seen();
            if state
                .written
                .is_some_and(|written| written.until(seen) < WRITE)
            {
                return Ok(());
            }
            seen
        };
        write_whole(
            &self.file,
            text(seen, &self.secret).as_bytes(),
            Access::Owner,
        )?;
        self.state.lock().written = Some(seen);
        Ok(())
    }
}

/// The highest time that a server of this instance has seen.
pub(crate) fn read(file: &Path, secret: &Secret) -> Kept {
    let bytes = match read_limited(file, MAX_FILE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Kept::Missing,
        Err(_) => return Kept::Damaged,
    };
    let moment = || {
        let line = std::str::from_utf8(&bytes).ok()?.strip_suffix('\n')?;
        let (millis, code) = line.split_once(' ')?;
        let code = data_encoding::HEXLOWER.decode(code.as_bytes()).ok()?;
        mac(millis, secret).verify_slice(&code).ok()?;
        millis.parse().ok().map(Moment)
    };
    moment().map_or(Kept::Damaged, Kept::Seen)
}

fn text(moment: Moment, secret: &Secret) -> String {
    let millis = moment.0.to_string();
    let code = mac(&millis, secret).finalize().into_bytes();
    format!("{millis} {}\n", data_encoding::HEXLOWER.encode(&code))
}

fn mac(millis: &str, secret: &Secret) -> Hmac<Sha256> {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, &secret.0)
        .expand(b"licenceserver clock 1", key.as_mut())
        .expect("32 bytes are within what HKDF gives");
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_ref()).expect("HMAC takes keys of any length");
    mac.update(millis.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far() -> Moment {
        crate::now().after(Duration::from_secs(12 * 60 * 60))
    }

    #[test]
    fn the_highest_time_is_kept_across_a_start_and_is_the_time_then() {
        let folder = tempfile::tempdir().unwrap();
        let (file, secret) = (folder.path().join("server.clock"), Secret::random());
        let (clock, kept) = Clock::open(file.clone(), &secret);
        assert_eq!((kept, clock.turned()), (Kept::Missing, None));
        let far = far();
        clock.at_least(far);
        clock.keep().unwrap();
        let (clock, kept) = Clock::open(file, &secret);
        assert_eq!(kept, Kept::Seen(far));
        assert!(clock.now() >= far);
        let turn = clock.turned();
        assert!(
            matches!(turn, Some(Turn::Back(behind)) if behind > TOLERANCE),
            "{turn:?}"
        );
        assert_eq!(clock.turned(), None, "said once");
    }

    #[test]
    fn the_steady_clock_does_not_go_along_with_a_jump_and_its_moments_are_shown_by_the_wall_clock()
    {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.clock");
        let (clock, _) = Clock::open(file, &Secret::random());
        let before = clock.steady();
        let end = before.after(Duration::from_secs(60));
        assert_eq!(clock.shown(end), end);
        let jump = Duration::from_secs(12 * 60 * 60);
        clock.at_least(far());
        let passed = before.until(clock.steady());
        assert!(passed < jump / 2, "{passed:?}");
        let moved = end.until(clock.shown(end));
        assert!(moved > jump / 2, "{moved:?}");
    }

    #[test]
    fn it_is_written_at_most_once_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let (file, secret) = (folder.path().join("server.clock"), Secret::random());
        let (clock, _) = Clock::open(file.clone(), &secret);
        clock.keep().unwrap();
        let first = std::fs::read(&file).unwrap();
        clock.at_least(crate::now().after(Duration::from_secs(50)));
        clock.keep().unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), first);
        clock.at_least(far());
        clock.keep().unwrap();
        assert_ne!(std::fs::read(&file).unwrap(), first);
    }

    #[test]
    fn an_altered_file_and_another_instances_are_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let (file, secret) = (folder.path().join("server.clock"), Secret::random());
        let good = text(Moment(1_800_000_000_000), &secret);
        for bad in [
            good.replacen('8', "7", 1),
            good.replacen(' ', " 00", 1),
            good.trim_end().into(),
            String::new(),
            "x".repeat(MAX_FILE + 1),
            text(Moment(1_800_000_000_000), &Secret::random()),
        ] {
            std::fs::write(&file, &bad).unwrap();
            assert_eq!(read(&file, &secret), Kept::Damaged, "{bad}");
        }
        std::fs::write(&file, good).unwrap();
        assert_eq!(read(&file, &secret), Kept::Seen(Moment(1_800_000_000_000)));
    }
}
