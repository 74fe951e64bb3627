//! How often an address may ask, and how often it may be wrong.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use axum::http::HeaderMap;

/// Of requests, in each window.
const MAX_REQUESTS: u32 = 600;
/// Of wrong codes and unreadable requests, in each window.
const MAX_FAILURES: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// How many addresses are remembered; beyond that, all are forgotten.
const MAX_ADDRESSES: usize = 100_000;

/// What addresses did lately.
#[derive(Debug, Default)]
pub(super) struct Limits {
    seen: HashMap<IpAddr, Seen>,
}

#[derive(Debug)]
struct Seen {
    since: Instant,
    requests: u32,
    failures: u32,
}

impl Limits {
    /// Counts a request; false when the address has to wait.
    pub(super) fn admit(&mut self, from: IpAddr) -> bool {
        self.admit_at(from, Instant::now())
    }

    fn admit_at(&mut self, from: IpAddr, now: Instant) -> bool {
        if self.seen.len() >= MAX_ADDRESSES {
            self.seen.retain(|_, seen| now - seen.since < WINDOW);
            if self.seen.len() >= MAX_ADDRESSES {
                self.seen.clear();
            }
        }
        let seen = self.seen.entry(network(from)).or_insert(Seen {
            since: now,
            requests: 0,
            failures: 0,
        });
        if now - seen.since >= WINDOW {
            *seen = Seen {
                since: now,
                requests: 0,
                failures: 0,
            };
        }
        seen.requests = seen.requests.saturating_add(1);
        seen.requests <= MAX_REQUESTS && seen.failures < MAX_FAILURES
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self, from: IpAddr) {
        if let Some(seen) = self.seen.get_mut(&network(from)) {
            seen.failures = seen.failures.saturating_add(1);
        }
    }
}

/// An IPv6 customer has a whole /64.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

/// Who asks: the peer, or behind a proxy the last address that the proxy added.
pub(super) fn caller(peer: SocketAddr, headers: &HeaderMap, behind_proxy: bool) -> IpAddr {
    let told = headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.rsplit(',').next())
        .and_then(|text| text.trim().parse().ok());
    told.filter(|_| behind_proxy).unwrap_or(peer.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_tries_codes_has_to_wait_and_nobody_else_does() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let guesser = address("2001:db8::1");
        for _ in 0..MAX_FAILURES {
            assert!(limits.admit_at(guesser, now));
            limits.failed(guesser);
        }
        assert!(!limits.admit_at(address("2001:db8::2"), now));
        assert!(limits.admit_at(address("2001:db8:1::1"), now));
        assert!(limits.admit_at(guesser, now + WINDOW));
    }

    #[test]
    fn an_address_asks_a_limited_number_of_times() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        let asked = (0..=MAX_REQUESTS)
            .filter(|_| limits.admit_at(address("192.0.2.1"), now))
            .count();
        assert_eq!(asked as u32, MAX_REQUESTS);
    }

    #[test]
    fn the_proxys_word_counts_behind_a_proxy_alone() {
        let peer = "192.0.2.9:1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 192.0.2.1".parse().unwrap());
        assert_eq!(caller(peer, &headers, true), address("192.0.2.1"));
        assert_eq!(caller(peer, &headers, false), address("192.0.2.9"));
        headers.insert("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(caller(peer, &headers, true), address("192.0.2.9"));
    }
}
