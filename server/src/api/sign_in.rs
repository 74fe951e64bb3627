//! Basic authentication. argon2 is paid once in five minutes, off the threads that serve others.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::error::ApiError;
use crate::server::Server;

/// How long a verified credential is remembered.
const REMEMBER: Duration = Duration::from_secs(5 * 60);
/// How many are remembered.
const MAX_REMEMBERED: usize = 1024;
/// The longest Authorization header that is looked at.
const MAX_HEADER: usize = 1024;
/// So many wrong passwords within [`WINDOW`] from one address, and it waits.
const MAX_FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// The most addresses whose failures are counted.
const MAX_ADDRESSES: usize = 10_000;

/// Who signed in lately, and who failed to.
pub struct SignIn {
    key: [u8; 32],
    remembered: Mutex<HashMap<[u8; 32], Instant>>,
    failures: Mutex<HashMap<IpAddr, (Instant, u32)>>,
    /// Hashing takes 19 MB each: no crowd of guesses takes all memory or all processors.
    hashing: Semaphore,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            key: protocol::random_bytes(),
            remembered: Mutex::default(),
            failures: Mutex::default(),
            hashing: Semaphore::new(2),
        }
    }
}

/// Lets a request of the API through: the API must be on and the credential right.
pub(super) async fn guard(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    if !server.conf().api_enabled {
        return ApiError::disabled().into_response();
    }
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_canonical());
    match check(&server, request.headers(), peer).await {
        Ok(()) => {
            let mut response = next.run(request).await;
            response.headers_mut().insert(
                header::CACHE_CONTROL,
                header::HeaderValue::from_static("no-store"),
            );
            response
        }
        Err(error) => error.into_response(),
    }
}

async fn check(server: &Server, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<(), ApiError> {
    let sign_in = &server.sign_in;
    let (user, password) = credential(headers).ok_or_else(ApiError::unauthorized)?;
    let conf = server.conf();
    let tag = sign_in.tag(&[&user, &password, &conf.user_name, conf.password.text()]);
    if sign_in.remembers(&tag) {
        return Ok(());
    }
    // An administrator at the computer itself is never locked out by somebody else's guesses.
    let far = peer.filter(|peer| !peer.is_loopback());
    if far.is_some_and(|peer| sign_in.is_throttled(&peer)) {
        return Err(ApiError::throttled());
    }
    let _permit = sign_in
        .hashing
        .acquire()
        .await
        .map_err(|_| ApiError::internal())?;
    let right = tokio::task::spawn_blocking(move || {
        // Both are looked at, so that the time tells nothing of the name.
        let right = conf.password.verifies(&password);
        right & (user == conf.user_name)
    });
    if right.await.map_err(|_| ApiError::internal())? {
        sign_in.remember(tag);
        return Ok(());
    }
    if let Some(peer) = far {
        sign_in.failed(peer);
    }
    log::warn!(
        "a wrong user name or password from {}",
        peer.map_or("?".into(), |peer| peer.to_string())
    );
    Err(ApiError::unauthorized())
}

fn credential(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()
        .filter(|text| text.len() <= MAX_HEADER)?;
    let (scheme, body) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = data_encoding::BASE64.decode(body.trim().as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.into(), password.into()))
}

impl SignIn {
    fn tag(&self, parts: &[&str]) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    fn remembers(&self, tag: &[u8; 32]) -> bool {
        self.remembered
            .lock()
            .get(tag)
            .is_some_and(|since| since.elapsed() < REMEMBER)
    }

    fn remember(&self, tag: [u8; 32]) {
        let mut remembered = self.remembered.lock();
        remembered.retain(|_, since| since.elapsed() < REMEMBER);
        if remembered.len() < MAX_REMEMBERED {
            remembered.insert(tag, Instant::now());
        }
    }

    fn is_throttled(&self, peer: &IpAddr) -> bool {
        self.failures
            .lock()
            .get(peer)
            .is_some_and(|(since, count)| since.elapsed() < WINDOW && *count >= MAX_FAILURES)
    }

    fn failed(&self, peer: IpAddr) {
        let mut failures = self.failures.lock();
        if failures.len() >= MAX_ADDRESSES {
            failures.retain(|_, (since, _)| since.elapsed() < WINDOW);
        }
        let entry = failures.entry(peer).or_insert_with(|| (Instant::now(), 0));
        if entry.0.elapsed() >= WINDOW {
            *entry = (Instant::now(), 0);
        }
        entry.1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_passwords_throttle_their_address_and_no_other() {
        let sign_in = SignIn::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..MAX_FAILURES {
            assert!(!sign_in.is_throttled(&one));
            sign_in.failed(one);
        }
        assert!(sign_in.is_throttled(&one) && !sign_in.is_throttled(&other));
    }

    #[test]
    fn a_credential_is_remembered_as_a_keyed_hash_of_itself_and_the_settings() {
        let sign_in = SignIn::default();
        let tag = sign_in.tag(&["admin", "x", "admin", "hash"]);
        assert!(!sign_in.remembers(&tag));
        sign_in.remember(tag);
        assert!(sign_in.remembers(&tag));
        assert!(!sign_in.remembers(&sign_in.tag(&["admin", "x", "admin", "another hash"])));
        assert_ne!(sign_in.tag(&["ab", "c"]), sign_in.tag(&["a", "bc"]));
    }
}
