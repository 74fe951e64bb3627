//! TLS on a port of its own, with the administrator's certificate, taken anew when its files change.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::RwLock;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

/// How often the files are looked at: a renewed certificate needs no restart.
const LOOK: Duration = Duration::from_secs(30);

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("{}: {message}; [TLS] in licenceserver.conf wants PEM files", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// The two do not belong together, or the key is of no known kind.
    #[error("{} and {}: {error}", .certificate.display(), .key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        error: rustls::Error,
    },
    /// The library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// The certificate in use.
#[derive(Debug)]
struct Certificate {
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

/// TLS for a port.
pub struct Tls {
    certificate_file: PathBuf,
    key_file: PathBuf,
    provider: Arc<CryptoProvider>,
    certificate: Arc<Certificate>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads the certificate chain and its key.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn open(certificate_file: &Path, key_file: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let current = read(certificate_file, key_file, &provider)?;
        let certificate = Arc::new(Certificate {
            current: RwLock::new(Arc::new(current)),
        });
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            certificate_file: certificate_file.into(),
            key_file: key_file.into(),
            provider,
            certificate,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Takes the files anew whenever they change; runs until it is aborted. A pair that does not work (one file is
    /// written before the other) leaves the former in place and is tried again when the files change further.
    pub(super) async fn watch_files(self: Arc<Self>) {
        let mut seen = self.look();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.look();
            if now != seen {
                seen = now;
                self.take_anew();
            }
        }
    }

    fn look(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate_file, &self.key_file].map(|file| {
            std::fs::metadata(file)
                .and_then(|file| file.modified())
                .ok()
        })
    }

    fn take_anew(&self) {
        match read(&self.certificate_file, &self.key_file, &self.provider) {
            Ok(pair) => {
                *self.certificate.current.write() = Arc::new(pair);
                log::info!(
                    "the certificate {} was taken anew",
                    self.certificate_file.display()
                );
            }
            Err(error) => log::error!("the former certificate stays in use: {error}"),
        }
    }
}

fn read(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let wrong = |file: &Path, message: String| TlsError::File {
        file: file.into(),
        message,
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "no certificate is in it".into()));
    }
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    CertifiedKey::from_der(chain, private, provider).map_err(|error| TlsError::Pair {
        certificate: certificate.into(),
        key: key.into(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["licence.example".to_owned()]).unwrap();
        let (certificate, key) = (
            folder.join(format!("{name}.crt")),
            folder.join(format!("{name}.key")),
        );
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    fn refusal(certificate: &Path, key: &Path) -> String {
        match Tls::open(certificate, key) {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_renewed_pair_is_taken_and_a_broken_one_leaves_the_former() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = pair(folder.path(), "a");
        let (other, other_key) = pair(folder.path(), "b");
        let tls = Tls::open(&certificate, &key).unwrap();
        let first = tls.certificate.current.read().cert[0].clone();
        std::fs::copy(&other, &certificate).unwrap();
        tls.take_anew();
        assert_eq!(
            tls.certificate.current.read().cert[0],
            first,
            "half of a pair"
        );
        std::fs::copy(&other_key, &key).unwrap();
        tls.take_anew();
        assert_ne!(tls.certificate.current.read().cert[0], first);
    }

    #[test]
    fn wrong_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = pair(folder.path(), "a");
        let (_, other_key) = pair(folder.path(), "b");
        let missing = folder.path().join("missing.crt");
        assert!(refusal(&missing, &key).contains("missing.crt"));
        assert!(refusal(&key, &key).contains("a.key"));
        assert!(refusal(&certificate, &certificate).contains("a.crt"));
        assert!(refusal(&certificate, &other_key).contains("b.key"));
    }
}
