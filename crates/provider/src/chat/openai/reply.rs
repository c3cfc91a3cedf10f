//! From OpenAI's chat completion.

use pointsman_types::{Error, ErrorKind};
use serde_json::{Value, json};

use super::OpenAiUsage;
use crate::{
    chat::{ChatReply, Choice, Citation, Content, Finish, Part, Source, ToolCall},
    classify_value,
};

/// Reads a `chat.completion`, and the variants of those who speak OpenAI's dialect.
///
/// # Errors
///
/// Kind `Server`, when it is none; what an error within it says.
pub fn read_reply(body: &[u8]) -> Result<ChatReply, Error> {
    let broken = |why: &str| {
        let message = format!("the upstream's answer cannot be used: {why}");
        Error::new(ErrorKind::Server, message).with_status(200)
    };
    let body: Value = serde_json::from_slice(body).map_err(|error| broken(&error.to_string()))?;
    if body.get("error").is_some_and(|error| !error.is_null()) {
        return Err(classify_value(200, &body));
    }
    let choices = body["choices"].as_array().filter(|choices| !choices.is_empty());
    let choices = choices.ok_or_else(|| broken("it has no `choices`"))?;
    // Relays put it here when the one behind them fails late.
    if choices[0]["error"].is_object() {
        return Err(classify_value(200, &choices[0]));
    }
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let answer = body["id"].as_str().unwrap_or_default();
    let mut read: Vec<Choice> = choices.iter().map(|choice| choice_of(choice, answer)).collect();
    if let Some(first) = read.first_mut() {
        cite_pages(&body, &mut first.parts);
    }
    let mut usage = OpenAiUsage::of(&body["usage"]).and_then(|usage| usage.normal());
    let searched = choices.iter().any(|choice| cites(&choice["message"]["annotations"]));
    if let Some(usage) = usage.as_mut().filter(|_| searched) {
        usage.searches = usage.searches.max(1);
    }
    Ok(ChatReply {
        id: text("id"),
        model: text("model"),
        created: body["created"].as_u64(),
        choices: read,
        usage,
        service_tier: text("service_tier"),
        ..ChatReply::default()
    })
}

fn choice_of(choice: &Value, answer: &str) -> Choice {
    let message = &choice["message"];
    let mut parts = thoughts_of(message);
    parts.extend(content(&message["content"]));
    if let Some(refusal) = message["refusal"].as_str().filter(|text| !text.is_empty()) {
        parts.push(Content::Refusal(refusal.to_owned()).into());
    }
    annotate(&message["annotations"], &mut parts);
    for image in message["images"].as_array().into_iter().flatten() {
        if let Some(url) = image["image_url"]["url"].as_str() {
            let source = Source::of_url(url);
            parts.push(Content::Image { source, detail: None }.into());
        }
    }
    parts.extend(audio(&message["audio"]));
    let calls = message["tool_calls"].as_array().into_iter().flatten().enumerate();
    parts.extend(calls.filter_map(|(nth, call)| tool_call(call, answer, nth)));
    parts.extend(old_call(message).and_then(|call| tool_call(&call, answer, 0)));
    let native = choice["finish_reason"].as_str().map(str::to_owned);
    let called = parts.iter().any(|part| matches!(part.content, Content::ToolCall(_)));
    Choice {
        parts,
        finish: finish_of(native.as_deref(), called),
        native_finish: native,
        stop_sequence: choice["stop_reason"].as_str().map(str::to_owned),
        logprobs: choice.get("logprobs").filter(|probabilities| !probabilities.is_null()).cloned(),
    }
}

/// Whatever the word, an answer that calls a function and is not cut short waits for its results.
pub(super) fn finish_of(native: Option<&str>, called: bool) -> Finish {
    match native.and_then(Finish::of) {
        None | Some(Finish::Stop) if called => Finish::ToolCalls,
        finish => finish.unwrap_or_default(),
    }
}

/// Text, a list of parts (Mistral's thoughts are such), or the object that a schema asked for,
/// which Cloudflare has read already.
pub(super) fn content(content: &Value) -> Vec<Part> {
    let part = |part: &Value| match part["type"].as_str() {
        Some("thinking" | "reasoning") => {
            let text = thought(part.get("thinking").or_else(|| part.get("summary"))?)?;
            Some(Content::Reasoning { text, signature: None, hidden: None }.into())
        }
        Some("text" | "output_text") => Some(Part::text(part["text"].as_str()?)),
        Some("refusal") => Some(Content::Refusal(part["refusal"].as_str()?.to_owned()).into()),
        _ => Some(Content::Other(part.clone()).into()),
    };
    match content {
        Value::String(text) => vec![Part::text(text.as_str())],
        Value::Array(list) => list.iter().filter_map(part).collect(),
        Value::Object(_) => vec![Part::text(content.to_string())],
        _ => Vec::new(),
    }
}

