//! What is sent to Anthropic, and what its answers become.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use pointsman_anthropic::AnthropicCodec;
use pointsman_clock::Instant;
use pointsman_provider::{Call, Codec, Credential, Pieces, Speech, Target};
use pointsman_testkit::recorded::{cuts_do_not_matter, read_stream};
use pointsman_types::{Deployment, Error, ErrorKind, Operation, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn target(model: &str) -> Target {
    AnthropicCodec.target(&Deployment::new("g", "anthropic", model)).unwrap()
}

fn encode(model: &str, body: Value) -> Result<Request<Pieces>, Error> {
    AnthropicCodec.encode(&target(model), &Call::chat("g", body).unwrap())
}

fn sent(body: Value) -> Value {
    let request = encode("claude-sonnet-4-5", body).unwrap();
    serde_json::from_slice(&request.body().to_bytes()).unwrap()
}

fn said(body: &Value) -> Value {
    let call = Call::chat("g", json!({"messages": []})).unwrap();
    let body = Bytes::from(body.to_string());
    let whole = AnthropicCodec.decode(&call.head, StatusCode::OK, &HeaderMap::new(), body, NOW);
    serde_json::from_slice(&whole.unwrap().body).unwrap()
}

#[test]
fn a_whole_conversation() {
    let body = sent(json!({
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGk="}}]},
            {"role": "assistant", "content": "I ask.", "reasoning_content": "Hm",
             "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "seal"}],
             "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1,\"a\":2}"}},
                {"id": "b", "type": "function", "function": {"name": "f", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "user", "content": "And?"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
        "tool_choice": "required", "parallel_tool_calls": false,
        "max_completion_tokens": 9, "stop": ["x"], "temperature": 0.5, "user": "me"}));
    assert_eq!(
        body,
        json!({
            "model": "claude-sonnet-4-5", "max_tokens": 9,
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}, "title": "a.txt"}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "seal"},
                    {"type": "text", "text": "I ask."},
                    {"type": "tool_use", "id": "a", "name": "f", "input": {"z": 1, "a": 2}},
                    {"type": "tool_use", "id": "b", "name": "f", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1"}]},
                    {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "2"}]},
                    {"type": "text", "text": "And?"}]}],
            "tools": [{"name": "f", "input_schema": {"type": "object"}, "description": "d"}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
            "stop_sequences": ["x"], "temperature": 0.5, "metadata": {"user_id": "me"}})
    );
}

#[test]
fn thinking_by_budget_and_by_word() {
    let ask = |model: &str, body: Value| -> Value {
        let request = encode(model, body).unwrap();
        serde_json::from_slice(&request.body().to_bytes()).unwrap()
    };
    let effort = json!({"messages": [], "reasoning_effort": "low"});
    let body = ask("claude-sonnet-4-5", effort.clone());
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 1_024}));
    assert_eq!(body["max_tokens"], 5_120);
    let body = ask("claude-opus-4-6", effort);
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["output_config"], json!({"effort": "low"}));
    let budget = json!({"messages": [], "thinking": {"type": "enabled", "budget_tokens": 3_000}, "max_tokens": 2_000});
    let body = ask("claude-opus-4-6", budget);
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 1_999}));
}

#[test]
fn a_schema_is_a_format_or_a_tool() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let body = json!({"messages": [], "response_format": format});
    let closed = sent(body.clone())["output_config"]["format"]["schema"].clone();
    assert_eq!(closed["additionalProperties"], false);
    let older = encode("claude-3-haiku-20240307", body).unwrap();
    let older: Value = serde_json::from_slice(&older.body().to_bytes()).unwrap();
    assert_eq!(older["tool_choice"], json!({"type": "tool", "name": "give_answer"}));
    assert_eq!(older["tools"][0]["input_schema"], schema);
    let answered = said(
        &json!({"content": [{"type": "tool_use", "id": "t", "name": "give_answer", "input": {"a": "b"}}], "stop_reason": "tool_use"}),
    );
    assert_eq!(answered["choices"][0]["message"]["content"], r#"{"a":"b"}"#);
    assert_eq!(answered["choices"][0]["finish_reason"], "stop");
}

#[test]
fn what_cannot_be_said_is_named_or_dropped() {
    let body = json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}}]}],
        "seed": 1, "n": 2, "logit_bias": {"1": 1}, "logprobs": true, "service_tier": "flex", "temperature": 1.5});
    let error = encode("claude-sonnet-4-5", body.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    for name in
        ["seed", "n", "logit_bias", "logprobs", "service_tier", "temperature", "input_audio"]
    {
        assert!(error.message().contains(name), "{name}: {}", error.message());
    }
    let mut to = target("claude-sonnet-4-5");
    to.settings.insert("drop_params".into(), "true".into());
    let request = AnthropicCodec.encode(&to, &Call::chat("g", body).unwrap()).unwrap();
    let body: Value = serde_json::from_slice(&request.body().to_bytes()).unwrap();
    assert_eq!(body["temperature"], 1.0);
    assert!(body.get("seed").is_none());
}

