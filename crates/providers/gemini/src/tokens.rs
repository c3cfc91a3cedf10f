//! Tokens that are fetched: kept while they are good, fetched once for all who wait, renewed ahead.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_provider::{Credential, Credentials, Transport, collect};
use pointsman_types::{Error, ErrorKind};
use serde::Deserialize;

use crate::account::Account;

/// A token is renewed so long before its end, as Google's own clients do.
const AHEAD: Duration = Duration::from_secs(225);
/// The longest answer with a token that is read, in bytes.
const MOST: usize = 1 << 20;

/// Where an account's credentials are.
pub(crate) enum Place {
    /// They were read.
    Here(Account),
    /// In a file, which is read whenever a token is fetched: it may be exchanged meanwhile.
    File(String),
}

/// The tokens of one account.
pub(crate) struct Tokens {
    place: Place,
    transport: Arc<dyn Transport>,
    known: Mutex<Known>,
    /// Held by whoever fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    token: Option<Token>,
    /// How often a fetch has ended, and how the last one failed if it did.
    fetches: u64,
    failure: Option<Error>,
}

#[derive(Clone)]
struct Token {
    credential: Arc<Credential>,
    renew_at: Instant,
    ends_at: Instant,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Refused {
    error: Option<String>,
    error_description: Option<String>,
}

// By hand: a token is a secret.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Tokens");
        match &self.place {
            Place::Here(account) => shown.field("account", account),
            Place::File(path) => shown.field("file", path),
        };
        shown.finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn new(place: Place, transport: Arc<dyn Transport>) -> Self {
        Self { place, transport, known: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches a token; the turn is the caller's.
    async fn fetch(&self, now: Instant) -> Result<Arc<Credential>, Error> {
        let fetched = self.fetched(now).await;
        let mut known = self.known();
        known.fetches += 1;
        known.failure = fetched.as_ref().err().cloned();
        let token = fetched?;
        known.token = Some(token.clone());
        Ok(token.credential)
    }

    async fn fetched(&self, now: Instant) -> Result<Token, Error> {
        let read;
        let account = match &self.place {
            Place::Here(account) => account,
            Place::File(path) => {
                read = account_in(path)?;
                &read
            }
        };
        let request = account.request(now).map_err(|why| refused(&why))?;
        let unreachable = |error: Error| {
            let message = format!("no token could be fetched: {}", error.message());
            Error::new(ErrorKind::Connection, message).with_source(error)
        };
        let response = self.transport.send(request).await.map_err(unreachable)?;
        let status = response.status();
        let body = collect(response.into_body(), MOST).await.map_err(unreachable)?;
        if !status.is_success() {
            return Err(answered(status.as_u16(), &body));
        }
        // What came is not told: it may be a token.
        let issued: Issued = serde_json::from_slice(&body).map_err(|_| {
            Error::new(ErrorKind::Connection, "no token could be fetched: the answer has none")
        })?;
        let life = Duration::from_secs(issued.expires_in.unwrap_or(3_600).min(86_400));
        Ok(Token {
            credential: Arc::new(Credential::Bearer(issued.access_token.into())),
            renew_at: now + life.saturating_sub(AHEAD.min(life / 2)),
            ends_at: now + life,
        })
    }
}

fn account_in(path: &str) -> Result<Account, Error> {
    // A few kilobytes, once an hour.
    let text = std::fs::read_to_string(path)
        .map_err(|error| refused(&format!("the file {path:?} cannot be read: {error}")))?;
    Account::read(&text).map_err(|why| refused(&format!("in {path:?}: {why}")))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Authentication, format!("Google's credentials cannot be used: {why}"))
}

/// What the issuer said instead of a token.
fn answered(status: u16, body: &[u8]) -> Error {
    let said: Option<Refused> = serde_json::from_slice(body).ok();
    let said = said.map_or_else(String::new, |said| {
        [said.error, said.error_description].into_iter().flatten().collect::<Vec<_>>().join(": ")
    });
    let said = if said.is_empty() { format!("status {status}") } else { said };
    if (400..500).contains(&status) && status != 429 {
        return refused(&said).with_status(status);
    }
    let message = format!("no token could be fetched: {said}");
    Error::new(ErrorKind::Connection, message).with_status(status)
}

#[async_trait]
impl Credentials for Tokens {
    async fn current(&self, now: Instant) -> Result<Arc<Credential>, Error> {
        let (token, before) = {
            let known = self.known();
            (known.token.clone(), known.fetches)
        };
        if let Some(token) = token.filter(|token| now < token.ends_at) {
            if now < token.renew_at {
                return Ok(token.credential);
            }
            // One renews; the others go on with what is still good, and so does that one if it
            // fails.
            return match self.turn.try_lock() {
                Ok(_turn) => Ok(self.fetch(now).await.unwrap_or(token.credential)),
                Err(_) => Ok(token.credential),
            };
        }
        let _turn = self.turn.lock().await;
        {
            let known = self.known();
            // Somebody fetched while this one waited.
            if known.fetches != before {
                if let Some(token) = known.token.as_ref().filter(|token| now < token.ends_at) {
                    return Ok(Arc::clone(&token.credential));
                }
                if let Some(failure) = &known.failure {
                    return Err(failure.clone());
                }
            }
        }
        self.fetch(now).await
    }
}
