//! The way to an upstream.

use std::{fmt::Debug, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use pointsman_types::Error;

use crate::Pieces;

/// The body of an answer, as it comes.
pub type Incoming = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// Sends a request and brings the answer's head; the body follows as it comes.
///
/// Follows no redirect, retries nothing, adds no credential.
///
/// ```
/// use async_trait::async_trait;
/// use pointsman_provider::{Incoming, Pieces, Transport};
/// use pointsman_types::{Error, ErrorKind};
///
/// /// A network that is always down.
/// #[derive(Debug)]
/// struct Down;
///
/// #[async_trait]
/// impl Transport for Down {
///     async fn send(&self, _: http::Request<Pieces>) -> Result<http::Response<Incoming>, Error> {
///         Err(Error::new(ErrorKind::Connection, "the network is down"))
///     }
/// }
/// ```
#[async_trait]
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends the request.
    ///
    /// # Errors
    ///
    /// Kind `Connection` (refused, reset, TLS, DNS) or `Timeout` (connect).
    async fn send(&self, request: http::Request<Pieces>)
    -> Result<http::Response<Incoming>, Error>;
}

const _: fn(&dyn Transport) = |_| ();
