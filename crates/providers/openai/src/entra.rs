//! Azure's tokens: who asks Entra, or the machine, for them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use http::{HeaderValue, Request, Uri, header::HeaderName};
use pointsman_clock::Instant;
use pointsman_provider::{
    Credential, Credentials, FixedCredential, Issued, Issuer, Machine, Pieces, Renewed, Transport,
    escaped, form_request, oauth_token,
};
use pointsman_types::{Error, ErrorKind, Secret};

use crate::tokens::{AHEAD, Exchange};

/// Where Entra issues its tokens.
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// What a token is for.
const NEEDED: &str = "https://cognitiveservices.azure.com/.default";
/// Where a machine at Azure asks for its own token.
const INSTANCE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
/// Any tenant of a person's.
const ORGANIZATIONS: &str = "organizations";

/// Settings that the environment may hold.
pub(crate) const SETTINGS_ENV: &[(&str, &[&str])] = &[
    ("api_version", &["AZURE_API_VERSION", "OPENAI_API_VERSION"]),
    ("azure_ad_token", &["AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN"]),
    ("tenant_id", &["AZURE_TENANT_ID"]),
    ("client_id", &["AZURE_CLIENT_ID"]),
    ("client_secret", &["AZURE_CLIENT_SECRET"]),
    ("azure_username", &["AZURE_USERNAME"]),
    ("azure_password", &["AZURE_PASSWORD"]),
    ("azure_scope", &["AZURE_SCOPE"]),
    ("AZURE_AUTHORITY_HOST", &["AZURE_AUTHORITY_HOST"]),
    ("AZURE_FEDERATED_TOKEN_FILE", &["AZURE_FEDERATED_TOKEN_FILE"]),
    ("AZURE_CREDENTIAL", &["AZURE_CREDENTIAL"]),
    ("IDENTITY_ENDPOINT", &["IDENTITY_ENDPOINT"]),
    ("IDENTITY_HEADER", &["IDENTITY_HEADER"]),
];

/// What a deployment without any is told.
const NONE: &str = "it has no credential: set `api_key`, `azure_ad_token`, `tenant_id`, `client_id` \
    and `client_secret`, or `enable_azure_ad_token_refresh` for the machine's own identity";

/// A deployment's settings; an empty one is none.
struct Settings<'a>(&'a BTreeMap<String, String>);

impl<'a> Settings<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn scope(&self) -> &'a str {
        self.get("azure_scope").unwrap_or(NEEDED)
    }

    /// Where a tenant's tokens are issued.
    fn issuer(&self, tenant: &str) -> Result<Uri, String> {
        let authority = self.get("AZURE_AUTHORITY_HOST").unwrap_or(AUTHORITY);
        let scheme = if authority.contains("://") { "" } else { "https://" };
        let root = authority.trim_end_matches('/');
        let uri = format!("{scheme}{root}/{}/oauth2/v2.0/token", escaped(tenant));
        uri.parse().map_err(|_| format!("AZURE_AUTHORITY_HOST {authority:?} is no address"))
    }
}

/// What hands out a deployment's tokens, where it has no key: an app's secret, a person's password,
/// a token (of Entra, or of another issuer to exchange), a workload's identity, the machine's.
///
/// # Errors
///
/// Says what is missing or wrong.
pub(crate) fn credentials(
    settings: &BTreeMap<String, String>,
    transport: &Arc<dyn Transport>,
    machine: &Arc<dyn Machine>,
) -> Result<Arc<dyn Credentials>, String> {
    let of = Settings(settings);
    let scope = of.scope();
    let exchanged = |tenant: &str, fields: &[(&'static str, &str)]| {
        let exchange = Exchange::new(Arc::clone(transport), "Entra", of.issuer(tenant)?, fields);
        Ok(exchange.credentials())
    };
    let (tenant, client) = (of.get("tenant_id"), of.get("client_id"));
    if let (Some(tenant), Some(id), Some(secret)) = (tenant, client, of.get("client_secret")) {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
            ("scope", scope),
        ];
        return exchanged(tenant, &fields);
    }
    if let (Some(id), Some(name), Some(password)) =
        (client, of.get("azure_username"), of.get("azure_password"))
    {
        let fields = [
            ("grant_type", "password"),
            ("client_id", id),
            ("username", name),
            ("password", password),
            ("scope", scope),
        ];
        return exchanged(tenant.unwrap_or(ORGANIZATIONS), &fields);
    }
    let workload = |proof: Proof, tenant, id: &str| -> Result<Arc<dyn Credentials>, String> {
        let (uri, id, scope) = (of.issuer(tenant)?, id.to_owned(), scope.to_owned());
        let (transport, machine) = (Arc::clone(transport), Arc::clone(machine));
        Ok(Arc::new(Renewed::new(Workload { transport, machine, uri, id, scope, proof }, AHEAD)))
    };
    if let Some(token) = of.get("azure_ad_token") {
        let Some(proof) = token.strip_prefix("oidc/") else {
            return Ok(Arc::new(FixedCredential::new(Credential::Bearer(token.into()))));
        };
        let (Some(tenant), Some(id)) = (tenant, client) else {
            return Err("`azure_ad_token` names an issuer: set `tenant_id` and `client_id`".into());
        };
        return workload(Proof::named(proof)?, tenant, id);
    }
    let file = of.get("AZURE_FEDERATED_TOKEN_FILE");
    if let (Some(tenant), Some(id), Some(file)) = (tenant, client, file) {
        return workload(Proof(file.to_owned()), tenant, id);
    }
    let asked = of.get("enable_azure_ad_token_refresh") == Some("true");
    let named = ["ManagedIdentityCredential", "DefaultAzureCredential"];
    let named = of.get("AZURE_CREDENTIAL").is_some_and(|name| named.contains(&name));
    if !(asked || named || of.get("IDENTITY_ENDPOINT").is_some()) {
        return Err(NONE.into());
    }
    let managed = Managed::new(&of, Arc::clone(transport))?;
    Ok(Arc::new(Renewed::new(managed, AHEAD)))
}

