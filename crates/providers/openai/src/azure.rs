//! Azure: OpenAI's dialect at other addresses, with a key or an Entra token.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Frames, Machine, Pieces, Speech, Target, Transport, Vendor,
    WholeReply, chat::openai::Taste, escaped, secret_header,
};
use pointsman_types::{Deployment, Error, Operation};

use crate::{
    OpenAiCodec,
    dialect::{ALL, Dialect},
    entra,
};

/// The version of the API that LiteLLM asks for where none is given.
const VERSION: &str = "2025-02-01-preview";
/// The same for Foundry's models.
const FOUNDRY_VERSION: &str = "2024-05-01-preview";

/// Azure OpenAI (`azure/DEPLOYMENT`), or the models of AI Foundry (`azure_ai/MODEL`).
///
/// A deployment is at `…/openai/deployments/NAME/…?api-version=V`, or, with `api_version` `v1`,
/// `preview` or `latest`, on the newer `…/openai/v1/…`, where responses always are. The credential
/// is `api_key`, else a token: one that `tenant_id`, `client_id` and `client_secret` are exchanged
/// for, `azure_ad_token`, or that of the workload's or the machine's identity.
#[derive(Clone, Debug)]
pub struct AzureCodec {
    inner: OpenAiCodec,
    vendor: Vendor,
    transport: Arc<dyn Transport>,
    machine: Arc<dyn Machine>,
    foundry: bool,
}

impl AzureCodec {
    /// Azure OpenAI; tokens are fetched over `transport`, with what lies in files of `machine`.
    pub fn openai(transport: Arc<dyn Transport>, machine: Arc<dyn Machine>) -> Self {
        let vendor = Vendor {
            name: "azure",
            base: None,
            version_path: "",
            key_env: &["AZURE_API_KEY", "AZURE_OPENAI_API_KEY"],
            base_env: &["AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"],
            needs_key: false,
        };
        let dialect = Dialect { taste: Taste::OPENAI, ..Dialect::plain(vendor).with(ALL) };
        Self { inner: OpenAiCodec::new(&dialect), vendor, transport, machine, foundry: false }
    }

    /// AI Foundry; tokens are fetched over `transport`, with what lies in files of `machine`.
    pub fn foundry(transport: Arc<dyn Transport>, machine: Arc<dyn Machine>) -> Self {
        let vendor = Vendor {
            name: "azure_ai",
            base: None,
            version_path: "",
            key_env: &["AZURE_AI_API_KEY"],
            base_env: &["AZURE_AI_API_BASE"],
            needs_key: false,
        };
        let dialect = Dialect::plain(vendor).old_limit();
        Self { inner: OpenAiCodec::new(&dialect), vendor, transport, machine, foundry: true }
    }

    fn uri(&self, to: &Target, path: &str) -> String {
        let version = to.settings.get("api_version").map(String::as_str);
        let root = to.base.trim_end_matches("/openai/v1").trim_end_matches("/openai");
        let newer = matches!(version, Some("v1" | "preview" | "latest"))
            || to.base.ends_with("/openai/v1")
            || path == Operation::Responses.path();
        if newer {
            let preview = if version == Some("preview") { "?api-version=preview" } else { "" };
            return format!("{root}/openai/v1/{path}{preview}");
        }
        if self.foundry {
            let host_only = to.base.find("://").is_none_or(|at| !to.base[at + 3..].contains('/'));
            let models = if host_only && root.contains(".services.ai.") { "/models" } else { "" };
            let version = version.unwrap_or(FOUNDRY_VERSION);
            return format!("{root}{models}/{path}?api-version={version}");
        }
        let (name, version) = (escaped(&to.model), version.unwrap_or(VERSION));
        format!("{root}/openai/deployments/{name}/{path}?api-version={version}")
    }
}

impl Codec for AzureCodec {
    fn vendor(&self) -> Vendor {
        self.vendor
    }

