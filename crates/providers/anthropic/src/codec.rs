//! The codec.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Frames, OWN_FIELDS, Pieces, Speech, Target, Vendor,
    WholeReply,
    chat::{self, Chat, Losses, messages, messages::MessagesDecoder, translated},
    classify_body, retry_after, secret_header,
};
use pointsman_types::{Deployment, Error, ErrorKind, ExposeSecret, Operation};
use serde_json::{Map, Value};

use crate::native::{NativeFrames, Peek};

/// The version of the API that is spoken.
const VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// Anthropic's dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnthropicCodec;

impl Codec for AnthropicCodec {
    fn vendor(&self) -> Vendor {
        Vendor {
            name: "anthropic",
            base: Some("https://api.anthropic.com/v1"),
            version_path: "/v1",
            key_env: &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"],
            base_env: &["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"],
            needs_key: true,
        }
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        Target::of(of, &self.vendor())
    }

    fn speaks(&self, _: &Target, what: &CallHead) -> Speech {
        match what.operation {
            Operation::Messages | Operation::CountTokens => Speech::Native,
            operation if operation.is_chat() || operation.is_count() => Speech::Translated,
            operation => Speech::No(format!("Anthropic has no {}", operation.path())),
        }
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let (path, body) = match call.head.operation {
            Operation::Messages | Operation::CountTokens => {
                (call.head.operation.path(), passed_through(to, call))
            }
            Operation::CountContents => (Operation::CountTokens.path(), counted(to, call)?),
            _ => (Operation::Messages.path(), written(to, call)?),
        };
        let mut request = Request::post(format!("{}/{path}", to.base))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body)
            .map_err(|error| {
                let message = format!("the upstream's address: {error}");
                Error::new(ErrorKind::BadRequest, message)
            })?;
        // The caller's own `anthropic-version` and `anthropic-beta`.
        for (name, value) in &call.headers {
            // What the deployment sets itself replaces what a caller sets.
            if name.as_str().starts_with("anthropic-") && !to.headers.contains_key(name) {
                request.headers_mut().append(name, value.clone());
            }
        }
        request.headers_mut().entry("anthropic-version").or_insert(VERSION);
        Ok(request)
    }

    fn sign(
        &self,
        _: &Target,
        request: &mut Request<Pieces>,
        with: &Credential,
        _: Instant,
    ) -> Result<(), Error> {
        match with {
            // Tokens of Anthropic's OAuth are told by their beginning.
            Credential::Key(key) if !key.expose_secret().starts_with("sk-ant-oat") => {
                request.headers_mut().insert("x-api-key", secret_header("", key)?);
            }
            Credential::Key(token) | Credential::Bearer(token) => {
                request.headers_mut().insert(AUTHORIZATION, secret_header("Bearer ", token)?);
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
        if !status.is_success() {
            let mut error = classify_body(status.as_u16(), &body, retry_after(headers, now));
            if let Some(kind) = error.detail.type_name.as_deref().and_then(messages::kind_of) {
                error.kind = kind;
            }
            return Err(error);
        }
        match what.operation {
            Operation::Messages | Operation::CountTokens => {
                let usage = Peek::whole(what.operation, &body)?;
                Ok(WholeReply { headers: headers.clone(), body, usage })
            }
            Operation::CountContents => Ok(chat::counted(Peek::count(&body)?, what, headers)),
            _ => Ok(messages::read_reply(&body)?.whole(what, headers, now)),
        }
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        if what.operation == Operation::Messages {
            return Box::new(NativeFrames::default());
        }
        translated(what, now, MessagesDecoder::new())
    }
}

/// The caller's own body. Defaults are in OpenAI's words: those that mean the same here apply.
fn passed_through(to: &Target, call: &Call) -> Pieces {
    const SHARED: [&str; 6] =
        ["max_tokens", "temperature", "top_p", "top_k", "thinking", "service_tier"];
    let defaults: Vec<(String, String)> = match call.head.operation {
        Operation::Messages => {
            to.params.iter().filter(|(name, _)| SHARED.contains(&name.as_str())).cloned().collect()
        }
        _ => Vec::new(),
    };
    let dropped = to.dropped();
    let cut: Vec<&str> =
        OWN_FIELDS.iter().copied().chain(dropped.iter().map(String::as_str)).collect();
    call.envelope.edited(&[("model", to.model_json.clone())], &cut, &defaults)
}

/// What is counted: the conversation with its tools. How it would be answered does not matter.
fn counted(to: &Target, call: &Call) -> Result<Pieces, Error> {
    let chat = Chat::of(call, to)?;
    let body = messages::write_request(chat, &to.model, &mut Losses::of(to));
    let counts = |name: &str| ["messages", "system", "tools", "thinking"].contains(&name);
    let mut body: Map<String, Value> = body.into_iter().filter(|(name, _)| counts(name)).collect();
    body.insert("model".into(), to.model.as_str().into());
    Ok(Bytes::from(Value::Object(body).to_string()).into())
}

fn written(to: &Target, call: &Call) -> Result<Pieces, Error> {
    let chat = Chat::of(call, to)?;
    let mut losses = Losses::of(to);
    let stream = chat.stream;
    let mut body = messages::write_request(chat, &to.model, &mut losses);
    losses.settle()?;
    body.insert("model".into(), to.model.as_str().into());
    if stream {
        body.insert("stream".into(), true.into());
    }
    Ok(Bytes::from(Value::Object(body).to_string()).into())
}
