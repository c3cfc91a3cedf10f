//! Claude at Vertex AI: Anthropic's dialect at Google's addresses.
//!
//! Which of the two dialects an answer is in is told by its beginning.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Frame, Frames, Speech, Target, WholeReply,
    chat::{
        Chat, ChatDecoder, ChatEvent, Losses, counted, messages, messages::MessagesDecoder,
        translated,
    },
    classify_body, retry_after,
};
use pointsman_types::Error;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{decoder::GeminiDecoder, native::NativeFrames};

/// The version of Anthropic's dialect that Vertex AI speaks.
const VERSION: &str = "vertex-2023-10-16";

pub(crate) fn is(model: &str) -> bool {
    model.rsplit('/').next().is_some_and(|name| name.starts_with("claude"))
}

pub(crate) fn speaks(what: &CallHead) -> Speech {
    match what.operation {
        operation if operation.is_chat() || operation.is_count() => Speech::Translated,
        operation => Speech::No(format!("Claude has no {}", operation.path())),
    }
}

/// Tokens are counted by a model of their own.
pub(crate) fn path(model: &str, call: &Call) -> String {
    match model.rsplit_once('/') {
        Some((models, _)) if call.head.operation.is_count() => {
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
    if call.head.operation.is_count() {
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
            Some(Ok(counted(peek.input_tokens?, what, headers)))
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
        Some(if is_claudes(&self.begin, ended)? {
            Chosen::Claude(Box::default())
        } else {
            Chosen::Gemini(Box::new(GeminiDecoder::new(self.now)))
        })
    }
}

/// Whether a stream that begins like this is in Anthropic's dialect; `None` while it may be either.
fn is_claudes(begin: &[u8], ended: bool) -> Option<bool> {
    const EVENT: &[u8] = b"event:";
    let begin = begin.trim_ascii_start();
    let open = !ended && begin.len() < EVENT.len() && EVENT.starts_with(begin);
    (!open).then(|| begin.starts_with(EVENT))
}

/// A stream of either dialect for a caller that speaks Google's, which passes through.
pub(crate) struct EitherFrames {
    what: CallHead,
    now: Instant,
    begin: BytesMut,
    chosen: Option<Box<dyn Frames>>,
}

impl EitherFrames {
    pub(crate) fn new(what: &CallHead, now: Instant) -> Self {
        Self { what: what.clone(), now, begin: BytesMut::new(), chosen: None }
    }

    /// The frames, once it is clear which; what has come until then goes first.
    fn chosen(
        &mut self,
        ended: bool,
        out: &mut Vec<Frame>,
    ) -> Result<Option<&mut Box<dyn Frames>>, Error> {
        if self.chosen.is_none() {
            let Some(claudes) = is_claudes(&self.begin, ended) else { return Ok(None) };
            let mut frames: Box<dyn Frames> = if claudes {
                translated(&self.what, self.now, MessagesDecoder::new())
            } else {
                Box::new(NativeFrames::new(self.now))
            };
            let read = frames.push(self.begin.split().freeze(), out);
            self.chosen = Some(frames);
            read?;
        }
        Ok(self.chosen.as_mut())
    }
}

impl Frames for EitherFrames {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        if let Some(frames) = &mut self.chosen {
            return frames.push(chunk, out);
        }
        self.begin.extend_from_slice(&chunk);
        self.chosen(false, out).map(|_| ())
    }

    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        match self.chosen(true, out)? {
            Some(frames) => frames.finish(out),
            None => Ok(()),
        }
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
