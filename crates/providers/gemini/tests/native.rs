//! Callers that speak Google's dialect: passed through.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_gemini::GeminiCodec;
use pointsman_provider::{Call, Codec, Speech};
use pointsman_testkit::recorded::cuts_do_not_matter;
use pointsman_types::{Deployment, ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn call(operation: Operation, body: Value) -> Call {
    Call::json(operation, "g", body).unwrap()
}

/// The address and the body that AI Studio sees.
fn sent(call: &Call, params: &[(&str, &str)]) -> (String, Value) {
    let mut deployment = Deployment::new("g", "gemini", "gemini-x").with_key("k");
    deployment.params =
        params.iter().map(|(name, json)| ((*name).to_owned(), (*json).to_owned())).collect();
    let to = GeminiCodec.target(&deployment).unwrap();
    assert_eq!(GeminiCodec.speaks(&to, &call.head), Speech::Native);
    let request = GeminiCodec.encode(&to, call).unwrap();
    let body = serde_json::from_slice(&request.body().clone().to_bytes()).unwrap();
    (request.uri().path().to_owned(), body)
}

#[test]
fn a_body_stays_as_it_came() {
    let body = json!({"contents": [], "odd": {"kept": [1]}, "timeout": 3, "stream": false});
    let (path, seen) = sent(&call(Operation::GenerateContent, body), &[]);
    assert_eq!(path, "/v1beta/models/gemini-x:generateContent");
    assert_eq!(seen, json!({"contents": [], "odd": {"kept": [1]}}));
}

#[test]
fn defaults_apply_in_googles_words() {
    let params = [("max_tokens", "64"), ("temperature", "1"), ("logit_bias", "{}")];
    let body = json!({"contents": [], "generationConfig": {"temperature": 0}});
    let (_, seen) = sent(&call(Operation::GenerateContent, body), &params);
    assert_eq!(seen["generationConfig"], json!({"temperature": 0, "maxOutputTokens": 64}));
    let (_, seen) = sent(&call(Operation::GenerateContent, json!({"contents": []})), &params);
    assert_eq!(seen["generationConfig"], json!({"maxOutputTokens": 64, "temperature": 1}));
}

#[test]
fn the_model_is_exchanged_within_bodies() {
    let whole = json!({"generateContentRequest": {"model": "models/g", "contents": []}});
    let (path, seen) = sent(&call(Operation::CountContents, whole), &[]);
    assert_eq!(path, "/v1beta/models/gemini-x:countTokens");
    assert_eq!(seen["generateContentRequest"]["model"], "models/gemini-x");
    let several = json!({"requests": [{"model": "models/g", "content": {}}]});
    let (path, seen) = sent(&call(Operation::BatchEmbedContents, several), &[]);
    assert_eq!(path, "/v1beta/models/gemini-x:batchEmbedContents");
    assert_eq!(seen["requests"][0]["model"], "models/gemini-x");
}

#[test]
fn answers_are_relayed_and_read() {
    let head = call(Operation::GenerateContent, json!({"contents": []})).head;
    let decode = |body: Value| {
        let body = body.to_string().into();
        GeminiCodec.decode(&head, StatusCode::OK, &HeaderMap::new(), body, NOW)
    };
    let answer = json!({"candidates": [{"content": {"parts": [{"text": "Hi", "own": 1}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}});
    let whole = decode(answer.clone()).unwrap();
    assert_eq!(whole.body, answer.to_string());
    assert_eq!(whole.usage.unwrap().total(), 7);
    assert_eq!(decode(json!({})).unwrap_err().kind, ErrorKind::Server);
    let blocked = decode(json!({"promptFeedback": {"blockReason": "SAFETY"}})).unwrap_err();
    assert_eq!(blocked.kind, ErrorKind::ContentPolicy);
}

#[test]
fn a_stream_is_relayed_wherever_it_is_cut() {
    let head = call(Operation::GenerateContent, json!({"contents": [], "stream": true})).head;
    let piece = |text: &str, end: Value| {
        json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": end}],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}})
    };
    let pieces = [piece("H\u{e9}", Value::Null), piece("!", json!("STOP"))];
    let want = pieces.each_ref().map(|piece| format!("data: {piece}\r\n\r\n")).concat();
    let array = json!(pieces).to_string();
    for bytes in [want.as_str(), array.as_str()] {
        let stream = cuts_do_not_matter(bytes.as_bytes(), &|| GeminiCodec.frames(&head, NOW));
        assert_eq!(std::str::from_utf8(&stream.raw).unwrap(), want);
    }
}
