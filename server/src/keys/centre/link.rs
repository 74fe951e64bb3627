//! The way to a licence centre over HTTP: one request, one answer, with limits on both.

use std::{io, net::IpAddr, path::Path, sync::Arc, time::Duration};

use protocol::{
    KeyId,
    centre::{MAX_ANSWER, PATH, Reply},
};
use ureq::{
    Agent, Error, Proxy,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::CentreError;
use crate::{conf::CentreConf, keys::KeyRing};

const CONNECT: Duration = Duration::from_secs(10);
/// Less than a request to this server may take, so that whoever waits is told why.
const WHOLE: Duration = Duration::from_secs(20);
const MAX_CERTIFICATES: usize = 1024 * 1024;

/// A licence centre that can be asked.
#[derive(Debug)]
pub struct Link {
    url: String,
    agent: Agent,
}

impl Link {
    /// The centre of a series: that of its file, else of the settings.
    ///
    /// # Errors
    /// When neither names one, or the certificates cannot be read.
    pub fn of_series(
        conf: &CentreConf,
        ring: &KeyRing,
        key_id: KeyId,
    ) -> Result<Self, CentreError> {
        let own = ring.one_series(key_id).and_then(|series| series.centre);
        let url = own.or_else(|| conf.url.clone());
        Self::new(conf, url.ok_or(CentreError::NoAddress)?)
    }

    /// The centre that a code is sent to: of the series that was named with it, else the only one there is. A code is
    /// worth money, so it is shown to no other vendor.
    ///
    /// # Errors
    /// As [`Link::of_series`], and [`CentreError::WhichSeries`] when there are several.
    pub fn of_order(
        conf: &CentreConf,
        ring: &KeyRing,
        series: Option<KeyId>,
    ) -> Result<Self, CentreError> {
        if let Some(key_id) = series {
            return Self::of_series(conf, ring, key_id);
        }
        let known = ring.series();
        let mut urls: Vec<String> = known
            .iter()
            .filter_map(|series| series.centre.clone().or_else(|| conf.url.clone()))
            .collect();
        if known.is_empty() {
            urls.extend(conf.url.clone());
        }
        urls.sort();
        urls.dedup();
        if urls.len() > 1 {
            let names = known
                .iter()
                .map(|series| format!("{} {}", series.key_id, series.name));
            return Err(CentreError::WhichSeries(names.collect()));
        }
        Self::new(conf, urls.pop().ok_or(CentreError::NoAddress)?)
    }

    /// A centre at that address.
    ///
    /// # Errors
    /// When the settings' certificates cannot be read.
    pub fn new(conf: &CentreConf, url: String) -> Result<Self, CentreError> {
        Self::patient(conf, url, WHOLE)
    }

    /// The same that waits for so long.
    pub(super) fn patient(
        conf: &CentreConf,
        url: String,
        whole: Duration,
    ) -> Result<Self, CentreError> {
        let roots = match &conf.certificates {
            Some(path) => certificates(path)?,
            None => RootCerts::WebPki,
        };
        // On this very computer there is no proxy in between.
        let proxy = if conf.use_proxy && !is_local(&url) {
            Proxy::try_from_env()
        } else {
            None
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(whole))
            .proxy(proxy)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .user_agent(format!("licenceserver/{}", protocol::Version::CURRENT))
            .build()
            .into();
        Ok(Self { url, agent })
    }

    /// Its address.
    #[cfg(test)]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether a centre's address answers at all, by the way that licences take: with the proxy and the certificates of the
    /// settings.
    ///
    /// # Errors
    /// When nothing answers within `patience`.
    pub(crate) fn reach(
        conf: &CentreConf,
        url: String,
        patience: Duration,
    ) -> Result<(), CentreError> {
        let link = Self::patient(conf, url, patience)?;
        let answer = link.agent.get(&link.url).call();
        answer.map(drop).map_err(|error| link.failed(error))
    }

    /// Sends a request. Nothing of the reply is believed yet.
    ///
    /// # Errors
    /// [`CentreError::Unreachable`] and [`CentreError::Certificate`] when nothing was sent for sure.
    pub fn send(&self, request: &[u8]) -> Result<Reply, CentreError> {
        let address = format!("{}{PATH}", self.url.trim_end_matches('/'));
        let answer = self
            .agent
            .post(&address)
            .content_type("application/octet-stream")
            .send(request);
        let mut answer = answer.map_err(|error| self.failed(error))?;
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER as u64)
            .read_to_vec();
        let not_a_centre = || CentreError::NotACentre {
            url: self.url.clone(),
            status,
        };
        let bytes = body.map_err(|error| match error {
            Error::BodyExceedsLimit(_) => not_a_centre(),
            error => CentreError::NoAnswer {
                url: self.url.clone(),
                error: error.to_string(),
            },
        })?;
        Reply::from_bytes(&bytes).map_err(|_| not_a_centre())
    }

    fn failed(&self, error: Error) -> CentreError {
        let url = self.url.clone();
        let text = error.to_string();
        let unsent = matches!(
            &error,
            Error::HostNotFound | Error::ConnectionFailed | Error::ConnectProxyFailed(_)
        ) || matches!(&error, Error::Timeout(which) if matches!(which, ureq::Timeout::Connect | ureq::Timeout::Resolve))
            || matches!(&error, Error::Io(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) || is_lookup(error));
        match error {
            Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) => {
                CentreError::Certificate { url, error: text }
            }
            Error::Io(error) if error.get_ref().is_some_and(is_about_certificate) => {
                CentreError::Certificate {
                    url,
                    error: error.to_string(),
                }
            }
            _ if unsent => CentreError::Unreachable { url, error: text },
            // Something answered that speaks no HTTP.
            Error::Protocol(_) | Error::BadUri(_) | Error::LargeResponseHeader(..) => {
                CentreError::NotACentre { url, status: 0 }
            }
            _ => CentreError::NoAnswer { url, error: text },
        }
    }
}

