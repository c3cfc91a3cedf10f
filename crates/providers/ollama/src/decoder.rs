//! From Ollama's stream of chat.

use bytes::Bytes;
use pointsman_clock::Instant;
use pointsman_provider::chat::{ChatDecoder, ChatEvent};
use pointsman_types::Error;
use serde_json::Value;

use crate::{
    errors::within,
    lines::{Lines, cut},
    reply::{calls_of, filled, finish_of, logprobs_of, usage_of},
};

/// Reads one stream of `/api/chat`.
#[derive(Debug)]
pub(crate) struct ChatLines {
    lines: Lines,
    said: Said,
}

#[derive(Debug)]
struct Said {
    now: Instant,
    begun: bool,
    /// Calls so far.
    calls: u32,
    finished: bool,
}

impl ChatLines {
    /// A reader for one stream, which began `now`.
    pub(crate) fn new(now: Instant) -> Self {
        let said = Said { now, begun: false, calls: 0, finished: false };
        Self { lines: Lines::default(), said }
    }
}

impl ChatDecoder for ChatLines {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let Self { lines, said } = self;
        lines.push(&chunk, &mut |line| {
            said.line(&line, out);
            Ok(())
        })
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let Self { lines, said } = self;
        lines.finish(&mut |line| {
            said.line(&line, out);
            Ok(())
        })?;
        if said.finished { Ok(()) } else { Err(cut()) }
    }
}

impl Said {
    fn line(&mut self, line: &Value, out: &mut Vec<ChatEvent>) {
        if let Some(error) = within(line) {
            self.finished = true;
            out.push(ChatEvent::Error(error));
            return;
        }
        if !std::mem::replace(&mut self.begun, true) {
            let model = filled(&line["model"]).map(str::to_owned);
            out.push(ChatEvent::Start { id: None, model });
        }
        let message = &line["message"];
        if let Some(thought) = filled(&message["thinking"]) {
            out.push(ChatEvent::Reasoning { choice: 0, text: thought.to_owned() });
        }
        let text = message["content"].as_str().unwrap_or_default().to_owned();
        let logprobs = logprobs_of(&line["logprobs"]);
        if !text.is_empty() || logprobs.is_some() {
            out.push(ChatEvent::Text { choice: 0, text, logprobs });
        }
        for call in calls_of(message, self.calls, self.now) {
            let (index, id, name) = (self.calls, call.id, call.name);
            self.calls = self.calls.saturating_add(1);
            out.push(ChatEvent::ToolCall { choice: 0, index, id, name, signature: None });
            out.push(ChatEvent::Arguments { choice: 0, index, piece: call.arguments });
        }
        if line["done"] == true {
            self.end(line, out);
        }
    }

    fn end(&mut self, line: &Value, out: &mut Vec<ChatEvent>) {
        self.finished = true;
        out.extend(usage_of(line).map(ChatEvent::Usage));
        let native = filled(&line["done_reason"]).map(str::to_owned);
        let reason = finish_of(native.as_deref(), self.calls > 0);
        out.push(ChatEvent::Finish { choice: 0, reason, native, stop_sequence: None });
        out.push(ChatEvent::End);
    }
}
