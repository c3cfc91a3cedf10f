//! Callers that speak Anthropic's dialect or OpenAI's responses, at a vendor that speaks chat.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_openai::{OpenAiCodec, VENDORS};
use pointsman_provider::{Call, Codec, Speech, Target};
use pointsman_testkit::recorded::{cuts_do_not_matter, read_stream};
use pointsman_types::{Deployment, Error, ErrorKind, Operation, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn codec(vendor: &str) -> OpenAiCodec {
    OpenAiCodec::new(VENDORS.iter().find(|one| one.vendor.name == vendor).unwrap())
}

fn target(vendor: &str, model: &str) -> Target {
    let deployment = Deployment::new("g", vendor, model).with_base("http://host:1");
    codec(vendor).target(&deployment).unwrap()
}

fn sent(vendor: &str, operation: Operation, body: Value) -> Result<Value, Error> {
    let call = Call::json(operation, "g", body).unwrap();
    let to = target(vendor, "gpt-4o");
    let request = codec(vendor).encode(&to, &call)?;
    Ok(serde_json::from_slice(&request.body().to_bytes()).unwrap())
}

fn said(operation: Operation, body: &Value) -> Value {
    let call = Call::json(operation, "g", json!({"messages": []})).unwrap();
    let body = Bytes::from(body.to_string());
    let whole =
        codec("deepseek").decode(&call.head, StatusCode::OK, &HeaderMap::new(), body, NOW).unwrap();
    serde_json::from_slice(&whole.body).unwrap()
}

#[test]
fn a_messages_call() {
    let body = sent("openai", Operation::Messages, json!({
        "model": "g", "max_tokens": 100, "stream": true,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "s"},
                {"type": "text", "text": "I ask."},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"z": 1, "a": 2}}]},
            {"role": "user", "content": [
                {"type": "text", "text": "And?"},
                {"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": [
                    {"type": "text", "text": "no"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}]}],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "stop_sequences": ["x"], "metadata": {"user_id": "me"}}))
    .unwrap();
    assert_eq!(
        body,
        json!({
            "model": "gpt-4o", "max_completion_tokens": 100, "stop": ["x"], "user": "me",
            "stream": true, "stream_options": {"include_usage": true},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Look."},
                {"role": "assistant", "content": "I ask.", "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1,\"a\":2}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": "Error: no"},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
                {"role": "user", "content": "And?"}],
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
            "tool_choice": "required", "parallel_tool_calls": false})
    );
}

#[test]
fn a_responses_call() {
    let body = sent(
        "deepseek",
        Operation::Responses,
        json!({
        "model": "g", "instructions": "Be brief.", "max_output_tokens": 9, "store": false,
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "k",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Look."},
                                         {"type": "input_image", "image_url": "https://a.invalid/x.png"}]},
            {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "theirs"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I ask."}]},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "1"}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}},
        "reasoning": {"effort": "low", "summary": "auto"}}),
    );
    // `gpt-4o` does not think.
    let error = body.unwrap_err();
    assert_eq!(
        (error.kind, error.detail.param.as_deref()),
        (ErrorKind::Unsupported, Some("reasoning_effort"))
    );

    let body = sent("deepseek", Operation::Responses, json!({
        "model": "g", "input": [
            {"role": "user", "content": "Look."},
            {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "theirs"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I ask."}]},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "1"}],
        "text": {"format": {"type": "json_object"}}}))
    .unwrap();
    assert_eq!(
        body,
        json!({
            "model": "gpt-4o", "response_format": {"type": "json_object"},
            "messages": [
                {"role": "user", "content": "Look."},
                {"role": "assistant", "content": "I ask.", "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": "1"}]})
    );
    let lost = sent(
        "deepseek",
        Operation::Responses,
        json!({"model": "g", "input": "Hi", "previous_response_id": "r"}),
    );
    assert_eq!(lost.unwrap_err().detail.param.as_deref(), Some("previous_response_id"));
}

fn completion() -> Value {
    json!({
        "id": "c1", "model": "m1", "created": 5,
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "I ask.", "reasoning_content": "Hm",
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1}"}}]}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
                  "prompt_tokens_details": {"cached_tokens": 4}}})
}

