//! Forked children, told from their parent without asking the system each time.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between this process and the one that loaded the library.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A number that differs between a process and its children; it means something once [`watch`] says so.
pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Begins to count, once. False where the system cannot help.
pub(crate) fn watch() -> bool {
    system::watch()
}

#[cfg(unix)]
mod system {
    use std::sync::{LazyLock, atomic::Ordering};

    use crate::native::module::pin_module;

    extern "C" fn in_child() {
        super::FORKS.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn watch() -> bool {
        static WATCHING: LazyLock<bool> = LazyLock::new(|| {
            // Older C libraries do not forget the handler when the module is unloaded, so it must not be.
            // SAFETY: the handler only counts, and stays in memory.
            pin_module() && unsafe { libc::pthread_atfork(None, None, Some(in_child)) == 0 }
        });
        *WATCHING
    }
}

#[cfg(windows)]
mod system {
    /// There is no fork.
    pub(super) const fn watch() -> bool {
        true
    }
}
