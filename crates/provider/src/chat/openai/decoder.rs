//! From OpenAI's chunks.

use bytes::Bytes;
use pointsman_types::{Error, ErrorKind, ServiceTier};
use serde_json::Value;

use super::{
    OpenAiUsage,
    reply::{audio, citation_of, cites, content, finish_of, old_call, pages},
};
use crate::{
    SseSplitter,
    chat::{ChatDecoder, ChatEvent, Content, Source},
    classify_value, sse_data,
};

/// More calls in one answer than anybody makes.
const MOST_CALLS: usize = 1_024;

/// Reads one stream of `chat.completion.chunk`s, and the variants of those who speak OpenAI's
/// dialect.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that happens once")]
pub struct ChunkDecoder {
    splitter: SseSplitter,
    /// The answer's, for calls that have none of their own.
    id: String,
    begun: bool,
    calls: Vec<Call>,
    /// The choices that have ended.
    finished: Vec<u32>,
    /// An empty reason was given, which some mean as an end.
    vague_end: bool,
    cited: bool,
    /// Pages of the web were cited: one search at least is billed.
    searched: bool,
    ended: bool,
}

/// A call that has begun.
#[derive(Debug)]
struct Call {
    choice: u32,
    /// Its index at the vendor: some give all of them the same.
    theirs: u64,
    id: String,
    ours: u32,
}

impl ChatDecoder for ChunkDecoder {
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
        if self.finished.is_empty() && self.vague_end {
            self.end_vaguely(out);
        }
        if self.ended || !self.finished.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Connection, "the upstream's stream ended before its answer did"))
    }
}

impl ChunkDecoder {
    /// A reader for one stream.
    pub fn new() -> Self {
        Self::default()
    }

