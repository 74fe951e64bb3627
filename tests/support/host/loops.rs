//! The same call many times, for benches.

use std::time::{Duration, Instant};

use super::{Library, Object, Value, Values, raw, units};

// SAFETY of all calls below: as of those of [`Object`].
#[allow(
    clippy::undocumented_unsafe_blocks,
    reason = "said once above for all of them"
)]
impl Object<'_> {
    /// Replaces the memory manager by one that counts nothing. What was allocated before is not the new one's.
    pub fn use_plain_memory(&self) -> bool {
        unsafe { raw::loop_plain_memory(self.raw) }
    }

    /// Reads a property so many times; how long that took.
    ///
    /// # Panics
    /// When a call fails.
    #[must_use]
    pub fn time_get(&self, number: i64, times: u64) -> Duration {
        let start = Instant::now();
        let good = unsafe { raw::loop_get(self.raw, number, times) };
        let took = start.elapsed();
        assert!(good, "property {number} cannot be read");
        took
    }

    /// Calls a function so many times; how long that took.
    ///
    /// # Panics
    /// When a call fails.
    #[must_use]
    pub fn time_call(&self, number: i64, arguments: &[Value], times: u64) -> Duration {
        let params = Values::of(arguments);
        let count = arguments.len() as i64;
        let start = Instant::now();
        let good = unsafe { raw::loop_call(self.raw, number, params.array(), count, times) };
        let took = start.elapsed();
        assert!(good, "method {number} cannot be called");
        took
    }

    /// Looks up each of these properties' names so many times; how long that took.
    ///
    /// # Panics
    /// When one of the names is unknown.
    #[must_use]
    pub fn time_find(&self, names: &[&str], times: u64) -> Duration {
        let names: Vec<Vec<u16>> = names.iter().map(|name| units(name)).collect();
        assert!(
            names
                .iter()
                .all(|name| self.find_property_units(Some(name)) >= 0),
            "a name is unknown"
        );
        let pointers: Vec<*const u16> = names.iter().map(|name| name.as_ptr()).collect();
        let start = Instant::now();
        let sum = unsafe { raw::loop_find(self.raw, pointers.as_ptr(), pointers.len(), times) };
        let took = start.elapsed();
        assert!(sum >= 0, "a name was found before and is not any more");
        took
    }
}

impl Library {
    /// Makes and ends an object so many times; how long that took.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn time_lives(&self, class: &str, times: u64) -> Duration {
        let class = units(class);
        let start = Instant::now();
        // SAFETY: the exports are the library's; every object ends before the call does.
        let good = unsafe { raw::loop_live(&raw const self.exports, class.as_ptr(), times) };
        let took = start.elapsed();
        assert!(good, "an object cannot be made");
        took
    }
}
