//! What Bedrock's answers become, whole and streamed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::{
    event_stream::{events, frame, raw_frame},
    recorded::{Stream, cuts_do_not_matter, read_stream},
};
use pointsman_types::{ErrorKind, Operation, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

mod common;

use common::codec;

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn head(operation: Operation) -> CallHead {
    let body = json!({"messages": [], "input": "x", "stream": true,
        "stream_options": {"include_usage": true}});
    Call::json(operation, "g", body).unwrap().head
}

fn said(operation: Operation, body: &Value) -> Value {
    let body = Bytes::from(body.to_string());
    let whole = codec().decode(&head(operation), StatusCode::OK, &HeaderMap::new(), body, NOW);
    serde_json::from_slice(&whole.unwrap().body).unwrap()
}

fn read(operation: Operation, bytes: &[u8]) -> Stream {
    let head = head(operation);
    cuts_do_not_matter(bytes, &|| codec().frames(&head, NOW))
}

/// The chunks of a stream in OpenAI's shape.
fn chunks(stream: &Stream) -> Vec<Value> {
    let text = std::str::from_utf8(&stream.raw).unwrap();
    text.split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect()
}

fn joined(chunks: &[Value], pointer: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer(pointer)?.as_str()).collect()
}

#[test]
fn a_whole_answer() {
    let body = said(
        Operation::Chat,
        &json!({"output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "seal"}}},
            {"reasoningContent": {"redactedContent": "ZGFyaw=="}},
            {"text": "It is "},
            {"citationsContent": {"content": [{"text": "so."}], "citations": [
                {"title": "A", "sourceContent": [{"text": "so"}], "location": {"web": {"url": "https://a.invalid"}}},
                {"title": "B", "location": {"documentChar": {"documentIndex": 0, "start": 1, "end": 2}}}]}},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"b": 1, "a": 2}}},
            {"toolUse": {"toolUseId": "t2", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
            {"image": {"format": "png", "source": {"bytes": "AAAA"}}}]}},
            "stopReason": "tool_use", "serviceTier": {"type": "flex"}, "trace": {"guardrail": {"x": 1}},
            "usage": {"inputTokens": 2, "outputTokens": 9, "totalTokens": 23, "cacheReadInputTokens": 5,
                "cacheWriteInputTokens": 7, "cacheDetails": [{"ttl": "5m", "inputTokens": 3}, {"ttl": "1h", "inputTokens": 4}]}}),
    );
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"], "It is so.");
    assert_eq!(message["reasoning_content"], "Hm");
    assert_eq!(
        message["thinking_blocks"],
        json!([{"type": "thinking", "thinking": "Hm", "signature": "seal"},
               {"type": "redacted_thinking", "data": "ZGFyaw=="}])
    );
    assert_eq!(message["annotations"][0]["url_citation"]["url"], "https://a.invalid");
    assert_eq!(message["provider_specific_fields"]["citations"][0]["title"], "B");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"b":1,"a":2}"#);
    assert_eq!(message["tool_calls"].as_array().unwrap().len(), 1);
    assert_eq!(message["images"].as_array().unwrap().len(), 1);
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(body["service_tier"], "flex");
    assert_eq!(body["trace"]["guardrail"]["x"], 1);
    assert_eq!(body["usage"]["prompt_tokens"], 14);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 5);
}

#[test]
fn why_an_answer_ended() {
    for (native, want) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_model_output", "stop"),
    ] {
        let answer =
            json!({"output": {"message": {"content": [{"text": "x"}]}}, "stopReason": native});
        let body = said(Operation::Chat, &answer);
        assert_eq!(body["choices"][0]["finish_reason"], want, "{native}");
        let body = said(Operation::Messages, &answer);
        assert!(body["stop_reason"].is_string(), "{native}");
    }
    let answer = json!({"output": {"message": {"content": []}}, "stopReason": "stop_sequence",
        "additionalModelResponseFields": {"stop_sequence": "END"}});
    assert_eq!(said(Operation::Messages, &answer)["stop_sequence"], "END");
}

#[test]
fn an_answer_that_is_none() {
    for body in ["", "{}", "[]", r#"{"output":{"message":{}}}"#, r#"{"Output":{"__type":"x"}}"#] {
        let body = Bytes::from(body);
        for operation in [Operation::Chat, Operation::Embeddings, Operation::CountTokens] {
            let read = codec().decode(
                &head(operation),
                StatusCode::OK,
                &HeaderMap::new(),
                body.clone(),
                NOW,
            );
            assert_eq!(read.unwrap_err().kind, ErrorKind::Server, "{body:?}");
        }
    }
}

