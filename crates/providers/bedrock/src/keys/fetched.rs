//! Keys that are fetched.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode};
use pointsman_clock::Instant;
use pointsman_provider::{
    AwsKeys, Credential, Issued, Issuer, Machine, Pieces, Transport, collect,
};
use pointsman_types::{Error, ErrorKind};

use super::chain::{Settings, Source};

/// The longest answer of a source of keys, in bytes.
const LONGEST: usize = 1 << 20;
/// The addresses of services that the environment may name.
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC"];

/// Keys, and when they end.
#[derive(Clone, Debug)]
pub(super) struct Lent {
    pub(super) keys: AwsKeys,
    pub(super) until: Option<Instant>,
}

/// A source of keys.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) source: Source,
    pub(super) fetcher: Fetcher,
}

impl Issuer for Fetched {
    async fn issue(&self, now: Instant) -> Result<Issued, Error> {
        let lent = self.fetcher.fetch(&self.source, now).await?;
        Ok(Issued { credential: Credential::Aws(lent.keys), until: lent.until })
    }
}

/// What fetches keys.
#[derive(Debug)]
pub(super) struct Fetcher {
    transport: Arc<dyn Transport>,
    pub(super) machine: Arc<dyn Machine>,
    pub(super) region: String,
    /// Where STS is, if not at its usual address.
    pub(super) sts: Option<String>,
    /// The same of other services, by their variables.
    pub(super) endpoints: BTreeMap<&'static str, String>,
}

/// A fetch that may need another one first.
type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Lent, Error>> + Send + 'a>>;

impl Fetcher {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        machine: Arc<dyn Machine>,
        region: &str,
        settings: Settings<'_>,
    ) -> Self {
        let sts = settings.get("aws_sts_endpoint").map(str::to_owned);
        let named = |name: &'static str| Some((name, settings.get(name)?.to_owned()));
        let endpoints = ENDPOINTS.into_iter().filter_map(named).collect();
        Self { transport, machine, region: region.to_owned(), sts, endpoints }
    }

    pub(super) fn fetch<'a>(&'a self, source: &'a Source, now: Instant) -> Fetching<'a> {
        Box::pin(async move {
            match source {
                Source::Keys(keys) => Ok(Lent { keys: keys.clone(), until: None }),
                Source::Role { base, role } => {
                    let base = self.fetch(base, now).await?;
                    self.assume(role, &base.keys, now).await
                }
                Source::WebIdentity { token, role } => self.identify(role, token).await,
                Source::Sso(sso) => self.sso(sso, now).await,
                Source::Process(command) => self.process(command).await,
                Source::Container { url, token } => self.container(url, token.as_ref()).await,
                Source::Instance { endpoint } => self.instance(endpoint).await,
                Source::Missing => {
                    Err(Error::new(ErrorKind::Authentication, "there are no AWS credentials"))
                }
            }
        })
    }

    /// Sends a request to a source of keys.
    pub(super) async fn send(
        &self,
        request: Request<Pieces>,
        what: &str,
    ) -> Result<(StatusCode, Bytes), Error> {
        let unread = |error: Error| {
            let message =
                format!("{what} cannot be asked for AWS credentials: {}", error.message());
            Error::new(ErrorKind::Connection, message)
        };
        let (head, body) = self.transport.send(request).await.map_err(unread)?.into_parts();
        Ok((head.status, collect(&head.headers, body, LONGEST).await.map_err(unread)?))
    }
}

/// An error of a source of keys: whoever is at fault there has no connection, or no right.
pub(super) fn refused(what: &str, status: StatusCode, why: &str) -> Error {
    let kind = match status.as_u16() {
        429 => ErrorKind::RateLimited,
        500.. => ErrorKind::Connection,
        _ => ErrorKind::Authentication,
    };
    let why: String = why.chars().take(300).collect();
    let message = format!("{what} gives no AWS credentials: status {}: {why}", status.as_u16());
    Error::new(kind, message)
}

/// Something that cannot be asked for.
pub(super) fn unasked(what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Authentication, format!("{what}: {error}"))
}