/// The file of a token of another issuer, which is renewed in place.
#[derive(Debug)]
struct Proof(String);

impl Proof {
    /// As LiteLLM names it, without `oidc/`.
    fn named(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix("file/").ok_or(
            "`azure_ad_token` must be the token, or oidc/file/…: other providers of tokens are not \
             asked",
        )?;
        Ok(Self(format!("/{}", path.trim_start_matches('/'))))
    }
}

/// A workload that another issuer knows.
#[derive(Debug)]
struct Workload {
    transport: Arc<dyn Transport>,
    machine: Arc<dyn Machine>,
    uri: Uri,
    id: String,
    scope: String,
    proof: Proof,
}

impl Issuer for Workload {
    async fn issue(&self, now: Instant) -> Result<Issued, Error> {
        let Proof(path) = &self.proof;
        let token = self.machine.read(path).map_err(|why| {
            let message = format!("the token in {path} cannot be read: {why}");
            Error::new(ErrorKind::Authentication, message)
        })?;
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("client_assertion_type", kind),
            ("client_assertion", token.trim()),
            ("scope", &self.scope),
        ];
        let request = form_request(&self.uri, &fields)?;
        oauth_token(&*self.transport, request, "Entra", now).await
    }
}

/// The identity that Azure has given the machine.
struct Managed {
    transport: Arc<dyn Transport>,
    uri: Uri,
    name: HeaderName,
    value: Secret,
}

impl Managed {
    fn new(of: &Settings<'_>, transport: Arc<dyn Transport>) -> Result<Self, String> {
        let resource = of.scope().trim_end_matches("/.default");
        let own = of.get("IDENTITY_ENDPOINT").zip(of.get("IDENTITY_HEADER"));
        // A container's host has an address of its own, an instance the same everywhere.
        let (at, version, name, value) = match own {
            Some((at, header)) => (at, "2019-08-01", "x-identity-header", header),
            None => (INSTANCE, "2018-02-01", "metadata", "true"),
        };
        let join = if at.contains('?') { '&' } else { '?' };
        let mut uri = format!("{at}{join}api-version={version}&resource={}", escaped(resource));
        if let Some(id) = of.get("client_id") {
            uri = format!("{uri}&client_id={}", escaped(id));
        }
        let uri = uri.parse().map_err(|_| format!("IDENTITY_ENDPOINT {at:?} is no address"))?;
        Ok(Self { transport, uri, name: HeaderName::from_static(name), value: value.into() })
    }
}

impl Issuer for Managed {
    async fn issue(&self, now: Instant) -> Result<Issued, Error> {
        let what = "the machine's identity endpoint";
        let value: HeaderValue = pointsman_provider::secret_header("", &self.value)?;
        let request = Request::get(self.uri.clone()).header(&self.name, value);
        let request = request
            .body(Pieces::default())
            .map_err(|error| Error::new(ErrorKind::Authentication, format!("{what}: {error}")))?;
        oauth_token(&*self.transport, request, what, now).await
    }
}

