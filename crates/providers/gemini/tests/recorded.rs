//! Recorded traffic, where there is some.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, StatusCode};
use pointsman_clock::Instant;
use pointsman_gemini::GeminiCodec;
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{NONE_HERE, Recorded, Stream, cuts_do_not_matter, recorded};
use pointsman_types::{Error, ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn head(operation: Operation, stream: bool) -> CallHead {
    Call::json(operation, "g", json!({"messages": [], "stream": stream})).unwrap().head
}

fn headers(of: &Recorded) -> HeaderMap {
    of.headers
        .iter()
        .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?)))
        .collect()
}

#[test]
fn every_answer_is_read_with_its_usage() {
    let all = [recorded("gemini"), recorded("vertex")].concat();
    if all.is_empty() {
        println!("{NONE_HERE}");
    }
    for one in all {
        // Caches are made elsewhere; the OpenAI surface is a vendor of its own.
        if one.body.starts_with(b"{\n  \"name\": \"cachedContents") || one.kind == "openai-compat" {
            continue;
        }
        let list = one.body.trim_ascii_start().starts_with(b"[");
        if one.status != 200 {
            let error = whole(&one, Operation::Chat).unwrap_err();
            assert_eq!(error.kind, wanted(&one), "{}: {error}", one.file);
        } else if one.is_stream() || list {
            stream(&one);
        } else {
            answer(&one);
        }
    }
}

fn whole(one: &Recorded, operation: Operation) -> Result<Value, Error> {
    let status = StatusCode::from_u16(one.status).unwrap();
    let head = head(operation, false);
    let read = GeminiCodec.decode(&head, status, &headers(one), one.body.clone(), NOW)?;
    let body: Value = serde_json::from_slice(&read.body).unwrap();
    let text = String::from_utf8_lossy(&one.body);
    let told = ["promptTokenCount", "token_count"].iter().any(|name| text.contains(name));
    assert_eq!(read.usage.is_some(), told, "{}", one.file);
    if let Some(used) = read.usage {
        let total = theirs(one).iter().rev().find_map(total);
        assert!(total.is_none_or(|total| total == used.total()), "{}: {used:?}", one.file);
    }
    Ok(body)
}

/// Their own sum, where it is one.
fn total(said: &Value) -> Option<u64> {
    let number = |name: &str| said["usageMetadata"][name].as_u64();
    let parts = number("promptTokenCount")? + number("candidatesTokenCount").unwrap_or(0);
    number("totalTokenCount").filter(|total| *total >= parts)
}

fn wanted(one: &Recorded) -> ErrorKind {
    match (one.status, one.kind.as_str()) {
        (400, kind) if kind.contains("context-length") => ErrorKind::ContextWindow,
        (400, kind) if kind.contains("auth") => ErrorKind::Authentication,
        (400, _) => ErrorKind::BadRequest,
        (403, _) => ErrorKind::Permission,
        (404, _) => ErrorKind::NotFound,
        (429, _) => ErrorKind::RateLimited,
        (503, _) => ErrorKind::Overloaded,
        _ => panic!("{}: what is it?", one.file),
    }
}

/// Failures within a success.
fn failure(kind: &str) -> Option<ErrorKind> {
    Some(match kind {
        "stream-failure-empty-content" => ErrorKind::Connection,
        "stream-failure-error-mid-stream"
        | "stream-failure-invalid-json"
        | "failure-empty-content"
        | "failure-invalid-response"
        | "failure-malformed-content"
        | "failure-with-message-no-content" => ErrorKind::Server,
        "failure-only-prompt-feedback" => ErrorKind::ContentPolicy,
        kind if kind.contains("prompt-blocked") => ErrorKind::ContentPolicy,
        _ => return None,
    })
}

/// The documents of a recording, read in a way of the test's own.
fn theirs(one: &Recorded) -> Vec<Value> {
    let text = std::str::from_utf8(&one.body).unwrap();
    if let Ok(value) = serde_json::from_str(text) {
        return if let Value::Array(list) = value { list } else { vec![value] };
    }
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok()).collect()
}

