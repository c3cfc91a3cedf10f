//! Google's credentials, and what is asked for a token with each.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, Uri};
use pointsman_clock::Instant;
use pointsman_provider::{Pieces, form_request};
use pointsman_types::{Error, ErrorKind, ExposeSecret, Secret};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::external::{External, ExternalFile, Impersonation, ImpersonationFile};

/// What the tokens are good for.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where tokens are issued, where the credentials do not say.
const TOKENS: &str = "https://oauth2.googleapis.com/token";
/// How long an assertion is good for, in seconds.
const LIFE: u64 = 3_600;

/// Who asks for tokens.
#[derive(Debug)]
pub(crate) enum Account {
    /// One of Google's.
    Own(Own),
    /// A workload that another issuer knows, and the service account that it acts as.
    External(Box<External>, Option<Impersonation>),
    /// A service account that another one acts as.
    Impersonated(Own, Impersonation),
}

/// Who asks Google itself.
pub(crate) enum Own {
    /// A service account, which signs what it asks.
    Service(ServiceAccount),
    /// A person's login, as `gcloud auth application-default login` leaves it.
    Person(Person),
    /// The machine's own, asked of the metadata server at this host.
    Machine(String),
}

pub(crate) struct ServiceAccount {
    email: String,
    key: Box<RsaKeyPair>,
    key_id: Option<String>,
    token_uri: Uri,
}

pub(crate) struct Person {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    token_uri: Uri,
}

// By hand: each holds a secret.
impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(account) => f.debug_tuple("Service").field(&account.email).finish(),
            Self::Person(person) => f.debug_tuple("Person").field(&person.client_id).finish(),
            Self::Machine(host) => f.debug_tuple("Machine").field(host).finish(),
        }
    }
}

#[derive(Deserialize)]
struct File {
    r#type: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    source_credentials: Option<Value>,
    #[serde(flatten)]
    impersonation: ImpersonationFile,
    #[serde(flatten)]
    external: ExternalFile,
}

/// Reads a part of a credentials file. The text of a parser's error may quote a secret.
fn file(text: &str) -> Result<File, String> {
    serde_json::from_str(text).map_err(|error| {
        format!("they are no credentials file: line {}, column {}", error.line(), error.column())
    })
}

pub(crate) fn missing(name: &str) -> String {
    format!("`{name}` is missing in them")
}

/// An address in a credentials file.
pub(crate) fn address(name: &str, text: &str) -> Result<Uri, String> {
    text.parse().map_err(|_| format!("`{name}` in them is no address"))
}

impl Account {
    /// Reads a credentials file.
    ///
    /// # Errors
    ///
    /// Says what is missing or broken in it; never what is in it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut file = file(text)?;
        match file.r#type.as_deref() {
            Some("external_account") => {
                let secret = file.client_secret.take().map(Secret::from);
                let client = file.client_id.take().zip(secret);
                let external = External::new(file.external, client)?;
                let acts_as = Impersonation::new(file.impersonation)?;
                Ok(Self::External(Box::new(external), acts_as))
            }
            Some("impersonated_service_account") => {
                let source = file.source_credentials.take();
                let source = source.ok_or_else(|| missing("source_credentials"))?.to_string();
                let source = Own::of(self::file(&source)?)
                    .map_err(|why| format!("of `source_credentials`: {why}"))?;
                let acts_as = Impersonation::new(file.impersonation)?;
                let acts_as =
                    acts_as.ok_or_else(|| missing("service_account_impersonation_url"))?;
                Ok(Self::Impersonated(source, acts_as))
            }
            _ => Own::of(file).map(Self::Own),
        }
    }
}

impl Own {
    fn of(file: File) -> Result<Self, String> {
        let token_uri = address("token_uri", file.token_uri.as_deref().unwrap_or(TOKENS))?;
        match file.r#type.as_deref() {
            Some("service_account") => {
                let key = file.private_key.ok_or_else(|| missing("private_key"))?;
                Ok(Self::Service(ServiceAccount {
                    email: file.client_email.ok_or_else(|| missing("client_email"))?,
                    key: Box::new(key_pair(&key)?),
                    key_id: file.private_key_id,
                    token_uri,
                }))
            }
            Some("authorized_user") => Ok(Self::Person(Person {
                client_id: file.client_id.ok_or_else(|| missing("client_id"))?,
                client_secret: file.client_secret.ok_or_else(|| missing("client_secret"))?.into(),
                refresh_token: file.refresh_token.ok_or_else(|| missing("refresh_token"))?.into(),
                token_uri,
            })),
            Some(other) => Err(format!(
                "credentials of the type {other:?} are not served: use a service account's"
            )),
            None => Err(missing("type")),
        }
    }

    /// The request for a token that is good from `now` on, for this scope.
    ///
    /// # Errors
    ///
    /// Says why it cannot be signed or addressed.
    pub(crate) fn request(&self, scope: &str, now: Instant) -> Result<Request<Pieces>, Error> {
        match self {
            Self::Machine(host) => {
                let path = "computeMetadata/v1/instance/service-accounts/default/token";
                Request::get(format!("http://{host}/{path}"))
                    .header("metadata-flavor", HeaderValue::from_static("Google"))
                    .body(Pieces::default())
                    .map_err(|error| refused(&format!("the metadata server's address: {error}")))
            }
            Self::Service(account) => {
                let assertion = account.assertion(scope, now).map_err(|why| refused(&why))?;
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                let fields = [("grant_type", grant), ("assertion", &assertion)];
                form_request(&account.token_uri, &fields)
            }
            Self::Person(person) => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", &person.client_id),
                    ("client_secret", person.client_secret.expose_secret()),
                    ("refresh_token", person.refresh_token.expose_secret()),
                ];
                form_request(&person.token_uri, &fields)
            }
        }
    }
}

/// The error for credentials that cannot be used.
pub(crate) fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Authentication, format!("Google's credentials cannot be used: {why}"))
}

impl ServiceAccount {
    /// A JSON web token that says who asks, signed with RS256.
    fn assertion(&self, scope: &str, now: Instant) -> Result<String, String> {
        let mut header = json!({"typ": "JWT", "alg": "RS256"});
        if let Some(id) = &self.key_id {
            header["kid"] = id.as_str().into();
        }
        let issued = now.as_secs();
        let claims = json!({
            "iat": issued,
            "exp": issued.saturating_add(LIFE),
            "iss": self.email,
            "aud": self.token_uri.to_string(),
            "scope": scope,
        });
        let encoded = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| "the key cannot sign".to_owned())?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn key_pair(pem: &str) -> Result<RsaKeyPair, String> {
    let broken = "`private_key` in them is no RSA key in PEM";
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(broken.to_owned()),
    }
    .map_err(|_| broken.to_owned())
}

/// The project that a credentials file names.
pub(crate) fn project_of(text: &str) -> Option<String> {
    let file: Value = serde_json::from_str(text).ok()?;
    let named = ["project_id", "quota_project_id"].iter().find_map(|name| file[*name].as_str());
    named.filter(|project| !project.is_empty()).map(str::to_owned)
}
