//! Answers that are relayed as they came, and only peeked at.

use bytes::Bytes;
use pointsman_provider::{
    Event, Frame, Frames, SseSplitter,
    chat::messages::{MessagesUsage, stream_error},
    sse_data,
    wire::{Weighed, lenient},
};
use pointsman_types::{Error, ErrorKind, Operation, Usage};
use serde::{Deserialize, de::IgnoredAny};

/// What is read of a whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Peek {
    content: Option<Vec<IgnoredAny>>,
    error: Option<IgnoredAny>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<MessagesUsage>,
    input_tokens: Option<u64>,
}

impl Peek {
    /// A count of tokens.
    pub(crate) fn count(body: &[u8]) -> Result<u64, Error> {
        let peek: Self = serde_json::from_slice(body).unwrap_or_default();
        peek.input_tokens.ok_or_else(|| {
            let message = "the upstream's answer cannot be used: it has no `input_tokens`";
            Error::new(ErrorKind::Server, message).with_status(200)
        })
    }

    /// The usage of an answer that can be used.
    pub(crate) fn whole(operation: Operation, body: &[u8]) -> Result<Option<Usage>, Error> {
        let broken = |why: &str| {
            let message = format!("the upstream's answer cannot be used: {why}");
            Error::new(ErrorKind::Server, message).with_status(200)
        };
        let peek: Self =
            serde_json::from_slice(body).map_err(|error| broken(&error.to_string()))?;
        match operation {
            Operation::CountTokens if peek.input_tokens.is_none() => {
                Err(broken("it has no `input_tokens`"))
            }
            // Counting takes no tokens.
            Operation::CountTokens => Ok(None),
            _ if peek.content.is_none() && peek.error.is_some() => Err(stream_error(body)),
            _ if peek.content.is_none() => Err(broken("it has no `content`")),
            _ => Ok(peek.usage.and_then(|usage| usage.normal())),
        }
    }
}

/// Reads one stream.
#[derive(Debug, Default)]
pub(crate) struct NativeFrames {
    splitter: SseSplitter,
    usage: MessagesUsage,
    complete: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<std::borrow::Cow<'a, str>>,
    message: Option<Usages>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<MessagesUsage>,
    delta: Option<Delta>,
    content_block: Option<Block>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Usages {
    #[serde(deserialize_with = "lenient")]
    usage: Option<MessagesUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    stop_reason: Option<IgnoredAny>,
    text: Weighed,
    thinking: Weighed,
    partial_json: Weighed,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block {
    r#type: Option<String>,
}

impl Frames for NativeFrames {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Frame>) -> Result<(), Error> {
        let mut events = Vec::new();
        let split = self.splitter.push(chunk, &mut |event| events.push(event));
        for raw in events {
            let event = self.event(&raw)?;
            out.push(Frame { raw, event });
        }
        split
    }

    fn finish(&mut self, out: &mut Vec<Frame>) -> Result<(), Error> {
        if let Some(rest) = self.splitter.finish() {
            let event = self.event(&rest)?;
            // The last event came without its blank line; the client gets it with one.
            out.push(Frame { raw: [&rest[..], b"\n\n"].concat().into(), event });
        }
        if self.complete || out.iter().any(|frame| frame.event.error.is_some()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Connection, "the upstream's stream ended before its answer did"))
    }
}

impl NativeFrames {
    fn event(&mut self, raw: &[u8]) -> Result<Event, Error> {
        let Some(data) = sse_data(raw) else { return Ok(Event::default()) };
        let data = data.trim_ascii();
        if data.is_empty() {
            return Ok(Event::default());
        }
        let said: Said<'_> = serde_json::from_slice(data).map_err(|error| {
            let message = format!("the upstream sent an event that cannot be read: {error}");
            Error::new(ErrorKind::Server, message)
        })?;
        let mut event = Event::default();
        let reported = said.message.and_then(|message| message.usage).or(said.usage);
        if let Some(usage) = reported {
            self.usage.update(&usage);
            event.usage = self.usage.normal();
        }
        match said.kind.as_deref().unwrap_or_default() {
            "content_block_delta" => {
                event.content = true;
                let delta = said.delta.unwrap_or_default();
                event.text = delta.text.text + delta.thinking.text + delta.partial_json.text;
            }
            "content_block_start" => {
                let kind = said.content_block.and_then(|block| block.r#type);
                event.content = !matches!(kind.as_deref(), Some("text" | "thinking") | None);
            }
            "message_delta" => {
                event.content = said.delta.is_some_and(|delta| delta.stop_reason.is_some());
                self.complete |= event.content;
            }
            "message_stop" => (event.done, self.complete) = (true, true),
            "error" => event.error = Some(stream_error(data)),
            _ => {}
        }
        Ok(event)
    }
}
