//! Claude at Vertex AI: Anthropic's dialect at Google's addresses.
//!
//! Which of the two dialects an answer is in is told by its beginning.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Speech, Target, WholeReply,
    chat::{Chat, ChatDecoder, ChatEvent, Losses, messages, messages::MessagesDecoder},
    classify_body, retry_after,
};
use pointsman_types::{Error, Operation};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::decoder::GeminiDecoder;

/// The version of Anthropic's dialect that Vertex AI speaks.
const VERSION: &str = "vertex-2023-10-16";

pub(crate) fn is(model: &str) -> bool {
    model.rsplit('/').next().is_some_and(|name| name.starts_with("claude"))
}

pub(crate) fn speaks(what: &CallHead) -> Speech {
    match what.operation {
        Operation::CountTokens => Speech::Translated,
        operation if operation.is_chat() => Speech::Translated,
        operation => Speech::No(format!("Claude has no {}", operation.path())),
    }
}

/// Tokens are counted by a model of their own.
pub(crate) fn path(model: &str, call: &Call) -> String {
    match model.rsplit_once('/') {
        Some((models, _)) if call.head.operation == Operation::CountTokens => {
            format!("{models}/count-tokens")
        }
        _ => model.to_owned(),
    }
}

pub(crate) fn written(
    to: &Target,
    call: &Call,
) -> Result<(&'static str, Map<String, Value>), Error> {
    let chat = Chat::of(call, to)?;
    let mut losses = Losses::of(to);
    let stream = chat.stream;
    let mut body = messages::write_request(chat, &to.model, &mut losses);
    if call.head.operation == Operation::CountTokens {
        let name = to.model.rsplit('/').next().unwrap_or(&to.model);
        body.shift_remove("max_tokens");
        body.insert("model".into(), name.into());
        return Ok(("rawPredict", body));
    }
    losses.settle()?;
    body.shift_remove("model");
    body.insert("anthropic_version".into(), VERSION.into());
    if stream {
        body.insert("stream".into(), true.into());
    }
    Ok((if stream { "streamRawPredict" } else { "rawPredict" }, body))
}

/// What tells Anthropic's answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Peek {
    r#type: Option<String>,
    input_tokens: Option<u64>,
}

/// An answer in Anthropic's dialect; `None` for any other.
pub(crate) fn decode(
    what: &CallHead,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Bytes,
    now: Instant,
) -> Option<Result<WholeReply, Error>> {
    let peek: Peek = serde_json::from_slice(body).ok()?;
    match peek.r#type.as_deref() {
        Some("error") => {
            let mut error = classify_body(status.as_u16(), body, retry_after(headers, now));
            if let Some(kind) = error.detail.type_name.as_deref().and_then(messages::kind_of) {
                error.kind = kind;
            }
            Some(Err(error))
        }
        Some("message") if status.is_success() => {
            Some(messages::read_reply(body).map(|reply| reply.whole(what, headers, now)))
        }
        None if status.is_success() && peek.input_tokens.is_some() => {
            let (headers, body) = (headers.clone(), body.clone());
            Some(Ok(WholeReply { headers, body, usage: None }))
        }
        _ => None,
    }
}

/// A stream of either dialect: Anthropic's events have names.
#[derive(Debug)]
pub(crate) struct EitherDecoder {
    now: Instant,
    begin: BytesMut,
    chosen: Option<Chosen>,
}

#[derive(Debug)]
enum Chosen {
    Claude(Box<MessagesDecoder>),
    Gemini(Box<GeminiDecoder>),
}

impl EitherDecoder {
    pub(crate) fn new(now: Instant) -> Self {
        Self { now, begin: BytesMut::new(), chosen: None }
    }

    fn choose(&mut self, ended: bool) -> Option<Chosen> {
        const EVENT: &[u8] = b"event:";
        let begin = self.begin.trim_ascii_start();
        if begin.starts_with(EVENT) {
            return Some(Chosen::Claude(Box::default()));
        }
        let open = !ended && begin.len() < EVENT.len() && EVENT.starts_with(begin);
        (!open).then(|| Chosen::Gemini(Box::new(GeminiDecoder::new(self.now))))
    }
}

impl Chosen {
    fn decoder(&mut self) -> &mut dyn ChatDecoder {
        match self {
            Self::Claude(decoder) => &mut **decoder,
            Self::Gemini(decoder) => &mut **decoder,
        }
    }
}

impl ChatDecoder for EitherDecoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if let Some(chosen) = &mut self.chosen {
            return chosen.decoder().push(chunk, out);
        }
        self.begin.extend_from_slice(&chunk);
        let Some(chosen) = self.choose(false) else { return Ok(()) };
        let begin = self.begin.split().freeze();
        self.chosen.insert(chosen).decoder().push(begin, out)
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.chosen.is_none() {
            self.chosen = self.choose(true);
            let begin = self.begin.split().freeze();
            if let Some(chosen) = &mut self.chosen {
                chosen.decoder().push(begin, out)?;
            }
        }
        match &mut self.chosen {
            Some(chosen) => chosen.decoder().finish(out),
            None => Ok(()),
        }
    }
}
