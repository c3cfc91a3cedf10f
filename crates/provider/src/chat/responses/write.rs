//! To a Responses answer.

use pointsman_clock::Instant;
use pointsman_types::Usage;
use serde_json::{Value, json};

use super::{HIDDEN, SEAL};
use crate::{
    CallHead,
    chat::{ChatReply, Choice, Citation, Content, Finish, Part, ToolCall, made_id, openai::tier},
};

/// A whole `response`: the first choice, for there is one only.
pub(crate) fn write_reply(reply: &ChatReply, what: &CallHead, now: Instant) -> Value {
    let none = Choice::default();
    let choice = reply.choices.first().unwrap_or(&none);
    let id = reply.id.clone().unwrap_or_else(|| made_id("resp_", now, 0));
    let model = reply.model.as_ref().unwrap_or(&what.model);
    let created = reply.created.unwrap_or_else(|| now.as_secs());
    let mut body = response(&id, model, created);
    finish(&mut body, items(&choice.parts, now), choice.finish, reply.usage.as_ref());
    if let Some(tier) = reply.service_tier.as_deref().and_then(tier) {
        body["service_tier"] = tier.into();
    }
    body
}

/// A response that has begun.
pub(super) fn response(id: &str, model: &str, created: u64) -> Value {
    json!({
        "id": id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null},
        "store": false,
        "temperature": null,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "truncation": "disabled",
        "usage": null,
    })
}

/// Ends it.
pub(super) fn finish(body: &mut Value, items: Vec<Value>, why: Finish, used: Option<&Usage>) {
    let incomplete = match why {
        Finish::Stop | Finish::ToolCalls => None,
        Finish::Length => Some("max_output_tokens"),
        Finish::ContentFilter => Some("content_filter"),
    };
    body["status"] = if incomplete.is_some() { "incomplete" } else { "completed" }.into();
    if let Some(reason) = incomplete {
        body["incomplete_details"] = json!({"reason": reason});
    }
    body["output"] = items.into();
    body["usage"] = used.map_or(Value::Null, usage);
}

fn usage(used: &Usage) -> Value {
    json!({
        "input_tokens": used.input,
        "input_tokens_details": {
            "cached_tokens": used.cache_read,
            "cache_write_tokens": used.cache_write.saturating_add(used.cache_write_long),
        },
        "output_tokens": used.output,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.total(),
    })
}

fn items(parts: &[Part], now: Instant) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    let mut said: Vec<Value> = Vec::new();
    let id = |prefix: &str, nth: usize| made_id(prefix, now, u32::try_from(nth).unwrap_or(0));
    for part in parts {
        let item = match &part.content {
            Content::Text { text, citations } => {
                said.push(output_text(text, citations));
                continue;
            }
            Content::Refusal(text) => {
                said.push(json!({"type": "refusal", "refusal": text}));
                continue;
            }
            Content::Reasoning { text, signature, hidden } => {
                let id = id("rs_", items.len() + usize::from(!said.is_empty()));
                reasoning(&id, text, signature.as_deref(), hidden.as_deref())
            }
            Content::ToolCall(call) => {
                let id = id("fc_", items.len() + usize::from(!said.is_empty()));
                function_call(&id, call, "completed")
            }
            // Items of the vendor's own, and pictures, which are no part of a chat's answer here.
            _ => continue,
        };
        if !said.is_empty() {
            items.push(message(&id("msg_", items.len()), &std::mem::take(&mut said)));
        }
        items.push(item);
    }
    if !said.is_empty() {
        items.push(message(&id("msg_", items.len()), &said));
    }
    items
}

pub(super) fn message(id: &str, content: &[Value]) -> Value {
    json!({
        "id": id,
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": content,
    })
}

pub(super) fn output_text(text: &str, citations: &[Citation]) -> Value {
    let annotations: Vec<Value> = citations.iter().filter_map(annotation).collect();
    json!({"type": "output_text", "text": text, "annotations": annotations, "logprobs": []})
}

pub(super) fn annotation(citation: &Citation) -> Option<Value> {
    let (start, end) = citation.range.unwrap_or_default();
    Some(json!({
        "type": "url_citation",
        "url": citation.url.as_ref()?,
        "title": citation.title.clone().unwrap_or_default(),
        "start_index": start,
        "end_index": end,
    }))
}

pub(super) fn reasoning(
    id: &str,
    text: &str,
    signature: Option<&str>,
    hidden: Option<&str>,
) -> Value {
    let summary: Vec<Value> = (!text.is_empty())
        .then(|| json!({"type": "summary_text", "text": text}))
        .into_iter()
        .collect();
    let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
    let sealed = match (signature, hidden) {
        (_, Some(data)) => Some(format!("{HIDDEN}{data}")),
        (Some(seal), None) => Some(format!("{SEAL}{seal}")),
        (None, None) => None,
    };
    if let Some(sealed) = sealed {
        item["encrypted_content"] = sealed.into();
    }
    item
}

pub(super) fn function_call(id: &str, call: &ToolCall, status: &str) -> Value {
    json!({
        "id": id,
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    })
}
