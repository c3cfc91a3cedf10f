//! Credentials that are issued for a while.

use std::{
    fmt::{self, Debug},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::lock::Mutex as Turn;
use pointsman_clock::Instant;
use pointsman_types::Error;

use crate::{Credential, Credentials};

/// So long before its end a credential counts as ended, lest it ends on its way.
const MARGIN: Duration = Duration::from_secs(10);
/// Renewals ahead of the end are so far apart, lest a failing one slow every call down.
const PAUSE: Duration = Duration::from_secs(1);
const NEVER: Instant = Instant::from_nanos(u64::MAX);

/// A credential, and when it ends.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What signs a request.
    pub credential: Credential,
    /// When it ends, if it does.
    pub until: Option<Instant>,
}

/// Whoever issues credentials.
pub trait Issuer: Debug + Send + Sync + 'static {
    /// Fetches a credential that is good from `now` on.
    ///
    /// # Errors
    ///
    /// When none is to be had: kind `Authentication`, or `Connection` if it could not be fetched.
    fn issue(&self, now: Instant) -> impl Future<Output = Result<Issued, Error>> + Send;
}

/// An issuer's credentials: kept while they are good, fetched once for all who wait, renewed ahead
/// of their end by one call while the others go on with what is still good.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_provider::{Credential, Credentials, Issued, Issuer, Renewed};
/// use pointsman_types::Error;
/// use std::time::Duration;
///
/// #[derive(Debug)]
/// struct Desk;
///
/// impl Issuer for Desk {
///     async fn issue(&self, now: Instant) -> Result<Issued, Error> {
///         let until = Some(now + Duration::from_hours(1));
///         Ok(Issued { credential: Credential::Bearer("a ticket".into()), until })
///     }
/// }
///
/// let renewed = Renewed::new(Desk, Duration::from_mins(5));
/// # let _: &dyn Credentials = &renewed;
/// ```
pub struct Renewed<I> {
    issuer: I,
    ahead: Duration,
    known: Mutex<Known>,
    /// Held by whoever fetches.
    turn: Turn<()>,
}

#[derive(Default)]
struct Known {
    good: Option<Good>,
    /// Fetches that came to an end, and how the last one failed, if it did.
    fetches: u64,
    failure: Option<Error>,
    /// No renewal ahead of the end before this.
    next: Instant,
}

struct Good {
    credential: Arc<Credential>,
    /// When to renew it, and when it counts as ended.
    bounds: Option<(Instant, Instant)>,
}

impl Known {
    /// The credential that can be used now, and whether it should be renewed.
    fn usable(&self, now: Instant) -> Option<(Arc<Credential>, bool)> {
        let good = self.good.as_ref()?;
        let (renew, end) = good.bounds.unwrap_or((NEVER, NEVER));
        let due = now >= renew && now >= self.next;
        (now < end).then(|| (Arc::clone(&good.credential), due))
    }
}

impl<I: Issuer> Renewed<I> {
    /// Credentials that are renewed `ahead` of their end, or at half of their life if that is later.
    pub fn new(issuer: I, ahead: Duration) -> Self {
        Self { issuer, ahead, known: Mutex::default(), turn: Turn::new(()) }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whoever calls holds the turn.
    async fn fetch(&self, now: Instant) -> Result<Arc<Credential>, Error> {
        self.with(|known| known.next = now + PAUSE);
        let issued = self.issuer.issue(now).await;
        self.with(|known| {
            known.fetches += 1;
            known.failure = issued.as_ref().err().cloned();
            let issued = issued?;
            let bounds = issued.until.map(|until| {
                let half = until.since(now) / 2;
                (until - self.ahead.min(half), until - MARGIN.min(half))
            });
            let credential = Arc::new(issued.credential);
            known.good = Some(Good { credential: Arc::clone(&credential), bounds });
            Ok(credential)
        })
    }
}

#[async_trait]
impl<I: Issuer> Credentials for Renewed<I> {
    async fn current(&self, now: Instant) -> Result<Arc<Credential>, Error> {
        let (usable, seen) = self.with(|known| (known.usable(now), known.fetches));
        match usable {
            Some((credential, false)) => return Ok(credential),
            Some((credential, true)) => {
                return match self.turn.try_lock() {
                    Some(_turn) => Ok(self.fetch(now).await.unwrap_or(credential)),
                    None => Ok(credential),
                };
            }
            None => {}
        }
        let _turn = self.turn.lock().await;
        // Whoever was before may have fetched, or failed, for all who waited.
        let done = self.with(|known| {
            let fetched = known.fetches != seen;
            let good = known.usable(now).map(|(credential, _)| Ok(credential));
            good.or_else(|| known.failure.clone().filter(|_| fetched).map(Err))
        });
        match done {
            Some(done) => done,
            None => self.fetch(now).await,
        }
    }
}

// By hand: what was issued is a secret.
impl<I: Debug> Debug for Renewed<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Renewed").field(&self.issuer).finish()
    }
}
