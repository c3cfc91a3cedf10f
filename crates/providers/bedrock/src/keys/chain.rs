//! Which source of keys a deployment has.

use std::collections::BTreeMap;

use pointsman_provider::{AwsKeys, Machine};
use pointsman_types::Secret;

use super::profile::Profiles;

/// Where the container's agent answers.
const CONTAINER: &str = "http://169.254.170.2";
/// Where an instance's metadata are.
const INSTANCE: &str = "http://169.254.169.254";
/// A session's name where nobody gives one.
pub(super) const SESSION: &str = "pointsman";

/// The settings of a deployment; an empty one is none.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a>(pub(super) &'a BTreeMap<String, String>);

impl<'a> Settings<'a> {
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// Where keys come from.
#[derive(Debug)]
pub(super) enum Source {
    /// From the configuration.
    Keys(AwsKeys),
    /// From STS, for a role that another identity may take.
    Role { base: Box<Source>, role: Role },
    /// From STS, for a token of an identity provider.
    WebIdentity { token: Token, role: Role },
    /// From IAM Identity Center, for a token that `aws sso login` left.
    Sso(Box<Sso>),
    /// From a program.
    Process(Vec<String>),
    /// From the agent of the container.
    Container { url: String, token: Option<Token> },
    /// From the instance's metadata.
    Instance { endpoint: String },
    /// From nowhere.
    Missing,
}

/// A role to take.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session: String,
    pub(super) external_id: Option<String>,
    /// How long the keys shall be good, in seconds.
    pub(super) duration: Option<u32>,
}

/// A role of IAM Identity Center, and the token to take it with.
#[derive(Debug)]
pub(super) struct Sso {
    /// Whether the token may be renewed: it is of an `sso-session`.
    pub(super) renewable: bool,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) role: String,
    /// The file that `aws sso login` writes.
    pub(super) token: String,
}

/// A token, or the file that holds it and is renewed in place.
#[derive(Debug)]
pub(super) enum Token {
    Here(Secret),
    File(String),
}

impl Token {
    /// # Errors
    ///
    /// Says that the file cannot be read.
    pub(super) fn read(&self, machine: &dyn Machine) -> Result<Secret, String> {
        match self {
            Self::Here(token) => Ok(token.clone()),
            Self::File(path) => machine
                .read(path)
                .map(|text| Secret::from(text.trim()))
                .map_err(|error| format!("the token in {path} cannot be read: {error}")),
        }
    }

    /// A token as LiteLLM has it: the token itself, or where it is.
    fn of(text: &str) -> Result<Self, String> {
        match text.strip_prefix("oidc/") {
            None if text.starts_with('/') => Ok(Self::File(text.to_owned())),
            None => Ok(Self::Here(text.into())),
            Some(rest) => rest
                .strip_prefix("file/")
                .map(|path| Self::File(format!("/{}", path.trim_start_matches('/'))))
                .ok_or_else(|| {
                    "`aws_web_identity_token` must be the token, its file, or oidc/file/…: \
                 other providers of tokens are not asked"
                        .to_owned()
                }),
        }
    }
}

/// What the deployment itself says; `None` if it says nothing.
///
/// # Errors
///
/// Says what is missing or broken in it.
pub(super) fn own(settings: Settings<'_>, machine: &dyn Machine) -> Result<Option<Source>, String> {
    let role = settings.get("aws_role_name").map(|arn| Role {
        arn: arn.to_owned(),
        session: settings.get("aws_session_name").unwrap_or(SESSION).to_owned(),
        external_id: settings.get("aws_external_id").map(str::to_owned),
        duration: None,
    });
    let base = match settings.get("aws_profile_name") {
        Some(name) => Some(named(name, settings, machine)?),
        None => {
            keys(settings, ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"])?
        }
    };
    let Some(role) = role else {
        if settings.get("aws_web_identity_token").is_some() {
            return Err("`aws_web_identity_token` is for a role: set `aws_role_name`".to_owned());
        }
        return Ok(base);
    };
    if let Some(token) = settings.get("aws_web_identity_token") {
        return Ok(Some(Source::WebIdentity { token: Token::of(token)?, role }));
    }
    // As in LiteLLM: the identity that already has the role needs not take it.
    if base.is_none()
        && settings.get("AWS_ROLE_ARN") == Some(role.arn.as_str())
        && let Some(file) = settings.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    {
        return Ok(Some(Source::WebIdentity { token: Token::File(file.to_owned()), role }));
    }
    let base = match base {
        Some(base) => base,
        None => ambient(settings, machine)?,
    };
    Ok(Some(Source::Role { base: Box::new(base), role }))
}

/// AWS's usual chain, in botocore's order.
///
/// # Errors
///
/// Says what is missing or broken in what it finds.
pub(super) fn ambient(settings: Settings<'_>, machine: &dyn Machine) -> Result<Source, String> {
    // LiteLLM's own variable is as good as its key.
    if let Some(name) = settings.get("AWS_PROFILE_NAME") {
        return named(name, settings, machine);
    }
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    if let Some(keys) = keys(settings, names)? {
        return Ok(keys);
    }
    let profiles = Profiles::read(settings, machine);
    let name = settings.get("AWS_PROFILE");
    if let Some(name) = name {
        profiles.needs(name)?;
    }
    let found = profiles.source(name.unwrap_or("default"), settings, true)?;
    Ok(found.unwrap_or_else(|| around(settings)))
}

/// What the machine itself has.
pub(super) fn around(settings: Settings<'_>) -> Source {
    container(settings).unwrap_or_else(|| instance(settings))
}

/// The agent of the container, if it is in one.
pub(super) fn container(settings: Settings<'_>) -> Option<Source> {
    let relative = settings.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let url = relative
        .map(|path| format!("{CONTAINER}{path}"))
        .or_else(|| settings.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").map(str::to_owned))?;
    let file = settings.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    let token = file.map(|file| Token::File(file.to_owned())).or_else(|| {
        let token = settings.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")?;
        Some(Token::Here(token.into()))
    });
    Some(Source::Container { url, token })
}

/// The instance's metadata, unless they are turned off.
pub(super) fn instance(settings: Settings<'_>) -> Source {
    if settings.get("AWS_EC2_METADATA_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true"))
    {
        return Source::Missing;
    }
    let endpoint = settings.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(INSTANCE);
    Source::Instance { endpoint: endpoint.trim_end_matches('/').to_owned() }
}

/// A profile that is asked for by name: the environment's keys and tokens do not count, the
/// machine's do.
fn named(name: &str, settings: Settings<'_>, machine: &dyn Machine) -> Result<Source, String> {
    let profiles = Profiles::read(settings, machine);
    profiles.needs(name)?;
    let found = profiles.source(name, settings, false)?;
    Ok(found.unwrap_or_else(|| around(settings)))
}

/// A pair of keys, with its token.
pub(super) fn keys(
    settings: Settings<'_>,
    [id, secret, token]: [&str; 3],
) -> Result<Option<Source>, String> {
    match (settings.get(id), settings.get(secret)) {
        (Some(id), Some(secret)) => Ok(Some(Source::Keys(AwsKeys {
            access_key_id: id.to_owned(),
            secret_access_key: secret.into(),
            session_token: settings.get(token).map(Secret::from),
        }))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(format!("`{id}` is set without `{secret}`")),
        (None, Some(_)) => Err(format!("`{secret}` is set without `{id}`")),
    }
}
