//! Which key gives a seat: scarce keys are kept for those who need them.

use std::collections::HashMap;

use super::{Denial, Key, Moment, Unusable, View, usable};

/// The usable keys with their free seats, while one decision is being made.
pub(super) struct Pools {
    keys: Vec<Key>,
    free: HashMap<u32, i64>,
}

impl Pools {
    /// The pools as they would be with `keys`.
    pub(super) fn new(view: &impl View, keys: &[Key], now: Moment) -> Self {
        let keys: Vec<Key> = keys
            .iter()
            .filter(|key| usable(key, keys, now).is_ok())
            .cloned()
            .collect();
        let free = keys
            .iter()
            .map(|key| {
                (
                    key.key_no,
                    i64::from(key.seats) - i64::from(view.used(key.key_no)),
                )
            })
            .collect();
        Self { keys, free }
    }

    /// The key with these flags that is missed least: fewest flags, then the soonest end, then the number.
    pub(super) fn choose(&self, flags: u32) -> Option<u32> {
        self.keys
            .iter()
            .filter(|key| key.serves(flags) && self.free(key.key_no) > 0)
            .min_by_key(|key| {
                (
                    key.flags.count_ones(),
                    key.ends.unwrap_or(Moment(i64::MAX)),
                    key.key_no,
                )
            })
            .map(|key| key.key_no)
    }

    /// The key with these flags whose seats need not be free: for sessions that take none.
    pub(super) fn any(&self, flags: u32) -> Option<u32> {
        self.keys
            .iter()
            .filter(|key| key.serves(flags))
            .min_by_key(|key| key.key_no)
            .map(|key| key.key_no)
    }

    /// Whether a usable key of that number has these flags.
    pub(super) fn serves(&self, key_no: u32, flags: u32) -> bool {
        self.keys
            .iter()
            .any(|key| key.key_no == key_no && key.serves(flags))
    }

    /// How many seats of a usable key are free; negative when it was shrunk.
    pub(super) fn free(&self, key_no: u32) -> i64 {
        self.free.get(&key_no).copied().unwrap_or(0)
    }

    /// Takes a seat of `to`, and gives one of `from` back.
    pub(super) fn take(&mut self, to: Option<u32>, from: Option<u32>) {
        for (key, change) in [(to, -1), (from, 1)] {
            if let Some(free) = key.and_then(|key| self.free.get_mut(&key)) {
                *free += change;
            }
        }
    }

    /// Why [`Pools::choose`] found nothing.
    pub(super) fn denial(&self, view: &impl View, flags: u32, now: Moment) -> Denial {
        let all = view.keys();
        if all.is_empty() {
            return Denial::NoLicence;
        }
        if self.keys.is_empty() {
            let reason = |key: &Key| {
                (
                    key.key_no,
                    usable(key, all, now).err().unwrap_or(Unusable::NotWorkable),
                )
            };
            return Denial::NotUsable(all.iter().map(reason).collect());
        }
        let serving: Vec<&Key> = self.keys.iter().filter(|key| key.serves(flags)).collect();
        if serving.is_empty() {
            return Denial::NoFlags { asked: flags };
        }
        let total = serving
            .iter()
            .fold(0_u32, |sum, key| sum.saturating_add(key.seats));
        Denial::NoSeats {
            total,
            holders: view.holders(),
        }
    }
}