#[test]
fn embeddings_of_each_shape() {
    for body in [
        json!({"embedding": [0.5, 1], "inputTextTokenCount": 3}),
        json!({"embeddings": [[0.5, 1]], "response_type": "embeddings_floats", "inputTextTokenCount": 3}),
        json!({"embeddings": {"float": [[0.5, 1]]}, "inputTextTokenCount": 3}),
        json!({"embeddings": [{"embeddingType": "TEXT", "embedding": [0.5, 1]}], "inputTextTokenCount": 3}),
    ] {
        let read = said(Operation::Embeddings, &body);
        assert_eq!(read["data"][0]["embedding"], json!([0.5, 1.0]), "{body}");
        assert_eq!(read["usage"]["prompt_tokens"], 3);
    }
    assert_eq!(
        said(Operation::CountTokens, &json!({"inputTokens": 7})),
        json!({"input_tokens": 7})
    );
}

fn conversation() -> Vec<u8> {
    events(&[
        ("messageStart", json!({"role": "assistant", "p": "abc"})),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm"}}}),
        ),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "seal"}}}),
        ),
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("contentBlockDelta", json!({"contentBlockIndex": 1, "delta": {"text": "Grüße"}})),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 1, "delta": {"citation": {"title": "A", "location": {"web": {"url": "https://a.invalid"}}}}}),
        ),
        ("contentBlockStop", json!({"contentBlockIndex": 1})),
        (
            "contentBlockStart",
            json!({"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "f"}}}),
        ),
        ("contentBlockDelta", json!({"contentBlockIndex": 2, "delta": {"toolUse": {"input": ""}}})),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 2, "delta": {"toolUse": {"input": "{\"a\":"}}}),
        ),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 2, "delta": {"toolUse": {"input": "1}"}}}),
        ),
        ("contentBlockStop", json!({"contentBlockIndex": 2})),
        (
            "contentBlockStart",
            json!({"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t2", "name": "g"}}}),
        ),
        ("contentBlockStop", json!({"contentBlockIndex": 3})),
        ("somethingNew", json!({"x": 1})),
        ("messageStop", json!({"stopReason": "tool_use"})),
        (
            "metadata",
            json!({"usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}, "metrics": {"latencyMs": 1}}),
        ),
    ])
}

#[test]
fn a_stream() {
    let stream = read(Operation::Chat, &conversation());
    assert!(stream.error.is_none() && stream.done && stream.content, "{:?}", stream.error);
    assert_eq!(stream.usage, Some(Usage::text(5, 3)));
    let chunks = chunks(&stream);
    let delta = "/choices/0/delta";
    assert_eq!(joined(&chunks, &format!("{delta}/content")), "Grüße");
    assert_eq!(joined(&chunks, &format!("{delta}/reasoning_content")), "Hm");
    assert_eq!(joined(&chunks, &format!("{delta}/thinking_blocks/0/signature")), "seal");
    assert_eq!(joined(&chunks, &format!("{delta}/tool_calls/0/function/name")), "fg");
    let arguments = joined(&chunks, &format!("{delta}/tool_calls/0/function/arguments"));
    assert_eq!(arguments, r#"{"a":1}{}"#);
    assert_eq!(joined(&chunks, "/choices/0/finish_reason"), "tool_calls");
    assert!(String::from_utf8_lossy(&stream.raw).contains("https://a.invalid"));
    // What nobody here has heard of may hold anything.
    let unheard = frame(&[(":event-type", "initial-response"), (":message-type", "event")], b"");
    assert!(read(Operation::Chat, &[unheard, conversation()].concat()).error.is_none());
    let stream = read(Operation::Messages, &conversation());
    assert!(stream.error.is_none() && stream.done);
    assert!(String::from_utf8_lossy(&stream.raw).contains("thinking_delta"));
}

#[test]
fn a_stream_of_pictures_and_of_tools_at_the_vendor() {
    let stream = read(
        Operation::Chat,
        &events(&[
            ("messageStart", json!({"role": "assistant"})),
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}),
            ),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 0, "delta": {"image": {"source": {"bytes": "AAAA"}}}}),
            ),
            ("contentBlockStop", json!({"contentBlockIndex": 0})),
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}}}),
            ),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{\"q\":1}"}}}),
            ),
            ("contentBlockStop", json!({"contentBlockIndex": 1})),
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 2, "start": {"toolResult": {"toolUseId": "s"}}}),
            ),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 2, "delta": {"toolResult": [{"text": "found"}]}}),
            ),
            ("contentBlockStop", json!({"contentBlockIndex": 2})),
            ("messageStop", json!({"stopReason": "end_turn"})),
            ("metadata", json!({"usage": {"inputTokens": 5, "outputTokens": 3}})),
        ]),
    );
    assert!(stream.error.is_none(), "{:?}", stream.error);
    let text = String::from_utf8_lossy(&stream.raw);
    assert!(
        text.contains("data:image/png;base64,AAAA") && text.contains("nova_grounding"),
        "{text}"
    );
    assert!(text.contains("found") && !text.contains("tool_calls"), "{text}");
}