/// Whether a name was not found: the library passes on what the system says, which has no kind of its own.
fn is_lookup(error: &io::Error) -> bool {
    if cfg!(windows) {
        // WSAHOST_NOT_FOUND, WSATRY_AGAIN, WSANO_RECOVERY, WSANO_DATA.
        return matches!(error.raw_os_error(), Some(11001..=11004));
    }
    error
        .to_string()
        .starts_with("failed to lookup address information")
}

/// The TLS library's errors come as those of the disk and network. Of these a wrong certificate alone is met before anything
/// is sent: an answer that is damaged on its way comes after the centre has acted.
fn is_about_certificate(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    use tokio_rustls::rustls::Error;
    matches!(
        error.downcast_ref::<Error>(),
        Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented)
    )
}

fn certificates(path: &Path) -> Result<RootCerts, CentreError> {
    let wrong = |error: String| CentreError::Certificates {
        path: path.into(),
        error,
    };
    let bytes = protocol::files::read_limited(path, MAX_CERTIFICATES)
        .map_err(|error| wrong(error.to_string()))?;
    let found: Vec<Certificate<'static>> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("it holds no certificate".into()));
    }
    Ok(RootCerts::Specific(Arc::new(found)))
}

/// Whether an address is one that a centre may have: TLS, or this very computer.
pub(crate) fn is_good(url: &str) -> bool {
    url.parse::<ureq::http::Uri>().is_ok_and(|uri| {
        uri.host().is_some_and(|host| !host.is_empty())
            && match uri.scheme_str() {
                Some("https") => true,
                Some("http") => is_local(url),
                _ => false,
            }
    })
}

fn is_local(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else {
        return false;
    };
    uri.host().is_some_and(|host| {
        let host = host.trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_knows_is_a_centre_out_of_reach() {
        let url = "https://centre.licence.invalid".to_owned();
        let link = Link::new(&CentreConf::default(), url).unwrap();
        let error = link.send(b"x").unwrap_err();
        assert!(matches!(error, CentreError::Unreachable { .. }), "{error}");
    }

    #[test]
    fn a_damaged_answer_over_tls_is_no_wrong_certificate_because_the_centre_has_acted() {
        use tokio_rustls::rustls::{CertificateError, Error as Tls};
        let link = Link::new(&CentreConf::default(), "https://centre.example".into()).unwrap();
        let failed = |error| link.failed(Error::Io(io::Error::other::<Tls>(error)));
        assert!(matches!(
            failed(Tls::InvalidCertificate(CertificateError::UnknownIssuer)),
            CentreError::Certificate { .. }
        ));
        for after in [Tls::DecryptError, Tls::PeerSentOversizedRecord] {
            assert!(matches!(failed(after), CentreError::NoAnswer { .. }));
        }
    }

    #[test]
    fn codes_go_over_tls_or_stay_on_this_computer() {
        for good in [
            "https://licence.example.ru",
            "https://licence.example.ru:8443/x/",
            "http://127.0.0.1:9098",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(is_good(good), "{good}");
        }
        for bad in [
            "",
            "licence.example.ru",
            "http://10.0.0.1",
            "ftp://x",
            "https://",
        ] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