#[test]
fn an_answer_to_messages() {
    let body = said(Operation::Messages, &completion());
    assert_eq!(
        body,
        json!({
            "id": "c1", "type": "message", "role": "assistant", "model": "m1",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": ""},
                {"type": "text", "text": "I ask."},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"z": 1}}],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": {"input_tokens": 6, "cache_creation_input_tokens": 0,
                      "cache_read_input_tokens": 4, "output_tokens": 5}})
    );
}

#[test]
fn an_answer_to_responses() {
    let body = said(Operation::Responses, &completion());
    assert_eq!((&body["object"], &body["status"]), (&json!("response"), &json!("completed")));
    let kinds: Vec<&str> = body["output"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["type"].as_str())
        .collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call"]);
    assert_eq!(body["output"][1]["content"][0]["text"], "I ask.");
    assert_eq!(body["output"][2]["call_id"], "a");
    assert_eq!(body["usage"]["input_tokens_details"]["cached_tokens"], 4);
    let mut cut = completion();
    cut["choices"][0]["finish_reason"] = "length".into();
    let body = said(Operation::Responses, &cut);
    assert_eq!(body["incomplete_details"]["reason"], "max_output_tokens");
}

const STREAM: &str = concat!(
    "data: {\"id\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n",
    "data: {\"id\":\"c1\",\"model\":\"m1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
    ": keep-alive\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"H\u{e9}\"}}]}\r\n\r\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"z\\\"\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
);

fn events(operation: Operation, stream: &str) -> (Vec<Value>, Option<Usage>) {
    let body = json!({"messages": [], "stream": true});
    let head = Call::json(operation, "g", body).unwrap().head;
    let read = cuts_do_not_matter(stream.as_bytes(), &|| codec("deepseek").frames(&head, NOW));
    assert!(read.error.is_none() && read.done && read.content);
    let text = String::from_utf8(read.raw).unwrap();
    let data = |event: &str| {
        let (name, data) = event.strip_prefix("event: ")?.split_once("\ndata: ")?;
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name);
        Some(data)
    };
    (text.split("\n\n").filter_map(data).collect(), read.usage)
}

fn joined(events: &[Value], kind: &str, path: &str) -> String {
    events
        .iter()
        .filter(|event| event["type"] == kind)
        .filter_map(|event| event.pointer(path)?.as_str())
        .collect()
}

#[test]
fn a_stream_to_messages() {
    let (events, usage) = events(Operation::Messages, STREAM);
    assert_eq!(usage, Some(Usage::text(3, 2)));
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("message_start", "message_stop"));
    let count = |kind: &str| kinds.iter().filter(|one| **one == kind).count();
    assert_eq!((count("content_block_start"), count("content_block_stop")), (4, 4));
    assert_eq!(joined(&events, "content_block_delta", "/delta/thinking"), "Hé");
    assert_eq!(joined(&events, "content_block_delta", "/delta/text"), "Hi");
    assert_eq!(joined(&events, "content_block_delta", "/delta/partial_json"), r#"{"z":1}{}"#);
    assert_eq!(joined(&events, "content_block_start", "/content_block/name"), "fg");
    let end = &events[events.len() - 2];
    assert_eq!(end["delta"]["stop_reason"], "tool_use");
    assert_eq!(
        (&end["usage"]["input_tokens"], &end["usage"]["output_tokens"]),
        (&json!(3), &json!(2))
    );
}

