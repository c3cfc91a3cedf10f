//! Calls of callers that speak Google's dialect: passed through, answers only read for what the
//! router needs.

use bytes::Bytes;
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, Event, Frame, Frames, OWN_FIELDS, Pieces, Target,
    chat::{ChatEvent, ChatReply},
};
use pointsman_types::{Error, ErrorKind, Operation, Usage};
use serde_json::{Map, Value};

use crate::{
    codec::path_of, decoder::read_reply, documents::Documents, embed, reader::Reader,
    request::Place,
};

/// Defaults, which are in OpenAI's words, and their names in `generationConfig`.
const DEFAULTS: [(&str, &str); 9] = [
    ("max_tokens", "maxOutputTokens"),
    ("max_completion_tokens", "maxOutputTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("n", "candidateCount"),
];

/// The method to call, and the caller's own body for it. The model is in the address; where
/// Google wants it in the body as well, it is exchanged there.
pub(crate) fn passed_through(
    to: &Target,
    call: &Call,
    place: Place,
) -> Result<(&'static str, Pieces), Error> {
    let body = &call.envelope;
    let mut replace: Vec<(&str, Bytes)> = Vec::new();
    let method = match call.head.operation {
        Operation::GenerateContent => {
            replace.extend(config(to, call)?);
            if call.head.stream { "streamGenerateContent?alt=sse" } else { "generateContent" }
        }
        Operation::CountContents => {
            if let Some(mut inner) = member(call, "generateContentRequest")? {
                if place == Place::Vertex {
                    // It has no such wrapping.
                    inner.as_object_mut().map(|inner| inner.shift_remove("model"));
                    return Ok(("countTokens", Bytes::from(inner.to_string()).into()));
                }
                inner["model"] = path_of(&to.model).into();
                replace.push(("generateContentRequest", inner.to_string().into()));
            }
            "countTokens"
        }
        Operation::BatchEmbedContents => {
            if let Some(mut requests) = member(call, "requests")? {
                for request in requests.as_array_mut().into_iter().flatten() {
                    if request.is_object() {
                        request["model"] = path_of(&to.model).into();
                    }
                }
                replace.push(("requests", requests.to_string().into()));
            }
            "batchEmbedContents"
        }
        _ => "embedContent",
    };
    let dropped = to.dropped();
    let own = OWN_FIELDS.iter().copied().chain(["model", "stream"]);
    let cut: Vec<&str> = own.chain(dropped.iter().map(String::as_str)).collect();
    Ok((method, body.edited(&replace, &cut, &[])))
}

fn member(call: &Call, name: &str) -> Result<Option<Value>, Error> {
    call.envelope
        .read(name, "JSON")
        .map_err(|fault| Error::new(ErrorKind::BadRequest, fault.message).with_param(name))
}

/// The caller's configuration with the deployment's defaults, where it has any that apply.
fn config(to: &Target, call: &Call) -> Result<Option<(&'static str, Bytes)>, Error> {
    let default = |(name, json): &(String, String)| {
        let (_, own) = DEFAULTS.iter().find(|(known, _)| known == name)?;
        Some((*own, serde_json::from_str::<Value>(json).ok()?))
    };
    let mut defaults = to.params.iter().filter_map(default).peekable();
    if defaults.peek().is_none() {
        return Ok(None);
    }
    let old = "generation_config";
    let name = if call.envelope.has(old) { old } else { "generationConfig" };
    let Value::Object(mut config) = member(call, name)?.unwrap_or(Value::Object(Map::new())) else {
        let message = format!("`{name}` must be an object");
        return Err(Error::new(ErrorKind::BadRequest, message).with_param(name));
    };
    for (own, value) in defaults {
        config.entry(own).or_insert(value);
    }
    Ok(Some((name, Value::Object(config).to_string().into())))
}

/// The usage of a whole answer that can be used.
pub(crate) fn peek(
    operation: Operation,
    body: &[u8],
    now: Instant,
) -> Result<Option<Usage>, Error> {
    match operation {
        Operation::GenerateContent => read_reply(body, now).map(|ChatReply { usage, .. }| usage),
        Operation::CountContents => counted(body).map(|_| None),
        _ => embed::read(body).map(|vectors| vectors.usage),
    }
}

/// A count of tokens.
pub(crate) fn counted(body: &[u8]) -> Result<u64, Error> {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    told["totalTokens"].as_u64().ok_or_else(|| {
        let message = "the upstream's answer cannot be used: it has no `totalTokens`";
        Error::new(ErrorKind::Server, message).with_status(200)
    })
}

/// Reads one stream, and relays its documents as events.
#[derive(Debug)]
pub(crate) struct NativeFrames {
    documents: Documents,
    reader: Reader,
}

impl NativeFrames {
    /// A reader for a stream that began at a moment.
    pub(crate) fn new(now: Instant) -> Self {
        Self { documents: Documents::default(), reader: Reader::new(now) }
    }

    fn relay(&mut self, found: Vec<Bytes>, out: &mut Vec<Frame>) -> Result<(), Error> {
        for document in found {
            let mut events = Vec::new();
            let read = self.reader.document(&document, &mut events);
            let event = meaning(events);
            // Elements of an array may have lines, which events have not.
            let line = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
            let mut raw = b"data: ".to_vec();
            raw.extend(document.iter().map(line));
            raw.extend_from_slice(b"\r\n\r\n");
            out.push(Frame { raw: raw.into(), event });
            read?;
        }
        Ok(())
    }
}

fn meaning(events: Vec<ChatEvent>) -> Event {
    let mut meaning = Event::default();
    for event in events {
        match event {
            ChatEvent::Usage(usage) => meaning.usage = Some(usage),
            ChatEvent::Error(error) => meaning.error = Some(error),
            ChatEvent::End => meaning.done = true,
            ChatEvent::Start { .. } | ChatEvent::Ping => {}
            event => {
                meaning.content = true;
                meaning.text += event.length();
            }
        }
    }
    meaning
}

impl Frames for NativeFrames {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        let mut found = Vec::new();
        let cut = self.documents.push(chunk, &mut |document| found.push(document));
        self.relay(found, out)?;
        cut
    }

    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        let mut found = Vec::new();
        let cut = self.documents.finish(&mut |document| found.push(document));
        self.relay(found, out)?;
        cut?;
        if out.iter().any(|frame| frame.event.error.is_some()) {
            return Ok(());
        }
        let mut events = Vec::new();
        self.reader.end(false, &mut events)?;
        out.push(Frame { raw: Bytes::new(), event: meaning(events) });
        Ok(())
    }
}
