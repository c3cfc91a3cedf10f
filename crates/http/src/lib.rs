//! The [`Transport`] on reqwest: pools, TLS, connect timeout; no redirects, no retries of its own.
//!
//! ```
//! use pointsman_http::{HttpSettings, HttpTransport};
//! let transport = HttpTransport::new(&HttpSettings::default())?;
//! # Ok::<(), pointsman_types::Error>(())
//! ```

mod tls;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use pointsman_provider::{Incoming, Pieces, Transport};
use pointsman_types::{Error, ErrorKind};
use reqwest::{Body, Client, redirect::Policy};

/// How connections to upstreams are made and kept.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Bounds connecting, TLS included. Default: 10 s.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept. Default: 90 s.
    pub idle_timeout: Duration,
    /// Idle connections kept for each host. Default: 256.
    pub idle_per_host: usize,
    /// A proxy for all upstreams, as a URL. Default: none.
    pub proxy: Option<String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            idle_per_host: 256,
            proxy: None,
        }
    }
}

/// HTTP/1.1 to upstreams, over pooled connections.
///
/// HTTP/2 is left out on purpose: one connection for each host silently caps at about 100 streams.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: Client,
}

impl HttpTransport {
    /// A transport with a pool of its own.
    ///
    /// # Errors
    ///
    /// Kind `Connection`: the TLS set-up or the proxy's address is unusable.
    pub fn new(settings: &HttpSettings) -> Result<Self, Error> {
        let broken = |error: reqwest::Error| {
            Error::new(ErrorKind::Connection, format!("the HTTP client: {}", chain(&error)))
        };
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls::client_config()?)
            .http1_only()
            .tcp_nodelay(true)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(settings.idle_per_host)
            .user_agent(concat!("pointsman/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(broken)?);
        }
        Ok(Self { client: builder.build().map_err(broken)? })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(
        &self,
        request: http::Request<Pieces>,
    ) -> Result<http::Response<Incoming>, Error> {
        let request = reqwest::Request::try_from(request.map(Body::wrap)).map_err(classify)?;
        let response = self.client.execute(request).await.map_err(classify)?;
        let (head, body) = http::Response::<Body>::from(response).into_parts();
        let body: Incoming = Box::pin(BodyStream(body).map_err(classify));
        Ok(http::Response::from_parts(head, body))
    }
}

/// The data of a body, as it comes.
struct BodyStream(Body);

impl futures_util::Stream for BodyStream {
    type Item = Result<bytes::Bytes, reqwest::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        use http_body::Body as _;
        loop {
            let frame = std::task::ready!(std::pin::Pin::new(&mut self.0).poll_frame(cx));
            match frame.map(|frame| frame.map(http_body::Frame::into_data)) {
                Some(Ok(Ok(data))) => return std::task::Poll::Ready(Some(Ok(data))),
                // Trailers carry nothing that a caller is shown.
                Some(Ok(Err(_))) => {}
                Some(Err(error)) => return std::task::Poll::Ready(Some(Err(error))),
                None => return std::task::Poll::Ready(None),
            }
        }
    }
}

fn classify(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let kind = if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_builder() {
        ErrorKind::BadRequest
    } else {
        ErrorKind::Connection
    };
    let unsent = error.is_connect() || error.is_builder();
    let classified = Error::new(kind, chain(&error)).with_source(error);
    if unsent { classified.unsent() } else { classified }
}

/// What went wrong, down to the cause: `error sending request: … : connection refused`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        below = cause.source();
    }
    text
}
