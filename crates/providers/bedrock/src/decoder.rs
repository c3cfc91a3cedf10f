//! From Converse's stream, and that of InvokeModel for a Claude, to the neutral form.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use pointsman_provider::chat::{ChatDecoder, ChatEvent, Finish, messages::MessagesDecoder};
use pointsman_types::{Error, ErrorKind, ServiceTier};
use serde_json::{Value, json};

use crate::{
    errors::classify,
    frame::{Event, FrameSplitter},
    reply::{citation, image, own, stop_sequence, taken},
    usage::usage,
};

/// The most that is kept of a block that is passed on whole, in bytes.
const MOST_KEPT: usize = 24 << 20;
/// The most blocks that are open at a time.
const MOST_OPEN: usize = 256;

/// The events that are read; others say nothing to a caller.
const KNOWN: [&str; 7] = [
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
    "chunk",
];

/// Reads one stream.
#[derive(Debug, Default)]
pub(crate) struct ConverseDecoder {
    splitter: FrameSplitter,
    /// Blocks whose end has not come yet, by their number.
    open: BTreeMap<u64, Open>,
    /// Bytes kept in them.
    kept: usize,
    /// Calls that have begun.
    calls: u32,
    /// The answer's own end came.
    finished: bool,
    /// Reads the events of a Claude that come through InvokeModel.
    inner: Option<MessagesDecoder>,
}

/// A block whose end has not come yet.
#[derive(Debug)]
enum Open {
    Call {
        index: u32,
        empty: bool,
    },
    Image {
        format: String,
        base64: String,
    },
    /// Something of the vendor's own, with its input or output as far as it has come.
    Own {
        name: &'static str,
        block: Value,
        text: String,
    },
}

impl ChatDecoder for ConverseDecoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        self.splitter.push(&chunk);
        while let Some(event) = self.splitter.next()? {
            match event {
                Event::Event(name, payload) => self.event(&name, &payload, out)?,
                Event::Exception(name, payload) => {
                    out.push(ChatEvent::Error(classify(200, Some(&name), &payload, None)));
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if let (Some(inner), false) = (&mut self.inner, self.splitter.is_cut()) {
            return inner.finish(out);
        }
        if self.finished && !self.splitter.is_cut() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Connection, "the upstream's stream ended before its answer did"))
    }
}

impl ConverseDecoder {
    fn event(&mut self, name: &str, payload: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if !KNOWN.contains(&name) {
            return Ok(());
        }
        let said: Value = serde_json::from_slice(payload).map_err(|error| unread(&error))?;
        let block = said["contentBlockIndex"].as_u64().unwrap_or(0);
        match name {
            "messageStart" => out.push(ChatEvent::Start { id: None, model: None }),
            "contentBlockStart" => self.open(block, &said["start"], out)?,
            "contentBlockDelta" => self.delta(block, said, out)?,
            "contentBlockStop" => self.close(block, out),
            "messageStop" => {
                self.finished = true;
                let native = said["stopReason"].as_str().map(str::to_owned);
                out.push(ChatEvent::Finish {
                    choice: 0,
                    reason: native.as_deref().and_then(Finish::of).unwrap_or_default(),
                    native,
                    stop_sequence: stop_sequence(&said["additionalModelResponseFields"]),
                });
            }
            "metadata" => {
                if let Some(mut usage) = usage(&said["usage"]) {
                    let named = said["serviceTier"]["type"].as_str();
                    usage.tier = named.and_then(ServiceTier::served);
                    out.push(ChatEvent::Usage(usage));
                }
                if self.finished {
                    out.push(ChatEvent::End);
                }
            }
            _ => self.chunk(&said, out)?,
        }
        Ok(())
    }