#[test]
fn unknown_members_and_anthropics_own_go_through() {
    let body = sent(json!({"messages": [], "top_k": 5, "mcp_servers": [1], "brand_new": {"x": 1},
        "tools": [{"type": "web_search_20250305", "name": "web_search"}]}));
    assert_eq!(body["top_k"], 5);
    assert_eq!((&body["mcp_servers"], &body["brand_new"]), (&json!([1]), &json!({"x": 1})));
    assert_eq!(body["tools"][0]["type"], "web_search_20250305");
}

#[test]
fn a_whole_answer() {
    let body = said(&json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "seal"},
            {"type": "redacted_thinking", "data": "dark"},
            {"type": "text", "text": "It is ", "citations": null},
            {"type": "text", "text": "so.", "citations": [
                {"type": "web_search_result_location", "url": "https://a.invalid", "title": "A", "cited_text": "so"},
                {"type": "char_location", "cited_text": "so", "document_index": 0}]},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": 2}}],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 2, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 5,
                  "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
                  "output_tokens": 9, "service_tier": "standard"}}));
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"], "It is so.");
    assert_eq!(message["reasoning_content"], "Hm");
    assert_eq!(
        message["thinking_blocks"],
        json!([{"type": "thinking", "thinking": "Hm", "signature": "seal"},
               {"type": "redacted_thinking", "data": "dark"}])
    );
    assert_eq!(message["annotations"][0]["url_citation"]["url"], "https://a.invalid");
    assert_eq!(message["provider_specific_fields"]["citations"][0]["type"], "char_location");
    assert_eq!(message["provider_specific_fields"]["content_blocks"][0]["id"], "s");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"b":1,"a":2}"#);
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(body["usage"]["prompt_tokens"], 14);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 5);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cache_write_tokens"], 7);
    assert_eq!((&body["id"], &body["model"]), (&json!("msg_1"), &json!("claude-x")));
}

const STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"H\u{e9}\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"seal\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\":1}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":8}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn head(operation: Operation) -> pointsman_provider::CallHead {
    let body = json!({"messages": [], "stream": true, "stream_options": {"include_usage": true}});
    Call::json(operation, "g", body).unwrap().head
}

