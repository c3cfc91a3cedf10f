//! Tokens that are issued for a while in exchange for something that lasts.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{Request, header::CONTENT_TYPE};
use pointsman_clock::Instant;
use pointsman_provider::{Credential, Credentials, Pieces, Transport, collect};
use pointsman_types::{Error, ErrorKind, ExposeSecret, Secret};
use serde::Deserialize;
use tokio::sync::Mutex;

/// So long before its end a token is exchanged for the next one.
const AHEAD: Duration = Duration::from_mins(5);
/// The longest answer that is read.
const LONGEST: usize = 1 << 20;

/// A text as one segment of a path, or as a value in a form.
pub(crate) fn escaped(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
        }
    }
    out
}

/// A token from the configuration.
pub(crate) struct FixedToken(Arc<Credential>);

impl FixedToken {
    pub(crate) fn new(token: &str) -> Self {
        Self(Arc::new(Credential::Bearer(token.to_owned().into())))
    }
}

impl fmt::Debug for FixedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedToken")
    }
}

#[async_trait]
impl Credentials for FixedToken {
    async fn current(&self, _: Instant) -> Result<Arc<Credential>, Error> {
        Ok(Arc::clone(&self.0))
    }
}

/// Tokens of an OAuth issuer: fetched once for all who wait, and renewed ahead of their end.
pub(crate) struct Exchange {
    transport: Arc<dyn Transport>,
    /// Who issues them, for people.
    issuer: &'static str,
    uri: http::Uri,
    form: Secret,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Arc<Credential>,
    renew: Instant,
    end: Instant,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_in: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    #[serde(alias = "errorCode")]
    error: String,
    #[serde(alias = "errorMessage")]
    error_description: String,
}

impl Exchange {
    /// Exchanges a form of these fields at that address.
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        issuer: &'static str,
        uri: http::Uri,
        fields: &[(&str, &str)],
    ) -> Self {
        let field = |(name, value): &(&str, &str)| format!("{name}={}", escaped(value));
        let form = fields.iter().map(field).collect::<Vec<_>>().join("&");
        Self { transport, issuer, uri, form: form.into(), held: Mutex::new(None) }
    }

    async fn fetch(&self, now: Instant) -> Result<Held, Error> {
        let body: Pieces = bytes::Bytes::from(self.form.expose_secret().to_owned()).into();
        let request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .map_err(|error| Error::new(ErrorKind::Authentication, error.to_string()))?;
        let (head, body) = self.transport.send(request).await?.into_parts();
        let body = collect(body, LONGEST).await?;
        if !head.status.is_success() {
            let said: Refused = serde_json::from_slice(&body).unwrap_or_default();
            let kind = if head.status.is_server_error() {
                ErrorKind::Connection
            } else {
                ErrorKind::Authentication
            };
            let message =
                format!("{} gave no token: {} {}", self.issuer, said.error, said.error_description);
            return Err(Error::new(kind, message).with_status(head.status.as_u16()));
        }
        let issued: Issued = serde_json::from_slice(&body).map_err(|error| {
            let message = format!("{}'s answer cannot be read: {error}", self.issuer);
            Error::new(ErrorKind::Connection, message)
        })?;
        let life = Duration::from_secs(issued.expires_in);
        let renew = now + life.saturating_sub(AHEAD).max(life / 2);
        let token = Arc::new(Credential::Bearer(issued.access_token.into()));
        Ok(Held { token, renew, end: now + life })
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("uri", &self.uri).finish_non_exhaustive()
    }
}

#[async_trait]
impl Credentials for Exchange {
    async fn current(&self, now: Instant) -> Result<Arc<Credential>, Error> {
        // Whoever waits here finds what the first one fetched.
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| now < held.renew) {
            return Ok(Arc::clone(&held.token));
        }
        match (self.fetch(now).await, held.as_ref()) {
            (Ok(next), _) => {
                let token = Arc::clone(&next.token);
                *held = Some(next);
                Ok(token)
            }
            // The old one is good for a while.
            (Err(_), Some(old)) if now < old.end => Ok(Arc::clone(&old.token)),
            (Err(error), _) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Plain;

    use futures_util::{FutureExt, stream};
    use http::Response;
    use pointsman_provider::Incoming;

    use super::*;

    /// Hands out these answers, and keeps what it was asked.
    #[derive(Debug, Default)]
    struct Scripted {
        answers: Plain<Vec<(u16, &'static str)>>,
        asked: Plain<Vec<String>>,
    }

    #[async_trait]
    impl Transport for Scripted {
        async fn send(&self, request: Request<Pieces>) -> Result<Response<Incoming>, Error> {
            let body = String::from_utf8(request.body().to_bytes().to_vec()).unwrap();
            self.asked.lock().unwrap().push(format!("{} {body}", request.uri()));
            let (status, body) = self.answers.lock().unwrap().remove(0);
            let body: Incoming = Box::pin(stream::iter([Ok(body.into())]));
            Ok(Response::builder().status(status).body(body).unwrap())
        }
    }

    fn token(app: &Exchange, at: u64) -> Result<String, ErrorKind> {
        let credential = app.current(Instant::from_secs(at)).now_or_never().unwrap();
        match &*credential.map_err(|error| error.kind)? {
            Credential::Bearer(token) => Ok(token.expose_secret().to_owned()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fetched_once_and_renewed_ahead() {
        let first = r#"{"access_token": "one", "expires_in": 3600}"#;
        let second = r#"{"access_token": "two", "expires_in": 3600}"#;
        let refused = r#"{"error": "invalid_client", "error_description": "no"}"#;
        let transport = Arc::new(Scripted::default());
        *transport.answers.lock().unwrap() =
            vec![(200, first), (400, refused), (200, second), (401, refused)];
        let port: Arc<dyn Transport> = Arc::<Scripted>::clone(&transport);
        let uri = "https://issuer.invalid/token".parse().unwrap();
        let app = Exchange::new(port, "X", uri, &[("id", "i d"), ("secret", "s&t")]);
        assert_eq!(token(&app, 0), Ok("one".into()));
        assert_eq!(token(&app, 3_299), Ok("one".into()), "it is held");
        assert_eq!(token(&app, 3_300), Ok("one".into()), "renewal failed, the old one is good");
        assert_eq!(token(&app, 3_301), Ok("two".into()));
        assert_eq!(token(&app, 10_000), Err(ErrorKind::Authentication));
        let asked = transport.asked.lock().unwrap();
        assert_eq!(asked.len(), 4);
        assert_eq!(asked[0], "https://issuer.invalid/token id=i%20d&secret=s%26t");
        assert!(!format!("{app:?}").contains("s&t"));
    }
}