#[test]
fn a_stream_to_responses() {
    let (events, usage) = events(Operation::Responses, STREAM);
    assert_eq!(usage, Some(Usage::text(3, 2)));
    let numbers: Vec<u64> =
        events.iter().filter_map(|event| event["sequence_number"].as_u64()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    assert_eq!(joined(&events, "response.output_text.delta", "/delta"), "Hi");
    assert_eq!(joined(&events, "response.reasoning_summary_text.delta", "/delta"), "Hé");
    assert_eq!(joined(&events, "response.function_call_arguments.delta", "/delta"), r#"{"z":1}{}"#);
    let last = &events[events.len() - 1];
    assert_eq!(last["type"], "response.completed");
    let output = last["response"]["output"].as_array().unwrap();
    let kinds: Vec<&str> = output.iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call", "function_call"]);
    assert_eq!(output[2]["arguments"], r#"{"z":1}"#);
    assert_eq!(output[3]["name"], "g");
    assert_eq!(last["response"]["usage"]["total_tokens"], 5);
    let added = events.iter().filter(|event| event["type"] == "response.output_item.added").count();
    let done = events.iter().filter(|event| event["type"] == "response.output_item.done").count();
    assert_eq!((added, done), (4, 4));
}

/// What was there before there were tools.
#[test]
fn an_old_call_of_a_function_is_a_call() {
    let message = json!({"role": "assistant", "content": null,
        "function_call": {"name": "f", "arguments": "{\"a\":1}"}});
    let body = json!({"id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "function_call"}]});
    let told = said(Operation::Messages, &body);
    assert_eq!(
        told["content"],
        json!([{"type": "tool_use", "id": "call_x_0", "name": "f", "input": {"a": 1}}])
    );
    assert_eq!(told["stop_reason"], "tool_use");
    let stream = [
        json!({"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant",
            "content": null, "function_call": {"name": "f", "arguments": ""}}}]}),
        json!({"id": "x", "choices": [{"index": 0,
            "delta": {"function_call": {"arguments": "{\"a\""}}}]}),
        json!({"id": "x", "choices": [{"index": 0,
            "delta": {"function_call": {"arguments": ":1}"}}}]}),
        json!({"id": "x", "choices": [{"index": 0, "delta": {},
            "finish_reason": "function_call"}]}),
    ];
    let stream: Vec<_> = stream.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    let (events, _) = events(Operation::Messages, &(stream.concat() + "data: [DONE]\n\n"));
    assert_eq!(joined(&events, "content_block_start", "/content_block/name"), "f");
    let arguments = joined(&events, "content_block_delta", "/delta/partial_json");
    assert_eq!(arguments, "{\"a\":1}");
    assert_eq!(joined(&events, "message_delta", "/delta/stop_reason"), "tool_use");
}

/// A relay whose own upstream fails late says so within the choice.
#[test]
fn an_error_within_a_choice_is_the_answers() {
    let error = json!({"code": 502, "message": "the provider left"});
    let body = json!({"choices": [{"index": 0, "finish_reason": "error", "error": error,
        "message": {"role": "assistant", "content": ""}}]});
    for operation in [Operation::Chat, Operation::Messages] {
        let call = Call::json(operation, "g", json!({"messages": []})).unwrap();
        let body = Bytes::from(body.to_string());
        let read =
            codec("openrouter").decode(&call.head, StatusCode::OK, &HeaderMap::new(), body, NOW);
        let error = read.unwrap_err();
        assert_eq!((error.kind, error.message()), (ErrorKind::Server, "the provider left"));
    }
    // The word alone is no error.
    let body = json!({"choices": [{"index": 0, "finish_reason": "stop", "error": null,
        "message": {"role": "assistant", "content": "\"error\""}}]});
    assert_eq!(said(Operation::Messages, &body)["content"][0]["text"], "\"error\"");
}

/// Snowflake fills every member that it does not use.
#[test]
fn empty_members_say_nothing() {
    let call = json!({"custom": {"input": "", "name": ""}, "id": "a", "type": "function",
        "function": {"name": "f", "arguments": "{}"}});
    let message = json!({"role": "assistant", "content": "", "refusal": "", "annotations": null,
        "audio": {"data": "", "expires_at": 0, "id": "", "transcript": ""},
        "function_call": {"arguments": "", "name": ""}, "tool_calls": [call]});
    let body = json!({"id": "", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "", "message": message}]});
    let head = Call::chat("g", json!({"messages": []})).unwrap().head;
    let body = Bytes::from(body.to_string());
    let read = codec("snowflake").decode(&head, StatusCode::OK, &HeaderMap::new(), body, NOW);
    let told: Value = serde_json::from_slice(&read.unwrap().body).unwrap();
    assert_eq!(told["choices"][0]["finish_reason"], "tool_calls");
    let function = json!({"name": "f", "arguments": "{}"});
    assert_eq!(
        told["choices"][0]["message"],
        json!({"role": "assistant", "content": "", "refusal": null,
            "tool_calls": [{"id": "a", "type": "function", "function": function}]})
    );
}

