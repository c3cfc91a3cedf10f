//! AWS's files of profiles.

use std::collections::BTreeMap;

use pointsman_provider::Machine;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::chain::{self, Role, SESSION, Settings, Source, Sso, Token};

type Section = BTreeMap<String, String>;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The profiles of both files, by name.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    all: BTreeMap<String, Profile>,
    sessions: BTreeMap<String, Section>,
    home: Option<String>,
    read_from: String,
}

#[derive(Debug, Default)]
struct Profile {
    /// What stands in the file of keys, and what in the file of configurations.
    shared: Section,
    config: Section,
    /// What stands in either: the file of keys wins.
    both: Section,
}

impl Profile {
    fn of(&self) -> Settings<'_> {
        Settings(&self.both)
    }

    /// Whether it takes a role with another identity; with a token it is one itself.
    fn takes_role(&self) -> bool {
        self.of().get("role_arn").is_some() && self.of().get("web_identity_token_file").is_none()
    }

    fn has_keys(&self) -> bool {
        ["aws_access_key_id", "aws_secret_access_key"]
            .iter()
            .any(|key| self.both.contains_key(*key))
    }
}

/// Which section of a file a line belongs to.
enum Place {
    Profile(String),
    Session(String),
    Nowhere,
}

impl Place {
    /// `prefixed`: sections are `[profile name]`, but for the default.
    fn of(header: &str, prefixed: bool) -> Self {
        let plain = |name: &str| name.trim().trim_matches(['"', '\'']).to_owned();
        match header.trim().split_once([' ', '\t']) {
            Some(("profile", name)) if prefixed => Self::Profile(plain(name)),
            Some(("sso-session", name)) if prefixed => Self::Session(plain(name)),
            None if !prefixed || header.trim() == "default" => Self::Profile(plain(header)),
            _ => Self::Nowhere,
        }
    }
}

impl Profiles {
    /// Reads both files; one that is not there has no profiles.
    pub(super) fn read(settings: Settings<'_>, machine: &dyn Machine) -> Self {
        let home = settings.get("HOME").map(|home| home.trim_end_matches('/').to_owned());
        let path = |variable: &str, name: &str| {
            let own = settings.get(variable).map(str::to_owned);
            own.or_else(|| home.as_ref().map(|home| format!("{home}/.aws/{name}")))
        };
        let mut all = Self::default();
        let mut told = Vec::new();
        for (path, prefixed) in [
            (path("AWS_SHARED_CREDENTIALS_FILE", "credentials"), false),
            (path("AWS_CONFIG_FILE", "config"), true),
        ] {
            let Some(path) = path else { continue };
            match machine.read(&path) {
                Ok(text) => {
                    all.add(&text, prefixed);
                    told.push(format!("{path} was read"));
                }
                Err(error) => told.push(format!("{path}: {error}")),
            }
        }
        all.read_from = told.join("; ");
        all.home = home;
        all
    }

    pub(super) fn region(&self, name: &str) -> Option<String> {
        self.all.get(name)?.both.get("region").cloned()
    }

    /// # Errors
    ///
    /// Says that there is no such profile, and where there could be one.
    pub(super) fn needs(&self, name: &str) -> Result<(), String> {
        let found = self.all.contains_key(name).then_some(());
        found.ok_or_else(|| format!("there is no profile {name:?}: {}", self.read_from))
    }

