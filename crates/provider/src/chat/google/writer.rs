//! To Google's stream.

use std::collections::BTreeMap;

use bytes::Bytes;
use pointsman_clock::Instant;
use pointsman_types::Usage;
use serde_json::{Value, json};

use super::write::{answer, called, candidate, cite, finish, logprobs, part, source, thought};
use crate::{
    CallHead, Event, Frame,
    chat::{ChatEvent, Finish, ToolCall, made_id, stream::ChatWriter},
};

/// The most of all calls' arguments that are kept until they are complete, as the dialect wants
/// them; a call beyond is told with what there is of it.
const MOST_KEPT: usize = 32 << 20;

/// Writes one stream. Calls are whole in this dialect: they are told at the end.
pub(crate) struct AnswerWriter {
    id: String,
    model: String,
    choices: BTreeMap<u32, Choice>,
    kept: usize,
    usage: Option<Usage>,
    /// Not yet on any frame.
    news: Option<Usage>,
}

#[derive(Default)]
struct Choice {
    calls: BTreeMap<u32, ToolCall>,
    citations: Vec<Value>,
    finish: Finish,
}

impl AnswerWriter {
    pub(crate) fn new(what: &CallHead, now: Instant) -> Self {
        Self {
            id: made_id("", now, 0),
            model: what.model.clone(),
            choices: BTreeMap::new(),
            kept: 0,
            usage: None,
            news: None,
        }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        self.choices.entry(index).or_default()
    }

    fn send(&mut self, candidates: &[Value], event: Event, out: &mut Vec<Frame>) {
        let body = answer(candidates, &self.id, &self.model, self.usage.as_ref());
        let event = Event { usage: self.news.take(), ..event };
        out.push(Frame { raw: format!("data: {body}\r\n\r\n").into(), event });
    }

    fn part(&mut self, choice: u32, part: &Value, found: Option<&Value>, out: &mut Vec<Frame>) {
        self.choice(choice);
        let mut candidate = candidate(choice as usize, &json!([part]));
        if let Some(found) = found.and_then(logprobs) {
            candidate["logprobsResult"] = found;
        }
        self.send(&[candidate], Event { content: true, ..Event::default() }, out);
    }

    /// Something came of which the caller is told later.
    fn quiet(&mut self, content: bool, out: &mut Vec<Frame>) {
        let event = Event { content, usage: self.news.take(), ..Event::default() };
        out.push(Frame { raw: Bytes::new(), event });
    }

    fn arguments(&mut self, choice: u32, index: u32, piece: &str) {
        self.kept = self.kept.saturating_add(piece.len());
        let fits = self.kept <= MOST_KEPT;
        if let Some(call) = self.choice(choice).calls.get_mut(&index).filter(|_| fits) {
            call.arguments.push_str(piece);
        }
    }
}

impl ChatWriter for AnswerWriter {
    fn write(&mut self, event: ChatEvent, out: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start { id, model } => {
                self.id = id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
            }
            ChatEvent::Text { choice, text, logprobs } => {
                if !text.is_empty() || logprobs.is_some() {
                    self.part(choice, &json!({"text": text}), logprobs.as_ref(), out);
                }
            }
            ChatEvent::Refusal { choice, text } => {
                self.part(choice, &json!({"text": text}), None, out);
            }
            ChatEvent::Reasoning { choice, text } => {
                self.part(choice, &thought(&text, None, None), None, out);
            }
            ChatEvent::Signature { choice, signature } => {
                self.part(choice, &thought("", Some(&signature), None), None, out);
            }
            ChatEvent::HiddenReasoning { choice, data } => {
                self.part(choice, &thought("", None, Some(&data)), None, out);
            }
            ChatEvent::ToolCall { choice, index, id, name, signature } => {
                let call = ToolCall { id, name, arguments: String::new(), signature };
                self.choice(choice).calls.insert(index, call);
                self.quiet(true, out);
            }
            ChatEvent::Arguments { choice, index, piece } => {
                self.arguments(choice, index, &piece);
                self.quiet(true, out);
            }
            ChatEvent::Citation { choice, citation } => {
                if let Some(told) = source(&citation, None) {
                    self.choice(choice).citations.push(told);
                }
            }
            ChatEvent::Part { choice, part: told } => {
                if let Some(told) = part(&told) {
                    self.part(choice, &told, None, out);
                }
            }
            ChatEvent::Finish { choice, reason, .. } => self.choice(choice).finish = reason,
            ChatEvent::Usage(used) => (self.usage, self.news) = (Some(used), Some(used)),
            // The dialect has no sign of life.
            ChatEvent::Ping => self.quiet(false, out),
            ChatEvent::End | ChatEvent::Error(_) => {}
        }
    }

    fn end(&mut self, out: &mut Vec<Frame>) {
        let choices = std::mem::take(&mut self.choices);
        let last = |(index, choice): (u32, Choice)| {
            let calls: Vec<Value> = choice.calls.values().map(called).collect();
            let mut candidate = candidate(index as usize, &calls.into());
            candidate["finishReason"] = finish(choice.finish).into();
            cite(&mut candidate, &choice.citations);
            candidate
        };
        let candidates: Vec<Value> = choices.into_iter().map(last).collect();
        let event = Event { content: true, done: true, ..Event::default() };
        self.send(&candidates, event, out);
    }
}
