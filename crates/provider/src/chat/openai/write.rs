//! To OpenAI's chat completion.

use pointsman_clock::Instant;
use pointsman_types::Usage;
use serde_json::{Map, Value, json};

use crate::{
    CallHead,
    chat::{ChatReply, Choice, Citation, Content, Part, Source, ToolCall, made_id},
};

/// A whole answer as a `chat.completion`.
pub(crate) fn completion(reply: &ChatReply, what: &CallHead, now: Instant) -> Value {
    let choices = reply.choices.iter().enumerate().map(|(index, one)| choice(index, one));
    let mut body = json!({
        "id": reply.id.clone().unwrap_or_else(|| made_id("chatcmpl-", now, 0)),
        "object": "chat.completion",
        "created": reply.created.unwrap_or_else(|| now.as_secs()),
        "model": reply.model.as_ref().unwrap_or(&what.model),
        "choices": choices.collect::<Vec<_>>(),
    });
    if let Some(used) = &reply.usage {
        body["usage"] = usage(used);
    }
    if let Some(tier) = reply.service_tier.as_deref().and_then(tier) {
        body["service_tier"] = tier.into();
    }
    for (name, value) in &reply.rest {
        body[name] = value.clone();
    }
    body
}

/// OpenAI's word for a service tier; `None` for one that it has no word for.
pub(crate) fn tier(word: &str) -> Option<&str> {
    match word {
        "standard" | "on_demand" => Some("default"),
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => Some(word),
        _ => None,
    }
}

fn choice(index: usize, one: &Choice) -> Value {
    let mut body = json!({
        "index": index,
        "message": message(&one.parts),
        "finish_reason": one.finish.name(),
        "logprobs": one.logprobs,
    });
    if let Some(native) = one.native_finish.as_deref().filter(|word| *word != one.finish.name()) {
        body["native_finish_reason"] = native.into();
    }
    body
}

fn message(parts: &[Part]) -> Value {
    let mut said = Said::default();
    for part in parts {
        said.add(&part.content);
    }
    said.message()
}

/// The members of a message, collected from its parts.
#[derive(Default)]
struct Said {
    text: Option<String>,
    refusal: Option<String>,
    thought: String,
    thoughts: Vec<Value>,
    calls: Vec<Value>,
    annotations: Vec<Value>,
    images: Vec<Value>,
    audio: Option<Value>,
    own: Own,
}

impl Said {
    fn add(&mut self, content: &Content) {
        match content {
            Content::Text { text, citations } => {
                self.text.get_or_insert_default().push_str(text);
                for citation in citations {
                    match annotation(citation) {
                        Some(annotation) => self.annotations.push(annotation),
                        None => self.own.citations.push(citation.native.clone()),
                    }
                }
            }
            Content::Refusal(text) => self.refusal.get_or_insert_default().push_str(text),
            Content::Reasoning { text, signature, hidden } => {
                self.thought.push_str(text);
                self.thoughts.extend(thinking_block(text, signature.as_deref(), hidden.as_deref()));
            }
            Content::ToolCall(call) => self.calls.push(tool_call(call)),
            Content::Image { source, .. } => self.images.push(image(source, self.images.len())),
            Content::Audio { source, transcript } => {
                self.audio = Some(audio(source, transcript.as_deref()));
            }
            Content::Other(value) => self.own.blocks.push(value.clone()),
            Content::File { .. } | Content::ToolResult { .. } => {}
        }
    }

    fn message(self) -> Value {
        let mut message = json!({
            "role": "assistant",
            "content": self.text,
            "refusal": self.refusal,
        });
        if !self.thought.is_empty() {
            message["reasoning_content"] = self.thought.into();
        }
        for (name, list) in [
            ("thinking_blocks", self.thoughts),
            ("annotations", self.annotations),
            ("images", self.images),
            ("tool_calls", self.calls),
        ] {
            if !list.is_empty() {
                message[name] = list.into();
            }
        }
        if let Some(audio) = self.audio {
            message["audio"] = audio;
        }
        if let Some(own) = self.own.value() {
            message["provider_specific_fields"] = own;
        }
        message
    }
}

/// What only the vendor's own dialect has.
#[derive(Default)]
pub(super) struct Own {
    pub(super) citations: Vec<Value>,
    pub(super) blocks: Vec<Value>,
}

impl Own {
    pub(super) fn value(self) -> Option<Value> {
        let mut own = Map::new();
        for (name, list) in [("citations", self.citations), ("content_blocks", self.blocks)] {
            if !list.is_empty() {
                own.insert(name.to_owned(), list.into());
            }
        }
        (!own.is_empty()).then(|| own.into())
    }
}

/// A thought as LiteLLM writes it; one without a seal is text only.
pub(super) fn thinking_block(
    text: &str,
    signature: Option<&str>,
    hidden: Option<&str>,
) -> Option<Value> {
    match (hidden, signature) {
        (Some(data), _) => Some(json!({"type": "redacted_thinking", "data": data})),
        (None, Some(seal)) => {
            Some(json!({"type": "thinking", "thinking": text, "signature": seal}))
        }
        (None, None) => None,
    }
}

fn tool_call(call: &ToolCall) -> Value {
    let mut body = json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    });
    if let Some(seal) = &call.signature {
        body["provider_specific_fields"] = json!({"thought_signature": seal});
    }
    body
}

/// A citation of a page; `None` for any other.
pub(super) fn annotation(citation: &Citation) -> Option<Value> {
    let url = citation.url.as_ref()?;
    let (start, end) = citation.range.unwrap_or_default();
    Some(json!({"type": "url_citation", "url_citation": {
        "url": url,
        "title": citation.title.clone().unwrap_or_default(),
        "start_index": start,
        "end_index": end,
    }}))
}

pub(super) fn image(source: &Source, index: usize) -> Value {
    json!({"type": "image_url", "index": index, "image_url": {"url": source.to_url()}})
}

pub(super) fn audio(source: &Source, transcript: Option<&str>) -> Value {
    let (id, data) = match source {
        Source::Data { base64, .. } => (None, base64.as_str()),
        Source::Id(id) => (Some(id.as_str()), ""),
        Source::Url(_) => (None, ""),
    };
    json!({
        "id": id.unwrap_or("audio"),
        "data": data,
        "transcript": transcript.unwrap_or_default(),
        "expires_at": 0,
    })
}

/// `usage` in OpenAI's shape.
pub(crate) fn usage(used: &Usage) -> Value {
    json!({
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.total(),
        "prompt_tokens_details": {
            "cached_tokens": used.cache_read,
            "cache_write_tokens": used.cache_write.saturating_add(used.cache_write_long),
            "audio_tokens": used.audio_input,
        },
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning,
            "audio_tokens": used.audio_output,
        },
    })
}
