//! The TLS set-up, without touching the process-wide default.

use std::sync::Arc;

use pointsman_types::{Error, ErrorKind};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::Verifier;

/// Trusts what the machine trusts; on a machine without certificates (a bare container), Mozilla's
/// list.
pub(crate) fn client_config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Connection, format!("TLS: {error}")))?;
    let builder = if let Ok(verifier) = Verifier::new(provider) {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        builder.with_root_certificates(roots)
    };
    Ok(builder.with_no_client_auth())
}