#[test]
fn a_stream_becomes_chunks() {
    let head = head(Operation::Chat);
    let read = cuts_do_not_matter(STREAM.as_bytes(), &|| AnthropicCodec.frames(&head, NOW));
    assert!(read.error.is_none() && read.done && read.content);
    assert_eq!(read.usage, Some(Usage::text(3, 8)));
    let text = String::from_utf8(read.raw).unwrap();
    let chunks: Vec<Value> = text
        .split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect();
    let joined = |path: &str| -> String {
        chunks.iter().filter_map(|chunk| chunk.pointer(path)?.as_str()).collect()
    };
    assert_eq!(joined("/choices/0/delta/content"), "Hi");
    assert_eq!(joined("/choices/0/delta/reasoning_content"), "Hé");
    assert_eq!(joined("/choices/0/delta/thinking_blocks/0/signature"), "seal");
    assert_eq!(joined("/choices/0/delta/tool_calls/0/function/arguments"), r#"{"a":1}"#);
    assert_eq!(joined("/choices/0/finish_reason"), "tool_calls");
    assert!(text.ends_with("data: [DONE]\n\n"));
}

#[test]
fn a_native_stream_is_relayed_as_it_came() {
    let head = head(Operation::Messages);
    let read = cuts_do_not_matter(STREAM.as_bytes(), &|| AnthropicCodec.frames(&head, NOW));
    assert_eq!(read.raw, STREAM.as_bytes());
    assert_eq!(read.usage, Some(Usage::text(3, 8)));
    assert!(read.content && read.done);
}

#[test]
fn a_cut_stream_and_an_error_within_are_failures() {
    for operation in [Operation::Chat, Operation::Messages] {
        let head = head(operation);
        let until = STREAM.find("event: message_delta").unwrap();
        let cut = &STREAM.as_bytes()[..until];
        let read = cuts_do_not_matter(cut, &|| AnthropicCodec.frames(&head, NOW));
        assert_eq!(read.error.unwrap().kind, ErrorKind::Connection);
        let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
        let text = [cut, error.as_bytes()].concat();
        let read = cuts_do_not_matter(&text, &|| AnthropicCodec.frames(&head, NOW));
        assert_eq!(read.error.unwrap().kind, ErrorKind::Overloaded);
    }
}

#[test]
fn the_callers_own_dialect_passes_through() {
    let body = json!({"messages": [ {"role": "user", "content": "Hi"} ], "max_tokens": 5, "new": 1.0e3, "timeout": 3});
    let mut call = Call::json(Operation::Messages, "mine", body).unwrap();
    call.headers.insert("anthropic-beta", HeaderValue::from_static("some-beta"));
    let to = target("claude-x");
    assert_eq!(AnthropicCodec.speaks(&to, &call.head), Speech::Native);
    let mut request = AnthropicCodec.encode(&to, &call).unwrap();
    assert_eq!(request.headers()["anthropic-beta"], "some-beta");
    assert_eq!(
        request.body().to_bytes(),
        r#"{"messages":[{"role":"user","content":"Hi"}],"max_tokens":5,"new":1000.0,"model":"claude-x"}"#
    );
    let key = Credential::Key("sk-planted".into());
    AnthropicCodec.sign(&to, &mut request, &key, NOW).unwrap();
    assert_eq!(request.headers()["x-api-key"], "sk-planted");
    assert!(!format!("{request:?}").contains("planted"));
    let counting = Call::json(Operation::CountTokens, "mine", json!({"messages": []})).unwrap();
    let request = AnthropicCodec.encode(&to, &counting).unwrap();
    assert_eq!(request.uri(), "https://api.anthropic.com/v1/messages/count_tokens");
}

#[test]
fn errors_by_their_type_then_their_words() {
    let head = head(Operation::Chat);
    let kind = |status: u16, type_name: &str, message: &str| {
        let body = json!({"type": "error", "error": {"type": type_name, "message": message}});
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::from(body.to_string());
        AnthropicCodec.decode(&head, status, &HeaderMap::new(), body, NOW).unwrap_err().kind
    };
    for (status, type_name, message, want) in [
        (400, "invalid_request_error", "prompt is too long: 9 > 8", ErrorKind::ContextWindow),
        (400, "invalid_request_error", "Your credit balance is too low", ErrorKind::QuotaExhausted),
        (
            400,
            "invalid_request_error",
            "Output blocked by content filtering policy",
            ErrorKind::ContentPolicy,
        ),
        (400, "invalid_request_error", "max_tokens: required", ErrorKind::BadRequest),
        (413, "request_too_large", "too large", ErrorKind::BadRequest),
        (401, "authentication_error", "invalid x-api-key", ErrorKind::Authentication),
        (402, "billing_error", "", ErrorKind::QuotaExhausted),
        (403, "permission_error", "", ErrorKind::Permission),
        (404, "not_found_error", "model: x", ErrorKind::NotFound),
        (429, "rate_limit_error", "", ErrorKind::RateLimited),
        (500, "api_error", "", ErrorKind::Server),
        (504, "timeout_error", "", ErrorKind::Timeout),
        (529, "overloaded_error", "", ErrorKind::Overloaded),
    ] {
        assert_eq!(kind(status, type_name, message), want, "{status} {type_name} {message}");
    }
}

#[test]
fn an_error_within_a_success_is_its_kind() {
    let body = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    for operation in [Operation::Chat, Operation::Messages] {
        let body = Bytes::from(body.to_string());
        let read =
            AnthropicCodec.decode(&head(operation), StatusCode::OK, &HeaderMap::new(), body, NOW);
        let error = read.unwrap_err();
        assert_eq!((error.kind, error.message()), (ErrorKind::Overloaded, "busy"));
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_value_or_an_error(
        bytes: Vec<u8>,
        data in "[\\{\\}\\[\\]\":,a-z0-9_]{0,40}",
    ) {
        for operation in [Operation::Chat, Operation::Messages] {
            let head = head(operation);
            for body in [bytes.clone(), format!("data: {data}\n\n").into_bytes()] {
                let mut frames = AnthropicCodec.frames(&head, NOW);
                let mut out = Vec::new();
                let _ = frames.push(body.clone().into(), &mut out).and_then(|()| frames.finish(&mut out));
                for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
                    let _ = AnthropicCodec.decode(&head, status, &HeaderMap::new(), body.clone().into(), NOW);
                }
            }
        }
    }

    #[test]
    fn a_damaged_stream_ends_in_a_value_or_an_error(
        edits in prop::collection::vec((0..STREAM.len(), 0..40_usize, "[ -~]{0,12}"), 1..6),
        size in 1..200_usize,
    ) {
        let mut bytes = STREAM.as_bytes().to_vec();
        for (at, cut, put) in edits {
            let from = at.min(bytes.len());
            let to = (from + cut).min(bytes.len());
            bytes.splice(from..to, put.into_bytes());
        }
        for operation in [Operation::Chat, Operation::Messages, Operation::Responses] {
            let head = head(operation);
            let read = |size| read_stream(AnthropicCodec.frames(&head, NOW), bytes.chunks(size));
            let (whole, parts) = (read(bytes.len().max(1)), read(size));
            prop_assert_eq!(whole.error.is_some(), parts.error.is_some());
        }
    }
}
