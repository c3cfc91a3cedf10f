//! What a codec needs to address a deployment, and what it knows of its vendor.

use std::{collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING},
};
use pointsman_types::{Deployment, DeploymentId};

use crate::{Credential, Credentials, FixedCredential, Lack, Lacks};

/// What is known of a vendor before any call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vendor {
    /// Its prefix in `model: vendor/model`, as in LiteLLM.
    pub name: &'static str,
    /// Where it is; `None` where every user has their own address. A `{NAME}` in it stands for
    /// what the environment's variable of that name holds.
    pub base: Option<&'static str>,
    /// The version path that an `api_base` without a path gets.
    pub version_path: &'static str,
    /// The environment variables that hold its key, in the order they are asked.
    pub key_env: &'static [&'static str],
    /// The environment variables that hold its address, in the order they are asked.
    pub base_env: &'static [&'static str],
    /// Whether it answers nobody without a key.
    pub needs_key: bool,
}

impl Vendor {
    /// The base for an `api_base` as configured: with the version path where it has no path of its
    /// own, without a slash at the end.
    ///
    /// ```
    /// use pointsman_provider::Vendor;
    /// let vendor = Vendor { name: "v", base: None, version_path: "/v1", key_env: &[], base_env: &[], needs_key: false };
    /// assert_eq!(vendor.base_of("http://host:1"), "http://host:1/v1");
    /// assert_eq!(vendor.base_of("http://host:1/own/"), "http://host:1/own");
    /// ```
    pub fn base_of(&self, api_base: &str) -> String {
        let base = api_base.trim_end_matches('/');
        let host_at = base.find("://").map_or(0, |at| at + 3);
        if base[host_at..].contains('/') {
            base.to_owned()
        } else {
            format!("{base}{}", self.version_path)
        }
    }
}

/// What a codec needs to address a deployment.
#[derive(Clone)]
pub struct Target {
    /// The deployment.
    pub id: DeploymentId,
    /// Its vendor's name.
    pub vendor: &'static str,
    /// Where it is: scheme, host and path, without a slash at the end.
    pub base: String,
    /// The model's name at the upstream.
    pub model: String,
    /// The same as a JSON string, to splice.
    pub model_json: Bytes,
    /// The organization to bill.
    pub organization: Option<String>,
    /// Further settings of the vendor, by their configuration key.
    pub settings: BTreeMap<String, String>,
    /// Default request parameters: name and JSON text.
    pub params: Vec<(String, String)>,
    /// Headers of the deployment's own, for every request.
    pub headers: HeaderMap,
    /// Where its credential comes from.
    pub credentials: Arc<dyn Credentials>,
    /// What it was found to lack.
    pub lacks: Arc<Lacks>,
}

impl Target {
    /// The JSON text of a default request parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, json)| json.as_str())
    }

    /// The target of a deployment of that vendor.
    ///
    /// # Errors
    ///
    /// Says which address is missing or broken, as text for a configuration finding.
    pub fn of(deployment: &Deployment, vendor: &Vendor) -> Result<Self, String> {
        let base =
            match deployment.api_base.as_deref() {
                Some(base) => vendor.base_of(base),
                None => vendor.base.map(|base| base.trim_end_matches('/').to_owned()).ok_or_else(
                    || format!("`{}` has no address of its own: set `api_base`", vendor.name),
                )?,
            };
        if let Some((_, name)) = base.split_once('{') {
            let name = name.split('}').next().unwrap_or(name);
            return Err(format!("`{}` has no address: set `api_base`, or {name}", vendor.name));
        }
        check_base(&base)?;
        let key = deployment.api_key.clone().map_or(Credential::None, Credential::Key);
        let credentials: Arc<dyn Credentials> = Arc::new(FixedCredential::new(key));
        Ok(Self {
            id: deployment.id.clone(),
            vendor: vendor.name,
            base,
            model: deployment.model.clone(),
            model_json: serde_json::to_vec(&deployment.model).unwrap_or_default().into(),
            organization: deployment.organization.clone(),
            settings: deployment.settings.clone(),
            params: deployment.params.clone(),
            headers: headers(deployment)?,
            credentials,
            lacks: Arc::default(),
        })
    }
}

