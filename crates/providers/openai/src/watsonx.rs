//! IBM's watsonx: OpenAI's chat with other names around it, and a token for the key.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, FixedCredential, Frames, Pieces, Speech, Target, Transport,
    Vendor, WholeReply,
    chat::{
        Chat, Losses,
        openai::{ChunkDecoder, Taste, read_reply, write_request},
        translated,
    },
    classify_body, escaped, retry_after, secret_header,
};
use pointsman_types::{Deployment, Error, ErrorKind, ExposeSecret, Operation};
use serde_json::{Map, Value};

use crate::{
    generation::{self, GenerationFrames},
    tokens::Exchange,
};

/// The version of the API that is spoken.
const VERSION: &str = "2024-03-13";
/// Where IBM issues tokens.
const AUTHORITY: &str = "https://iam.cloud.ibm.com/identity/token";

/// watsonx (`watsonx/MODEL`, or `watsonx/deployment/ID`).
///
/// It is at `api_base`, or in `watsonx_region_name`. A model needs `project_id` or `space_id`. The credential is a `token` setting, else the key,
/// which is exchanged for a token; a key of the form `ZenApiKey …` is sent as it is.
#[derive(Clone, Debug)]
pub struct WatsonxCodec {
    transport: Arc<dyn Transport>,
}

impl WatsonxCodec {
    /// Tokens are fetched over `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }
}

impl Codec for WatsonxCodec {
    fn vendor(&self) -> Vendor {
        Vendor {
            name: "watsonx",
            base: None,
            version_path: "",
            key_env: &["WATSONX_APIKEY", "WATSONX_API_KEY", "WATSONX_ZENAPIKEY"],
            base_env: &["WATSONX_URL", "WATSONX_API_BASE", "WML_URL"],
            needs_key: false,
        }
    }

    fn settings_env(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[
            ("project_id", &["WATSONX_PROJECT_ID"]),
            ("space_id", &["WATSONX_DEPLOYMENT_SPACE_ID"]),
            ("watsonx_token", &["WATSONX_TOKEN"]),
        ]
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        let setting = |name: &str| of.settings.get(name).map(String::as_str);
        let mut at = of.clone();
        if let (None, Some(region)) = (&of.api_base, setting("watsonx_region_name")) {
            at.api_base = Some(format!("https://{region}.ml.cloud.ibm.com"));
        }
        let mut target = Target::of(&at, &self.vendor())?;
        let deployed = of.model.starts_with("deployment/");
        if !deployed && setting("project_id").or_else(|| setting("space_id")).is_none() {
            return Err("it needs `project_id` or `space_id`".into());
        }
        if let Some(key) = &of.api_key {
            if key.expose_secret().starts_with("ZenApiKey ") {
                return Ok(target);
            }
            let fields = [
                ("grant_type", "urn:ibm:params:oauth:grant-type:apikey"),
                ("apikey", key.expose_secret()),
            ];
            let uri = http::Uri::from_static(AUTHORITY);
            let transport = Arc::clone(&self.transport);
            target.credentials = Exchange::new(transport, "IBM", uri, &fields).credentials();
        } else if let Some(token) = setting("watsonx_token") {
            target.credentials = Arc::new(FixedCredential::new(Credential::Bearer(token.into())));
        } else {
            return Err("it has no credential: set `api_key`".into());
        }
        Ok(target)
    }

