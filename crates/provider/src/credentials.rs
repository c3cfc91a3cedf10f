//! Where a credential comes from.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use http::HeaderValue;
use pointsman_clock::Instant;
use pointsman_types::{Error, ErrorKind, ExposeSecret, Secret};

/// What signs a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing: the upstream asks for none.
    None,
    /// A key, sent in the vendor's own way: `Authorization`, `x-api-key`, `api-key`…
    Key(Secret),
    /// A token that was issued for a while, sent as `Authorization: Bearer`.
    Bearer(Secret),
    /// AWS's keys, which sign the request and are not sent.
    Aws(AwsKeys),
}

/// AWS's keys.
#[derive(Clone, Debug)]
pub struct AwsKeys {
    /// Names the secret.
    pub access_key_id: String,
    /// Signs.
    pub secret_access_key: Secret,
    /// Comes with keys that were issued for a while.
    pub session_token: Option<Secret>,
}

/// A header value that is never printed.
///
/// # Errors
///
/// Kind `Authentication`, when the key has characters that no header may have.
pub fn secret_header(prefix: &str, key: &Secret) -> Result<HeaderValue, Error> {
    let text = format!("{prefix}{}", key.expose_secret());
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::new(ErrorKind::Authentication, "the key cannot be sent as a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Hands out the credential that is good now.
///
/// Those that are fetched are cached, fetched once for all who wait, and renewed ahead of expiry: by
/// [`crate::Renewed`].
///
/// ```
/// use async_trait::async_trait;
/// use pointsman_clock::Instant;
/// use pointsman_provider::{Credential, Credentials};
/// use pointsman_types::Error;
/// use std::sync::Arc;
///
/// #[derive(Debug)]
/// struct Vault;
///
/// #[async_trait]
/// impl Credentials for Vault {
///     async fn current(&self, _: Instant) -> Result<Arc<Credential>, Error> {
///         Ok(Arc::new(Credential::Key("fetched".into())))
///     }
/// }
/// ```
#[async_trait]
pub trait Credentials: Debug + Send + Sync + 'static {
    /// The credential that is good at `now`.
    ///
    /// # Errors
    ///
    /// When none is to be had: kind `Authentication`, or `Connection` if it could not be fetched.
    async fn current(&self, now: Instant) -> Result<Arc<Credential>, Error>;
}

const _: fn(&dyn Credentials) = |_| ();

/// A credential from the configuration.
#[derive(Debug)]
pub struct FixedCredential(Arc<Credential>);

impl FixedCredential {
    /// Hands out this one.
    pub fn new(credential: Credential) -> Self {
        Self(Arc::new(credential))
    }
}

#[async_trait]
impl Credentials for FixedCredential {
    async fn current(&self, _: Instant) -> Result<Arc<Credential>, Error> {
        Ok(Arc::clone(&self.0))
    }
}
