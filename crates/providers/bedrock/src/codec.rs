//! The codec.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Frames, Machine, Pieces, Speech, Target, Transport, Vendor,
    WholeReply,
    chat::{self, Chat, Losses, messages, translated},
    embeddings::Embeddings,
    escaped, retry_after, secret_header,
};
use pointsman_types::{Deployment, Error, ErrorKind};
use serde_json::{Map, Value, json};

use crate::{
    decoder::ConverseDecoder,
    embed,
    errors::{classify, type_of},
    family::Family,
    keys::{self, KeyRing, profile_region},
    place, reply, request,
    sign::sign_request,
};

/// The dialect of Anthropic's that InvokeModel speaks.
const ANTHROPIC_VERSION: &str = "bedrock-2023-05-31";

/// Anthropic's previews that Bedrock has, without their days.
const BETAS: [&str; 11] = [
    "compact-",
    "computer-use-",
    "context-1m-",
    "context-management-",
    "dev-full-thinking-",
    "effort-",
    "fine-grained-tool-streaming-",
    "interleaved-thinking-",
    "output-128k-",
    "token-efficient-tools-",
    "tool-examples-",
];

/// Bedrock's dialect.
#[derive(Clone, Debug)]
pub struct BedrockCodec {
    keys: KeyRing,
}

impl BedrockCodec {
    /// A codec whose temporary keys are fetched over `transport`; `machine` has what the environment
    /// or a deployment names: AWS's files of profiles, tokens, and programs that print keys.
    pub fn new(transport: Arc<dyn Transport>, machine: Arc<dyn Machine>) -> Self {
        Self { keys: KeyRing::new(transport, machine) }
    }
}

/// The setting with the id or ARN that is asked, where `model` only says what it is.
const MODEL_ID: &str = "model_id";

impl Codec for BedrockCodec {
    fn vendor(&self) -> Vendor {
        Vendor {
            name: "bedrock",
            base: None,
            version_path: "",
            // The environment's key comes after a deployment's own keys: it is a setting.
            key_env: &[],
            base_env: &[],
            needs_key: false,
        }
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        let profile = || profile_region(of, &*self.keys.machine);
        let asked = of.settings.get(MODEL_ID).unwrap_or(&of.model);
        let region = place::region(&of.settings, asked, profile);
        let mut located = of.clone();
        located.api_base = Some(place::base(of, &region));
        let mut target = Target::of(&located, &self.vendor())?;
        target.credentials = self.keys.credentials(of, &region)?;
        target.settings.insert("aws_region_name".into(), region);
        Ok(target)
    }

