//! To OpenAI's `chat.completion.chunk`s.

use bytes::Bytes;
use pointsman_clock::Instant;
use pointsman_types::Usage;
use serde_json::{Value, json};
use smallvec::SmallVec;

use super::write::{Own, annotation, audio, image, thinking_block, usage};
use crate::{
    CallHead, Event, Frame,
    chat::{ChatEvent, Citation, Content, Part, made_id, stream::ChatWriter},
};

/// Writes one stream.
pub(crate) struct ChunkWriter {
    id: String,
    model: String,
    created: u64,
    include_usage: bool,
    /// The choices that have been told their role.
    begun: SmallVec<[u32; 2]>,
    usage: Option<Usage>,
    /// Not yet on any frame.
    news: Option<Usage>,
}

impl ChunkWriter {
    pub(crate) fn new(what: &CallHead, now: Instant) -> Self {
        Self {
            id: made_id("chatcmpl-", now, 0),
            model: what.model.clone(),
            created: now.as_secs(),
            include_usage: what.include_usage,
            begun: SmallVec::new(),
            usage: None,
            news: None,
        }
    }

    fn send(&mut self, choices: &Value, content: bool, out: &mut Vec<Frame>) {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        self.frame(&chunk, Event { content, ..Event::default() }, out);
    }

    fn frame(&mut self, chunk: &Value, mut event: Event, out: &mut Vec<Frame>) {
        event.usage = self.news.take();
        out.push(Frame { raw: format!("data: {chunk}\n\n").into(), event });
    }

    fn delta(&mut self, choice: u32, delta: &Value, out: &mut Vec<Frame>) {
        self.begin(choice, out);
        let choices = json!([{"index": choice, "delta": delta, "finish_reason": null}]);
        self.send(&choices, true, out);
    }

    fn begin(&mut self, choice: u32, out: &mut Vec<Frame>) {
        if self.begun.contains(&choice) {
            return;
        }
        self.begun.push(choice);
        let delta = json!({"role": "assistant", "content": ""});
        let choices = json!([{"index": choice, "delta": delta, "finish_reason": null}]);
        self.send(&choices, false, out);
    }

    fn part(&mut self, choice: u32, part: &Part, out: &mut Vec<Frame>) {
        let delta = match &part.content {
            Content::Text { text, .. } => json!({"content": text}),
            Content::Refusal(text) => json!({"refusal": text}),
            Content::Image { source, .. } => json!({"images": [image(source, 0)]}),
            Content::Audio { source, transcript } => {
                json!({"audio": audio(source, transcript.as_deref())})
            }
            Content::Reasoning { text, signature, hidden } => {
                let block = thinking_block(text, signature.as_deref(), hidden.as_deref());
                json!({"reasoning_content": text, "thinking_blocks": block.as_slice()})
            }
            Content::Other(block) => {
                let own = Own { blocks: vec![block.clone()], ..Own::default() };
                json!({"provider_specific_fields": own.value()})
            }
            Content::ToolCall(_) | Content::File { .. } | Content::ToolResult { .. } => return,
        };
        self.delta(choice, &delta, out);
    }

    fn citation(&mut self, choice: u32, citation: Citation, out: &mut Vec<Frame>) {
        let delta = if let Some(annotation) = annotation(&citation) {
            json!({"annotations": [annotation]})
        } else {
            let own = Own { citations: vec![citation.native], ..Own::default() };
            json!({"provider_specific_fields": own.value()})
        };
        self.delta(choice, &delta, out);
    }

    fn text(&mut self, choice: u32, text: &str, logprobs: Option<Value>, out: &mut Vec<Frame>) {
        if text.is_empty() && logprobs.is_none() {
            return;
        }
        self.begin(choice, out);
        let mut one = json!({"index": choice, "delta": {"content": text}, "finish_reason": null});
        if let Some(logprobs) = logprobs {
            one["logprobs"] = logprobs;
        }
        self.send(&json!([one]), true, out);
    }
}

impl ChatWriter for ChunkWriter {
    fn write(&mut self, event: ChatEvent, out: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start { id, model } => {
                self.id = id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
                self.begin(0, out);
            }
            ChatEvent::Text { choice, text, logprobs } => self.text(choice, &text, logprobs, out),
            ChatEvent::Reasoning { choice, text } => {
                if !text.is_empty() {
                    self.delta(choice, &json!({"reasoning_content": text}), out);
                }
            }
            ChatEvent::Signature { choice, signature } => {
                let block = thinking_block("", Some(&signature), None);
                self.delta(choice, &json!({"thinking_blocks": block.as_slice()}), out);
            }
            ChatEvent::HiddenReasoning { choice, data } => {
                let block = thinking_block("", None, Some(&data));
                self.delta(choice, &json!({"thinking_blocks": block.as_slice()}), out);
            }
            ChatEvent::Refusal { choice, text } => {
                self.delta(choice, &json!({"refusal": text}), out);
            }
            ChatEvent::ToolCall { choice, index, id, name, signature } => {
                let function = json!({"name": name, "arguments": ""});
                let mut call =
                    json!({"index": index, "id": id, "type": "function", "function": function});
                if let Some(seal) = signature {
                    call["provider_specific_fields"] = json!({"thought_signature": seal});
                }
                self.delta(choice, &json!({"tool_calls": [call]}), out);
            }
            ChatEvent::Arguments { choice, index, piece } => {
                if !piece.is_empty() {
                    let call = json!({"index": index, "function": {"arguments": piece}});
                    self.delta(choice, &json!({"tool_calls": [call]}), out);
                }
            }
            ChatEvent::Citation { choice, citation } => self.citation(choice, citation, out),
            ChatEvent::Part { choice, part } => self.part(choice, &part, out),
            ChatEvent::Finish { choice, reason, native, .. } => {
                self.begin(choice, out);
                let mut one = json!({"index": choice, "delta": {}, "finish_reason": reason.name()});
                if let Some(native) = native.filter(|word| word != reason.name()) {
                    one["native_finish_reason"] = native.into();
                }
                self.send(&json!([one]), true, out);
            }
            ChatEvent::Usage(used) => (self.usage, self.news) = (Some(used), Some(used)),
            ChatEvent::Ping => {
                let raw = Bytes::from_static(b": ping\n\n");
                out.push(Frame { raw, event: Event::default() });
            }
            ChatEvent::Error(_) | ChatEvent::End => {}
        }
    }

    fn end(&mut self, out: &mut Vec<Frame>) {
        if let (true, Some(used)) = (self.include_usage, self.usage) {
            let chunk = json!({
                "id": self.id,
                "object": "chat.completion.chunk",
                "created": self.created,
                "model": self.model,
                "choices": [],
                "usage": usage(&used),
            });
            self.frame(&chunk, Event::default(), out);
        }
        let event = Event { done: true, usage: self.news.take(), ..Event::default() };
        out.push(Frame { raw: Bytes::from_static(b"data: [DONE]\n\n"), event });
    }
}