#[test]
fn a_service_tier_is_told_in_openais_words() {
    for (theirs, ours) in
        [("on_demand", json!("default")), ("flex", json!("flex")), ("odd", json!(null))]
    {
        let mut body = completion();
        body["service_tier"] = theirs.into();
        assert_eq!(said(Operation::Responses, &body)["service_tier"], ours);
    }
}

#[test]
fn who_speaks_what() {
    let head = |operation| Call::json(operation, "g", json!({})).unwrap().head;
    for (vendor, operation, want) in [
        ("openai", Operation::Chat, Speech::Native),
        ("openai", Operation::Responses, Speech::Native),
        ("openai", Operation::Messages, Speech::Translated),
        ("deepseek", Operation::Responses, Speech::Translated),
        ("litellm_proxy", Operation::Rerank, Speech::Native),
    ] {
        let codec = codec(vendor);
        assert_eq!(codec.speaks(&target(vendor, "m"), &head(operation)), want, "{vendor}");
    }
    let openai = codec("openai");
    let at_home = openai.target(&Deployment::new("g", "openai", "m")).unwrap();
    assert!(matches!(openai.speaks(&at_home, &head(Operation::Rerank)), Speech::No(_)));
    assert_eq!(openai.speaks(&at_home, &head(Operation::CountTokens)), Speech::Estimated);
}