    fn speaks(&self, to: &Target, what: &CallHead) -> Speech {
        let embeds = embed::embeds(&to.model);
        match what.operation {
            operation if operation.is_embeddings() && embeds => Speech::Translated,
            operation if operation.is_embeddings() => {
                Speech::No(format!("`{}` does not embed", to.model))
            }
            // Only Claudes are counted for.
            operation if operation.is_count() => match Family::of(&to.model) {
                Family::Claude => Speech::Translated,
                _ => Speech::Estimated,
            },
            operation if operation.is_chat() && !embeds => Speech::Translated,
            operation if operation.is_chat() => Speech::No(format!("`{}` only embeds", to.model)),
            operation => Speech::No(format!("Bedrock has no {}", operation.path())),
        }
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let (method, body) = match call.head.operation {
            operation if operation.is_embeddings() => ("invoke", embeddings(to, call)?),
            operation if operation.is_count() => ("count-tokens", counted(to, call)?),
            _ => chat(to, call)?,
        };
        // What is asked may be a profile that does not tell its model: `model` does.
        let own = to.settings.get(MODEL_ID).map(String::as_str);
        let id = escaped(own.unwrap_or_else(|| place::model_id(&to.model)));
        let body = Bytes::from(Value::Object(body).to_string());
        Request::post(format!("{}/model/{id}/{method}", to.base))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body.into())
            .map_err(|error| {
                let message = format!("the upstream's address: {error}");
                Error::new(ErrorKind::BadRequest, message)
            })
    }

    fn sign(
        &self,
        to: &Target,
        request: &mut Request<Pieces>,
        with: &Credential,
        now: Instant,
    ) -> Result<(), Error> {
        match with {
            Credential::Aws(keys) => {
                let region = to.settings.get("aws_region_name").map_or("", String::as_str);
                sign_request(request, keys, ("bedrock", region), now)
            }
            Credential::Key(token) | Credential::Bearer(token) => {
                request.headers_mut().insert(AUTHORIZATION, secret_header("Bearer ", token)?);
                Ok(())
            }
            _ => Ok(()),
        }
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
            let type_name = type_of(headers, &body);
            let after = retry_after(headers, now);
            return Err(classify(status.as_u16(), type_name.as_deref(), &body, after));
        }
        match what.operation {
            operation if operation.is_embeddings() => {
                Ok(embed::read(headers, &body)?.whole(what, headers))
            }
            operation if operation.is_count() => Ok(chat::counted(tokens(&body)?, what, headers)),
            _ => Ok(reply::read(&body)?.whole(what, headers, now)),
        }
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        translated(what, now, ConverseDecoder::default())
    }

    fn settings_env(&self) -> &'static [(&'static str, &'static [&'static str])] {
        keys::SETTINGS_ENV
    }
}

fn chat(to: &Target, call: &Call) -> Result<(&'static str, Map<String, Value>), Error> {
    let chat = Chat::of(call, to)?;
    let mut losses = Losses::of(to);
    let stream = chat.stream;
    let betas = betas(&call.headers);
    if place::invokes(&to.model) && Family::of(&to.model) == Family::Claude {
        let mut body = messages::write_request(chat, &to.model, &mut losses);
        losses.settle()?;
        body.insert("anthropic_version".into(), ANTHROPIC_VERSION.into());
        if !betas.is_empty() {
            body.entry("anthropic_beta").or_insert_with(|| json!(betas));
        }
        return Ok((if stream { "invoke-with-response-stream" } else { "invoke" }, body));
    }
    let body = request::write(chat, &to.model, &betas, &mut losses);
    losses.settle()?;
    Ok((if stream { "converse-stream" } else { "converse" }, body))
}

/// What a caller's `anthropic-beta` wants, as far as Bedrock has it: it refuses a call that names
/// another one.
fn betas(headers: &HeaderMap) -> Vec<&str> {
    let named = headers.get_all("anthropic-beta").into_iter().filter_map(|list| list.to_str().ok());
    let named = named.flat_map(|list| list.split(',')).map(str::trim);
    named.filter(|name| BETAS.iter().any(|known| name.starts_with(known))).collect()
}

/// Of a question, what is counted.
fn counted(to: &Target, call: &Call) -> Result<Map<String, Value>, Error> {
    let mut losses = Losses::of(to);
    let mut body = request::write(Chat::of(call, to)?, &to.model, &[], &mut losses);
    losses.settle()?;
    body.retain(|name, _| {
        matches!(
            name.as_str(),
            "messages" | "system" | "toolConfig" | "additionalModelRequestFields"
        )
    });
    Ok(Map::from_iter([("input".to_owned(), json!({"converse": body}))]))
}

fn embeddings(to: &Target, call: &Call) -> Result<Map<String, Value>, Error> {
    let mut losses = Losses::of(to);
    let body = embed::write(Embeddings::of(call, to)?, &to.model, &mut losses)?;
    losses.settle()?;
    Ok(body)
}

fn tokens(body: &[u8]) -> Result<u64, Error> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    value["inputTokens"].as_u64().ok_or_else(|| {
        let message = "the upstream's answer cannot be used: it has no `inputTokens`";
        Error::new(ErrorKind::Server, message).with_status(200)
    })
}
