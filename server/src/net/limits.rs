//! How many connections there may be, altogether and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::access::neighbourhood;

/// The most connections, whatever the system allows.
const MOST: usize = 16_384;
/// File handles that the server needs for other things.
const OTHER_FILES: usize = 64;
/// A complaint is repeated after this time at the earliest.
const COMPLAIN: Duration = Duration::from_secs(60);

/// Counts connections.
pub(super) struct Limits {
    most: usize,
    all: AtomicUsize,
    /// Connections by address; those of this computer are not counted by address.
    by_address: Mutex<HashMap<IpAddr, usize>>,
    complained: Mutex<Option<Instant>>,
}

/// A connection's place; left when dropped.
pub(super) struct Place {
    limits: Arc<Limits>,
    address: Option<IpAddr>,
}

impl Limits {
    /// As many connections as the system gives file handles.
    pub(super) fn of_system() -> Arc<Self> {
        let most = open_files().map_or(MOST, |files| {
            MOST.min(files.saturating_sub(OTHER_FILES).max(16))
        });
        Arc::new(Self::new(most))
    }

    fn new(most: usize) -> Self {
        Self {
            most,
            all: AtomicUsize::new(0),
            by_address: Mutex::default(),
            complained: Mutex::default(),
        }
    }

    /// A place for a connection from there, if there is one. A part of all places is for this computer alone, so
    /// that its administrator gets in whatever comes from the network.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let most = if peer.is_loopback() {
            self.most
        } else {
            self.most - self.most / 8
        };
        if self.all.fetch_add(1, Ordering::AcqRel) >= most {
            self.all.fetch_sub(1, Ordering::AcqRel);
            self.complain(&format!(
                "{most} connections are open, and no more are taken"
            ));
            return None;
        }
        let address = (!peer.is_loopback()).then(|| neighbourhood(peer));
        if let Some(address) = address {
            let mut by_address = self.by_address.lock();
            let count = by_address.entry(address).or_insert(0);
            if *count >= self.most / 4 {
                drop(by_address);
                self.all.fetch_sub(1, Ordering::AcqRel);
                self.complain(&format!(
                    "{peer} has {} connections, and gets no more",
                    self.most / 4
                ));
                return None;
            }
            *count += 1;
        }
        Some(Place {
            limits: Arc::clone(self),
            address,
        })
    }

    /// Logs a warning, but not the same one over and over.
    pub(super) fn complain(&self, text: &str) {
        let mut complained = self.complained.lock();
        if complained.is_none_or(|since| since.elapsed() >= COMPLAIN) {
            *complained = Some(Instant::now());
            log::warn!("{text}");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.all.fetch_sub(1, Ordering::AcqRel);
        if let Some(address) = self.address {
            let mut by_address = self.limits.by_address.lock();
            if let Some(count) = by_address.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    by_address.remove(&address);
                }
            }
        }
    }
}

/// How many files this process may have open, as far as the system tells without asking it by a system call.
fn open_files() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_a_quarter_and_this_computer_always_gets_in() {
        let limits = Arc::new(Limits::new(16));
        let from = |last| IpAddr::from([10, 0, 0, last]);
        let mut places: Vec<Place> = (0..4).map(|_| limits.enter(from(1)).unwrap()).collect();
        assert!(limits.enter(from(1)).is_none());
        for last in 2..=3 {
            places.extend((0..4).map(|_| limits.enter(from(last)).unwrap()));
        }
        places.extend((0..2).map(|_| limits.enter(from(4)).unwrap()));
        assert!(
            limits.enter(from(5)).is_none(),
            "the rest is for this computer"
        );
        let here = IpAddr::from([127, 0, 0, 1]);
        places.extend((0..2).map(|_| limits.enter(here).unwrap()));
        assert!(limits.enter(here).is_none(), "there are no more at all");
        places.clear();
        assert!(limits.by_address.lock().is_empty());
        assert!(limits.enter(from(1)).is_some());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells_how_many_files_there_may_be() {
        assert!(open_files().is_some_and(|files| files > 0));
    }
}
