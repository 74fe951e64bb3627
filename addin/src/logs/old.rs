//! Removing the logs of earlier runs: only files of ours by name, never a running process's.

use std::{fs, path::Path};

use jiff::Timestamp;

use crate::moment;

/// A log's name, taken apart.
struct Name<'a> {
    date: &'a str,
    process: u32,
}

/// Removes the logs of processes that ended; with `keep_today` those of earlier days only.
pub fn remove_old(folder: &Path, keep_today: bool) {
    let now = moment::stamp(Timestamp::now());
    let today = &now[.."YYYYMMDD".len()];
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(log) = name.to_str().and_then(parse) else {
            continue;
        };
        if (keep_today && log.date == today) || runs(log.process) {
            continue;
        }
        // Not ours to remove, or open in another process: it stays.
        if entry.file_type().is_ok_and(|kind| kind.is_file()) && !is_in_use(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// `licenceaddin.YYYYMMDD-HHNNSS.PID.MODULE.log`
fn parse(name: &str) -> Option<Name<'_>> {
    let rest = name.strip_prefix("licenceaddin.")?.strip_suffix(".log")?;
    let (stamp, rest) = rest.split_once('.')?;
    let (process, module) = rest.split_once('.')?;
    let (date, time) = stamp.split_once('-')?;
    let digits =
        |text: &str, length| text.len() == length && text.bytes().all(|c| c.is_ascii_digit());
    (digits(date, 8) && digits(time, 6) && !module.is_empty()).then_some(())?;
    Some(Name {
        date,
        process: process.parse().ok()?,
    })
}

/// Whether a process of that number runs. A number used again keeps an old log for one more run.
#[cfg(unix)]
fn runs(process: u32) -> bool {
    process == std::process::id() || Path::new("/proc").join(process.to_string()).exists()
}

/// On Windows an open log cannot be removed, because it is opened without that right for others.
#[cfg(windows)]
fn runs(process: u32) -> bool {
    process == std::process::id()
}

/// Whether a process holds the log's lock: one in another container, or on another computer with the same home,
/// whose number says nothing here.
#[cfg(unix)]
fn is_in_use(path: &Path) -> bool {
    // Shared, so that two processes that look at the same time do not take each other for the owner.
    protocol::files::open_regular(path)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

#[cfg(windows)]
fn is_in_use(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No process has it: the kernel's limit is far below.
    const GONE: u32 = u32::MAX - 7;

    fn left(keep_today: bool, names: &[String]) -> Vec<bool> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        remove_old(folder.path(), keep_today);
        names
            .iter()
            .map(|name| folder.path().join(name).exists())
            .collect()
    }

    #[test]
    fn logs_of_ended_processes_go_and_everything_else_stays() {
        let now = moment::stamp(Timestamp::now());
        let today = &now[.."YYYYMMDD".len()];
        // On Windows what an open log cannot suffer tells that it is in use, and not the process's number.
        let other_runs = cfg!(unix);
        let names = [
            format!("licenceaddin.20200101-000000.{GONE}.m.log"),
            format!("licenceaddin.{today}-000000.{GONE}.lib.x.log"),
            format!("licenceaddin.20200101-000000.{}.m.log", std::process::id()),
            "licenceaddin.20200101-000000.1.m.log".into(),
            format!("licenceserver.20200101-000000.{GONE}.log"),
            format!("licenceaddin.2020-0000.{GONE}.m.log"),
            format!("licenceaddin.20200101-000000.{GONE}.m.txt"),
            "licenceaddin.conf".into(),
        ];
        assert_eq!(
            left(false, &names),
            [false, false, true, other_runs, true, true, true, true]
        );
        assert_eq!(
            left(true, &names),
            [false, true, true, other_runs, true, true, true, true]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_log_that_a_process_elsewhere_has_open_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder
            .path()
            .join(format!("licenceaddin.20200101-000000.{GONE}.m.log"));
        let open = fs::File::create(&path).unwrap();
        open.try_lock().unwrap();
        remove_old(folder.path(), false);
        assert!(path.exists());
        drop(open);
        // Another process that only looks is not the owner.
        let looking = fs::File::open(&path).unwrap();
        looking.try_lock_shared().unwrap();
        remove_old(folder.path(), false);
        assert!(!path.exists());
    }

    #[test]
    fn a_missing_folder_is_no_trouble() {
        remove_old(Path::new("/nonexistent/logs"), false);
    }
}
