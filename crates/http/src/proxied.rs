//! Through a proxy, on reqwest.

use std::fmt;

use async_trait::async_trait;
use pointsman_provider::{Incoming, Pieces, Transport};
use pointsman_types::{Error, ErrorKind};
use reqwest::{Body, Client, NoProxy, Proxy, redirect::Policy};

use crate::{AGENT, HttpSettings, body::Data, chain, tls};

/// Which proxies are gone through, as the variables of the same names say it elsewhere.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// The proxy towards upstreams at `https://`, as an address; a name and a password in it are
    /// sent to the proxy.
    pub https: Option<String>,
    /// The proxy towards upstreams at `http://`.
    pub http: Option<String>,
    /// Hosts that are reached without it, separated by commas: names with all that is below them,
    /// addresses, networks (`10.0.0.0/8`), `*` for all.
    pub no_proxy: Option<String>,
}

impl ProxySettings {
    /// Whether no proxy is set.
    pub fn is_empty(&self) -> bool {
        self.https.is_none() && self.http.is_none()
    }
}

// By hand: an address of a proxy may carry a password.
impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("https", &self.https.is_some())
            .field("http", &self.http.is_some())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// HTTP/1.1 to upstreams through proxies, over pooled connections.
///
/// ```
/// use pointsman_http::{HttpSettings, ProxySettings, ReqwestTransport};
/// let proxies =
///     ProxySettings { https: Some("http://127.0.0.1:3128".into()), ..ProxySettings::default() };
/// let transport = ReqwestTransport::new(&HttpSettings::default(), &proxies)?;
/// # Ok::<(), pointsman_types::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: Client,
}

impl ReqwestTransport {
    /// A transport with a pool of its own.
    ///
    /// # Errors
    ///
    /// Kind `Connection`: the TLS set-up or a proxy's address is unusable.
    pub fn new(settings: &HttpSettings, proxies: &ProxySettings) -> Result<Self, Error> {
        let broken = |error: reqwest::Error| {
            let why = chain(&error.without_url());
            Error::new(ErrorKind::Connection, format!("the HTTP client: {why}"))
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
            .user_agent(AGENT);
        let around = proxies.no_proxy.as_deref().and_then(NoProxy::from_string);
        let both = [(&proxies.https, Proxy::https as fn(_) -> _), (&proxies.http, Proxy::http)];
        for (address, proxy) in both {
            if let Some(address) = address {
                let proxy: Proxy = proxy(address.as_str()).map_err(broken)?;
                builder = builder.proxy(proxy.no_proxy(around.clone()));
            }
        }
        Ok(Self { client: builder.build().map_err(broken)? })
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(
        &self,
        request: http::Request<Pieces>,
    ) -> Result<http::Response<Incoming>, Error> {
        let request = reqwest::Request::try_from(request.map(Body::wrap)).map_err(classify)?;
        let response = self.client.execute(request).await.map_err(classify)?;
        let response = http::Response::<Body>::from(response);
        Ok(response.map(|body| -> Incoming { Box::pin(Data::new(body, classify)) }))
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