#[test]
fn the_limit_has_the_vendors_name() {
    let body = |vendor: &str, model: &str, body: Value| {
        let call = Call::chat("g", body).unwrap();
        let request = codec(vendor).encode(&target(vendor, model), &call).unwrap();
        String::from_utf8(request.body().to_bytes().to_vec()).unwrap()
    };
    let old = json!({"messages": [], "max_tokens": 5});
    let new = json!({"messages": [], "max_completion_tokens": 5, "seed": 1});
    assert!(body("openai", "gpt-5-mini", old.clone()).contains(r#""max_completion_tokens":5"#));
    assert!(body("openai", "gpt-4o", old).contains(r#""max_tokens":5"#));
    let sent = body("mistral", "mistral-small", new.clone());
    assert!(sent.contains(r#""max_tokens":5"#) && sent.contains(r#""random_seed":1"#), "{sent}");
    assert!(!sent.contains("max_completion_tokens") && !sent.contains(r#""seed""#), "{sent}");
    assert!(body("groq", "m", new).contains(r#""max_completion_tokens":5"#));
}

#[test]
fn ids_of_calls_fit_the_vendor() {
    let body = json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_from_elsewhere", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "abcDEF123", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_from_elsewhere", "content": "1"},
        {"role": "tool", "tool_call_id": "abcDEF123", "content": "2"}]});
    let sent = sent("mistral", Operation::Chat, body).unwrap();
    let calls = &sent["messages"][1]["tool_calls"];
    let id = calls[0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    assert_eq!(sent["messages"][2]["tool_call_id"], id);
    assert_eq!(
        (&calls[1]["id"], &sent["messages"][3]["tool_call_id"]),
        (&json!("abcDEF123"), &json!("abcDEF123"))
    );
}

#[test]
fn an_object_where_openai_has_text_is_its_text() {
    let mut answer = completion();
    answer["choices"][0]["message"] =
        json!({"role": "assistant", "content": {"town": "Rome", "days": [1, 2]}, "refusal": null});
    let read = |operation| {
        let call = Call::json(operation, "g", json!({"messages": []})).unwrap();
        let body = Bytes::from(answer.to_string());
        let whole =
            codec("cloudflare").decode(&call.head, StatusCode::OK, &HeaderMap::new(), body, NOW);
        serde_json::from_slice::<Value>(&whole.unwrap().body).unwrap()
    };
    let text = r#"{"town":"Rome","days":[1,2]}"#;
    assert_eq!(read(Operation::Chat)["choices"][0]["message"]["content"], text);
    assert_eq!(read(Operation::Messages)["content"][0]["text"], text);
}

#[test]
fn answers_sent_back_hold_what_the_vendor_knows() {
    let body = json!({"messages": [
        {"role": "user", "name": "ann", "content": "Hi"},
        {"role": "assistant", "content": "Ho", "refusal": null, "annotations": [], "audio": null},
        {"role": "assistant", "content": null, "refusal": "No."},
        {"role": "assistant", "content": "", "reasoning": "Hm"},
        {"role": "user", "content": "And?"}]});
    assert_eq!(
        sent("mistral", Operation::Chat, body).unwrap()["messages"],
        json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ho"},
        {"role": "assistant", "content": "No."},
        {"role": "user", "content": "And?"}])
    );
    let body = json!({
        "contents": [{"parts": [{"text": "Hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "f"}]}]});
    let sent = sent("mistral", Operation::GenerateContent, body).unwrap();
    let form = json!({"type": "object", "properties": {}});
    assert_eq!(sent["tools"][0]["function"], json!({"name": "f", "parameters": form}));
}

#[test]
fn lists_where_openai_has_text_are_written_anew() {
    let call = Call::chat("g", json!({"messages": []})).unwrap();
    let body = json!({"choices": [{"message": {"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
        {"type": "text", "text": "Hi"}]}, "finish_reason": "stop"}]});
    let body = Bytes::from(body.to_string());
    let whole =
        codec("mistral").decode(&call.head, StatusCode::OK, &HeaderMap::new(), body, NOW).unwrap();
    let body: Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], "Hi");
    assert_eq!(body["choices"][0]["message"]["reasoning_content"], "Hm");
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_value_or_an_error(
        bytes: Vec<u8>,
        data in "[\\{\\}\\[\\]\":,a-z0-9_]{0,40}",
    ) {
        for operation in [Operation::Chat, Operation::Messages, Operation::Responses] {
            let head = Call::json(operation, "g", json!({"stream": true})).unwrap().head;
            for vendor in ["openai", "mistral"] {
                for body in [bytes.clone(), format!("data: {data}\n\n").into_bytes()] {
                    let mut frames = codec(vendor).frames(&head, NOW);
                    let mut out = Vec::new();
                    let _ = frames.push(body.clone().into(), &mut out).and_then(|()| frames.finish(&mut out));
                    let _ = codec(vendor).decode(&head, StatusCode::OK, &HeaderMap::new(), body.into(), NOW);
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
            let head = Call::json(operation, "g", json!({"stream": true})).unwrap().head;
            for vendor in ["openai", "mistral"] {
                let read = |size| read_stream(codec(vendor).frames(&head, NOW), bytes.chunks(size));
                let (whole, parts) = (read(bytes.len().max(1)), read(size));
                prop_assert_eq!(whole.error.is_some(), parts.error.is_some());
            }
        }
    }
}
