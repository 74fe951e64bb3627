//! The file of a log: named for its start, process and module, and never longer than a limit.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::Path,
};

use jiff::Timestamp;

use crate::moment;

/// The longest log, in bytes.
pub(super) const MAX_FILE: u64 = 8 * 1024 * 1024;
const RESTARTED: &[u8] = b"the log reached its limit; earlier lines were dropped\n";

/// A log file that starts over when it is full, so that the newest lines are always there.
pub(super) struct LogFile {
    file: File,
    written: u64,
    limit: u64,
}

impl LogFile {
    pub(super) fn create(folder: &Path, module: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let started = moment::stamp(Timestamp::now());
        let name = format!("licenceaddin.{started}.{}.{module}.log", std::process::id());
        let mut options = OpenOptions::new();
        options.create(true);
        #[cfg(unix)]
        options.append(true);
        // On Windows a file that is only appended to cannot be cut. Without the right to delete it, another process's start cannot remove it while we write.
        #[cfg(windows)]
        {
            use std::os::windows::fs::OpenOptionsExt;
            const READ_AND_WRITE: u32 = 1 | 2;
            options.write(true).share_mode(READ_AND_WRITE);
        }
        let mut file = options.open(folder.join(name))?;
        // On Unix the lock tells others, even on another computer with the same home, that the log is in use. Where
        // there are no locks the process's number must do. On Windows a lock would keep people from reading the file.
        #[cfg(unix)]
        let _ = file.try_lock();
        let written = file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file,
            written,
            limit: MAX_FILE,
        })
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written >= self.limit {
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(RESTARTED)?;
            self.written = RESTARTED.len() as u64;
        }
        // A full disk loses lines and nothing else.
        let written = self.file.write(bytes).unwrap_or(bytes.len());
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_has_time_process_and_module() {
        let folder = tempfile::tempdir().unwrap();
        LogFile::create(&folder.path().join("a/logs"), "liblicenceaddin").unwrap();
        let entry = fs::read_dir(folder.path().join("a/logs"))
            .unwrap()
            .next()
            .unwrap();
        let name = entry.unwrap().file_name().into_string().unwrap();
        let parts: Vec<_> = name.split('.').collect();
        assert_eq!(
            (parts[0], parts[3], parts[4]),
            ("licenceaddin", "liblicenceaddin", "log")
        );
        assert_eq!(parts[1].len(), "YYYYMMDD-HHNNSS".len());
        assert_eq!(parts[2], std::process::id().to_string());
    }

    #[test]
    fn a_full_log_starts_over_and_keeps_the_newest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::create(folder.path(), "m").unwrap();
        log.limit = 100;
        for number in 0..100 {
            writeln!(log, "line {number}").unwrap();
        }
        let path = fs::read_dir(folder.path())
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let text = fs::read_to_string(path).unwrap();
        assert!(text.len() < 250 && text.contains("line 99") && !text.contains("line 5\n"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_and_no_panic() {
        assert!(LogFile::create(Path::new("/proc/nowhere"), "m").is_err());
    }
}
