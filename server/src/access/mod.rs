//! Who may reach console and API, before anybody signs in. Components are not concerned: they prove themselves.

mod host;
mod networks;
mod rate;
mod refusal;
pub(crate) mod sign_in;
mod throttle;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

pub(crate) use host::knows;
pub(crate) use networks::neighbourhood;
pub use networks::{Network, NotANetwork};
pub use rate::Rate;
pub(crate) use refusal::Refusal;
pub use sign_in::SignIn;
pub(crate) use sign_in::SignedIn;

use crate::server::Server;

/// The largest head of a request, in bytes of names and values.
const MAX_HEAD: usize = 16 * 1024;

/// Who may reach console and API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// This computer alone.
    pub local_only: bool,
    /// These networks; all when there is none. This computer always may.
    pub allowed: Vec<Network>,
    /// Whether the name that a request calls this server by is looked at.
    pub check_rebinding: bool,
    /// Names of this server beside its own, in lower case.
    pub host_names: Vec<String>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            local_only: false,
            allowed: Vec::new(),
            check_rebinding: true,
            host_names: Vec::new(),
        }
    }
}

impl Access {
    /// Whether an address may come in.
    pub(crate) fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        peer.is_loopback()
            || (!self.local_only
                && (self.allowed.is_empty()
                    || self.allowed.iter().any(|network| network.contains(peer))))
    }
}

/// From where a request came; nothing when it came by no network.
pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map(|info| info.0.ip().to_canonical())
}

/// The mark of a request that came by the port with TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByTls;

/// Whether a request came by the port with TLS.
pub(crate) fn by_tls(request: &Request) -> bool {
    request.extensions().get::<ByTls>().is_some()
}

/// Whether a request changes something.
pub(crate) fn writes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Refuses those who may not reach console and API.
pub(crate) async fn guard(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    match check(&server, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Tells browsers what not to do with an answer.
pub(crate) async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    secure(response.headers_mut());
    response
}

fn check(server: &Server, request: &Request) -> Result<(), Refusal> {
    let conf = server.conf();
    // Without a peer it is no request from a network.
    if let Some(peer) = peer(request) {
        if !conf.access.admits(peer) {
            return Err(Refusal::Address);
        }
        if !peer.is_loopback() && !server.rate.allows(neighbourhood(peer)) {
            return Err(Refusal::TooOften);
        }
    }
    if head_size(request) > MAX_HEAD {
        return Err(Refusal::TooLarge(MAX_HEAD));
    }
    host::check(&conf.access, &server.keys.computer.name, request)
}

fn head_size(request: &Request) -> usize {
    let address = request
        .uri()
        .path_and_query()
        .map_or(0, |address| address.as_str().len());
    let headers = request.headers().iter();
    address
        + headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum::<usize>()
}

/// Headers that every answer to people carries; a page that needs more says so itself.
fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_is_never_locked_out() {
        let access = Access {
            local_only: true,
            allowed: vec!["10.0.0.0/8".parse().unwrap()],
            ..Access::default()
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
