//! Tokens of Microsoft Entra.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{Request, header::CONTENT_TYPE};
use pointsman_clock::Instant;
use pointsman_provider::{Credential, Credentials, Pieces, Transport, collect};
use pointsman_types::{Error, ErrorKind, ExposeSecret, Secret};
use serde::Deserialize;
use tokio::sync::Mutex;

/// Where tokens are issued.
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// So long before its end a token is exchanged for the next one.
const AHEAD: Duration = Duration::from_mins(5);
/// The longest answer that is read.
const LONGEST: usize = 1 << 20;

/// A token from the configuration.
pub(super) struct FixedToken(Arc<Credential>);

impl FixedToken {
    pub(super) fn new(token: &str) -> Self {
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

/// An application's own tokens: fetched once for all who wait, and renewed ahead of their end.
pub(super) struct EntraApp {
    transport: Arc<dyn Transport>,
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
    error: String,
    error_description: String,
}

impl EntraApp {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        tenant: &str,
        id: &str,
        secret: &str,
        scope: &str,
    ) -> Result<Self, String> {
        let of = |text: &str| super::escaped(text);
        let uri = format!("{AUTHORITY}/{}/oauth2/v2.0/token", of(tenant));
        let uri = uri.parse().map_err(|_| format!("`tenant_id` {tenant:?} is no tenant"))?;
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
            of(id),
            of(secret),
            of(scope)
        );
        Ok(Self { transport, uri, form: form.into(), held: Mutex::new(None) })
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
            let message = format!("Entra gave no token: {} {}", said.error, said.error_description);
            return Err(Error::new(kind, message).with_status(head.status.as_u16()));
        }
        let issued: Issued = serde_json::from_slice(&body).map_err(|error| {
            let message = format!("Entra's answer cannot be read: {error}");
            Error::new(ErrorKind::Connection, message)
        })?;
        let life = Duration::from_secs(issued.expires_in);
        let renew = now + life.saturating_sub(AHEAD).max(life / 2);
        let token = Arc::new(Credential::Bearer(issued.access_token.into()));
        Ok(Held { token, renew, end: now + life })
    }
}

impl fmt::Debug for EntraApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraApp").field("uri", &self.uri).finish_non_exhaustive()
    }
}

#[async_trait]
impl Credentials for EntraApp {
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

    fn token(app: &EntraApp, at: u64) -> Result<String, ErrorKind> {
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
        let app = EntraApp::new(port, "t", "i d", "s&t", "scope").unwrap();
        assert_eq!(token(&app, 0), Ok("one".into()));
        assert_eq!(token(&app, 3_299), Ok("one".into()), "it is held");
        assert_eq!(token(&app, 3_300), Ok("one".into()), "renewal failed, the old one is good");
        assert_eq!(token(&app, 3_301), Ok("two".into()));
        assert_eq!(token(&app, 10_000), Err(ErrorKind::Authentication));
        let asked = transport.asked.lock().unwrap();
        assert_eq!(asked.len(), 4);
        assert_eq!(
            asked[0],
            "https://login.microsoftonline.com/t/oauth2/v2.0/token \
             grant_type=client_credentials&client_id=i%20d&client_secret=s%26t&scope=scope"
        );
        assert!(!format!("{app:?}").contains("s&t"));
    }
}
