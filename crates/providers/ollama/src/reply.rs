//! From Ollama's answers: a whole one, and a line of a stream, which has the same members.

use pointsman_clock::Instant;
use pointsman_provider::{
    chat::{ChatReply, Choice, Content, Finish, Part, ToolCall, made_id},
    wire::Count,
};
use pointsman_types::{Error, Usage};
use serde_json::{Value, json};

use crate::errors::{parsed, unusable};

/// Reads an answer of `/api/chat`.
pub(crate) fn read(body: &[u8], now: Instant) -> Result<ChatReply, Error> {
    let body = parsed(body)?;
    let message = &body["message"];
    if !message.is_object() {
        return Err(unusable("it has no `message`"));
    }
    let mut parts = Vec::new();
    if let Some(thought) = filled(&message["thinking"]) {
        let text = thought.to_owned();
        parts.push(Content::Reasoning { text, signature: None, hidden: None }.into());
    }
    if let Some(text) = filled(&message["content"]) {
        parts.push(Part::text(text));
    }
    let calls = calls_of(message, 0, now);
    let native = filled(&body["done_reason"]).map(str::to_owned);
    let finish = finish_of(native.as_deref(), !calls.is_empty());
    if parts.is_empty() && calls.is_empty() {
        parts.push(Part::text(""));
    }
    parts.extend(calls.into_iter().map(|call| Part::from(Content::ToolCall(call))));
    let logprobs = logprobs_of(&body["logprobs"]);
    let choice = Choice { parts, finish, native_finish: native, stop_sequence: None, logprobs };
    Ok(ChatReply {
        model: filled(&body["model"]).map(str::to_owned),
        choices: vec![choice],
        usage: usage_of(&body),
        ..ChatReply::default()
    })
}

/// Text that is more than empty.
pub(crate) fn filled(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// The calls in a message, the first of which is the answer's `from`th.
pub(crate) fn calls_of(message: &Value, from: u32, now: Instant) -> Vec<ToolCall> {
    let list = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let call = |(nth, call): (u32, &Value)| {
        let function = &call["function"];
        let arguments = match &function["arguments"] {
            Value::Null => "{}".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        ToolCall {
            id: filled(&call["id"]).map_or_else(|| made_id("call_", now, nth), str::to_owned),
            name: function["name"].as_str().unwrap_or_default().to_owned(),
            arguments,
            signature: None,
        }
    };
    (from..).zip(list).map(call).collect()
}

/// Why an answer ended; one with calls in it says `stop`, too.
pub(crate) fn finish_of(word: Option<&str>, called: bool) -> Finish {
    match word.and_then(Finish::of).unwrap_or_default() {
        Finish::Stop if called => Finish::ToolCalls,
        finish => finish,
    }
}

/// What it took: a prompt that was at hand already may not be counted at all.
pub(crate) fn usage_of(value: &Value) -> Option<Usage> {
    let (read, made) = (Count::of(&value["prompt_eval_count"]), Count::of(&value["eval_count"]));
    if read.is_none() && made.is_none() {
        return None;
    }
    Some(Usage::text(read.unwrap_or(0), made.unwrap_or(0)))
}

/// Probabilities in OpenAI's shape, which is all but Ollama's.
pub(crate) fn logprobs_of(native: &Value) -> Option<Value> {
    let entry = |one: &Value| {
        let token = one["token"].as_str().unwrap_or_default();
        json!({"token": token, "logprob": one["logprob"], "bytes": token.as_bytes()})
    };
    let entries = native.as_array()?.iter().map(|one| {
        let others = one["top_logprobs"].as_array().into_iter().flatten();
        let mut all = entry(one);
        all["top_logprobs"] = others.map(entry).collect();
        all
    });
    Some(json!({"content": entries.collect::<Vec<_>>(), "refusal": null}))
}
