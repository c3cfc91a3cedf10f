//! Keys that are fetched: kept, renewed ahead of their end, fetched once for all who wait.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode};
use pointsman_clock::Instant;
use pointsman_provider::{AwsKeys, Credential, Credentials, Pieces, ReadFile, Transport, collect};
use pointsman_types::{Error, ErrorKind};

use super::chain::Source;

/// So long before their end keys are renewed.
const AHEAD: Duration = Duration::from_mins(5);
/// So long before their end they count as ended.
const MARGIN: Duration = Duration::from_secs(10);
/// Renewals ahead of the end are so far apart, lest a failing one slow every call down.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest answer of a source of keys, in bytes.
const LONGEST: usize = 1 << 20;

/// Keys, and when they end.
#[derive(Clone, Debug)]
pub(super) struct Lent {
    pub(super) keys: AwsKeys,
    pub(super) until: Option<Instant>,
}

/// A source of keys, and the keys it lent.
#[derive(Debug)]
pub(super) struct Fetched {
    source: Source,
    fetcher: Fetcher,
    state: Mutex<State>,
    /// Held by the one who fetches.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    good: Option<(Arc<Credential>, Option<Instant>)>,
    /// How the last fetch failed, if it did.
    failure: Option<Error>,
    /// Fetches that came to an end.
    fetches: u64,
    /// No renewal ahead of the end before this.
    next: Instant,
}

impl State {
    /// The keys that can be used now, and whether they should be renewed.
    fn usable(&self, now: Instant) -> Option<(Arc<Credential>, bool)> {
        let (keys, until) = self.good.as_ref()?;
        let Some(until) = until else { return Some((Arc::clone(keys), false)) };
        let usable = now + MARGIN < *until;
        usable.then(|| (Arc::clone(keys), now + AHEAD >= *until && now >= self.next))
    }
}

impl Fetched {
    pub(super) fn new(source: Source, fetcher: Fetcher) -> Self {
        let fetching = tokio::sync::Mutex::new(());
        Self { source, fetcher, state: Mutex::default(), fetching }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whoever calls holds `fetching`.
    async fn fetch(&self, now: Instant) -> Result<Arc<Credential>, Error> {
        self.with(|state| state.next = now + PAUSE);
        let fetched = self.fetcher.fetch(&self.source, now).await;
        self.with(|state| {
            state.fetches += 1;
            state.failure = fetched.as_ref().err().cloned();
            fetched.map(|lent| {
                let keys = Arc::new(Credential::Aws(lent.keys));
                state.good = Some((Arc::clone(&keys), lent.until));
                keys
            })
        })
    }
}

#[async_trait]
impl Credentials for Fetched {
    async fn current(&self, now: Instant) -> Result<Arc<Credential>, Error> {
        let (usable, seen) = self.with(|state| (state.usable(now), state.fetches));
        match usable {
            Some((keys, false)) => return Ok(keys),
            Some((keys, true)) => {
                // One renews, the others go on with what is still good.
                return match self.fetching.try_lock() {
                    Ok(_held) => Ok(self.fetch(now).await.unwrap_or(keys)),
                    Err(_) => Ok(keys),
                };
            }
            None => {}
        }
        let _held = self.fetching.lock().await;
        // Whoever was before may have fetched, or failed, for all who waited.
        let done = self.with(|state| {
            let fetched = state.fetches != seen;
            let keys = state.usable(now).map(|(keys, _)| Ok(keys));
            keys.or_else(|| state.failure.clone().filter(|_| fetched).map(Err))
        });
        match done {
            Some(done) => done,
            None => self.fetch(now).await,
        }
    }
}

/// What fetches keys.
#[derive(Debug)]
pub(super) struct Fetcher {
    transport: Arc<dyn Transport>,
    pub(super) files: ReadFile,
    pub(super) region: String,
    /// Where STS is, if not at its usual address.
    pub(super) sts: Option<String>,
}

/// A fetch that may need another one first.
type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Lent, Error>> + Send + 'a>>;

impl Fetcher {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        files: ReadFile,
        region: &str,
        sts: Option<String>,
    ) -> Self {
        Self { transport, files, region: region.to_owned(), sts }
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
        Ok((head.status, collect(body, LONGEST).await.map_err(unread)?))
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
