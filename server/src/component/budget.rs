//! Memory for messages that are under way in parts, of all channels together: strangers make channels too.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The most of it, in bytes.
const MOST: usize = 256 * 1024 * 1024;

/// How much is taken.
#[derive(Default)]
pub(super) struct Budget(AtomicUsize);

/// Bytes that are kept, within the budget.
pub(super) struct Kept {
    bytes: Vec<u8>,
    budget: Arc<Budget>,
}

impl Kept {
    /// Keeps bytes if there is room.
    pub(super) fn new(bytes: Vec<u8>, budget: &Arc<Budget>) -> Option<Self> {
        let taken = &budget.0;
        let room = |taken: usize| taken.checked_add(bytes.len()).filter(|now| *now <= MOST);
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .ok()?;
        Some(Self {
            bytes,
            budget: Arc::clone(budget),
        })
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}