#[test]
fn a_stream_of_a_claude_through_invoke_model() {
    let chunk = |event: Value| {
        ("chunk", json!({"bytes": BASE64_STANDARD.encode(event.to_string()), "p": "abc"}))
    };
    let stream = read(
        Operation::Chat,
        &events(&[
            chunk(
                json!({"type": "message_start", "message": {"id": "m", "model": "claude-x", "usage": {"input_tokens": 5, "output_tokens": 1}}}),
            ),
            chunk(
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            ),
            chunk(
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}),
            ),
            chunk(json!({"type": "content_block_stop", "index": 0})),
            chunk(
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}),
            ),
            chunk(
                json!({"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 5}}),
            ),
        ]),
    );
    assert!(stream.error.is_none() && stream.done, "{:?}", stream.error);
    assert_eq!(stream.usage, Some(Usage::text(5, 3)));
    assert_eq!(joined(&chunks(&stream), "/choices/0/delta/content"), "Hi");
}

#[test]
fn a_stream_that_breaks_off() {
    let whole = conversation();
    let stop = events(&[
        ("messageStop", json!({"stopReason": "tool_use"})),
        (
            "metadata",
            json!({"usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}, "metrics": {"latencyMs": 1}}),
        ),
    ]);
    let begun = &whole[..whole.len() - stop.len()];
    // At a frame's end and within one.
    for cut in [begun, &begun[..begun.len() - 3]] {
        assert_eq!(read(Operation::Chat, cut).error.unwrap().kind, ErrorKind::Connection);
    }
    for (name, message, want) in [
        (
            "throttlingException",
            "Too many tokens, please wait before trying again.",
            ErrorKind::RateLimited,
        ),
        ("modelStreamErrorException", "oops", ErrorKind::Server),
        ("internalServerException", "oops", ErrorKind::Server),
        ("serviceUnavailableException", "later", ErrorKind::Overloaded),
        ("validationException", "Input is too long for requested model.", ErrorKind::ContextWindow),
    ] {
        let headers = [(":exception-type", name), (":message-type", "exception")];
        let exception = frame(&headers, json!({"message": message}).to_string().as_bytes());
        for bytes in [[begun, &exception].concat(), exception] {
            let error = read(Operation::Chat, &bytes).error.unwrap();
            assert_eq!((error.kind, error.message()), (want, message), "{name}");
        }
    }
    let headers =
        [(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "bad")];
    let error = read(Operation::Chat, &frame(&headers, b"")).error.unwrap();
    assert_eq!((error.kind, error.message()), (ErrorKind::Server, "bad"));
}

#[test]
fn a_frame_that_is_damaged() {
    let whole = conversation();
    // In the length, the prelude's checksum, the headers, the payload.
    for at in [0, 9, 15, 70] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let kind = read(Operation::Chat, &bytes).error.unwrap().kind;
        assert!(matches!(kind, ErrorKind::Server | ErrorKind::Connection), "{at}: {kind}");
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_value_or_an_error(
        bytes: Vec<u8>,
        headers: Vec<u8>,
        name in "messageStart|contentBlock(Start|Delta|Stop)|messageStop|metadata|chunk",
        payload in "[\\{\\}\\[\\]\":,a-z0-9_]{0,40}",
        members in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..8),
    ) {
        const NAMES: [&str; 14] = ["contentBlockIndex", "start", "delta", "toolUse", "image", "text", "input",
            "source", "bytes", "reasoningContent", "citation", "toolResult", "usage", "stopReason"];
        let mut value = json!({});
        for (at, kind) in members {
            let inner = match kind % 6 {
                0 => json!(at), 1 => json!("x"), 2 => json!([]), 3 => json!(null), 4 => json!({}), _ => value.clone(),
            };
            value[NAMES[usize::from(at) % NAMES.len()]] = inner;
        }
        let event = |payload: &str| frame(&[(":event-type", &name), (":message-type", "event")], payload.as_bytes());
        for body in [bytes.clone(), raw_frame(&headers, &bytes), event(&payload), event(&value.to_string())] {
            for operation in [Operation::Chat, Operation::Messages, Operation::Embeddings, Operation::CountTokens] {
                let head = head(operation);
                let mut frames = codec().frames(&head, NOW);
                let mut out = Vec::new();
                let _ = frames.push(body.clone().into(), &mut out).and_then(|()| frames.finish(&mut out));
                for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
                    let _ = codec().decode(&head, status, &HeaderMap::new(), body.clone().into(), NOW);
                }
            }
        }
        let _ = codec().decode(&head(Operation::Chat), StatusCode::OK, &HeaderMap::new(), value.to_string().into(), NOW);
    }

    #[test]
    fn cuts_do_not_matter_anywhere(at in 0..10_000usize) {
        let bytes = conversation();
        let at = at % bytes.len();
        let head = head(Operation::Chat);
        let read = |parts: [&[u8]; 2]| {
            read_stream(codec().frames(&head, NOW), parts)
        };
        let (one, two) = (read([&bytes, &[]]), read([&bytes[..at], &bytes[at..]]));
        prop_assert_eq!(one.raw, two.raw);
    }
}