impl Target {
    /// The same target with another model.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        Self {
            model: model.to_owned(),
            model_json: serde_json::to_vec(model).unwrap_or_default().into(),
            ..self.clone()
        }
    }
}

impl Target {
    /// The same target, as if it were known to lack this: nobody else learns of it.
    #[must_use]
    pub fn lacking(&self, lack: Lack) -> Self {
        Self { lacks: Arc::new(self.lacks.and(lack)), ..self.clone() }
    }

    /// Parameters that this deployment is never sent: its `additional_drop_params`, a JSON list.
    pub fn dropped(&self) -> Vec<String> {
        let list = self.settings.get("additional_drop_params");
        list.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }
}

/// `headers` and `extra_headers`, which wins: JSON objects of texts.
fn headers(deployment: &Deployment) -> Result<HeaderMap, String> {
    const OURS: [HeaderName; 6] =
        [HOST, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, CONNECTION, ACCEPT_ENCODING];
    let mut all = HeaderMap::new();
    for setting in ["headers", "extra_headers"] {
        let Some(json) = deployment.settings.get(setting) else { continue };
        let pairs: BTreeMap<String, String> = serde_json::from_str(json)
            .map_err(|_| format!("`{setting}` must be a mapping of names to texts"))?;
        for (name, value) in pairs {
            let known: HeaderName =
                name.parse().map_err(|_| format!("`{setting}`: {name:?} is no header"))?;
            // What is sent anyway may be said.
            if known == CONTENT_TYPE && value.trim().eq_ignore_ascii_case("application/json") {
                continue;
            }
            if OURS.contains(&known) {
                return Err(format!("`{setting}`: {name} is not for a configuration to set"));
            }
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| format!("`{setting}`: the value of {name} cannot be sent"))?;
            // It may be a key.
            value.set_sensitive(true);
            all.insert(known, value);
        }
    }
    Ok(all)
}

fn check_base(base: &str) -> Result<(), String> {
    let broken = |why: &str| format!("`api_base` {base:?} is no address: {why}");
    let uri: http::Uri = base.parse().map_err(|error| broken(&format!("{error}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(broken("it must begin with http:// or https://"));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("`api_base` holds a user or password: put the credential into `api_key`".into());
    }
    if uri.query().is_some() {
        return Err(broken("it must have no query"));
    }
    Ok(())
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("id", &self.id)
            .field("vendor", &self.vendor)
            .field("base", &self.base)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_ones_own() {
        let vendor = Vendor {
            name: "v",
            base: Some("http://v.invalid"),
            version_path: "",
            key_env: &[],
            base_env: &[],
            needs_key: false,
        };
        let target = |setting: &str, json: &str| {
            let mut deployment = Deployment::new("g", "v", "m");
            deployment.settings.insert(setting.into(), json.into());
            Target::of(&deployment, &vendor)
        };
        let to =
            target("extra_headers", r#"{"X-Title": "planted", "anthropic-beta": "b"}"#).unwrap();
        assert_eq!((&to.headers["x-title"], to.headers.len()), (&"planted".parse().unwrap(), 2));
        assert!(!format!("{:?} {:?}", to, to.headers).contains("planted"));
        for (json, said) in [
            ("[]", "a mapping"),
            (r#"{"a b": "x"}"#, "no header"),
            (r#"{"Host": "x"}"#, "not for a configuration"),
            ("{\"a\": \"x\\n\"}", "cannot be sent"),
        ] {
            let error = target("headers", json).unwrap_err();
            assert!(error.contains(said), "{json}: {error}");
        }
    }
}