    /// An event in the model's own words: a Claude's, or a Nova's, which are Converse's.
    fn chunk(&mut self, said: &Value, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let within = said["bytes"].as_str().unwrap_or_default();
        let bytes = BASE64_STANDARD.decode(within).map_err(|error| unread(&error))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| unread(&error))?;
        if value["type"].is_string() {
            let line = [b"data: ", &value.to_string().into_bytes()[..], b"\n\n"].concat();
            return self.inner.get_or_insert_default().push(line.into(), out);
        }
        let Value::Object(members) = value else { return Ok(()) };
        for (name, inner) in members {
            // A chunk is no place for another one.
            if name != "chunk" && inner.is_object() {
                self.event(&name, &inner.to_string().into_bytes(), out)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, at: u64, start: &Value, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.open.len() >= MOST_OPEN {
            return Err(Error::new(ErrorKind::Server, "the upstream opens too many blocks"));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let called = &start["toolUse"];
        if called.is_object() && called["type"] != "server_tool_use" {
            let index = self.calls;
            self.calls += 1;
            self.open.insert(at, Open::Call { index, empty: true });
            out.push(ChatEvent::ToolCall {
                choice: 0,
                index,
                id: text(&called["toolUseId"]),
                name: text(&called["name"]),
                signature: None,
            });
        } else if start["image"].is_object() {
            let format = text(&start["image"]["format"]);
            self.open.insert(at, Open::Image { format, base64: String::new() });
        } else {
            for name in ["toolUse", "toolResult"] {
                if start[name].is_object() {
                    let block = start[name].clone();
                    self.open.insert(at, Open::Own { name, block, text: String::new() });
                }
            }
        }
        Ok(())
    }

    fn delta(&mut self, at: u64, mut said: Value, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let mut delta = taken(&mut said, "delta");
        let text = |value: &mut Value, name: &str| match taken(value, name) {
            Value::String(text) => Some(text),
            _ => None,
        };
        if let Some(text) = text(&mut delta, "text") {
            out.push(ChatEvent::Text { choice: 0, text, logprobs: None });
        }
        let mut thought = taken(&mut delta, "reasoningContent");
        if let Some(text) = text(&mut thought, "text") {
            out.push(ChatEvent::Reasoning { choice: 0, text });
        }
        if let Some(signature) = text(&mut thought, "signature") {
            out.push(ChatEvent::Signature { choice: 0, signature });
        }
        if let Some(data) = text(&mut thought, "redactedContent") {
            out.push(ChatEvent::HiddenReasoning { choice: 0, data });
        }
        let cited = taken(&mut delta, "citation");
        if cited.is_object() {
            out.push(ChatEvent::Citation { choice: 0, citation: citation(cited) });
        }
        self.piece(at, &delta, out)
    }

    /// A piece of a block that began.
    fn piece(&mut self, at: u64, delta: &Value, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let input = delta["toolUse"]["input"].as_str().unwrap_or_default();
        let piece = match self.open.get_mut(&at) {
            Some(Open::Call { index, empty }) => {
                if !input.is_empty() {
                    *empty = false;
                    let piece = input.to_owned();
                    out.push(ChatEvent::Arguments { choice: 0, index: *index, piece });
                }
                0
            }
            Some(Open::Image { base64, .. }) => {
                let piece = delta["image"]["source"]["bytes"].as_str().unwrap_or_default();
                base64.push_str(piece);
                piece.len()
            }
            Some(Open::Own { text: kept, .. }) => {
                let mut piece = input.to_owned();
                for result in delta["toolResult"].as_array().into_iter().flatten() {
                    let json = result.get("json").map(Value::to_string).unwrap_or_default();
                    piece.push_str(result["text"].as_str().unwrap_or(&json));
                }
                kept.push_str(&piece);
                piece.len()
            }
            None => 0,
        };
        self.kept += piece;
        if self.kept > MOST_KEPT {
            return Err(Error::new(ErrorKind::Server, "the upstream sends a block without end"));
        }
        Ok(())
    }

    fn close(&mut self, at: u64, out: &mut Vec<ChatEvent>) {
        let part = match self.open.remove(&at) {
            // A function without arguments has an object of none.
            Some(Open::Call { index, empty: true }) => {
                out.push(ChatEvent::Arguments { choice: 0, index, piece: "{}".to_owned() });
                return;
            }
            Some(Open::Call { .. }) | None => return,
            Some(Open::Image { format, base64 }) => {
                self.kept = self.kept.saturating_sub(base64.len());
                image(&format, base64)
            }
            Some(Open::Own { name, mut block, text }) => {
                self.kept = self.kept.saturating_sub(text.len());
                if name == "toolUse" {
                    block["input"] = serde_json::from_str(&text).unwrap_or_else(|_| json!({}));
                } else {
                    block["content"] = json!([{"text": text}]);
                }
                own(name, &block)
            }
        };
        out.push(ChatEvent::Part { choice: 0, part });
    }
}

fn unread(error: &dyn std::fmt::Display) -> Error {
    let message = format!("the upstream sent an event that cannot be read: {error}");
    Error::new(ErrorKind::Server, message)
}
