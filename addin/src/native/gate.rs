//! The gate between our threads and the platform: after it is closed no call is running and none begins.
//!
//! Nothing is locked while the platform is called, so a call may come back into the component, and may
//! even end it: a thread that closes the gate from inside its own call does not wait for itself.

use std::{
    cell::RefCell,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

const CLOSED: usize = 1 << (usize::BITS - 1);

/// How long closing waits for calls of other threads. They last microseconds, so that Done keeps to its ten milliseconds;
/// what is longer is the platform's own doing, which must not end an object that a thread is inside of. But should it
/// make that thread wait for the very one that closes, both would wait for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Counts the calls that are under way.
#[derive(Debug)]
pub(super) struct Gate {
    /// The number of calls under way, and whether the gate is closed.
    state: AtomicUsize,
    left: Mutex<()>,
    quiet: Condvar,
}

thread_local! {
    /// The gates whose calls this thread is in; nested calls stand there several times.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The right to call the platform; the gate does not finish closing while it lives.
pub(super) struct Pass<'a>(&'a Gate);

impl Gate {
    /// A gate that lets nobody through.
    pub(super) const fn closed() -> Self {
        Self {
            state: AtomicUsize::new(CLOSED),
            left: Mutex::new(()),
            quiet: Condvar::new(),
        }
    }

    /// Lets calls through from now on.
    pub(super) fn open(&self) {
        self.state.fetch_and(!CLOSED, Ordering::SeqCst);
    }

    /// Lets a call through if the gate is open.
    pub(super) fn enter(&self) -> Option<Pass<'_>> {
        if self.state.fetch_add(1, Ordering::SeqCst) & CLOSED != 0 {
            self.leave();
            return None;
        }
        INSIDE.with_borrow_mut(|inside| inside.push(self.id()));
        Some(Pass(self))
    }

    /// Closes the gate and waits until the calls of other threads are over. Says whether they are.
    pub(super) fn close(&self) -> bool {
        if self.state.fetch_or(CLOSED, Ordering::SeqCst) & !CLOSED == 0 {
            return true;
        }
        let own = INSIDE.with_borrow(|inside| inside.iter().filter(|id| **id == self.id()).count());
        if self.state.load(Ordering::SeqCst) & !CLOSED <= own {
            return true;
        }
        let end = Instant::now() + PATIENCE;
        let mut guard = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        while self.state.load(Ordering::SeqCst) & !CLOSED > own {
            let now = Instant::now();
            if now >= end {
                return false;
            }
            guard = self
                .quiet
                .wait_timeout(guard, end - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn leave(&self) {
        if self.state.fetch_sub(1, Ordering::SeqCst) & CLOSED != 0 {
            // Taking the lock once makes sure that a closer which saw the old count is already waiting.
            drop(self.left.lock().unwrap_or_else(PoisonError::into_inner));
            self.quiet.notify_all();
        }
    }

    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| {
            if let Some(at) = inside.iter().rposition(|id| *id == self.0.id()) {
                inside.swap_remove(at);
            }
        });
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::Gate;

    #[test]
    fn a_closed_gate_lets_nobody_through_until_it_is_opened() {
        let gate = Gate::closed();
        assert!(gate.enter().is_none());
        gate.open();
        assert!(gate.enter().is_some());
        assert!(gate.close());
        assert!(gate.enter().is_none());
    }

    #[test]
    fn closing_from_inside_an_own_call_does_not_wait_for_itself() {
        let gate = Gate::closed();
        gate.open();
        let outer = gate.enter();
        let inner = gate.enter();
        assert!(gate.close());
        drop((outer, inner));
    }

    #[test]
    fn after_closing_no_call_of_any_thread_is_running() {
        for _ in 0..200 {
            let gate = Gate::closed();
            let closed = AtomicBool::new(false);
            gate.open();
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while let Some(pass) = gate.enter() {
                            assert!(!closed.load(Ordering::SeqCst), "a call ran after closing");
                            drop(pass);
                        }
                    });
                }
                thread::yield_now();
                assert!(gate.close());
                closed.store(true, Ordering::SeqCst);
            });
        }
    }
}
