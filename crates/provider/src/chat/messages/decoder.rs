//! From Anthropic's stream.

use bytes::Bytes;
use pointsman_types::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{blocks::citation_of, reply::kind_of, usage::MessagesUsage};
use crate::{
    SseSplitter,
    chat::{ChatDecoder, ChatEvent, Content, Finish},
    classify_value, sse_data,
    wire::lenient,
};

/// The most that is kept of the input of a tool that runs at the vendor.
const MOST_INPUT: usize = 1 << 20;

/// Reads one stream of Anthropic's.
#[derive(Debug, Default)]
pub struct MessagesDecoder {
    splitter: SseSplitter,
    /// The id of the message that has begun.
    id: Option<String>,
    usage: MessagesUsage,
    /// The block that is open.
    open: Option<Open>,
    /// Calls that have begun.
    calls: u32,
    /// Why it ended was said.
    finished: bool,
}

/// A block whose end has not come yet.
#[derive(Debug)]
enum Open {
    /// A call: its arguments, if they came with its beginning and have not come in pieces.
    Call { index: u32, whole: Option<String> },
    /// Something of the vendor's own, with its input as far as it has come.
    Other { block: Value, input: String },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    MessageStart {
        message: Started,
    },
    ContentBlockStart {
        content_block: Value,
    },
    ContentBlockDelta {
        delta: Delta,
    },
    ContentBlockStop {},
    MessageDelta {
        delta: Ended,
        #[serde(default, deserialize_with = "lenient")]
        usage: Option<MessagesUsage>,
    },
    MessageStop {},
    Ping {},
    Error {},
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
struct Started {
    id: Option<String>,
    model: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    usage: Option<MessagesUsage>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(rename = "citations_delta")]
    Citations { citation: Value },
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are the wire's")]
struct Ended {
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    explanation: Option<String>,
}

impl ChatDecoder for MessagesDecoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let mut events = Vec::new();
        let split = self.splitter.push(chunk, &mut |event| events.push(event));
        events.iter().try_for_each(|event| self.event(event, out))?;
        split
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if let Some(rest) = self.splitter.finish() {
            self.event(&rest, out)?;
        }
        if self.finished {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Connection, "the upstream's stream ended before its answer did"))
    }
}

impl MessagesDecoder {
    /// A reader for one stream.
    pub fn new() -> Self {
        Self::default()
    }

    fn event(&mut self, raw: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let Some(data) = sse_data(raw) else { return Ok(()) };
        let data = data.trim_ascii();
        // Some that speak this dialect end as OpenAI does.
        if data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let said: Said = serde_json::from_slice(data).map_err(|error| {
            let message = format!("the upstream sent an event that cannot be read: {error}");
            Error::new(ErrorKind::Server, message)
        })?;
        match said {
            Said::MessageStart { message } => self.start(message, out),
            Said::ContentBlockStart { content_block } => self.open(content_block, out),
            Said::ContentBlockDelta { delta } => self.delta(delta, out),
            Said::ContentBlockStop {} => self.close(out),
            Said::MessageDelta { delta, usage } => self.end(delta, usage, out),
            Said::MessageStop {} => {
                self.finished = true;
                out.push(ChatEvent::End);
            }
            Said::Ping {} => out.push(ChatEvent::Ping),
            Said::Error {} => out.push(ChatEvent::Error(stream_error(data))),
            Said::Unknown => {}
        }
        Ok(())
    }

    /// A beginning that is told twice is one.
    fn start(&mut self, message: Started, out: &mut Vec<ChatEvent>) {
        let first = self.id.is_none();
        if let Some(usage) = message.usage {
            self.usage.update(&usage);
            out.extend(self.usage.normal().map(ChatEvent::Usage));
        }
        if first {
            self.id = Some(message.id.clone().unwrap_or_default());
            out.push(ChatEvent::Start { id: message.id, model: message.model });
        }
        self.open = None;
    }

