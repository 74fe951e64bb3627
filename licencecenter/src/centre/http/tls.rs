//! TLS in front of the service, where no proxy does it.

use std::{fs, path::Path, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::centre::CentreError;

/// What accepts TLS with that certificate.
pub(super) fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, CentreError> {
    let wrong = |path: &Path, error: String| CentreError::Certificate(path.into(), error);
    let read = |path: &Path| fs::read(path).map_err(|error| wrong(path, error.to_string()));
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(chain)?)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(chain, error.to_string()))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(chain, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, secret)
        .map_err(|error| wrong(chain, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
