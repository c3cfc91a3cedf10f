//! Where a credential comes from.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_types::{Error, Secret};

/// What signs a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing: the upstream asks for none.
    None,
    /// A key, sent as it is.
    Key(Secret),
}

/// Hands out the credential that is good now.
///
/// Implementations that fetch tokens cache them, fetch once for all who wait, and renew ahead of
/// expiry.
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

/// A key from the configuration, or none.
#[derive(Debug)]
pub struct FixedKey(pub Option<Secret>);

#[async_trait]
impl Credentials for FixedKey {
    async fn current(&self, _: Instant) -> Result<Arc<Credential>, Error> {
        Ok(Arc::new(self.0.clone().map_or(Credential::None, Credential::Key)))
    }
}
