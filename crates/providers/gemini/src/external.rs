//! Workload identity federation: another issuer's token for one of Google's; and service accounts
//! that others act as.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Credential, Issued, Machine, Pieces, Transport, ask_issuer, escaped, form_request, oauth_token,
    secret_header, unread,
};
use pointsman_types::{Error, ExposeSecret, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{SCOPE, address, missing, refused};

/// Where another issuer's token is exchanged, where the credentials do not say.
const EXCHANGE: &str = "https://sts.googleapis.com/v1/token";
/// What a token is good for that is exchanged for a service account's.
pub(crate) const IAM: &str = "https://www.googleapis.com/auth/iam";
/// How long a service account's token is good, in seconds, where the credentials do not say.
const LIFE: u64 = 3_600;

/// The members of a credentials file for a workload.
#[derive(Deserialize)]
pub(crate) struct ExternalFile {
    audience: Option<String>,
    subject_token_type: Option<String>,
    token_url: Option<String>,
    credential_source: Option<Place>,
    workforce_pool_user_project: Option<String>,
}

#[derive(Deserialize)]
struct Place {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    format: Option<Format>,
    environment_id: Option<String>,
}

#[derive(Deserialize)]
struct Format {
    r#type: Option<String>,
    subject_token_field_name: Option<String>,
}

/// The members of a credentials file for a service account to act as.
#[derive(Deserialize)]
pub(crate) struct ImpersonationFile {
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<Options>,
    #[serde(default)]
    delegates: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Options {
    token_lifetime_seconds: Option<u64>,
}

/// A workload that another issuer knows.
pub(crate) struct External {
    audience: String,
    kind: String,
    exchange: Uri,
    source: Source,
    /// The member of the source's JSON that is the token; else the whole of it is.
    member: Option<String>,
    client: Option<(String, Secret)>,
    project: Option<String>,
}

enum Source {
    File(String),
    Url(Uri, HeaderMap),
}

// By hand: headers are secrets.
impl fmt::Debug for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("External").field("audience", &self.audience).finish_non_exhaustive()
    }
}

impl External {
    pub(crate) fn new(
        file: ExternalFile,
        client: Option<(String, Secret)>,
    ) -> Result<Self, String> {
        let place = file.credential_source.ok_or_else(|| missing("credential_source"))?;
        if place.environment_id.is_some() {
            return Err(
                "a `credential_source` of AWS is not served: use a file's or an address's".into()
            );
        }
        let source = match (place.file, place.url) {
            (Some(file), _) => Source::File(file),
            (None, Some(url)) => {
                let url = address("credential_source.url", &url)?;
                Source::Url(url, headers(&place.headers)?)
            }
            (None, None) => {
                return Err("`credential_source` in them has neither `file` nor `url`: no other \
                            source is served"
                    .into());
            }
        };
        let format = place.format.filter(|format| format.r#type.as_deref() == Some("json"));
        let member = format.map(|format| {
            let name = format.subject_token_field_name;
            name.ok_or_else(|| missing("subject_token_field_name"))
        });
        Ok(Self {
            audience: file.audience.ok_or_else(|| missing("audience"))?,
            kind: file.subject_token_type.ok_or_else(|| missing("subject_token_type"))?,
            exchange: address("token_url", file.token_url.as_deref().unwrap_or(EXCHANGE))?,
            source,
            member: member.transpose()?,
            project: file.workforce_pool_user_project.filter(|_| client.is_none()),
            client,
        })
    }

    /// A token of Google's for this scope.
    pub(crate) async fn token(
        &self,
        over: &dyn Transport,
        machine: &dyn Machine,
        scope: &str,
        now: Instant,
    ) -> Result<Issued, Error> {
        let subject = self.subject(over, machine).await?;
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", &self.audience),
            ("scope", scope),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject.expose_secret()),
            ("subject_token_type", &self.kind),
        ];
        let options = self.project.as_ref().map(|project| {
            // Twice escaped, as Google has it.
            escaped(&json!({"userProject": project}).to_string())
        });
        fields.extend(options.as_deref().map(|options| ("options", options)));
        let mut request = form_request(&self.exchange, &fields)?;
        if let Some((id, secret)) = &self.client {
            let pair = BASE64_STANDARD.encode(format!("{id}:{}", secret.expose_secret()));
            request.headers_mut().insert(AUTHORIZATION, secret_header("Basic ", &pair.into())?);
        }
        oauth_token(over, request, "Google", now).await
    }

    /// The other issuer's token, which is read anew each time.
    async fn subject(&self, over: &dyn Transport, machine: &dyn Machine) -> Result<Secret, Error> {
        let (text, place) = match &self.source {
            Source::File(path) => {
                let text = machine.read(path);
                let unread = |why| refused(&format!("the token in {path} cannot be read: {why}"));
                (text.map_err(unread)?, path.clone())
            }
            Source::Url(url, headers) => {
                let mut request = Request::new(Pieces::default());
                *request.uri_mut() = url.clone();
                *request.headers_mut() = headers.clone();
                let body = ask_issuer(over, request, &url.to_string()).await?;
                (String::from_utf8_lossy(&body).into_owned(), url.to_string())
            }
        };
        let Some(name) = &self.member else { return Ok(text.trim().into()) };
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let token = json[name].as_str().map(Secret::from);
        token.ok_or_else(|| refused(&format!("there is no {name:?} in the token of {place}")))
    }
}

fn headers(of: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let header = |(name, value): (&String, &String)| {
        let wrong = |_| format!("the header {name:?} of `credential_source` cannot be sent");
        let value = secret_header("", &Secret::from(value.as_str())).map_err(wrong)?;
        let known = HeaderName::try_from(name.as_str());
        Ok((known.map_err(|_| format!("{name:?} is no header's name"))?, value))
    };
    of.iter().map(header).collect()
}

/// A service account to act as.
#[derive(Debug)]
pub(crate) struct Impersonation {
    url: Uri,
    lifetime: u64,
    delegates: Option<Vec<String>>,
}

impl Impersonation {
    pub(crate) fn new(file: ImpersonationFile) -> Result<Option<Self>, String> {
        let Some(url) = file.service_account_impersonation_url else { return Ok(None) };
        let options = file.service_account_impersonation;
        let lifetime = options.and_then(|options| options.token_lifetime_seconds);
        Ok(Some(Self {
            url: address("service_account_impersonation_url", &url)?,
            lifetime: lifetime.unwrap_or(LIFE),
            delegates: file.delegates,
        }))
    }

    /// The service account's token, for one of whoever may act as it.
    pub(crate) async fn token(
        &self,
        over: &dyn Transport,
        with: &Credential,
    ) -> Result<Issued, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            access_token: String,
            expire_time: String,
        }
        let issuer = "Google";
        let Credential::Bearer(token) = with else { return Err(unread(issuer)) };
        let body = json!({
            "delegates": self.delegates,
            "scope": [SCOPE],
            "lifetime": format!("{}s", self.lifetime),
        });
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(AUTHORIZATION, secret_header("Bearer ", token)?)
            .body(Bytes::from(body.to_string()).into())
            .map_err(|error| refused(&error.to_string()))?;
        let body = ask_issuer(over, request, issuer).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| unread(issuer))?;
        let until: jiff::Timestamp = answer.expire_time.parse().map_err(|_| unread(issuer))?;
        let until = u64::try_from(until.as_second()).ok().map(Instant::from_secs);
        Ok(Issued { credential: Credential::Bearer(answer.access_token.into()), until })
    }
}
