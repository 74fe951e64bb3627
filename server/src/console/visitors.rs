//! Who is signed in by a cookie. A sign-in ends after an idle half hour, after half a day in any case, and when user name or
//! password are changed.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::HeaderMap;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::{
    captcha::Pictures,
    cookies::{self, Keep},
    watchers::Watchers,
};
use crate::{access::SignedIn, server::Server};

/// A sign-in that is not used ends.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// One that is used ends too.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// The most that are signed in at once.
const MOST: usize = 1000;

/// Who is signed in, and who watches.
#[derive(Default)]
pub struct Visitors {
    signed_in: Mutex<HashMap<[u8; 32], Visitor>>,
    /// Pages that are kept up to date.
    pub(super) watching: Arc<Watchers>,
    /// Pictures that were tried.
    pub(super) pictures: Pictures,
}

#[derive(Clone)]
struct Visitor {
    user_name: String,
    /// The credential of the settings at that time.
    credential: [u8; 32],
    since: Instant,
    used: Instant,
}

impl Visitor {
    fn lives(&self) -> bool {
        self.used.elapsed() < IDLE && self.since.elapsed() < LONGEST
    }
}

/// The cookie's name and how it is kept. Browsers do not tell the ports of one computer apart, so each server has its own. By TLS
/// it is another one, which browsers neither send nor let anybody change without TLS.
fn cookie(server: &Server, tls: bool) -> (String, Keep) {
    let tag = data_encoding::HEXLOWER.encode(&server.keys.instance.public[..4]);
    if tls {
        (format!("__Host-licence_{tag}"), Keep::SecureSession)
    } else {
        (format!("licence_{tag}"), Keep::Session)
    }
}

fn credential(server: &Server) -> [u8; 32] {
    let conf = server.conf();
    server
        .sign_in
        .tag(&["credential", &conf.user_name, conf.password.text()])
}

impl Visitors {
    /// Signs somebody in: the answer's headers carry the cookie.
    pub(super) fn enter(
        &self,
        server: &Server,
        who: &SignedIn,
        tls: bool,
        headers: &mut HeaderMap,
    ) {
        let token: [u8; 32] = protocol::random_bytes();
        let token = data_encoding::HEXLOWER.encode(&token);
        let now = Instant::now();
        let visitor = Visitor {
            user_name: who.user_name.clone(),
            credential: credential(server),
            since: now,
            used: now,
        };
        let mut signed_in = self.signed_in.lock();
        signed_in.retain(|_, visitor| visitor.lives());
        if signed_in.len() >= MOST {
            let oldest = signed_in.iter().min_by_key(|(_, visitor)| visitor.used);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                signed_in.remove(&oldest);
            }
        }
        signed_in.insert(Sha256::digest(&token).into(), visitor);
        let (name, keep) = cookie(server, tls);
        cookies::set(headers, &name, &token, keep);
    }

    /// Who a request's cookie signs in; and what it is known by, for tokens of forms. A page that keeps itself up to date
    /// (`by_itself`) does not count as use.
    pub(super) fn who(
        &self,
        server: &Server,
        headers: &HeaderMap,
        tls: bool,
        by_itself: bool,
    ) -> Option<(String, String)> {
        let token = cookies::get(headers, &cookie(server, tls).0)?;
        let key: [u8; 32] = Sha256::digest(token).into();
        let mut signed_in = self.signed_in.lock();
        let visitor = signed_in.get_mut(&key)?;
        if !visitor.lives() || visitor.credential != credential(server) {
            signed_in.remove(&key);
            return None;
        }
        if !by_itself {
            visitor.used = Instant::now();
        }
        Some((visitor.user_name.clone(), token.to_owned()))
    }

    /// Signs out.
    pub(super) fn leave(
        &self,
        server: &Server,
        asked: &HeaderMap,
        tls: bool,
        headers: &mut HeaderMap,
    ) {
        let (name, keep) = cookie(server, tls);
        if let Some(token) = cookies::get(asked, &name) {
            let key: [u8; 32] = Sha256::digest(token).into();
            self.signed_in.lock().remove(&key);
        }
        cookies::set(headers, &name, "", keep);
    }
}
