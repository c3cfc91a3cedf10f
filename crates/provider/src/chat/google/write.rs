//! To Google's answer.

use pointsman_clock::Instant;
use pointsman_types::Usage;
use serde_json::{Map, Value, json};

use super::sealed;
use crate::{
    CallHead,
    chat::{ChatReply, Choice, Citation, Content, Finish, Part, Source, ToolCall, made_id},
};

/// A whole `GenerateContentResponse`.
pub(crate) fn write_reply(reply: &ChatReply, what: &CallHead, now: Instant) -> Value {
    let candidates: Vec<Value> = reply
        .choices
        .iter()
        .enumerate()
        .map(|(index, choice)| candidate_of(index, choice))
        .collect();
    let id = reply.id.clone().unwrap_or_else(|| made_id("", now, 0));
    let model = reply.model.as_ref().unwrap_or(&what.model);
    answer(&candidates, &id, model, reply.usage.as_ref())
}

/// An answer, or a piece of a streamed one.
pub(super) fn answer(candidates: &[Value], id: &str, model: &str, used: Option<&Usage>) -> Value {
    let mut body = json!({"candidates": candidates});
    if let Some(used) = used {
        body["usageMetadata"] = usage(used);
    }
    body["modelVersion"] = model.into();
    body["responseId"] = id.into();
    body
}

fn candidate_of(index: usize, choice: &Choice) -> Value {
    let parts: Vec<Value> = choice.parts.iter().filter_map(part).collect();
    let mut candidate = candidate(index, &parts.into());
    candidate["finishReason"] = finish(choice.finish).into();
    let cited = choice.parts.iter().filter_map(|part| match &part.content {
        Content::Text { text, citations } => Some((text, citations)),
        _ => None,
    });
    let sources: Vec<Value> = cited
        .flat_map(|(text, list)| list.iter().filter_map(move |one| source(one, Some(text))))
        .collect();
    cite(&mut candidate, &sources);
    if let Some(found) = choice.logprobs.as_ref().and_then(logprobs) {
        candidate["logprobsResult"] = found;
    }
    candidate
}

pub(super) fn candidate(index: usize, parts: &Value) -> Value {
    json!({"content": {"parts": parts, "role": "model"}, "index": index})
}

pub(super) fn cite(candidate: &mut Value, sources: &[Value]) {
    if !sources.is_empty() {
        candidate["citationMetadata"] = json!({"citations": sources});
    }
}

pub(super) fn finish(why: Finish) -> &'static str {
    match why {
        Finish::Stop | Finish::ToolCalls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::ContentFilter => "SAFETY",
    }
}

/// A part; what Google has none for is another vendor's own.
pub(super) fn part(part: &Part) -> Option<Value> {
    Some(match &part.content {
        Content::Text { text, .. } | Content::Refusal(text) => {
            if text.is_empty() {
                return None;
            }
            json!({"text": text})
        }
        Content::Reasoning { text, signature, hidden } => {
            thought(text, signature.as_deref(), hidden.as_deref())
        }
        Content::ToolCall(call) => called(call),
        Content::Image { source, .. } => media(source, "image/png")?,
        Content::Audio { source, transcript } => match (media(source, "audio/wav"), transcript) {
            (Some(sound), _) => sound,
            (None, Some(words)) => json!({"text": words}),
            (None, None) => return None,
        },
        Content::File { source, .. } => media(source, "application/octet-stream")?,
        Content::ToolResult { .. } | Content::Other(_) => return None,
    })
}

pub(super) fn thought(text: &str, signature: Option<&str>, hidden: Option<&str>) -> Value {
    let mut part = json!({"text": text, "thought": true});
    if let Some(seal) = sealed(signature, hidden) {
        part["thoughtSignature"] = seal.into();
    }
    part
}

/// A call. Arguments that are no object are the model's fault, and told as they are.
pub(super) fn called(call: &ToolCall) -> Value {
    let text = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
    let args = serde_json::from_str::<Map<String, Value>>(text);
    let args = args.unwrap_or_else(|_| Map::from_iter([("arguments".to_owned(), text.into())]));
    let mut part = json!({"functionCall": {"id": call.id, "name": call.name, "args": args}});
    if let Some(seal) = sealed(call.signature.as_deref(), None) {
        part["thoughtSignature"] = seal.into();
    }
    part
}

fn media(source: &Source, usual: &str) -> Option<Value> {
    match source {
        Source::Data { media_type, base64 } => {
            let kind = if media_type.is_empty() { usual } else { media_type };
            Some(json!({"inlineData": {"mimeType": kind, "data": base64}}))
        }
        Source::Url(url) => Some(json!({"fileData": {"mimeType": usual, "fileUri": url}})),
        Source::Id(_) => None,
    }
}

/// A source; its place is in bytes of the text, if that is there.
pub(super) fn source(of: &Citation, text: Option<&str>) -> Option<Value> {
    let mut told = Map::new();
    if let (Some((start, end)), Some(text)) = (of.range, text) {
        let byte = |at: u64| {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte)
        };
        told.insert("startIndex".into(), byte(start).into());
        told.insert("endIndex".into(), byte(end).into());
    }
    for (name, value) in [("uri", &of.url), ("title", &of.title)] {
        if let Some(value) = value {
            told.insert(name.into(), value.as_str().into());
        }
    }
    (!told.is_empty()).then_some(Value::Object(told))
}

/// From OpenAI's shape.
pub(super) fn logprobs(found: &Value) -> Option<Value> {
    let tokens = found["content"].as_array()?;
    let one = |token: &Value| json!({"token": token["token"], "logProbability": token["logprob"]});
    let top = |token: &Value| {
        let others = token["top_logprobs"].as_array().into_iter().flatten();
        json!({"candidates": others.map(one).collect::<Vec<_>>()})
    };
    Some(json!({
        "chosenCandidates": tokens.iter().map(one).collect::<Vec<_>>(),
        "topCandidates": tokens.iter().map(top).collect::<Vec<_>>(),
    }))
}

/// Google tells thoughts beside the answer's tokens.
fn usage(used: &Usage) -> Value {
    let mut told = json!({
        "promptTokenCount": used.input,
        "candidatesTokenCount": used.output.saturating_sub(used.reasoning),
        "totalTokenCount": used.total(),
    });
    for (name, count) in
        [("cachedContentTokenCount", used.cache_read), ("thoughtsTokenCount", used.reasoning)]
    {
        if count > 0 {
            told[name] = count.into();
        }
    }
    told
}
