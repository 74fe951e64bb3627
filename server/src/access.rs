//! From where console and API may be reached: LocalAccessOnly and AllowedAddresses. Components are not concerned.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{api::ApiError, server::Server};

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

/// Who may reach console and API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// This computer alone.
    pub local_only: bool,
    /// These networks; all when there is none. This computer always may.
    pub allowed: Vec<Network>,
}

impl Access {
    fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        peer.is_loopback()
            || (!self.local_only
                && (self.allowed.is_empty()
                    || self.allowed.iter().any(|network| network.contains(peer))))
    }
}

/// Refuses those who may not reach console and API.
pub(crate) async fn guard(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    // Without a peer it is no request from a network.
    if peer.is_none_or(|peer| server.conf().access.admits(peer)) {
        next.run(request).await
    } else {
        ApiError::forbidden().into_response()
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
    fn this_computer_is_never_locked_out() {
        let access = Access {
            local_only: true,
            allowed: vec!["10.0.0.0/8".parse().unwrap()],
        };
        assert!(
            access.admits(IpAddr::from([127, 0, 0, 1]))
                && !access.admits(IpAddr::from([10, 0, 0, 1]))
        );
        let access = Access {
            local_only: false,
            ..access
        };
        assert!(
            access.admits(IpAddr::from([10, 0, 0, 1]))
                && !access.admits(IpAddr::from([11, 0, 0, 1]))
        );
    }
}
