//! The component's log: one file per process, bounded, without secrets, never in 1C's way.
//!
//! A log that cannot be written is given up silently: nothing here returns an error.

mod file;
mod old;

use std::{
    io::Write,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use jiff::Timestamp;
use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;

pub use old::remove_old;

use crate::{moment, per_process::PerProcess, place::Place, settings::Settings, texts::one_line};

/// The longest message, in characters.
const MAX_MESSAGE: usize = 4000;

/// The log of this copy of the module. A second copy of the library in the process has its own.
static LOG: Bounded = Bounded {
    inner: PerProcess::new(),
};
/// The process that opened the log; a forked child is another one and opens its own.
static OPENED_BY: AtomicU32 = AtomicU32::new(0);
/// Lines that were said before the log was open.
static WAITING: PerProcess<Mutex<Vec<(Level, String)>>> = PerProcess::new();
/// So many of them are kept.
const MAX_WAITING: usize = 64;

struct Bounded {
    inner: PerProcess<Mutex<Option<file::LogFile>>>,
}

impl Log for Bounded {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries that we use say nothing here: what they know may be secret.
        metadata.target().starts_with("licenceaddin")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // One record is one line, whatever came from outside.
        let message = one_line(&record.args().to_string(), MAX_MESSAGE);
        let now = moment::second(Timestamp::now());
        if let Some(file) = self.inner.lock().as_mut() {
            // In one piece, as the file counts it; one that cannot be written is given up silently.
            let line = format!("{now} [{}] {message}\n", record.level());
            let _ = file.write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// Opens this process's log and removes those of earlier runs, once; later calls cost an atomic read.
pub fn start(place: &Place, settings: &Settings) {
    let process = std::process::id();
    if OPENED_BY.load(Ordering::SeqCst) == process {
        return;
    }
    let mut waiting = WAITING.lock();
    if OPENED_BY.swap(process, Ordering::SeqCst) == process {
        return;
    }
    let folder = place.logs();
    let module = module_name();
    if !settings.keep_previous_logs {
        remove_old(&folder, settings.keep_current_date_logs);
    }
    open(&folder, &module);
    log::info!(
        "component {}, process {} {}, platform {}",
        protocol::Version::CURRENT,
        process,
        std::env::current_exe().unwrap_or_default().display(),
        place.platform_version(),
    );
    for (level, text) in std::mem::take(&mut *waiting) {
        log::log!(level, "{text}");
    }
}

/// A line for a log that may not be open yet: then it waits for it.
pub fn note(level: Level, text: &str) {
    let mut waiting = WAITING.lock();
    if OPENED_BY.load(Ordering::SeqCst) == std::process::id() {
        drop(waiting);
        log::log!(level, "{text}");
    } else if waiting.len() < MAX_WAITING {
        waiting.push((level, text.to_owned()));
    }
}

fn open(folder: &Path, module: &str) {
    let opened = file::LogFile::create(folder, module);
    *LOG.inner.lock() = opened.ok();
    // Fails only when somebody else has set a logger for this copy of the module: tests do.
    if log::set_logger(&LOG).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// The file name of the module without its extension.
fn module_name() -> String {
    crate::native::module::module_path()
        .and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .map(|name| name.replace(|letter: char| letter.is_control(), "_"))
        .unwrap_or_else(|| "licenceaddin".into())
}
