//! The server's log file: one a run, named by time and process, never larger than a bound.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::ZonedDateTime;
use simplelog::{CombinedLogger, ConfigBuilder, LevelFilter, SharedLogger, WriteLogger};

/// The size at which a run's log ends, in bytes. What comes after goes to a second file, which is begun anew.
const MAX_SIZE: u64 = 64 * 1024 * 1024;
const PREFIX: &str = "licenceserver.";

/// Which logs of earlier runs stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// All of them.
    pub previous: bool,
    /// Those of today.
    pub current_date: bool,
}

/// Begins the log of this run and clears those of earlier ones.
///
/// # Errors
/// Those of making the folder or the file.
pub fn begin(folder: &Path, keep: Keep) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let now = ZonedDateTime::now();
    clear(folder, keep, &now.strftime("%Y%m%d").to_string());
    let name = format!(
        "{PREFIX}{}.{}.log",
        now.strftime("%Y%m%d-%H%M%S"),
        std::process::id()
    );
    let path = folder.join(name);
    let bounded = Bounded::create(&path, MAX_SIZE)?;
    let mut config = ConfigBuilder::new();
    config
        .set_time_format_rfc3339()
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Error);
    // A dependency's debug output may hold what a log must not.
    config.add_filter_allow_str("licenceserver");
    let logger: Box<dyn SharedLogger> =
        WriteLogger::new(LevelFilter::Info, config.build(), bounded);
    // A second server in one process (tests) logs into the first one's file.
    let _ = CombinedLogger::init(vec![logger]);
    Ok(path)
}

/// A text from outside on one line of the log: no line breaks, no control characters, not endless.
pub fn tame(text: &str) -> String {
    let tame = |letter: char| {
        if letter.is_control() {
            '\u{fffd}'
        } else {
            letter
        }
    };
    let mut out: String = text.chars().take(256).map(tame).collect();
    if text.chars().nth(256).is_some() {
        out.push('…');
    }
    out
}

fn clear(folder: &Path, keep: Keep, today: &str) {
    if keep.previous {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some((date, pid)) = name.to_str().and_then(parse) else {
            continue;
        };
        if (keep.current_date && date == today) || is_running(pid) {
            continue;
        }
        if let Err(error) = fs::remove_file(entry.path()) {
            log::warn!(
                "the earlier log {} cannot be removed: {error}",
                entry.path().display()
            );
        }
    }
}

/// Whether that is the name of a log of this server.
pub(crate) fn is_ours(name: &str) -> bool {
    parse(name).is_some()
}

/// The date and process of one of our logs; nothing for any other file.
fn parse(name: &str) -> Option<(&str, u32)> {
    let rest = name.strip_prefix(PREFIX)?.strip_suffix(".log")?;
    let rest = rest.strip_suffix(".more").unwrap_or(rest);
    let (time, pid) = rest.split_once('.')?;
    let (date, clock) = time.split_once('-')?;
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(date, 8) && digits(clock, 6)).then_some((date, pid.parse().ok()?))
}

/// Whether a licence server of that number runs. In doubt its log stays.
fn is_running(pid: u32) -> bool {
    if pid == std::process::id() {
        return true;
    }
    if cfg!(target_os = "linux") {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        return name.trim_end().starts_with("licenceserver");
    }
    // Elsewhere a running process holds its file open, and removing it fails.
    false
}

/// A file that goes on in a second one, begun anew each time it is full.
struct Bounded {
    file: File,
    size: u64,
    limit: u64,
    more: PathBuf,
}

impl Bounded {
    fn create(path: &Path, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file,
            size: 0,
            limit,
            more: path.with_extension("more.log"),
        })
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size >= self.limit {
            self.file = File::create(&self.more)?;
            self.size = 0;
        }
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_logs_go_and_foreign_files_and_kept_dates_stay() {
        let folder = tempfile::tempdir().unwrap();
        let touch = |name: &str| fs::write(folder.path().join(name), "x").unwrap();
        let left = || {
            let mut names: Vec<String> = fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        // No process has this number: it is above the kernel's largest.
        let (old, today, foreign) = (
            "licenceserver.20200102-030405.99999999.log",
            "licenceserver.20260102-030405.99999999.log",
            "licenceserver.log",
        );
        [old, today, foreign].into_iter().for_each(touch);
        clear(
            folder.path(),
            Keep {
                previous: true,
                current_date: false,
            },
            "20260102",
        );
        assert_eq!(left().len(), 3);
        clear(
            folder.path(),
            Keep {
                previous: false,
                current_date: true,
            },
            "20260102",
        );
        assert_eq!(left(), [today, foreign]);
        clear(folder.path(), Keep::default(), "20260102");
        assert_eq!(left(), [foreign]);
    }

    #[test]
    fn a_log_never_grows_past_twice_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Bounded::create(&folder.path().join("a.log"), 100).unwrap();
        for _ in 0..100 {
            log.write_all(&[b'x'; 20]).unwrap();
        }
        let size: u64 = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size <= 240, "{size}");
    }

    #[test]
    fn a_text_from_outside_stays_on_its_line() {
        assert_eq!(tame("a\r\nb"), "a\u{fffd}\u{fffd}b");
        assert_eq!(tame(&"x".repeat(300)).chars().count(), 257);
    }
}
