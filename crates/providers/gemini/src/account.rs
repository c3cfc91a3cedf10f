//! Google's credentials, and what is asked for a token with each.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderValue, Request, header::CONTENT_TYPE};
use pointsman_clock::Instant;
use pointsman_provider::Pieces;
use pointsman_types::{ExposeSecret, Secret};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the tokens are good for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where tokens are issued, where the credentials do not say.
const TOKENS: &str = "https://oauth2.googleapis.com/token";
/// How long an assertion is good for, in seconds.
const LIFE: u64 = 3_600;

/// Who asks for tokens.
pub(crate) enum Account {
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
    token_uri: String,
}

pub(crate) struct Person {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    token_uri: String,
}

// By hand: each holds a secret.
impl fmt::Debug for Account {
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
}

impl Account {
    /// Reads a credentials file.
    ///
    /// # Errors
    ///
    /// Says what is missing or broken in it; never what is in it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        // The text of a parser's error may quote a secret.
        let file: File = serde_json::from_str(text).map_err(|error| {
            format!(
                "they are no credentials file: line {}, column {}",
                error.line(),
                error.column()
            )
        })?;
        let token_uri = file.token_uri.unwrap_or_else(|| TOKENS.to_owned());
        let missing = |name: &str| format!("`{name}` is missing in them");
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

    /// The request for a token that is good from `now` on.
    ///
    /// # Errors
    ///
    /// Says why it cannot be signed or addressed.
    pub(crate) fn request(&self, now: Instant) -> Result<Request<Pieces>, String> {
        let form = match self {
            Self::Machine(host) => {
                let path = "computeMetadata/v1/instance/service-accounts/default/token";
                return Request::get(format!("http://{host}/{path}"))
                    .header("metadata-flavor", HeaderValue::from_static("Google"))
                    .body(Pieces::default())
                    .map_err(|error| format!("the metadata server's address: {error}"));
            }
            Self::Service(account) => {
                let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
                format!("grant_type={grant}&assertion={}", account.assertion(now)?)
            }
            Self::Person(person) => format!(
                "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
                escaped(&person.client_id),
                escaped(person.client_secret.expose_secret()),
                escaped(person.refresh_token.expose_secret()),
            ),
        };
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        Request::post(self.token_uri())
            .header(CONTENT_TYPE, form_type)
            .body(Bytes::from(form).into())
            .map_err(|error| format!("`token_uri`: {error}"))
    }

    fn token_uri(&self) -> &str {
        match self {
            Self::Service(account) => &account.token_uri,
            Self::Person(person) => &person.token_uri,
            Self::Machine(host) => host,
        }
    }
}

impl ServiceAccount {
    /// A JSON web token that says who asks, signed with RS256.
    fn assertion(&self, now: Instant) -> Result<String, String> {
        let mut header = json!({"typ": "JWT", "alg": "RS256"});
        if let Some(id) = &self.key_id {
            header["kid"] = id.as_str().into();
        }
        let issued = now.as_secs();
        let claims = json!({
            "iat": issued,
            "exp": issued.saturating_add(LIFE),
            "iss": self.email,
            "aud": self.token_uri,
            "scope": SCOPE,
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

/// As in a form: what is not plain as its bytes.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

/// The project that a credentials file names.
pub(crate) fn project_of(text: &str) -> Option<String> {
    let file: Value = serde_json::from_str(text).ok()?;
    let named = ["project_id", "quota_project_id"].iter().find_map(|name| file[*name].as_str());
    named.filter(|project| !project.is_empty()).map(str::to_owned)
}
