//! What every process has for itself. A forked child gets a new one: in its copy of the parent's memory a lock may be
//! held by a thread that the child does not have.

use std::{ops::Deref, sync::OnceLock};

use crate::native::fork;

/// A static value that a forked child makes anew.
#[derive(Debug)]
pub(crate) struct PerProcess<T> {
    first: OnceLock<Box<Generation<T>>>,
}

#[derive(Debug)]
struct Generation<T> {
    forks: u32,
    value: T,
    /// That of a child.
    next: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    /// Nothing yet; it is made at its first use.
    pub(crate) const fn new() -> Self {
        Self {
            first: OnceLock::new(),
        }
    }
}

impl<T> PerProcess<T> {
    /// What this process has, if it has used it; nothing of a parent's is touched.
    pub(crate) fn existing(&self) -> Option<&T> {
        let forks = fork::forks();
        let mut place = &self.first;
        loop {
            let generation = place.get()?;
            if generation.forks == forks {
                return Some(&generation.value);
            }
            place = &generation.next;
        }
    }
}

impl<T: Default> PerProcess<T> {
    /// What this process has, without beginning to watch for forks: somebody else has, or has no need to.
    pub(crate) fn here(&self) -> &T {
        let forks = fork::forks();
        let mut place = &self.first;
        loop {
            let generation = place.get_or_init(|| {
                Box::new(Generation {
                    forks,
                    value: T::default(),
                    next: OnceLock::new(),
                })
            });
            if generation.forks == forks {
                return &generation.value;
            }
            place = &generation.next;
        }
    }
}

impl<T: Default> Deref for PerProcess<T> {
    type Target = T;

    fn deref(&self) -> &T {
        if let Some(value) = self.existing() {
            return value;
        }
        // Where forks cannot be told the child goes on with what it has.
        fork::watch();
        self.here()
    }
}