    fn add(&mut self, text: &str, prefixed: bool) {
        let mut place = Place::Nowhere;
        for line in text.lines() {
            // What is indented belongs to a setting of several lines: none of ours.
            let nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                place = Place::of(header, prefixed);
                // A profile is there without a setting, too.
                if let Place::Profile(name) = &place {
                    self.all.entry(name.clone()).or_default();
                }
                continue;
            }
            let (false, Some((key, value))) = (nested, line.split_once('=')) else { continue };
            // A comment begins with a space before it.
            let value = value.split(" #").next().unwrap_or(value).trim().to_owned();
            let key = key.trim().to_lowercase();
            match &place {
                Place::Nowhere => {}
                Place::Session(name) => {
                    self.sessions.entry(name.clone()).or_default().insert(key, value);
                }
                Place::Profile(name) => {
                    let profile = self.all.entry(name.clone()).or_default();
                    profile.both.entry(key.clone()).or_insert_with(|| value.clone());
                    let file = if prefixed { &mut profile.config } else { &mut profile.shared };
                    file.insert(key, value);
                }
            }
        }
    }

    /// The source that a profile names; `None` if there is no such profile, or none with keys.
    /// `env`: whether the environment's web identity counts.
    ///
    /// # Errors
    ///
    /// Says what is missing or broken in it.
    pub(super) fn source(
        &self,
        name: &str,
        settings: Settings<'_>,
        env: bool,
    ) -> Result<Option<Source>, String> {
        let Some(profile) = self.all.get(name) else {
            return if env { web_identity(None, settings, env) } else { Ok(None) };
        };
        let found = if profile.takes_role() {
            self.role(name, profile, settings, &mut vec![name]).map(Some)
        } else {
            self.own(name, profile, settings, env)
        };
        found.map_err(|why| format!("profile {name:?}: {why}"))
    }

    /// What a profile has without taking a role.
    fn own(
        &self,
        name: &str,
        profile: &Profile,
        settings: Settings<'_>,
        env: bool,
    ) -> Result<Option<Source>, String> {
        if let Some(identity) = web_identity(Some(profile), settings, env)? {
            return Ok(Some(identity));
        }
        if let Some(sso) = self.sso(profile)? {
            return Ok(Some(Source::Sso(Box::new(sso))));
        }
        let names = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
        if let Some(keys) = chain::keys(Settings(&profile.shared), names)? {
            return Ok(Some(keys));
        }
        if profile.of().get("login_session").is_some() {
            return Err(format!(
                "the `login_session` of {name:?} is not served: use `aws sso login`"
            ));
        }
        if let Some(command) = profile.of().get("credential_process") {
            let words = shlex::split(command).filter(|words| !words.is_empty());
            let words = words.ok_or("its `credential_process` is no command")?;
            return Ok(Some(Source::Process(words)));
        }
        chain::keys(Settings(&profile.config), names)
    }

    /// A role that another profile, or the machine, takes.
    fn role<'a>(
        &'a self,
        name: &'a str,
        profile: &'a Profile,
        settings: Settings<'_>,
        seen: &mut Vec<&'a str>,
    ) -> Result<Source, String> {
        let of = profile.of();
        if of.get("mfa_serial").is_some() {
            return Err("its `mfa_serial` wants a code, and there is nobody to ask".into());
        }
        let base = match (of.get("source_profile"), of.get("credential_source")) {
            (Some(_), Some(_)) => {
                return Err("it has both a `source_profile` and a `credential_source`".into());
            }
            (None, None) => {
                return Err(
                    "its `role_arn` needs a `source_profile` or a `credential_source`".into()
                );
            }
            (Some(source), None) => self.source_of(name, source, settings, seen)?,
            (None, Some("Environment")) => {
                let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
                chain::keys(settings, names)?
            }
            (None, Some("Ec2InstanceMetadata")) => Some(chain::instance(settings)),
            (None, Some("EcsContainer")) => chain::container(settings),
            (None, Some(other)) => {
                return Err(format!(
                    "its `credential_source` {other:?} is none of Environment, \
                     Ec2InstanceMetadata and EcsContainer"
                ));
            }
        };
        let base = base.ok_or("there are no credentials where its `role_arn` takes them from")?;
        Ok(Source::Role { base: Box::new(base), role: role(of)? })
    }

    fn source_of<'a>(
        &'a self,
        name: &str,
        source: &'a str,
        settings: Settings<'_>,
        seen: &mut Vec<&'a str>,
    ) -> Result<Option<Source>, String> {
        let profile = self.all.get(source);
        let profile =
            profile.ok_or_else(|| format!("its `source_profile` {source:?} is nowhere"))?;
        // A profile may take a role with its own keys.
        if seen.contains(&source) && !(source == name && profile.has_keys()) {
            return Err("its `source_profile` leads in a circle".into());
        }
        seen.push(source);
        if profile.has_keys() || !profile.takes_role() {
            return self.own(source, profile, settings, false);
        }
        self.role(source, profile, settings, seen).map(Some)
    }

    /// A role of IAM Identity Center, with the session that it names or in the older form.
    fn sso(&self, profile: &Profile) -> Result<Option<Sso>, String> {
        let of = profile.of();
        if of.get("sso_role_name").is_none() && of.get("sso_account_id").is_none() {
            return Ok(None);
        }
        let mut all = profile.both.clone();
        let session = of.get("sso_session");
        if let Some(name) = session {
            let session = self.sessions.get(name);
            let session =
                session.ok_or_else(|| format!("its `sso_session` {name:?} is nowhere"))?;
            for (key, value) in session {
                if all.insert(key.clone(), value.clone()).is_some_and(|own| own != *value) {
                    return Err(format!("its `{key}` is not that of its `sso_session`"));
                }
            }
        }
        let needed = |key: &str| {
            let value = Settings(&all).get(key).map(str::to_owned);
            value.ok_or_else(|| format!("SSO needs its `{key}`"))
        };
        let start = needed("sso_start_url")?;
        let key = digest(&SHA1_FOR_LEGACY_USE_ONLY, session.unwrap_or(&start).as_bytes());
        let hex = |byte: &u8| [byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]);
        let key: String = key.as_ref().iter().flat_map(hex).map(char::from).collect();
        let home = self.home.as_deref().ok_or("SSO needs HOME, where its token is")?;
        Ok(Some(Sso {
            renewable: session.is_some(),
            region: needed("sso_region")?,
            account: needed("sso_account_id")?,
            role: needed("sso_role_name")?,
            token: format!("{home}/.aws/sso/cache/{key}.json"),
        }))
    }
}

/// A token of an identity provider; what the environment says of it, if it counts, wins.
fn web_identity(
    profile: Option<&Profile>,
    settings: Settings<'_>,
    env: bool,
) -> Result<Option<Source>, String> {
    let told = |variable: &str, key: &str| {
        let outer = settings.get(variable).filter(|_| env);
        outer.or_else(|| profile?.of().get(key)).map(str::to_owned)
    };
    let Some(file) = told("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else {
        return Ok(None);
    };
    let arn = told("AWS_ROLE_ARN", "role_arn");
    let arn =
        arn.ok_or("a web identity needs a role: AWS_ROLE_ARN, or the profile's `role_arn`")?;
    let session = told("AWS_ROLE_SESSION_NAME", "role_session_name");
    let session = session.unwrap_or_else(|| SESSION.to_owned());
    let role = Role { arn, session, external_id: None, duration: None };
    Ok(Some(Source::WebIdentity { token: Token::File(file), role }))
}

fn role(of: Settings<'_>) -> Result<Role, String> {
    let duration = of.get("duration_seconds").map(str::parse).transpose();
    Ok(Role {
        arn: of.get("role_arn").unwrap_or_default().to_owned(),
        session: of.get("role_session_name").unwrap_or(SESSION).to_owned(),
        external_id: of.get("external_id").map(str::to_owned),
        duration: duration.map_err(|_| "its `duration_seconds` is no number of seconds")?,
    })
}
