//! Keys of the machine: the instance's, the container's.

use http::{HeaderMap, HeaderValue, Method, Request, header::AUTHORIZATION};
use pointsman_provider::{AwsKeys, Pieces, secret_header};
use pointsman_types::{Error, ErrorKind, Secret};
use serde::Deserialize;

use super::{
    NO_KEYS,
    chain::Token,
    fetched::{Fetcher, Lent, refused, unasked},
    sts::instant,
};

const INSTANCE: &str = "the instance's metadata service";
const CONTAINER: &str = "the container's agent";
const ROLES: &str = "latest/meta-data/iam/security-credentials";

/// Keys as both hand them out.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

impl Fetcher {
    /// The keys of the instance's role (IMDSv2: asked with a token of its own).
    pub(super) async fn instance(&self, endpoint: &str) -> Result<Lent, Error> {
        let mut asked = HeaderMap::new();
        let seconds = HeaderValue::from_static("21600");
        asked.insert("x-aws-ec2-metadata-token-ttl-seconds", seconds);
        let url = format!("{endpoint}/latest/api/token");
        let token = self.text(Method::PUT, &url, asked, INSTANCE).await.map_err(nowhere)?;
        let mut with = HeaderMap::new();
        let token = secret_header("", &Secret::from(token.trim()))?;
        with.insert("x-aws-ec2-metadata-token", token);
        let url = format!("{endpoint}/{ROLES}/");
        let roles = self.text(Method::GET, &url, with.clone(), INSTANCE).await?;
        let Some(role) = roles.lines().next().filter(|role| !role.is_empty()) else {
            return Err(unasked(INSTANCE, &"the instance has no role"));
        };
        let url = format!("{endpoint}/{ROLES}/{role}");
        let said = self.text(Method::GET, &url, with, INSTANCE).await?;
        lent(&said, INSTANCE)
    }

    /// The keys of the container's task or pod.
    pub(super) async fn container(&self, url: &str, token: Option<&Token>) -> Result<Lent, Error> {
        let mut with = HeaderMap::new();
        if let Some(token) = token {
            let token = token.read(&*self.machine).map_err(|error| unasked(CONTAINER, &error))?;
            with.insert(AUTHORIZATION, secret_header("", &token)?);
        }
        lent(&self.text(Method::GET, url, with, CONTAINER).await?, CONTAINER)
    }

    async fn text(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        what: &str,
    ) -> Result<String, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .body(Pieces::default())
            .map_err(|error| unasked(what, &error))?;
        *request.headers_mut() = headers;
        let (status, body) = self.send(request, what).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() { Ok(text) } else { Err(refused(what, status, &text)) }
    }
}

/// Whoever does not run on an instance is told what else there is.
fn nowhere(error: Error) -> Error {
    if error.kind != ErrorKind::Connection {
        return error;
    }
    unasked(NO_KEYS, &error.message())
}

fn lent(said: &str, what: &str) -> Result<Lent, Error> {
    // The text may be keys: it is not shown.
    let said: Said = serde_json::from_str(said).map_err(|_| {
        Error::new(ErrorKind::Authentication, format!("{what} answered with no credentials"))
    })?;
    let keys = AwsKeys {
        access_key_id: said.access_key_id,
        secret_access_key: said.secret_access_key.into(),
        session_token: said.token.map(Secret::from),
    };
    Ok(Lent { keys, until: said.expiration.as_deref().and_then(instant) })
}
