//! The names of the programs that this process belongs to: its own and its parent's.

use std::{path::PathBuf, sync::LazyLock};

/// The process's own program, and the one that started it: a host that isolates add-ins has a name of its own, and
/// works for the process that started it.
pub(super) fn of_this_process() -> &'static [PathBuf] {
    static PROGRAMS: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
        std::env::current_exe()
            .ok()
            .into_iter()
            .chain(system::parent())
            .collect()
    });
    &PROGRAMS
}

#[cfg(unix)]
mod system {
    use std::{fs, os::unix::process::parent_id, path::PathBuf};

    pub(super) fn parent() -> Option<PathBuf> {
        let process = PathBuf::from("/proc").join(parent_id().to_string());
        // The link is another user's secret; the name is not.
        fs::read_link(process.join("exe")).ok().or_else(|| {
            let name = protocol::files::read_limited(&process.join("comm"), 256).ok()?;
            Some(String::from_utf8_lossy(&name).trim().into())
        })
    }
}

#[cfg(windows)]
mod system {
    use std::path::PathBuf;

    pub(super) fn parent() -> Option<PathBuf> {
        crate::native::parent::program().map(PathBuf::from)
    }
}