/// Text, and the names and arguments of calls.
fn said(documents: &[Value]) -> (String, Vec<String>) {
    let parts: Vec<&Value> = documents
        .iter()
        .flat_map(|one| one["candidates"][0]["content"]["parts"].as_array().into_iter().flatten())
        .collect();
    let text = parts.iter().filter(|part| part["thought"] != true);
    let text = text.filter_map(|part| part["text"].as_str()).collect();
    let names = parts.iter().filter_map(|part| part["functionCall"]["name"].as_str());
    (text, names.map(str::to_owned).collect())
}

fn answer(one: &Recorded) {
    if let Some(kind) = failure(&one.kind) {
        assert_eq!(whole(one, Operation::Chat).unwrap_err().kind, kind, "{}", one.file);
        return;
    }
    match one.kind.as_str() {
        "count-tokens" => {
            let body = whole(one, Operation::CountTokens).unwrap();
            assert!(body["input_tokens"].as_u64().unwrap() > 0);
            return;
        }
        "embeddings" => {
            let body = whole(one, Operation::Embeddings).unwrap();
            assert_eq!(body["data"][0]["embedding"].as_array().unwrap().len(), 768);
            return;
        }
        _ => {}
    }
    let body = whole(one, Operation::Chat).unwrap_or_else(|error| panic!("{}: {error}", one.file));
    let (text, names) = said(&theirs(one));
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"].as_str().unwrap_or_default(), text, "{}", one.file);
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    let called: Vec<_> = calls.iter().map(|call| call["function"]["name"].clone()).collect();
    assert_eq!(called, names, "{}", one.file);
    check_end(&body["choices"][0]["finish_reason"], !names.is_empty(), one);
    let read = whole(one, Operation::Messages);
    assert!(read.is_ok_and(|body| body["type"] == "message"), "{}", one.file);
}

fn check_end(reason: &Value, calls: bool, one: &Recorded) {
    let want = match one.stop.iter().rfind(|word| *word != "STOP" || one.stop.len() == 1) {
        Some(word) if word == "MAX_TOKENS" => "length",
        Some(word) if ["SAFETY", "RECITATION"].contains(&word.as_str()) => "content_filter",
        _ if calls => "tool_calls",
        _ => "stop",
    };
    assert_eq!(reason, want, "{}", one.file);
}

fn read(one: &Recorded, operation: Operation) -> Stream {
    let head = head(operation, true);
    cuts_do_not_matter(&one.body, &|| GeminiCodec.frames(&head, NOW))
}

fn stream(one: &Recorded) {
    for operation in [Operation::Chat, Operation::Messages] {
        let found = read(one, operation);
        let want = failure(&one.kind);
        assert_eq!(found.error.as_ref().map(|error| error.kind), want, "{}", one.file);
        if want.is_some() {
            continue;
        }
        assert!(found.done && found.content, "{}", one.file);
        let total = theirs(one).iter().rev().find_map(total);
        assert_eq!(found.usage.map(|usage| usage.total()), total, "{}", one.file);
    }
    if failure(&one.kind).is_none() {
        let found = read(one, Operation::Chat);
        let (text, names, reason) = chunks(&found.raw);
        assert_eq!((text, names.clone()), said(&theirs(one)), "{}", one.file);
        check_end(&reason, !names.is_empty(), one);
    }
}

/// Text, names of calls and the reason of the end; arguments must be JSON.
fn chunks(raw: &[u8]) -> (String, Vec<String>, Value) {
    let (mut text, mut names, mut reason) = (String::new(), Vec::new(), Value::Null);
    let mut arguments: BTreeMap<u64, String> = BTreeMap::new();
    for line in std::str::from_utf8(raw).unwrap().lines() {
        let data = line.strip_prefix("data: ").unwrap_or_default();
        let Ok(chunk) = serde_json::from_str::<Value>(data) else { continue };
        let choice = &chunk["choices"][0];
        text.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            names.extend(call["function"]["name"].as_str().map(str::to_owned));
            let piece = call["function"]["arguments"].as_str().unwrap_or_default();
            arguments.entry(call["index"].as_u64().unwrap()).or_default().push_str(piece);
        }
        if !choice["finish_reason"].is_null() {
            reason = choice["finish_reason"].clone();
        }
    }
    assert_eq!(arguments.len(), names.len());
    for text in arguments.values() {
        assert!(serde_json::from_str::<Value>(text).unwrap().is_object(), "{text}");
    }
    (text, names, reason)
}
