//! Who signs in, at the API or at the console. argon2 is paid once in five minutes, off the threads that serve others.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, header};
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use tokio::sync::Semaphore;

use super::throttle::Throttle;
use crate::{
    accounting::{Admin, Event, EventKind},
    api::ApiError,
    server::Server,
};

/// How long a verified credential is remembered.
const REMEMBER: Duration = Duration::from_secs(5 * 60);
/// How many are remembered.
const MAX_REMEMBERED: usize = 1024;
/// The longest Authorization header that is looked at.
const MAX_HEADER: usize = 1024;
/// How long a sign-in waits for those before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who signed in lately, and who failed to.
pub struct SignIn {
    key: [u8; 32],
    remembered: Mutex<HashMap<[u8; 32], Instant>>,
    throttle: Throttle,
    /// Hashing takes 19 MB each: no crowd of guesses takes all memory or all processors. A place is held until the hash is
    /// made, whether or not somebody still waits for the answer.
    hashing: Arc<Semaphore>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            key: protocol::random_bytes(),
            remembered: Mutex::default(),
            throttle: Throttle::default(),
            hashing: Arc::new(Semaphore::new(2)),
        }
    }
}

/// Who signed in for a request.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// The account.
    pub(crate) user_name: String,
    /// From which address.
    pub(crate) address: String,
}

impl SignedIn {
    /// What the journal and the component are told of them.
    pub(crate) fn admin(&self, word: Option<String>) -> Admin {
        let word = word.unwrap_or_default();
        Admin {
            user_name: self.user_name.as_str().into(),
            address: self.address.as_str().into(),
            word: crate::logs::tame(&word).as_str().into(),
        }
    }
}

/// Looks at the credential that a request carries.
///
/// # Errors
/// 401, 403 or 503.
pub(crate) async fn check(
    server: &Arc<Server>,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Result<SignedIn, ApiError> {
    let (user, password) = credential(headers).ok_or_else(ApiError::unauthorized)?;
    verify(server, user, password, peer).await
}

/// Looks at a credential, wherever it came from.
///
/// # Errors
/// 401 when it is wrong, 403 after too many wrong ones, 503 when too many wait.
pub(crate) async fn verify(
    server: &Arc<Server>,
    user: String,
    password: String,
    peer: Option<IpAddr>,
) -> Result<SignedIn, ApiError> {
    let sign_in = &server.sign_in;
    let conf = server.conf();
    let who = SignedIn {
        user_name: crate::logs::tame(&user),
        address: peer.map_or_else(String::new, |peer| peer.to_string()),
    };
    let tag = sign_in.tag(&[&user, &password, &conf.user_name, conf.password.text()]);
    if sign_in.remembers(&tag) {
        return Ok(who);
    }
    let account = sign_in.tag(&[&user]);
    // An administrator at the computer itself is never locked out by somebody else's guesses.
    let far = peer.filter(|peer| !peer.is_loopback());
    let allowed = || far.is_none_or(|peer| sign_in.throttle.allows(peer, account));
    if !allowed() {
        return Err(ApiError::throttled());
    }
    let place = Arc::clone(&sign_in.hashing).acquire_owned();
    let place = tokio::time::timeout(PATIENCE, place)
        .await
        .map_err(|_| ApiError::busy("Too many sign-ins wait; try again."))?
        .map_err(|_| ApiError::internal())?;
    // While this one waited, another may have brought the same credential, or spent the tries.
    if sign_in.remembers(&tag) {
        return Ok(who);
    }
    if !allowed() {
        return Err(ApiError::throttled());
    }
    let server = Arc::clone(server);
    // A task of its own: whoever goes away before the answer has tried all the same, and is counted and written down.
    let tried = tokio::spawn(async move {
        let right = tokio::task::spawn_blocking(move || {
            // Both are looked at, so that the time tells nothing of the name.
            let right = conf.password.verifies(&password);
            right & (user == conf.user_name)
        });
        let right = right.await.map_err(|_| ApiError::internal())?;
        drop(place);
        if right {
            server.sign_in.remember(tag);
            note(&server, EventKind::SignedIn, &who).await;
            return Ok(who);
        }
        if let Some(peer) = far {
            server.sign_in.throttle.failed(peer, account);
        }
        log::warn!("a wrong user name or password from {}", who.address);
        note(&server, EventKind::SignInRefused, &who).await;
        Err(ApiError::unauthorized())
    });
    tried.await.map_err(|_| ApiError::internal())?
}

async fn note(server: &Server, kind: EventKind, who: &SignedIn) {
    let event = Event {
        user_name: who.user_name.as_str().into(),
        computer_name: who.address.as_str().into(),
        ..Event::new(kind)
    };
    // Whoever signs in to see why the disk is full must get in.
    if let Err(error) = server.journal.note(None, event).await {
        log::error!("{error}");
    }
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
    /// A keyed hash of texts, which nobody outside of this run of the server can make.
    pub(crate) fn tag(&self, parts: &[&str]) -> [u8; 32] {
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
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{conf, keys::tests as vendors};

    #[tokio::test]
    async fn whoever_goes_away_before_the_answer_is_counted_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let vendor = vendors::vendor(protocol::KeyId(0x672B));
        let places = vendors::place(folder.path(), &vendor);
        std::fs::write(places.conf(), "").unwrap();
        let conf = conf::load(&places.conf()).unwrap();
        let server = Server::open(places, conf).await.unwrap();
        let far = IpAddr::from([192, 168, 7, 7]);
        let guess = || verify(&server, "admin".into(), "guess".into(), Some(far));
        let refused = loop {
            assert!(guess().now_or_never().is_none(), "a hash takes its time");
            // Whoever waits for a place and goes is not counted: nothing was tried.
            while server.sign_in.hashing.available_permits() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::task::yield_now().await;
            let failures = server.sign_in.throttle.failures_of(far);
            if failures == 10 {
                break guess().await.unwrap_err();
            }
            assert!(failures < 10, "{failures}");
        };
        assert_eq!(refused.status(), axum::http::StatusCode::FORBIDDEN);
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
