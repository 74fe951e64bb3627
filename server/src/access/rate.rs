//! How many requests an address may make.

use std::{collections::HashMap, net::IpAddr, time::Instant};

use parking_lot::Mutex;

/// So many at once,
const BURST: f64 = 300.0;
/// and so many a second after that.
const PER_SECOND: f64 = 50.0;
/// The most addresses that are counted. A crowd of more is limited by its connections.
const MAX_ADDRESSES: usize = 10_000;

/// Counts requests.
#[derive(Default)]
pub struct Rate {
    clients: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Bucket {
    left: f64,
    since: Instant,
}

impl Bucket {
    fn at(&self, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(self.since).as_secs_f64();
        (self.left + seconds * PER_SECOND).min(BURST)
    }
}

impl Rate {
    /// Whether one more request from there is answered.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allows_at(address, Instant::now())
    }

    fn allows_at(&self, address: IpAddr, now: Instant) -> bool {
        let mut clients = self.clients.lock();
        if clients.len() >= MAX_ADDRESSES && !clients.contains_key(&address) {
            clients.retain(|_, bucket| bucket.at(now) < BURST);
            if clients.len() >= MAX_ADDRESSES {
                return true;
            }
        }
        let bucket = clients.entry(address).or_insert(Bucket {
            left: BURST,
            since: now,
        });
        bucket.left = bucket.at(now);
        bucket.since = now;
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_answered_and_then_so_many_a_second() {
        let rate = Rate::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let now = Instant::now();
        assert!((0..300).all(|_| rate.allows_at(one, now)));
        assert!(!rate.allows_at(one, now));
        assert!(rate.allows_at(other, now), "others are not concerned");
        let later = now + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| rate.allows_at(one, later)).count(), 50);
    }

    #[test]
    fn a_crowd_takes_no_more_memory() {
        let rate = Rate::default();
        let now = Instant::now();
        for number in 0..20_000_u32 {
            assert!(rate.allows_at(IpAddr::from(number.to_be_bytes()), now));
        }
        assert_eq!(rate.clients.lock().len(), MAX_ADDRESSES);
    }
}
