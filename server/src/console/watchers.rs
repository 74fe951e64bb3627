//! Places for pages that are kept up to date: no neighbourhood takes all of them, and some are left for administrators.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use parking_lot::Mutex;

use super::visit::Visit;
use crate::access::neighbourhood;

/// The most at once.
const MOST: usize = 256;
/// The most of visitors from other computers who have not signed in.
const MOST_STRANGERS: usize = 192;
/// The most of one neighbourhood's strangers.
const MOST_OF_ONE: usize = 16;

/// Who has a place.
#[derive(Default)]
pub(super) struct Watchers {
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    strangers: HashMap<IpAddr, usize>,
}

/// A place; given back when it goes.
pub(super) struct Place {
    watchers: Arc<Watchers>,
    stranger: Option<IpAddr>,
}

impl Watchers {
    /// A place for a visitor, if there is one.
    pub(super) fn take(self: &Arc<Self>, visit: &Visit) -> Option<Place> {
        self.take_for(visit.peer, visit.who.is_none())
    }

    fn take_for(self: &Arc<Self>, peer: Option<IpAddr>, unknown: bool) -> Option<Place> {
        let far = peer.filter(|peer| !peer.is_loopback());
        let stranger = far.filter(|_| unknown).map(neighbourhood);
        let mut taken = self.taken.lock();
        if taken.all >= MOST {
            return None;
        }
        if let Some(from) = stranger {
            let strangers: usize = taken.strangers.values().sum();
            let of_one = taken.strangers.entry(from).or_default();
            if strangers >= MOST_STRANGERS || *of_one >= MOST_OF_ONE {
                taken.strangers.retain(|_, count| *count > 0);
                return None;
            }
            *of_one += 1;
        }
        taken.all += 1;
        Some(Place {
            watchers: Arc::clone(self),
            stranger,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.watchers.taken.lock();
        taken.all -= 1;
        if let Some(from) = self.stranger
            && let Some(count) = taken.strangers.get_mut(&from)
        {
            *count -= 1;
            if *count == 0 {
                taken.strangers.remove(&from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_leave_places_for_others() {
        let watchers = Arc::new(Watchers::default());
        let from = |network: u8, host: u8| Some(IpAddr::from([10, 0, network, host]));
        let mut places = Vec::new();
        let stranger = |peer| watchers.take_for(peer, true);
        for network in 0..=255 {
            for _ in 0..=MOST_OF_ONE {
                places.extend(stranger(from(network, 1)));
            }
            assert!(places.len() <= MOST_OF_ONE * (usize::from(network) + 1));
        }
        assert_eq!(places.len(), MOST_STRANGERS);
        assert!(stranger(from(7, 7)).is_none());
        for _ in MOST_STRANGERS..MOST {
            places.extend(watchers.take_for(from(0, 1), false));
            places.extend(stranger(Some(IpAddr::from([127, 0, 0, 1]))));
        }
        assert_eq!(places.len(), MOST);
        places.clear();
        let taken = watchers.taken.lock();
        assert_eq!((taken.all, taken.strangers.len()), (0, 0));
    }
}
