//! AWS's files of profiles.

use std::collections::BTreeMap;

use pointsman_provider::ReadFile;

use super::chain::{self, Role, Settings, Source, Token};

/// The longest chain of profiles that take each other's roles.
const LONGEST: usize = 8;

/// The profiles of both files, by name.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    sections: BTreeMap<String, BTreeMap<String, String>>,
    read_from: String,
}

impl Profiles {
    /// Reads both files; one that is not there has no profiles.
    pub(super) fn read(settings: Settings<'_>, files: &ReadFile) -> Self {
        let home = settings.get("HOME");
        let path = |variable: &str, name: &str| {
            let own = settings.get(variable).map(str::to_owned);
            own.or_else(|| home.map(|home| format!("{}/.aws/{name}", home.trim_end_matches('/'))))
        };
        let mut all = Self::default();
        let mut told = Vec::new();
        // What both say, the first says: keys stand in the file of keys.
        for (path, prefixed) in [
            (path("AWS_SHARED_CREDENTIALS_FILE", "credentials"), false),
            (path("AWS_CONFIG_FILE", "config"), true),
        ] {
            let Some(path) = path else { continue };
            match files.read(&path) {
                Ok(text) => {
                    all.add(&text, prefixed);
                    told.push(format!("{path} was read"));
                }
                Err(error) => told.push(format!("{path}: {error}")),
            }
        }
        all.read_from = told.join("; ");
        all
    }

    /// Which files were read.
    pub(super) fn read_from(&self) -> &str {
        &self.read_from
    }

    pub(super) fn region(&self, name: &str) -> Option<String> {
        self.sections.get(name)?.get("region").cloned()
    }

    /// `prefixed`: sections are `[profile name]`, but for the default.
    fn add(&mut self, text: &str, prefixed: bool) {
        let mut section = None;
        for line in text.lines() {
            // What is indented belongs to a setting of several lines: none of ours.
            let nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                let name = name.trim();
                section = match name.strip_prefix("profile ") {
                    Some(name) if prefixed => Some(name.trim().to_owned()),
                    None if !prefixed || name == "default" => Some(name.to_owned()),
                    _ => None,
                };
                continue;
            }
            let (Some(section), false, Some((key, value))) =
                (&section, nested, line.split_once('='))
            else {
                continue;
            };
            // A comment begins with a space before it.
            let value = value.split(" #").next().unwrap_or(value).trim();
            let members = self.sections.entry(section.clone()).or_default();
            members.entry(key.trim().to_lowercase()).or_insert_with(|| value.to_owned());
        }
    }

    /// The source that a profile names; `None` if there is no such profile, or none with keys.
    ///
    /// # Errors
    ///
    /// Says what is missing or broken in it.
    pub(super) fn source(
        &self,
        name: &str,
        settings: Settings<'_>,
        depth: usize,
    ) -> Result<Option<Source>, String> {
        let Some(section) = self.sections.get(name) else { return Ok(None) };
        let of = Settings(section);
        let names = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
        let own = chain::keys(of, names).map_err(|error| format!("profile {name:?}: {error}"))?;
        let Some(arn) = of.get("role_arn") else {
            if own.is_none()
                && let Some(key) = ["sso_session", "sso_start_url", "credential_process"]
                    .iter()
                    .find(|key| of.get(key).is_some())
            {
                return Err(format!("profile {name:?}: `{key}` is not served"));
            }
            return Ok(own);
        };
        let role = Role {
            arn: arn.to_owned(),
            session: of.get("role_session_name").unwrap_or("pointsman").to_owned(),
            external_id: of.get("external_id").map(str::to_owned),
        };
        if let Some(file) = of.get("web_identity_token_file") {
            return Ok(Some(Source::WebIdentity { token: Token::File(file.to_owned()), role }));
        }
        let base = match (of.get("source_profile"), of.get("credential_source")) {
            (Some(source), _) if source == name => own,
            (Some(_), _) if depth >= LONGEST => {
                return Err(format!("profile {name:?}: its `source_profile` leads in a circle"));
            }
            (Some(source), _) => self.source(source, settings, depth + 1)?,
            (None, Some("Environment")) => {
                let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
                chain::keys(settings, names)?
            }
            (None, Some("Ec2InstanceMetadata" | "EcsContainer")) => Some(chain::around(settings)),
            _ => None,
        };
        let base = base.ok_or_else(|| {
            format!("profile {name:?}: its `role_arn` needs a `source_profile` with keys, or a `credential_source`")
        })?;
        Ok(Some(Source::Role { base: Box::new(base), role }))
    }
}
