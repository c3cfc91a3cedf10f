//! Tokens that are issued for a while in exchange for something that lasts.

use std::{fmt, sync::Arc, time::Duration};

use http::Uri;
use pointsman_clock::Instant;
use pointsman_provider::{
    Credentials, Issued, Issuer, Renewed, Transport, form_request, oauth_token,
};
use pointsman_types::{Error, ExposeSecret, Secret};

/// So long before its end a token is exchanged for the next one.
pub(crate) const AHEAD: Duration = Duration::from_mins(5);

/// Exchanges a form for a token.
pub(crate) struct Exchange {
    transport: Arc<dyn Transport>,
    /// Who issues them, for people.
    issuer: &'static str,
    uri: Uri,
    fields: Vec<(&'static str, Secret)>,
}

impl Exchange {
    /// Exchanges a form of these fields at that address.
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        issuer: &'static str,
        uri: Uri,
        fields: &[(&'static str, &str)],
    ) -> Self {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).into())).collect();
        Self { transport, issuer, uri, fields }
    }

    /// The tokens, kept and renewed.
    pub(crate) fn credentials(self) -> Arc<dyn Credentials> {
        Arc::new(Renewed::new(self, AHEAD))
    }
}

impl Issuer for Exchange {
    async fn issue(&self, now: Instant) -> Result<Issued, Error> {
        let fields: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
        let request = form_request(&self.uri, &fields)?;
        oauth_token(&*self.transport, request, self.issuer, now).await
    }
}

// By hand: the form's fields are nobody's business.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("uri", &self.uri).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Plain;

    use async_trait::async_trait;
    use futures_util::{FutureExt, stream};
    use http::{Request, Response};
    use pointsman_provider::{Credentials, Incoming};

    use pointsman_provider::{Credential, Pieces};
    use pointsman_types::ErrorKind;

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

    fn token(app: &Renewed<Exchange>, at: u64) -> Result<String, ErrorKind> {
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
        let fields = [("id", "i d"), ("secret", "s&t")];
        let app = Renewed::new(Exchange::new(port, "X", uri, &fields), AHEAD);
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