/// The thoughts of an answer, leniently.
pub(super) fn thoughts_of(message: &Value) -> Vec<Part> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let sealed: Vec<Part> = message["thinking_blocks"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|block| {
            let content = Content::Reasoning {
                text: text(&block["thinking"]).unwrap_or_default(),
                signature: text(&block["signature"]),
                hidden: text(&block["data"]),
            };
            content.into()
        })
        .collect();
    if !sealed.is_empty() {
        return sealed;
    }
    let plain = text(&message["reasoning_content"]).or_else(|| text(&message["reasoning"]));
    let thought = |text| Content::Reasoning { text, signature: None, hidden: None }.into();
    plain.map(thought).into_iter().collect()
}

/// A thought's text, or its pieces.
pub(super) fn thought(inner: &Value) -> Option<String> {
    let pieces = inner
        .as_array()
        .map(|list| list.iter().filter_map(|piece| piece["text"].as_str()).collect());
    pieces.or_else(|| inner.as_str().map(str::to_owned))
}

/// Whether pages of the web are among the annotations: one search at least is billed then.
pub(super) fn cites(annotations: &Value) -> bool {
    let mut all = annotations.as_array().into_iter().flatten();
    all.any(|one| one["type"] == "url_citation")
}

fn annotate(annotations: &Value, parts: &mut [Part]) {
    let found: Vec<Citation> =
        annotations.as_array().into_iter().flatten().filter_map(citation_of).collect();
    add_citations(found, parts);
}

fn add_citations(found: Vec<Citation>, parts: &mut [Part]) {
    let text = parts.iter_mut().find_map(|part| match &mut part.content {
        Content::Text { citations, .. } => Some(citations),
        _ => None,
    });
    if let Some(citations) = text {
        citations.extend(found);
    }
}

pub(super) fn citation_of(annotation: &Value) -> Option<Citation> {
    let page = annotation.get("url_citation")?;
    let text = |name: &str| page[name].as_str().map(str::to_owned);
    Some(Citation {
        url: text("url"),
        title: text("title"),
        text: text("content"),
        range: page["start_index"].as_u64().zip(page["end_index"].as_u64()),
        native: Value::Null,
    })
}

/// Perplexity's pages, beside the answer.
fn cite_pages(body: &Value, parts: &mut [Part]) {
    add_citations(pages(body), parts);
}

pub(super) fn pages(body: &Value) -> Vec<Citation> {
    let page = |page: &Value| {
        let url = page["url"].as_str().or_else(|| page.as_str())?.to_owned();
        let title = page["title"].as_str().map(str::to_owned);
        Some(Citation { url: Some(url), title, ..Citation::default() })
    };
    let list = body["search_results"].as_array().or_else(|| body["citations"].as_array());
    list.into_iter().flatten().filter_map(page).collect()
}

pub(super) fn audio(audio: &Value) -> Option<Part> {
    let data = audio["data"].as_str().filter(|data| !data.is_empty())?;
    let source = Source::Data { media_type: "audio/wav".into(), base64: data.to_owned() };
    let transcript = audio["transcript"].as_str().map(str::to_owned);
    Some(Content::Audio { source, transcript }.into())
}

/// A call as it was before there were tools, in the place of its only tool call.
pub(super) fn old_call(message: &Value) -> Option<Value> {
    let function = message.get("function_call")?;
    let says = |name: &str| function[name].as_str().is_some_and(|text| !text.is_empty());
    let alone = message["tool_calls"].as_array().is_none_or(Vec::is_empty);
    (alone && (says("name") || says("arguments")))
        .then(|| json!({"index": 0, "function": function}))
}

fn tool_call(call: &Value, answer: &str, nth: usize) -> Option<Part> {
    let id = call["id"].as_str().filter(|id| !id.is_empty());
    let id = id.map_or_else(|| format!("call_{answer}_{nth}"), str::to_owned);
    let function = &call["function"];
    let arguments = match &function["arguments"] {
        Value::String(text) if text.trim().is_empty() => "{}".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => "{}".to_owned(),
        other => other.to_string(),
    };
    let call = ToolCall {
        id,
        name: function["name"].as_str()?.to_owned(),
        arguments,
        signature: json!(call)
            .pointer("/provider_specific_fields/thought_signature")
            .and_then(Value::as_str)
            .map(str::to_owned),
    };
    Some(Content::ToolCall(call).into())
}