    fn speaks(&self, _: &Target, what: &CallHead) -> Speech {
        if what.operation.is_count() {
            return Speech::Estimated;
        }
        if what.operation.is_chat() || what.operation == Operation::Completions {
            return Speech::Translated;
        }
        Speech::No(format!("`watsonx` has no {} here", what.operation.path()))
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let mut losses = Losses::of(to);
        let (method, mut body) = if call.head.operation == Operation::Completions {
            ("generation", generation::write(call, to, &mut losses)?)
        } else {
            ("chat", asked(call, to, &mut losses)?)
        };
        losses.settle()?;
        // Whether it streams is in the address.
        let suffix = if call.head.stream { "_stream" } else { "" };
        let path = if let Some(id) = to.model.strip_prefix("deployment/") {
            format!("deployments/{}/text/{method}{suffix}", escaped(id))
        } else {
            body.insert("model_id".into(), to.model.as_str().into());
            let place = ["project_id", "space_id"]
                .into_iter()
                .find_map(|name| Some((name, to.settings.get(name)?)));
            if let Some((name, id)) = place {
                body.insert(name.into(), id.as_str().into());
            }
            format!("text/{method}{suffix}")
        };
        Request::post(format!("{}/ml/v1/{path}?version={VERSION}", to.base))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Bytes::from(Value::Object(body).to_string()).into())
            .map_err(|error| {
                let message = format!("the upstream's address: {error}");
                Error::new(ErrorKind::BadRequest, message)
            })
    }

    fn sign(
        &self,
        _: &Target,
        request: &mut Request<Pieces>,
        with: &Credential,
        _: Instant,
    ) -> Result<(), Error> {
        let value = match with {
            Credential::Key(key) => secret_header("", key)?,
            Credential::Bearer(token) => secret_header("Bearer ", token)?,
            _ => return Ok(()),
        };
        request.headers_mut().insert(AUTHORIZATION, value);
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
        if !status.is_success() {
            let mut error = classify_body(status.as_u16(), &body, retry_after(headers, now));
            error.kind = match error.detail.code.as_deref() {
                Some("model_not_supported" | "model_no_support_for_function") => {
                    ErrorKind::NotFound
                }
                Some("token_quota_reached") => ErrorKind::QuotaExhausted,
                Some("authentication_token_expired") => ErrorKind::Authentication,
                _ => error.kind,
            };
            return Err(error);
        }
        if what.operation == Operation::Completions {
            return generation::read(&body, what, headers, now);
        }
        Ok(read_reply(&body)?.whole(what, headers, now))
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        if what.operation == Operation::Completions {
            return Box::new(GenerationFrames::new(what, now));
        }
        translated(what, now, ChunkDecoder::new())
    }
}

/// A chat's body, in watsonx's words.
fn asked(call: &Call, to: &Target, losses: &mut Losses) -> Result<Map<String, Value>, Error> {
    let mut chat = Chat::of(call, to)?;
    chat.stream = false;
    let mut body = write_request(chat, &to.model, Taste::PLAIN, losses);
    if let Some(choice @ Value::String(_)) = body.get("tool_choice").cloned() {
        body.shift_remove("tool_choice");
        body.insert("tool_choice_option".into(), choice);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use pointsman_provider::Incoming;
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

    fn sent(model: &str, body: Value) -> (String, Value) {
        let codec = WatsonxCodec::new(Arc::new(Down));
        let mut deployment = Deployment::new("g", "watsonx", model)
            .with_base("https://us-south.ml.cloud.ibm.com")
            .with_key("k");
        deployment.settings.insert("project_id".into(), "p".into());
        let to = codec.target(&deployment).unwrap();
        let request = codec.encode(&to, &Call::chat("g", body).unwrap()).unwrap();
        let body = serde_json::from_slice(&request.body().to_bytes()).unwrap();
        (request.uri().to_string(), body)
    }

    #[test]
    fn names_and_addresses() {
        let tool = json!({"type": "function", "function": {"name": "f"}});
        let body = json!({"messages": [{"role": "user", "content": "Hi"}], "stream": true,
            "max_completion_tokens": 5, "tools": [tool], "tool_choice": "required"});
        let (uri, body) = sent("ibm/granite", body);
        assert_eq!(
            uri,
            "https://us-south.ml.cloud.ibm.com/ml/v1/text/chat_stream?version=2024-03-13"
        );
        assert_eq!(
            body,
            json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5,
                "tools": [tool], "tool_choice_option": "required",
                "model_id": "ibm/granite", "project_id": "p"})
        );
        let (uri, body) = sent("deployment/d 1", json!({"messages": []}));
        assert!(uri.contains("/ml/v1/deployments/d%201/text/chat?"), "{uri}");
        assert!(body.get("model_id").is_none());
    }

    #[test]
    fn it_says_what_it_needs() {
        let codec = WatsonxCodec::new(Arc::new(Down));
        let bare = Deployment::new("g", "watsonx", "m").with_base("https://a.invalid");
        assert!(codec.target(&bare).unwrap_err().contains("project_id"));
        let mut deployment = bare;
        deployment.settings.insert("space_id".into(), "s".into());
        assert!(codec.target(&deployment).unwrap_err().contains("api_key"));
    }
}
