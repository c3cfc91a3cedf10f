//! Where a deployment's keys come from.
//!
//! In this order: its `api_key`, a Bedrock API key; its own settings (`aws_role_name`,
//! `aws_web_identity_token`, `aws_profile_name`, `aws_access_key_id`…); the environment's
//! `AWS_BEARER_TOKEN_BEDROCK`; AWS's usual chain: keys, the profile (a role, a web identity, SSO,
//! keys, a program), the container, the instance.

mod chain;
mod fetched;
mod metadata;
mod process;
mod profile;
mod sso;
mod sts;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_provider::{Credential, Credentials, FixedCredential, Machine, Renewed, Transport};
use pointsman_types::{Deployment, Error, ErrorKind, Secret};

use self::{
    chain::{Settings, Source},
    fetched::{Fetched, Fetcher},
};

const NO_KEYS: &str = "there are no AWS credentials: set `aws_access_key_id` and \
    `aws_secret_access_key`, `aws_role_name`, `aws_profile_name`, or `api_key`";

/// Settings that the environment may hold. Its keys are settings of their own, under the names of
/// their variables: they are not mixed with a deployment's.
pub(crate) const SETTINGS_ENV: &[(&str, &[&str])] = &[
    (
        "aws_bedrock_runtime_endpoint",
        &["AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"],
    ),
    ("aws_sts_endpoint", &["AWS_STS_ENDPOINT", "AWS_ENDPOINT_URL_STS"]),
    ("aws_role_name", &["AWS_ROLE_NAME"]),
    ("aws_session_name", &["AWS_SESSION_NAME"]),
    ("aws_external_id", &["AWS_EXTERNAL_ID"]),
    ("aws_web_identity_token", &["AWS_WEB_IDENTITY_TOKEN"]),
    ("AWS_REGION", &["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"]),
    ("AWS_BEARER_TOKEN_BEDROCK", &["AWS_BEARER_TOKEN_BEDROCK"]),
    ("AWS_ACCESS_KEY_ID", &["AWS_ACCESS_KEY_ID"]),
    ("AWS_SECRET_ACCESS_KEY", &["AWS_SECRET_ACCESS_KEY"]),
    ("AWS_SESSION_TOKEN", &["AWS_SESSION_TOKEN"]),
    ("AWS_PROFILE_NAME", &["AWS_PROFILE_NAME"]),
    ("AWS_PROFILE", &["AWS_DEFAULT_PROFILE", "AWS_PROFILE"]),
    ("AWS_SHARED_CREDENTIALS_FILE", &["AWS_SHARED_CREDENTIALS_FILE"]),
    ("AWS_CONFIG_FILE", &["AWS_CONFIG_FILE"]),
    ("HOME", &["HOME", "USERPROFILE"]),
    ("AWS_ROLE_ARN", &["AWS_ROLE_ARN"]),
    ("AWS_ROLE_SESSION_NAME", &["AWS_ROLE_SESSION_NAME"]),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", &["AWS_WEB_IDENTITY_TOKEN_FILE"]),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &["AWS_CONTAINER_CREDENTIALS_FULL_URI"]),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", &["AWS_CONTAINER_AUTHORIZATION_TOKEN"]),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]),
    ("AWS_ENDPOINT_URL_SSO", &["AWS_ENDPOINT_URL_SSO"]),
    ("AWS_ENDPOINT_URL_SSO_OIDC", &["AWS_ENDPOINT_URL_SSO_OIDC"]),
    ("AWS_EC2_METADATA_DISABLED", &["AWS_EC2_METADATA_DISABLED"]),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &["AWS_EC2_METADATA_SERVICE_ENDPOINT"]),
];

/// So long before their end keys are renewed.
const AHEAD: Duration = Duration::from_mins(5);

/// The region of the profile that a deployment or its environment names, else of the default one.
pub(crate) fn profile_region(of: &Deployment, machine: &dyn Machine) -> Option<String> {
    let settings = Settings(&of.settings);
    let named = ["aws_profile_name", "AWS_PROFILE_NAME", "AWS_PROFILE"];
    let name = named.iter().find_map(|name| settings.get(name)).unwrap_or("default");
    profile::Profiles::read(settings, machine).region(name)
}

/// Where the keys of all deployments come from.
#[derive(Clone)]
pub(crate) struct KeyRing {
    transport: Arc<dyn Transport>,
    pub(crate) machine: Arc<dyn Machine>,
    /// What is fetched, by region and settings: those of the same share it.
    fetched: Arc<Mutex<HashMap<Place, Arc<dyn Credentials>>>>,
}

type Place = (String, BTreeMap<String, String>);

impl KeyRing {
    pub(crate) fn new(transport: Arc<dyn Transport>, machine: Arc<dyn Machine>) -> Self {
        Self { transport, machine, fetched: Arc::default() }
    }

    /// What hands out a deployment's keys.
    ///
    /// # Errors
    ///
    /// Says which of its settings cannot be used.
    pub(crate) fn credentials(
        &self,
        of: &Deployment,
        region: &str,
    ) -> Result<Arc<dyn Credentials>, String> {
        let fixed = |one| -> Arc<dyn Credentials> { Arc::new(FixedCredential::new(one)) };
        if let Some(key) = &of.api_key {
            return Ok(fixed(Credential::Key(key.clone())));
        }
        let settings = Settings(&of.settings);
        let own = chain::own(settings, &*self.machine)?;
        if let (None, Some(token)) = (&own, settings.get("AWS_BEARER_TOKEN_BEDROCK")) {
            return Ok(fixed(Credential::Bearer(Secret::from(token))));
        }
        match own.map_or_else(|| chain::ambient(settings, &*self.machine), Ok)? {
            Source::Keys(keys) => Ok(fixed(Credential::Aws(keys))),
            Source::Missing => Ok(Arc::new(Missing)),
            source => Ok(self.fetched(source, of, region)),
        }
    }

    fn fetched(&self, source: Source, of: &Deployment, region: &str) -> Arc<dyn Credentials> {
        let fresh = || -> Arc<dyn Credentials> {
            let (transport, machine) = (Arc::clone(&self.transport), Arc::clone(&self.machine));
            let fetcher = Fetcher::new(transport, machine, region, Settings(&of.settings));
            Arc::new(Renewed::new(Fetched { source, fetcher }, AHEAD))
        };
        let mut all = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (region.to_owned(), of.settings.clone());
        Arc::clone(all.entry(place).or_insert_with(fresh))
    }
}

// By hand: settings are secrets.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

/// There are no keys anywhere.
#[derive(Debug)]
struct Missing;

#[async_trait]
impl Credentials for Missing {
    async fn current(&self, _: Instant) -> Result<Arc<Credential>, Error> {
        Err(Error::new(ErrorKind::Authentication, NO_KEYS))
    }
}
