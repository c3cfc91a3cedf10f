//! Straight to upstreams, on hyper's pooled client.

use std::io;

use async_trait::async_trait;
use http::{
    HeaderValue,
    header::{ACCEPT, USER_AGENT},
};
use hyper_util::{
    client::legacy::{self, Client},
    rt::{TokioExecutor, TokioTimer},
};
use pointsman_provider::{Incoming, Pieces, Transport};
use pointsman_types::{Error, ErrorKind};

use crate::{AGENT, HttpSettings, body::Data, chain, connect::Connector, tls};

/// HTTP/1.1 straight to upstreams, over pooled connections.
///
/// HTTP/2 is left out on purpose: one connection for each host silently caps at about 100 streams.
/// A pooled connection that the upstream had closed before a request was begun on it is no failure:
/// the request goes over another one.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: Client<Connector, Pieces>,
}

impl HttpTransport {
    /// A transport with a pool of its own.
    ///
    /// # Errors
    ///
    /// Kind `Connection`: the TLS set-up is unusable.
    pub fn new(settings: &HttpSettings) -> Result<Self, Error> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(settings.idle_per_host)
            .build(Connector::new(tls::client_config()?, settings.connect_timeout));
        Ok(Self { client })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(
        &self,
        mut request: http::Request<Pieces>,
    ) -> Result<http::Response<Incoming>, Error> {
        let headers = request.headers_mut();
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let response = self.client.request(request).await.map_err(unanswered)?;
        Ok(response.map(|body| -> Incoming { Box::pin(Data::new(body, classify)) }))
    }
}

/// A request that got no answer; without a connection it was not even sent.
fn unanswered(error: legacy::Error) -> Error {
    let unsent = error.is_connect();
    let classified = classify(error);
    if unsent { classified.unsent() } else { classified }
}

/// A time limit of the connection's is a timeout, wherever it is said; all else is the connection.
fn classify(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let mut below = error.source();
    let mut kind = ErrorKind::Connection;
    while let Some(cause) = below {
        let io = cause.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut) {
            kind = ErrorKind::Timeout;
        }
        below = cause.source();
    }
    Error::new(kind, chain(&error)).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Around(io::Error);

    impl fmt::Display for Around {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("around")
        }
    }

    impl std::error::Error for Around {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_connection_that_comes_too_late_is_a_timeout() {
        let late = classify(Around(io::Error::new(io::ErrorKind::TimedOut, "too late")));
        assert_eq!((late.kind, late.message()), (ErrorKind::Timeout, "around: too late"));
        let refused = classify(Around(io::ErrorKind::ConnectionRefused.into()));
        assert_eq!(refused.kind, ErrorKind::Connection);
    }
}