    fn event(&mut self, raw: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let Some(data) = sse_data(raw) else { return Ok(()) };
        let data = data.trim_ascii();
        if data.is_empty() || self.ended {
            return Ok(());
        }
        if data == b"[DONE]" {
            if self.finished.is_empty() && self.vague_end {
                self.end_vaguely(out);
            }
            self.ended = true;
            if !self.begun {
                let message = "the upstream's stream ended without an answer";
                return Err(Error::new(ErrorKind::Server, message));
            }
            out.push(ChatEvent::End);
            return Ok(());
        }
        let chunk: Value = serde_json::from_slice(data).map_err(|error| {
            let message = format!("the upstream sent a chunk that cannot be read: {error}");
            Error::new(ErrorKind::Server, message)
        })?;
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            self.ended = true;
            out.push(ChatEvent::Error(classify_value(200, &chunk)));
            return Ok(());
        }
        self.chunk(&chunk, out);
        Ok(())
    }

    fn chunk(&mut self, chunk: &Value, out: &mut Vec<ChatEvent>) {
        let text =
            |name: &str| chunk[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let choices = chunk["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
        // Azure's first chunk has no id and no choices.
        if !self.begun && (text("id").is_some() || !choices.is_empty()) {
            self.begun = true;
            self.id = text("id").unwrap_or_default();
            out.push(ChatEvent::Start { id: text("id"), model: text("model") });
        }
        let usage = chunk.get("usage").filter(|usage| usage.is_object());
        let groq = chunk.pointer("/x_groq/usage");
        // Moonshot tells it beside the finish reason.
        let within = || choices.iter().find_map(|choice| choice.get("usage"));
        let usage = usage.or(groq).or_else(within).and_then(OpenAiUsage::of);
        if let Some(mut usage) = usage.and_then(|usage| usage.normal()) {
            let named = chunk["service_tier"].as_str();
            usage.tier = named.and_then(ServiceTier::served).or(usage.tier);
            let here = choices.iter().any(|choice| cites(&choice["delta"]["annotations"]));
            usage.searches = usage.searches.max((self.searched || here).into());
            out.push(ChatEvent::Usage(usage));
        }
        for choice in choices {
            self.choice(choice, out);
        }
        let found = if self.cited { Vec::new() } else { pages(chunk) };
        self.cited |= !found.is_empty();
        out.extend(found.into_iter().map(|citation| ChatEvent::Citation { choice: 0, citation }));
    }

    fn choice(&mut self, one: &Value, out: &mut Vec<ChatEvent>) {
        let choice = one["index"].as_u64().and_then(|index| u32::try_from(index).ok()).unwrap_or(0);
        if self.finished.contains(&choice) {
            return;
        }
        let delta = &one["delta"];
        let text = |name: &str| delta[name].as_str().filter(|text| !text.is_empty());
        if let Some(thought) = text("reasoning_content").or_else(|| text("reasoning")) {
            out.push(ChatEvent::Reasoning { choice, text: thought.to_owned() });
        }
        for block in delta["thinking_blocks"].as_array().into_iter().flatten() {
            if let Some(seal) = block["signature"].as_str() {
                out.push(ChatEvent::Signature { choice, signature: seal.to_owned() });
            }
            if let Some(data) = block["data"].as_str() {
                out.push(ChatEvent::HiddenReasoning { choice, data: data.to_owned() });
            }
        }
        let logprobs = one.get("logprobs").filter(|found| found.is_object()).cloned();
        said(choice, &delta["content"], logprobs, out);
        if let Some(text) = text("refusal") {
            out.push(ChatEvent::Refusal { choice, text: text.to_owned() });
        }
        self.searched |= cites(&delta["annotations"]);
        for annotation in delta["annotations"].as_array().into_iter().flatten() {
            let citation = citation_of(annotation);
            out.extend(citation.map(|citation| ChatEvent::Citation { choice, citation }));
        }
        for image in delta["images"].as_array().into_iter().flatten() {
            if let Some(url) = image["image_url"]["url"].as_str() {
                let part = Content::Image { source: Source::of_url(url), detail: None }.into();
                out.push(ChatEvent::Part { choice, part });
            }
        }
        out.extend(audio(&delta["audio"]).map(|part| ChatEvent::Part { choice, part }));
        let old = old_call(delta);
        for call in delta["tool_calls"].as_array().into_iter().flatten().chain(&old) {
            self.call(choice, call, out);
        }
        self.end(choice, one, out);
    }

    fn call(&mut self, choice: u32, call: &Value, out: &mut Vec<ChatEvent>) {
        let text =
            |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (id, name) = (text(&call["id"]), text(&call["function"]["name"]));
        let theirs = call["index"].as_u64();
        let known = self.calls.iter().rposition(|known| {
            known.choice == choice
                && theirs.is_none_or(|theirs| known.theirs == theirs)
                && id.as_ref().is_none_or(|id| known.id == *id || known.id.is_empty())
        });
        let begins = known.is_none() || (theirs.is_none() && id.is_none() && name.is_some());
        let at = match known {
            Some(at) if !begins => at,
            _ if self.calls.len() >= MOST_CALLS => return,
            _ => {
                let before = self.calls.iter().filter(|known| known.choice == choice).count();
                let ours = u32::try_from(before).unwrap_or(u32::MAX);
                let id = id.unwrap_or_else(|| format!("call_{}_{choice}_{ours}", self.id));
                let theirs = theirs.unwrap_or_else(|| u64::from(ours));
                self.calls.push(Call { choice, theirs, id: id.clone(), ours });
                let name = name.unwrap_or_default();
                let signature = call
                    .pointer("/provider_specific_fields/thought_signature")
                    .or_else(|| call.pointer("/extra_content/google/thought_signature"))
                    .and_then(text);
                out.push(ChatEvent::ToolCall { choice, index: ours, id, name, signature });
                self.calls.len() - 1
            }
        };
        let index = self.calls[at].ours;
        let piece = match &call["function"]["arguments"] {
            Value::String(piece) => piece.clone(),
            arguments @ Value::Object(_) => arguments.to_string(),
            _ => return,
        };
        if !piece.is_empty() {
            out.push(ChatEvent::Arguments { choice, index, piece });
        }
    }

    fn end(&mut self, choice: u32, one: &Value, out: &mut Vec<ChatEvent>) {
        let Some(native) = one["finish_reason"].as_str() else { return };
        if native.is_empty() {
            self.vague_end = true;
            return;
        }
        self.finished.push(choice);
        let called = self.calls.iter().any(|call| call.choice == choice);
        out.push(ChatEvent::Finish {
            choice,
            reason: finish_of(Some(native), called),
            native: Some(native.to_owned()),
            stop_sequence: one["stop_reason"].as_str().map(str::to_owned),
        });
    }

    fn end_vaguely(&mut self, out: &mut Vec<ChatEvent>) {
        self.finished.push(0);
        let reason = finish_of(None, !self.calls.is_empty());
        out.push(ChatEvent::Finish { choice: 0, reason, native: None, stop_sequence: None });
    }
}

fn said(choice: u32, delta: &Value, logprobs: Option<Value>, out: &mut Vec<ChatEvent>) {
    if let Value::String(text) = delta {
        if !text.is_empty() || logprobs.is_some() {
            out.push(ChatEvent::Text { choice, text: text.clone(), logprobs });
        }
        return;
    }
    for part in content(delta) {
        out.push(match part.content {
            Content::Text { text, .. } => ChatEvent::Text { choice, text, logprobs: None },
            Content::Reasoning { text, .. } => ChatEvent::Reasoning { choice, text },
            Content::Refusal(text) => ChatEvent::Refusal { choice, text },
            content => ChatEvent::Part { choice, part: content.into() },
        });
    }
}
