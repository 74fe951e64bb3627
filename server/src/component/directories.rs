//! Directories of datafiles that components sent, checked once and kept by their hash.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use protocol::{KeyId, datafile::SignedDirectory};

/// The most bytes of signed directories that are kept.
const MAX_KEPT: usize = 32 * 1024 * 1024;

/// Checked directories by series and hash.
#[derive(Default)]
pub struct Directories {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_hash: HashMap<(KeyId, [u8; 32]), Arc<SignedDirectory>>,
    size: usize,
}

impl Directories {
    /// A directory that was checked before.
    pub fn get(&self, key_id: KeyId, hash: &[u8; 32]) -> Option<Arc<SignedDirectory>> {
        self.kept
            .lock()
            .by_hash
            .get(&(key_id, *hash))
            .map(Arc::clone)
    }

    /// Keeps a directory whose signature is the series'.
    pub fn keep(&self, key_id: KeyId, directory: SignedDirectory) -> Arc<SignedDirectory> {
        let directory = Arc::new(directory);
        let mut kept = self.kept.lock();
        if kept.size + directory.bytes.len() > MAX_KEPT {
            // Whoever needs one of them sends it again.
            *kept = Kept::default();
        }
        kept.size += directory.bytes.len();
        kept.by_hash
            .insert((key_id, directory.hash), Arc::clone(&directory));
        directory
    }
}