// By hand: the header is a secret.
impl fmt::Debug for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Managed").field("uri", &self.uri).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use futures_util::{FutureExt, stream};
    use http::{HeaderMap, Response};
    use pointsman_provider::Incoming;
    use pointsman_testkit::FakeMachine;
    use pointsman_types::ExposeSecret;

    use super::*;

    /// Answers everybody, and keeps what it was asked.
    #[derive(Debug, Default)]
    struct Azure(Mutex<Vec<(String, HeaderMap)>>);

    #[async_trait]
    impl Transport for Azure {
        async fn send(&self, request: Request<Pieces>) -> Result<Response<Incoming>, Error> {
            let (head, body) = request.into_parts();
            let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            let asked = format!("{} {} {body}", head.method, head.uri);
            self.0.lock().unwrap().push((asked.trim().to_owned(), head.headers));
            let answer = r#"{"access_token": "issued", "expires_on": "1000003600"}"#;
            let body: Incoming = Box::pin(stream::iter([Ok(answer.into())]));
            Ok(Response::new(body))
        }
    }

    const APP: [(&str, &str); 3] =
        [("tenant_id", "t"), ("client_id", "c"), ("client_secret", "planted")];
    const WORKLOAD: [(&str, &str); 3] =
        [("tenant_id", "t"), ("client_id", "c"), ("AZURE_FEDERATED_TOKEN_FILE", "/token")];

    fn found(settings: &[(&str, &str)]) -> Result<(String, Vec<(String, HeaderMap)>), String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings = settings.iter().map(own).collect();
        let azure = Arc::new(Azure::default());
        let transport: Arc<dyn Transport> = Arc::<Azure>::clone(&azure);
        let machine: Arc<dyn Machine> = Arc::new(FakeMachine::with(&[("/token", "jwt\n")]));
        let from = credentials(&settings, &transport, &machine)?;
        assert!(!format!("{from:?}").contains("planted"), "{from:?}");
        let current = from.current(Instant::from_secs(1_000_000_000)).now_or_never().unwrap();
        // An hour, as the moment of the end says.
        from.current(Instant::from_secs(1_000_003_299)).now_or_never().unwrap().unwrap();
        let Credential::Bearer(token) = &*current.unwrap() else { panic!("no token") };
        let asked = azure.0.lock().unwrap().clone();
        Ok((token.expose_secret().to_owned(), asked))
    }

    fn asked(settings: &[(&str, &str)]) -> String {
        let (token, mut asked) = found(settings).unwrap();
        assert_eq!((token.as_str(), asked.len()), ("issued", 1));
        asked.remove(0).0
    }

    #[test]
    fn each_credential_asks_as_azures_own_library_does() {
        let entra = "POST https://login.microsoftonline.com";
        let scope = "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default";
        assert_eq!(
            asked(&APP),
            format!(
                "{entra}/t/oauth2/v2.0/token grant_type=client_credentials&client_id=c&client_secret=planted&{scope}"
            )
        );
        let person = [("client_id", "c"), ("azure_username", "u@x"), ("azure_password", "planted")];
        assert_eq!(
            asked(&person),
            format!(
                "{entra}/organizations/oauth2/v2.0/token grant_type=password&client_id=c&username=u%40x&password=planted&{scope}"
            )
        );
        let assertion = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=jwt";
        let want = format!(
            "{entra}/t/oauth2/v2.0/token grant_type=client_credentials&client_id=c&{assertion}&{scope}"
        );
        assert_eq!(asked(&WORKLOAD), want);
        let oidc = [("tenant_id", "t"), ("client_id", "c"), ("azure_ad_token", "oidc/file/token")];
        assert_eq!(asked(&oidc), want);
        let china = [&APP[..], &[("AZURE_AUTHORITY_HOST", "login.chinacloudapi.cn")]].concat();
        assert!(asked(&china).starts_with("POST https://login.chinacloudapi.cn/t/"));
    }

    #[test]
    fn the_machines_identity_is_asked_for_where_it_is() {
        let on = ("enable_azure_ad_token_refresh", "true");
        let resource = "resource=https%3A%2F%2Fcognitiveservices.azure.com";
        let instance = "GET http://169.254.169.254/metadata/identity/oauth2/token";
        assert_eq!(asked(&[on]), format!("{instance}?api-version=2018-02-01&{resource}"));
        let (_, sent) =
            found(&[("AZURE_CREDENTIAL", "ManagedIdentityCredential"), ("client_id", "c")])
                .unwrap();
        assert_eq!(sent[0].0, format!("{instance}?api-version=2018-02-01&{resource}&client_id=c"));
        assert_eq!(sent[0].1["metadata"], "true");
        let container =
            [("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token"), ("IDENTITY_HEADER", "planted")];
        let (_, sent) = found(&container).unwrap();
        assert_eq!(
            sent[0].0,
            format!("GET http://127.0.0.1:9/msi/token?api-version=2019-08-01&{resource}")
        );
        assert_eq!(sent[0].1["x-identity-header"], "planted");
    }

    #[test]
    fn what_is_missing_is_said() {
        assert!(found(&[]).unwrap_err().contains("enable_azure_ad_token_refresh"));
        assert!(found(&[("client_id", "c"), ("client_secret", "s")]).is_err());
        let oidc = [("azure_ad_token", "oidc/file/token")];
        assert!(found(&oidc).unwrap_err().contains("`tenant_id`"));
        let oidc = [("tenant_id", "t"), ("client_id", "c"), ("azure_ad_token", "oidc/github/x")];
        assert!(found(&oidc).unwrap_err().contains("oidc/file/"));
        // As in LiteLLM, an app's secret wins over a token, which ends.
        let (token, sent) = found(&[&APP[..], &[("azure_ad_token", "own")]].concat()).unwrap();
        assert_eq!((token.as_str(), sent.len()), ("issued", 1));
        assert_eq!(found(&[("azure_ad_token", "own")]).unwrap().0, "own");
    }
}