    fn open(&mut self, mut block: Value, out: &mut Vec<ChatEvent>) {
        let text = |name: &str| block[name].as_str().map(str::to_owned).unwrap_or_default();
        match block["type"].as_str().unwrap_or_default() {
            "text" => {
                if !text("text").is_empty() {
                    out.push(ChatEvent::Text { choice: 0, text: text("text"), logprobs: None });
                }
            }
            "thinking" => {
                if !text("thinking").is_empty() {
                    out.push(ChatEvent::Reasoning { choice: 0, text: text("thinking") });
                }
            }
            "redacted_thinking" => {
                out.push(ChatEvent::HiddenReasoning { choice: 0, data: text("data") });
            }
            "tool_use" => {
                let (id, name, index) = (text("id"), text("name"), self.calls);
                self.calls += 1;
                let input = block.get_mut("input").map(Value::take).unwrap_or_default();
                let whole = input.as_object().is_some_and(|input| !input.is_empty());
                let whole = whole.then(|| input.to_string());
                self.open = Some(Open::Call { index, whole });
                out.push(ChatEvent::ToolCall { choice: 0, index, id, name, signature: None });
            }
            _ => self.open = Some(Open::Other { block, input: String::new() }),
        }
    }

    fn delta(&mut self, delta: Delta, out: &mut Vec<ChatEvent>) {
        match delta {
            Delta::Text { text } => {
                out.push(ChatEvent::Text { choice: 0, text, logprobs: None });
            }
            Delta::Thinking { thinking } => {
                out.push(ChatEvent::Reasoning { choice: 0, text: thinking });
            }
            Delta::Signature { signature } => {
                out.push(ChatEvent::Signature { choice: 0, signature });
            }
            Delta::Citations { citation } => {
                let citation = citation_of(citation);
                out.push(ChatEvent::Citation { choice: 0, citation });
            }
            Delta::InputJson { partial_json } => match &mut self.open {
                Some(Open::Call { index, whole }) if !partial_json.is_empty() => {
                    *whole = None;
                    let index = *index;
                    out.push(ChatEvent::Arguments { choice: 0, index, piece: partial_json });
                }
                Some(Open::Other { input, .. })
                    if input.len() + partial_json.len() <= MOST_INPUT =>
                {
                    input.push_str(&partial_json);
                }
                _ => {}
            },
            Delta::Unknown => {}
        }
    }

    fn close(&mut self, out: &mut Vec<ChatEvent>) {
        match self.open.take() {
            Some(Open::Call { index, whole: Some(piece) }) => {
                out.push(ChatEvent::Arguments { choice: 0, index, piece });
            }
            Some(Open::Other { mut block, input }) => {
                if let (Ok(input), Some(members)) =
                    (serde_json::from_str::<Value>(&input), block.as_object_mut())
                {
                    members.insert("input".into(), input);
                }
                out.push(ChatEvent::Part { choice: 0, part: Content::Other(block).into() });
            }
            _ => {}
        }
    }

    fn end(&mut self, delta: Ended, usage: Option<MessagesUsage>, out: &mut Vec<ChatEvent>) {
        if let Some(usage) = usage {
            self.usage.update(&usage);
            out.extend(self.usage.normal().map(ChatEvent::Usage));
        }
        let Some(native) = delta.stop_reason else { return };
        self.finished = true;
        if native == "refusal"
            && let Some(text) = delta.stop_details.and_then(|details| details.explanation)
        {
            out.push(ChatEvent::Refusal { choice: 0, text });
        }
        out.push(ChatEvent::Finish {
            choice: 0,
            reason: Finish::of(&native).unwrap_or_default(),
            native: Some(native),
            stop_sequence: delta.stop_sequence,
        });
    }
}

/// What an `error` event means; it has no status of its own.
pub fn stream_error(data: &[u8]) -> Error {
    let value: Value = serde_json::from_slice(data).unwrap_or_else(|_| json!({}));
    let mut error = classify_value(200, &value);
    if let Some(kind) = value["error"]["type"].as_str().and_then(kind_of) {
        error.kind = kind;
    }
    error
}
