//! How often a wrong password may be tried, from one address and for one user name.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::neighbourhood;

/// So many wrong passwords within [`WINDOW`] from one address, and it waits.
const MAX_OF_ADDRESS: u32 = 10;
/// So many for one user name, from wherever, and everybody waits who did not sign in lately.
const MAX_OF_ACCOUNT: u32 = 100;
const WINDOW: Duration = Duration::from_secs(60);
/// The most addresses and names that are counted.
const MAX_COUNTED: usize = 10_000;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    Account([u8; 32]),
}

/// Counts failures.
#[derive(Default)]
pub(super) struct Throttle {
    failures: Mutex<HashMap<Who, (Instant, u32)>>,
}

impl Throttle {
    /// Whether neither the address nor the account has failed too often.
    pub(super) fn allows(&self, address: IpAddr, account: [u8; 32]) -> bool {
        let failures = self.failures.lock();
        let below = |who, most| {
            failures
                .get(&who)
                .is_none_or(|(since, count)| since.elapsed() >= WINDOW || *count < most)
        };
        below(Who::Address(neighbourhood(address)), MAX_OF_ADDRESS)
            && below(Who::Account(account), MAX_OF_ACCOUNT)
    }

    /// How many failures of an address are counted.
    #[cfg(test)]
    pub(super) fn failures_of(&self, address: IpAddr) -> u32 {
        let who = Who::Address(neighbourhood(address));
        self.failures
            .lock()
            .get(&who)
            .map_or(0, |(_, count)| *count)
    }

    /// Notes a wrong password.
    pub(super) fn failed(&self, address: IpAddr, account: [u8; 32]) {
        let mut failures = self.failures.lock();
        for who in [Who::Address(neighbourhood(address)), Who::Account(account)] {
            if failures.len() >= MAX_COUNTED && !failures.contains_key(&who) {
                failures.retain(|_, (since, _)| since.elapsed() < WINDOW);
                if failures.len() >= MAX_COUNTED {
                    // The account, which was counted first, still holds such a crowd up.
                    continue;
                }
            }
            let entry = failures.entry(who).or_insert_with(|| (Instant::now(), 0));
            if entry.0.elapsed() >= WINDOW {
                *entry = (Instant::now(), 0);
            }
            entry.1 += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn ten_wrong_passwords_throttle_their_address_and_no_other() {
        let throttle = Throttle::default();
        for _ in 0..MAX_OF_ADDRESS {
            assert!(throttle.allows(address(1), [0; 32]));
            throttle.failed(address(1), [0; 32]);
        }
        assert!(!throttle.allows(address(1), [0; 32]));
        assert!(!throttle.allows(address(1), [1; 32]), "whatever the name");
        assert!(throttle.allows(address(2), [0; 32]));
    }

    #[test]
    fn many_addresses_together_throttle_an_account() {
        let throttle = Throttle::default();
        for number in 0..MAX_OF_ACCOUNT {
            assert!(throttle.allows(address(number), [0; 32]));
            throttle.failed(address(number), [0; 32]);
        }
        assert!(!throttle.allows(address(7000), [0; 32]));
        assert!(throttle.allows(address(7000), [1; 32]));
    }

    #[test]
    fn a_crowd_takes_no_more_memory_and_is_throttled_by_its_account() {
        let throttle = Throttle::default();
        for number in 0..20_000 {
            throttle.failed(address(number), [0; 32]);
        }
        assert_eq!(throttle.failures.lock().len(), MAX_COUNTED);
        assert!(!throttle.allows(address(30_000), [0; 32]));
    }
}
