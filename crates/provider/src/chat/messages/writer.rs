//! To Anthropic's stream.

use pointsman_clock::Instant;
use pointsman_types::Usage;
use serde_json::{Value, json};

use super::{
    reply::stop_reason,
    shown::{OwnBlocks, citation_block},
    usage::MessagesUsage,
};
use crate::{
    CallHead, Event, Frame,
    chat::{ChatEvent, Content, Finish, Part, made_id, stream::ChatWriter},
};

/// Writes one stream. Other answers than the first are left out: the dialect has one only.
pub(crate) struct EventWriter {
    id: String,
    model: String,
    begun: bool,
    open: Option<Open>,
    /// The next block's index.
    next: u32,
    /// The block of each call.
    calls: Vec<u32>,
    finish: (Finish, Option<String>, Option<String>),
    usage: Usage,
    /// Not yet on any frame.
    news: Option<Usage>,
    own: OwnBlocks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking { sealed: bool },
    Call,
}

impl EventWriter {
    pub(crate) fn new(what: &CallHead, now: Instant) -> Self {
        Self {
            id: made_id("msg_", now, 0),
            model: what.model.clone(),
            begun: false,
            open: None,
            next: 0,
            calls: Vec::new(),
            finish: (Finish::Stop, None, None),
            usage: Usage::default(),
            news: None,
            own: OwnBlocks::default(),
        }
    }

    fn send(&mut self, body: &Value, content: bool, out: &mut Vec<Frame>) {
        let name = body["type"].as_str().unwrap_or_default();
        let raw = format!("event: {name}\ndata: {body}\n\n").into();
        let event = Event {
            content,
            usage: self.news.take(),
            done: name == "message_stop",
            ..Event::default()
        };
        out.push(Frame { raw, event });
    }

    fn begin(&mut self, out: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let message = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": MessagesUsage::of(&self.usage),
        });
        self.send(&json!({"type": "message_start", "message": message}), false, out);
    }

    fn start_block(&mut self, open: Open, block: &Value, out: &mut Vec<Frame>) {
        self.close(out);
        self.begin(out);
        let content = open == Open::Call;
        let body =
            json!({"type": "content_block_start", "index": self.next, "content_block": block});
        self.open = Some(open);
        self.next += 1;
        self.send(&body, content, out);
    }

    fn close(&mut self, out: &mut Vec<Frame>) {
        if let Some(open) = self.open.take() {
            if open == (Open::Thinking { sealed: false }) {
                self.delta(&json!({"type": "signature_delta", "signature": ""}), out);
            }
            let index = self.next - 1;
            self.send(&json!({"type": "content_block_stop", "index": index}), false, out);
        }
    }

    fn delta(&mut self, delta: &Value, out: &mut Vec<Frame>) {
        let index = self.next.saturating_sub(1);
        let body = json!({"type": "content_block_delta", "index": index, "delta": delta});
        self.send(&body, true, out);
    }

    fn text(&mut self, text: &str, out: &mut Vec<Frame>) {
        if text.is_empty() {
            return;
        }
        self.in_text(out);
        self.delta(&json!({"type": "text_delta", "text": text}), out);
    }

    fn in_text(&mut self, out: &mut Vec<Frame>) {
        if self.open != Some(Open::Text) {
            self.start_block(Open::Text, &json!({"type": "text", "text": ""}), out);
        }
    }

    fn in_thought(&mut self, out: &mut Vec<Frame>) {
        if self.open != Some(Open::Thinking { sealed: false }) {
            let block = json!({"type": "thinking", "thinking": "", "signature": ""});
            self.start_block(Open::Thinking { sealed: false }, &block, out);
        }
    }

    /// A block that comes in one piece.
    fn whole(&mut self, block: &Value, out: &mut Vec<Frame>) {
        self.start_block(Open::Text, block, out);
        self.close(out);
    }

    fn arguments(&mut self, call: u32, piece: &str, out: &mut Vec<Frame>) {
        let at = usize::try_from(call).ok().and_then(|call| self.calls.get(call)).copied();
        let (Some(index), false) = (at, piece.is_empty()) else { return };
        let delta = json!({"type": "input_json_delta", "partial_json": piece});
        let body = json!({"type": "content_block_delta", "index": index, "delta": delta});
        self.send(&body, true, out);
    }

    fn part(&mut self, part: &Part, out: &mut Vec<Frame>) {
        match &part.content {
            Content::Text { text, .. } | Content::Refusal(text) => self.text(text, out),
            Content::Other(block) => {
                if let Some(block) = self.own.block(block) {
                    self.whole(&block, out);
                }
            }
            // Nothing else has a block in an answer of this dialect.
            _ => {}
        }
    }
}

impl ChatWriter for EventWriter {
    fn write(&mut self, event: ChatEvent, out: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start { id, model } => {
                self.id = id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
                self.begin(out);
            }
            ChatEvent::Text { choice: 0, text, .. } | ChatEvent::Refusal { choice: 0, text } => {
                self.text(&text, out);
            }
            ChatEvent::Reasoning { choice: 0, text } => {
                self.in_thought(out);
                self.delta(&json!({"type": "thinking_delta", "thinking": text}), out);
            }
            ChatEvent::Signature { choice: 0, signature } => {
                self.in_thought(out);
                self.delta(&json!({"type": "signature_delta", "signature": signature}), out);
                self.open = Some(Open::Thinking { sealed: true });
            }
            ChatEvent::HiddenReasoning { choice: 0, data } => {
                self.whole(&json!({"type": "redacted_thinking", "data": data}), out);
            }
            ChatEvent::ToolCall { choice: 0, index, id, name, .. } => {
                let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                self.start_block(Open::Call, &block, out);
                let at = usize::try_from(index).unwrap_or(usize::MAX).min(self.calls.len());
                self.calls.truncate(at);
                self.calls.push(self.next - 1);
            }
            ChatEvent::Arguments { choice: 0, index, piece } => self.arguments(index, &piece, out),
            ChatEvent::Citation { choice: 0, citation } => {
                if let Some(citation) = citation_block(&citation) {
                    self.in_text(out);
                    self.delta(&json!({"type": "citations_delta", "citation": citation}), out);
                }
            }
            ChatEvent::Part { choice: 0, part } => self.part(&part, out),
            ChatEvent::Finish { choice: 0, reason, native, stop_sequence } => {
                self.finish = (reason, native, stop_sequence);
            }
            ChatEvent::Usage(used) => (self.usage, self.news) = (used, Some(used)),
            ChatEvent::Ping => {
                self.begin(out);
                self.send(&json!({"type": "ping"}), false, out);
            }
            _ => {}
        }
    }

    fn end(&mut self, out: &mut Vec<Frame>) {
        self.begin(out);
        self.close(out);
        let (finish, native, sequence) = std::mem::take(&mut self.finish);
        let reason = stop_reason(finish, native.as_deref(), sequence.is_some());
        let delta = json!({"stop_reason": reason, "stop_sequence": sequence});
        let usage = MessagesUsage::of(&self.usage);
        let body = json!({"type": "message_delta", "delta": delta, "usage": usage});
        self.send(&body, true, out);
        self.send(&json!({"type": "message_stop"}), false, out);
    }
}
