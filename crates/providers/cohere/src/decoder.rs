//! From Cohere's stream.

use bytes::Bytes;
use pointsman_provider::{
    SseSplitter,
    chat::{ChatDecoder, ChatEvent},
    sse_data,
};
use pointsman_types::{Error, ErrorKind};
use serde_json::Value;

use crate::{
    citations::citations_of,
    errors::{ended_by, within},
    reply::{arguments_of, chars, finish_of, logprobs_of},
    usage::usage_of,
};

/// Reads one stream of `/v2/chat`.
#[derive(Debug, Default)]
pub(crate) struct ChatEvents {
    splitter: SseSplitter,
    /// Calls that have begun.
    calls: u32,
    /// The beginning of a call's arguments while it may still be `null`.
    held: Option<String>,
    /// The answer's text so far, in characters, and before the item that is open.
    said: u64,
    before: u64,
    /// Why it ended was said.
    finished: bool,
}

impl ChatDecoder for ChatEvents {
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

impl ChatEvents {
    fn event(&mut self, raw: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let Some(data) = sse_data(raw) else { return Ok(()) };
        let data = data.trim_ascii();
        if data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let event: Value = serde_json::from_slice(data).map_err(|error| {
            let message = format!("the upstream sent an event that cannot be read: {error}");
            Error::new(ErrorKind::Server, message)
        })?;
        let message = &event["delta"]["message"];
        match event["type"].as_str() {
            Some("message-start") => {
                let id = event["id"].as_str().map(str::to_owned);
                out.push(ChatEvent::Start { id, model: None });
            }
            Some("content-start") => {
                self.before = self.said;
                self.content(&event, out);
            }
            Some("content-delta") => self.content(&event, out),
            Some("tool-plan-delta") => reason(&message["tool_plan"], out),
            Some("tool-call-start") => self.call(&message["tool_calls"], out),
            Some("tool-call-delta") => {
                self.arguments(&message["tool_calls"]["function"]["arguments"], out);
            }
            Some("tool-call-end") => self.close(out),
            Some("citation-start") => self.cite(&message["citations"], out),
            Some("message-end") => self.end(&event["delta"], out),
            Some("error") | None => out.push(ChatEvent::Error(within(&event))),
            Some(_) => {}
        }
        Ok(())
    }

    fn content(&mut self, event: &Value, out: &mut Vec<ChatEvent>) {
        let content = &event["delta"]["message"]["content"];
        reason(&content["thinking"], out);
        let logprobs = logprobs_of(&event["logprobs"]);
        if let Some(text) = content["text"].as_str() {
            self.said = self.said.saturating_add(chars(text));
            out.push(ChatEvent::Text { choice: 0, text: text.to_owned(), logprobs });
        }
    }

    fn call(&mut self, call: &Value, out: &mut Vec<ChatEvent>) {
        self.close(out);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, name) = (text(&call["id"]), text(&call["function"]["name"]));
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        out.push(ChatEvent::ToolCall { choice: 0, index, id, name, signature: None });
        self.held = Some(String::new());
        self.arguments(&call["function"]["arguments"], out);
    }

    /// Calls come one after the other; a piece belongs to the last one.
    fn arguments(&mut self, piece: &Value, out: &mut Vec<ChatEvent>) {
        let (Some(piece), Some(index)) = (piece.as_str(), self.calls.checked_sub(1)) else {
            return;
        };
        let piece = match self.held.take() {
            Some(held) => held + piece,
            None => piece.to_owned(),
        };
        if "null".starts_with(&piece) {
            self.held = Some(piece);
            return;
        }
        out.push(ChatEvent::Arguments { choice: 0, index, piece });
    }

    fn close(&mut self, out: &mut Vec<ChatEvent>) {
        if let (Some(held), Some(index)) = (self.held.take(), self.calls.checked_sub(1)) {
            let piece = arguments_of(&held).to_owned();
            out.push(ChatEvent::Arguments { choice: 0, index, piece });
        }
    }

    fn cite(&self, native: &Value, out: &mut Vec<ChatEvent>) {
        let one = std::slice::from_ref(native);
        let list = native.as_array().map_or(one, Vec::as_slice);
        for native in list.iter().filter(|native| native.is_object()) {
            for citation in citations_of(native, self.before) {
                out.push(ChatEvent::Citation { choice: 0, citation });
            }
        }
    }

    fn end(&mut self, delta: &Value, out: &mut Vec<ChatEvent>) {
        self.close(out);
        self.finished = true;
        if let Some(usage) = usage_of(&delta["usage"]) {
            out.push(ChatEvent::Usage(usage));
        }
        let word = delta["finish_reason"].as_str().unwrap_or("COMPLETE");
        let said = self.said > 0 || self.calls > 0;
        if let Some(error) = ended_by(word, delta["error"].as_str(), said) {
            out.push(ChatEvent::Error(error));
            return;
        }
        out.push(ChatEvent::Finish {
            choice: 0,
            reason: finish_of(word),
            native: Some(word.to_owned()),
            stop_sequence: None,
        });
        out.push(ChatEvent::End);
    }
}

fn reason(text: &Value, out: &mut Vec<ChatEvent>) {
    if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
        out.push(ChatEvent::Reasoning { choice: 0, text: text.to_owned() });
    }
}