    fn settings_env(&self) -> &'static [(&'static str, &'static [&'static str])] {
        entra::SETTINGS_ENV
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        let mut target = Target::of(of, &self.vendor)?;
        let setting = |name: &str| of.settings.get(name).map(String::as_str);
        if let Some(version) = setting("api_version")
            && escaped(version) != version
        {
            return Err(format!("`api_version` {version:?} is no version"));
        }
        if of.api_key.is_none() {
            target.credentials = entra::credentials(&of.settings, &self.transport, &self.machine)?;
        }
        Ok(target)
    }

    fn speaks(&self, to: &Target, what: &CallHead) -> Speech {
        if what.operation == Operation::Rerank && !self.foundry {
            return Speech::No("`azure` has no rerank".into());
        }
        self.inner.speaks(to, what)
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let (path, kind, body) = self.inner.body(to, call)?;
        Request::post(self.uri(to, path))
            .header(CONTENT_TYPE, kind)
            .body(body)
            .map_err(|error| self.inner.broken(format!("the upstream's address: {error}")))
    }

    fn sign(
        &self,
        to: &Target,
        request: &mut Request<Pieces>,
        with: &Credential,
        _: Instant,
    ) -> Result<(), Error> {
        let headers = request.headers_mut();
        match with {
            // Foundry's older endpoints take their key as a token.
            Credential::Key(key) if self.foundry && !to.base.contains(".azure.com") => {
                headers.insert("api-key", secret_header("", key)?);
                headers.insert(AUTHORIZATION, secret_header("Bearer ", key)?);
            }
            Credential::Key(key) if to.base.contains(".models.ai.azure.com") => {
                headers.insert(AUTHORIZATION, secret_header("Bearer ", key)?);
            }
            Credential::Key(key) => {
                headers.insert("api-key", secret_header("", key)?);
            }
            Credential::Bearer(token) => {
                headers.insert(AUTHORIZATION, secret_header("Bearer ", token)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn decode(
        &self,
        what: &CallHead,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        now: Instant,
    ) -> Result<WholeReply, Error> {
        self.inner.decode(what, status, headers, body, now)
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        self.inner.frames(what, now)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use pointsman_provider::{Incoming, NoMachine};
    use pointsman_types::ErrorKind;
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct Down;

    #[async_trait]
    impl Transport for Down {
        async fn send(&self, _: Request<Pieces>) -> Result<http::Response<Incoming>, Error> {
            Err(Error::new(ErrorKind::Connection, "down"))
        }
    }

    fn uri(base: &str, version: Option<&str>, operation: Operation) -> String {
        let codec = AzureCodec::openai(Arc::new(Down), Arc::new(NoMachine));
        let mut deployment = Deployment::new("g", "azure", "my gpt").with_base(base).with_key("k");
        if let Some(version) = version {
            deployment.settings.insert("api_version".into(), version.into());
        }
        let to = codec.target(&deployment).unwrap();
        let call = Call::json(operation, "g", json!({"messages": [], "input": "x"})).unwrap();
        let mut request = codec.encode(&to, &call).unwrap();
        codec.sign(&to, &mut request, &Credential::Key("k".into()), Instant::EPOCH).unwrap();
        assert_eq!(request.headers()["api-key"], "k");
        assert!(!request.headers().contains_key(AUTHORIZATION));
        request.uri().to_string()
    }

    #[test]
    fn every_address() {
        let base = "https://a.openai.azure.com";
        for (base, version, operation, want) in [
            (
                base,
                None,
                Operation::Chat,
                "/openai/deployments/my%20gpt/chat/completions?api-version=2025-02-01-preview",
            ),
            (
                base,
                Some("2024-10-21"),
                Operation::Embeddings,
                "/openai/deployments/my%20gpt/embeddings?api-version=2024-10-21",
            ),
            (base, Some("v1"), Operation::Chat, "/openai/v1/chat/completions"),
            (
                base,
                Some("preview"),
                Operation::Chat,
                "/openai/v1/chat/completions?api-version=preview",
            ),
            (base, None, Operation::Responses, "/openai/v1/responses"),
            (
                base,
                None,
                Operation::Messages,
                "/openai/deployments/my%20gpt/chat/completions?api-version=2025-02-01-preview",
            ),
            (
                "https://a.openai.azure.com/openai/v1/",
                None,
                Operation::Chat,
                "/openai/v1/chat/completions",
            ),
        ] {
            assert_eq!(uri(base, version, operation), format!("https://a.openai.azure.com{want}"));
        }
    }

    #[test]
    fn a_deployment_without_a_credential_says_what_it_needs() {
        let codec = AzureCodec::openai(Arc::new(Down), Arc::new(NoMachine));
        let mut deployment = Deployment::new("g", "azure", "m").with_base("https://a.invalid");
        let said = codec.target(&deployment).unwrap_err();
        assert!(said.contains("azure_ad_token"), "{said}");
        deployment.settings.insert("azure_ad_token".into(), "planted".into());
        let target = codec.target(&deployment).unwrap();
        assert!(!format!("{target:?} {:?}", target.credentials).contains("planted"));
    }

    #[test]
    fn foundrys_addresses() {
        let codec = AzureCodec::foundry(Arc::new(Down), Arc::new(NoMachine));
        for (base, want) in [
            (
                "https://a.services.ai.azure.com",
                "/models/chat/completions?api-version=2024-05-01-preview",
            ),
            ("https://a.services.ai.azure.com/openai/v1", "/openai/v1/chat/completions"),
            ("https://a.models.ai.azure.com", "/chat/completions?api-version=2024-05-01-preview"),
        ] {
            let deployment = Deployment::new("g", "azure_ai", "m").with_base(base).with_key("k");
            let to = codec.target(&deployment).unwrap();
            let call = Call::chat("g", json!({"messages": []})).unwrap();
            let request = codec.encode(&to, &call).unwrap();
            let host = base.trim_end_matches("/openai/v1");
            assert_eq!(request.uri().to_string(), format!("{host}{want}"));
        }
    }
}
