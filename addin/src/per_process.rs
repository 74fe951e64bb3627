//! What every process has for itself. A forked child gets a new one: in its copy of the parent's memory a lock may be
//! held by a thread that the child does not have.

use std::{ops::Deref, sync::OnceLock};

use parking_lot::{Mutex, MutexGuard};

use crate::native::fork;

/// A lock around what a forked child goes on with, as the parent left it. Forks are told from the first connection on.
#[derive(Debug)]
pub(crate) struct Inherited<T> {
    born: u32,
    first: Mutex<T>,
    /// That of a child.
    next: OnceLock<Box<Self>>,
}

impl<T: Clone + Default> Inherited<T> {
    pub(crate) fn new(value: T) -> Self {
        Self::born(fork::forks(), value)
    }

    const fn born(born: u32, value: T) -> Self {
        Self {
            born,
            first: Mutex::new(value),
            next: OnceLock::new(),
        }
    }

    /// Locks what this process has.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.of(fork::forks()).lock()
    }

    fn of(&self, forks: u32) -> &Mutex<T> {
        if self.born == forks {
            return &self.first;
        }
        let next = self.next.get_or_init(|| {
            // Locked now, it was in the middle of a change when the process forked, by a thread that is not here.
            let left = self.first.try_lock();
            let left = left.map(|value| value.clone()).unwrap_or_default();
            Box::new(Self::born(forks, left))
        });
        next.of(forks)
    }
}

impl<T: Clone + Default> Default for Inherited<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

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

#[cfg(test)]
mod tests {
    use super::Inherited;

    #[test]
    fn a_child_goes_on_with_what_its_parent_had_unless_that_was_being_changed() {
        let value = Inherited::born(0, 5);
        *value.of(1).lock() += 1;
        assert_eq!((*value.of(0).lock(), *value.of(1).lock()), (5, 6));
        let _held_for_ever = value.of(1).lock();
        assert_eq!(*value.of(2).lock(), 0);
        *value.of(2).lock() = 7;
        assert_eq!(*value.of(3).lock(), 7);
    }
}
