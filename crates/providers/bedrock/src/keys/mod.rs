//! Where a deployment's keys come from.
//!
//! In this order: its `api_key`, a Bedrock API key; its own settings (`aws_role_name`,
//! `aws_web_identity_token`, `aws_profile_name`, `aws_access_key_id`…); the environment's
//! `AWS_BEARER_TOKEN_BEDROCK`; AWS's usual chain: keys, a profile, a web identity, the default
//! profile, the container, the instance.

mod chain;
mod fetched;
mod metadata;
mod profile;
mod sts;

use std::sync::Arc;

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_provider::{Credential, Credentials, ReadFile, Transport};
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
    ("aws_sts_endpoint", &["AWS_ENDPOINT_URL_STS"]),
    ("AWS_REGION", &["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"]),
    ("AWS_BEARER_TOKEN_BEDROCK", &["AWS_BEARER_TOKEN_BEDROCK"]),
    ("AWS_ACCESS_KEY_ID", &["AWS_ACCESS_KEY_ID"]),
    ("AWS_SECRET_ACCESS_KEY", &["AWS_SECRET_ACCESS_KEY"]),
    ("AWS_SESSION_TOKEN", &["AWS_SESSION_TOKEN"]),
    ("AWS_PROFILE", &["AWS_PROFILE", "AWS_PROFILE_NAME", "AWS_DEFAULT_PROFILE"]),
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
    ("AWS_EC2_METADATA_DISABLED", &["AWS_EC2_METADATA_DISABLED"]),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &["AWS_EC2_METADATA_SERVICE_ENDPOINT"]),
];

/// The region of the profile that a deployment or its environment names.
pub(crate) fn profile_region(of: &Deployment, files: &ReadFile) -> Option<String> {
    let settings = Settings(&of.settings);
    let name = settings.get("aws_profile_name").or_else(|| settings.get("AWS_PROFILE"))?;
    profile::Profiles::read(settings, files).region(name)
}

/// What hands out a deployment's keys.
///
/// # Errors
///
/// Says which of its settings cannot be used.
pub(crate) fn credentials(
    of: &Deployment,
    region: &str,
    transport: &Arc<dyn Transport>,
    files: &ReadFile,
) -> Result<Arc<dyn Credentials>, String> {
    let fixed = |one| -> Arc<dyn Credentials> { Arc::new(Fixed(Arc::new(one))) };
    if let Some(key) = &of.api_key {
        return Ok(fixed(Credential::Key(key.clone())));
    }
    let settings = Settings(&of.settings);
    let own = chain::own(settings, files)?;
    if let (None, Some(token)) = (&own, settings.get("AWS_BEARER_TOKEN_BEDROCK")) {
        return Ok(fixed(Credential::Bearer(Secret::from(token))));
    }
    Ok(match own.map_or_else(|| chain::ambient(settings, files), Ok)? {
        Source::Keys(keys) => fixed(Credential::Aws(keys)),
        Source::Missing => Arc::new(Missing),
        source => {
            let sts = settings.get("aws_sts_endpoint").map(str::to_owned);
            let fetcher = Fetcher::new(Arc::clone(transport), files.clone(), region, sts);
            Arc::new(Fetched::new(source, fetcher))
        }
    })
}

/// A credential that was configured.
#[derive(Debug)]
struct Fixed(Arc<Credential>);

#[async_trait]
impl Credentials for Fixed {
    async fn current(&self, _: Instant) -> Result<Arc<Credential>, Error> {
        Ok(Arc::clone(&self.0))
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
