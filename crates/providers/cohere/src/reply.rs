//! From Cohere's whole answers.

use pointsman_provider::chat::{ChatReply, Choice, Content, Finish, Part, ToolCall};
use pointsman_types::{Error, Usage};
use serde_json::{Value, json};

use crate::{
    citations::citations_of,
    errors::{ended_by, unusable},
    usage::usage_of,
};

/// Reads an answer of `/v2/chat`.
pub(crate) fn read(body: &[u8]) -> Result<ChatReply, Error> {
    let body: Value = serde_json::from_slice(body).map_err(|error| unusable(&error.to_string()))?;
    let message = &body["message"];
    if !message.is_object() {
        return Err(unusable("it has no `message`"));
    }
    let parts = parts_of(message);
    let native = body["finish_reason"].as_str().map(str::to_owned);
    if let Some(error) = native.as_deref().and_then(|word| ended_by(word, None, !parts.is_empty()))
    {
        return Err(error);
    }
    if parts.is_empty() && !message["content"].is_array() {
        return Err(unusable("its `message` holds nothing"));
    }
    let choice = Choice {
        parts,
        finish: native.as_deref().map_or(Finish::Stop, finish_of),
        native_finish: native,
        stop_sequence: None,
        logprobs: logprobs_of(&body["logprobs"]),
    };
    Ok(ChatReply {
        id: body["id"].as_str().map(str::to_owned),
        choices: vec![choice],
        usage: usage_of(&body["usage"]),
        ..ChatReply::default()
    })
}

/// Thoughts and text as they stand, then the plan for the calls, then the calls.
fn parts_of(message: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    // How much text came before each item of `content`, in characters.
    let mut before: Vec<u64> = Vec::new();
    let mut said = 0_u64;
    let plain = message["content"].as_str().map(|text| json!([{"type": "text", "text": text}]));
    let content = plain.as_ref().unwrap_or(&message["content"]);
    for item in content.as_array().into_iter().flatten() {
        before.push(said);
        if let Some(text) = item["text"].as_str() {
            said = said.saturating_add(chars(text));
            parts.push(Part::text(text));
        } else if let Some(thought) = item["thinking"].as_str() {
            parts.push(reasoning(thought));
        } else {
            parts.push(Content::Other(item.clone()).into());
        }
    }
    cite(message, &before, &mut parts);
    if let Some(plan) = message["tool_plan"].as_str().filter(|plan| !plan.is_empty()) {
        parts.push(reasoning(plan));
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let arguments = match &call["function"]["arguments"] {
            Value::Object(object) => Value::Object(object.clone()).to_string(),
            other => arguments_of(other.as_str().unwrap_or_default()).to_owned(),
        };
        let (id, name) = (text(&call["id"]), text(&call["function"]["name"]));
        parts.push(Content::ToolCall(ToolCall { id, name, arguments, signature: None }).into());
    }
    parts
}

/// Hangs the citations on the last text, which is where all that is cited was said.
fn cite(message: &Value, before: &[u64], parts: &mut Vec<Part>) {
    let mut found = Vec::new();
    for native in message["citations"].as_array().into_iter().flatten() {
        let item = native["content_index"].as_u64().and_then(|at| usize::try_from(at).ok());
        let shift = item.and_then(|at| before.get(at)).copied().unwrap_or(0);
        found.extend(citations_of(native, shift));
    }
    if found.is_empty() {
        return;
    }
    let last = parts.iter_mut().rev().find_map(|part| match &mut part.content {
        Content::Text { citations, .. } => Some(citations),
        _ => None,
    });
    match last {
        Some(citations) => *citations = found,
        None => parts.push(Content::Text { text: String::new(), citations: found }.into()),
    }
}

fn reasoning(text: &str) -> Part {
    Content::Reasoning { text: text.to_owned(), signature: None, hidden: None }.into()
}

/// The arguments of a call: a function without any is called with nothing, or with null.
pub(crate) fn arguments_of(text: &str) -> &str {
    if matches!(text.trim(), "" | "null") { "{}" } else { text }
}

pub(crate) fn chars(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

/// Why an answer ended; one that took too long was cut short.
pub(crate) fn finish_of(word: &str) -> Finish {
    match word {
        "TIMEOUT" => Finish::Length,
        word => Finish::of(word).unwrap_or_default(),
    }
}

/// Probabilities in OpenAI's shape. Cohere tells them for stretches of text: the probability of a
/// stretch is the product of its tokens'.
pub(crate) fn logprobs_of(native: &Value) -> Option<Value> {
    let one = std::slice::from_ref(native);
    let items = match native {
        Value::Array(items) => items.as_slice(),
        Value::Object(_) => one,
        _ => return None,
    };
    let entry = |item: &Value| {
        let token = item["text"].as_str().unwrap_or_default();
        let each = item["logprobs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let logprob: f64 = each.iter().filter_map(Value::as_f64).sum();
        json!({"token": token, "logprob": logprob, "bytes": token.as_bytes(), "top_logprobs": []})
    };
    Some(json!({"content": items.iter().map(entry).collect::<Vec<_>>(), "refusal": null}))
}

/// The usage of an answer of `/v2/rerank` that can be used.
pub(crate) fn ranked(body: &[u8]) -> Result<Option<Usage>, Error> {
    let body: Value = serde_json::from_slice(body).map_err(|error| unusable(&error.to_string()))?;
    if !body["results"].is_array() {
        return Err(unusable("it has no `results`"));
    }
    Ok(usage_of(&body["meta"]))
}
