//! Networks of addresses, as AllowedAddresses lists them.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// Addresses that begin with the same bits: `192.168.0.0/16`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network looks like 192.168.0.0/16, fd00::/8 or 10.0.0.5")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = text
            .trim()
            .split_once('/')
            .map_or((text.trim(), None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), |bits| bits.parse().map_err(|_| NotANetwork))?;
        if bits <= longest {
            Ok(Self { address, bits })
        } else {
            Err(NotANetwork)
        }
    }
}

impl Network {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        fn same<const N: usize>(one: [u8; N], other: [u8; N], bits: u8) -> bool {
            let (whole, rest) = (usize::from(bits / 8), bits % 8);
            let differ = |at: usize| one[at] ^ other[at];
            (0..whole).all(|at| differ(at) == 0) && (rest == 0 || differ(whole) >> (8 - rest) == 0)
        }
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => same(one.octets(), other.octets(), self.bits),
            (IpAddr::V6(one), IpAddr::V6(other)) => same(one.octets(), other.octets(), self.bits),
            _ => false,
        }
    }
}

/// What is counted as one client: an IPv4 address, or the IPv6 network that one client is given whole.
pub(crate) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_both_families_are_told_apart_to_the_bit() {
        let inside = |network: &str, address: &str| {
            network
                .parse::<Network>()
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(
            inside("192.168.0.0/16", "192.168.200.1") && !inside("192.168.0.0/16", "192.169.0.1")
        );
        assert!(inside("10.1.2.128/25", "10.1.2.129") && !inside("10.1.2.128/25", "10.1.2.127"));
        assert!(inside("10.0.0.5", "::ffff:10.0.0.5") && !inside("10.0.0.5", "10.0.0.6"));
        assert!(inside("fd00::/8", "fd12::1") && !inside("fd00::/8", "fe80::1"));
        assert!(inside("0.0.0.0/0", "8.8.8.8") && !inside("0.0.0.0/0", "::2"));
        for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8"] {
            assert_eq!(bad.parse::<Network>(), Err(NotANetwork), "{bad}");
        }
    }

    #[test]
    fn addresses_that_one_client_has_are_one() {
        let of = |address: &str| neighbourhood(address.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
