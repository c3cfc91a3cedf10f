//! What is sent to Ollama, and what its answers become.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pointsman_clock::Instant;
use pointsman_ollama::{OllamaCodec, VENDORS};
use pointsman_provider::{Call, Codec, Credential, Pieces, Speech, Target};
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn codec() -> OllamaCodec {
    OllamaCodec::new(&VENDORS[0])
}

fn target(model: &str) -> Target {
    codec().target(&Deployment::new("g", "ollama", model)).unwrap()
}

fn encode(operation: Operation, body: Value) -> Result<Request<Pieces>, Error> {
    codec().encode(&target("llama3.2"), &Call::json(operation, "g", body).unwrap())
}

fn read(request: &Request<Pieces>) -> Value {
    serde_json::from_slice(&request.body().to_bytes()).unwrap()
}

fn sent(body: Value) -> Value {
    read(&encode(Operation::Chat, body).unwrap())
}

fn answered(operation: Operation, body: &Value) -> Result<Value, Error> {
    let call = Call::json(operation, "g", json!({})).unwrap();
    let body = Bytes::from(body.to_string());
    let whole = codec().decode(&call.head, StatusCode::OK, &HeaderMap::new(), body, NOW)?;
    Ok(serde_json::from_slice(&whole.body).unwrap())
}

#[test]
fn a_whole_conversation() {
    let body = sent(json!({
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "text", "text": "What?"}]},
            {"role": "assistant", "content": null, "reasoning_content": "Hm",
             "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1,\"a\":2}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "user", "content": "And?"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
        "tool_choice": "auto", "parallel_tool_calls": true, "service_tier": "auto",
        "max_completion_tokens": 9, "stop": "x", "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 7,
        "frequency_penalty": 0.5, "presence_penalty": 0.25, "logprobs": true, "top_logprobs": 2,
        "keep_alive": "5m", "num_ctx": 8192, "options": {"min_p": 0.1, "seed": 1}, "reasoning_effort": "low"}));
    assert_eq!(
        body,
        json!({
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Look:\nWhat?", "images": ["AAAA"]},
                {"role": "assistant", "content": "", "thinking": "Hm",
                 "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"z": 1, "a": 2}}}]},
                {"role": "tool", "content": "1", "tool_call_id": "a", "tool_name": "f"},
                {"role": "user", "content": "And?"}],
            "stream": false,
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
            "think": true, "logprobs": true, "top_logprobs": 2, "keep_alive": "5m",
            "options": {"min_p": 0.1, "seed": 7, "num_ctx": 8192, "num_predict": 9, "temperature": 0.5,
                "top_p": 0.9, "top_k": 3, "frequency_penalty": 0.5, "presence_penalty": 0.25, "stop": ["x"]},
            "model": "llama3.2"})
    );
    let streamed = sent(json!({"messages": [], "stream": true}));
    assert_eq!(streamed, json!({"messages": [], "stream": true, "model": "llama3.2"}));
}

#[test]
fn thinking_by_model() {
    let think = |model: &str, body: Value| {
        let call = Call::chat("g", body).unwrap();
        read(&codec().encode(&target(model), &call).unwrap())["think"].clone()
    };
    let effort = |word: &str| json!({"messages": [], "reasoning_effort": word});
    let budget = json!({"messages": [], "thinking": {"type": "enabled", "budget_tokens": 2_000}});
    for (model, body, want) in [
        ("qwen3", effort("none"), json!(false)),
        ("qwen3", effort("high"), json!(true)),
        ("qwen3", budget.clone(), json!(true)),
        ("gpt-oss:20b", effort("minimal"), json!("low")),
        ("gpt-oss:20b", effort("xhigh"), json!("high")),
        ("gpt-oss:20b", budget, json!("medium")),
        ("qwen3", json!({"messages": []}), Value::Null),
    ] {
        assert_eq!(think(model, body.clone()), want, "{model} {body}");
    }
}

#[test]
fn json_schemas_and_tools_that_may_not_be_called() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    assert_eq!(sent(json!({"messages": [], "response_format": format}))["format"], schema);
    let format = json!({"type": "json_object"});
    assert_eq!(sent(json!({"messages": [], "response_format": format}))["format"], "json");
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let body = sent(json!({"messages": [], "tools": tools, "tool_choice": "none"}));
    assert!(body.get("tools").is_none());
    let failed = json!({"max_tokens": 5, "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": true}]}]});
    let body = read(&encode(Operation::Messages, failed).unwrap());
    assert_eq!(body["messages"][1]["content"], r#"{"error":"no"}"#);
}

#[test]
fn what_cannot_be_said_is_named_or_dropped() {
    let parts = json!([
        {"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}},
        {"type": "image_url", "image_url": {"url": "https://host.invalid/a.png"}},
        {"type": "video_url"}]);
    let calls = json!([{"id": "a", "function": {"name": "f", "arguments": "{"}}]);
    let function = json!({"type": "function", "function": {"name": "f", "strict": true}});
    let body = json!({
        "messages": [{"role": "user", "name": "ann", "content": parts}, {"role": "assistant", "tool_calls": calls}],
        "n": 2, "logit_bias": {"1": 1}, "service_tier": "flex", "user": "me", "modalities": ["audio"],
        "parallel_tool_calls": false, "tools": [function, {"type": "web_search"}], "tool_choice": "required"});
    let error = encode(Operation::Chat, body.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    for name in [
        "`n`",
        "`logit_bias`",
        "`service_tier`",
        "`modalities`",
        "`tools`",
        "`tools.function.strict`",
        "`tool_choice`",
        "`messages.name`",
        "`messages.content.input_audio`",
        "`messages.content.file`",
        "`messages.content.image_url`",
        "`messages.content.video_url`",
        "`messages.tool_calls.function.arguments`",
    ] {
        assert!(error.message().contains(name), "{name}: {}", error.message());
    }
    let mut to = target("m");
    to.settings.insert("drop_params".into(), "true".into());
    let body = read(&codec().encode(&to, &Call::chat("g", body).unwrap()).unwrap());
    let empty = json!({"type": "object", "properties": {}});
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": empty}}]);
    let call = json!({"id": "a", "function": {"name": "f", "arguments": {}}});
    let messages = json!([{"role": "user", "content": ""}, {"role": "assistant", "content": "", "tool_calls": [call]}]);
    assert_eq!(body, json!({"messages": messages, "stream": false, "tools": tools, "model": "m"}));
    let odd = encode(Operation::Chat, json!({"messages": [], "options": 5})).unwrap_err();
    assert_eq!((odd.kind, odd.detail.param.as_deref()), (ErrorKind::BadRequest, Some("options")));
}

#[test]
fn a_whole_answer() {
    let body = answered(Operation::Chat, &json!({
        "model": "m1", "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "Hi", "thinking": "Hm", "tool_calls": [
            {"id": "call_x", "function": {"index": 0, "name": "f", "arguments": {"z": 1, "a": 2}}},
            {"function": {"name": "g", "arguments": {}}}]},
        "logprobs": [{"token": "Hi", "logprob": -0.5, "top_logprobs": [{"token": "Ho", "logprob": -1.5}]}],
        "done": true, "done_reason": "stop", "prompt_eval_count": 26, "eval_count": 9}))
    .unwrap();
    let choice = &body["choices"][0];
    let message = &choice["message"];
    assert_eq!((&body["model"], &message["content"]), (&json!("m1"), &json!("Hi")));
    assert_eq!(message["reasoning_content"], "Hm");
    let calls = message["tool_calls"].as_array().unwrap();
    assert_eq!((&calls[0]["id"], calls.len()), (&json!("call_x"), 2));
    assert_eq!(calls[0]["function"]["arguments"], r#"{"z":1,"a":2}"#);
    assert!(calls[1]["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!(choice["finish_reason"], "tool_calls");
    let probable = &choice["logprobs"]["content"][0];
    assert_eq!(probable["top_logprobs"][0]["token"], "Ho");
    assert_eq!(body["usage"]["total_tokens"], 35);
}

#[test]
fn finish_reasons_and_answers_that_are_none() {
    let message = json!({"role": "assistant", "content": "Hi"});
    for (word, want) in
        [("stop", "stop"), ("length", "length"), ("load", "stop"), ("custom", "stop")]
    {
        let body = json!({"message": message, "done": true, "done_reason": word});
        let body = answered(Operation::Chat, &body).unwrap();
        assert_eq!(body["choices"][0]["finish_reason"], want, "{word}");
        assert!(body.get("usage").is_none());
    }
    for (operation, body) in [
        (Operation::Chat, json!({"done": true})),
        (Operation::Chat, json!([])),
        (Operation::Chat, json!({"error": "llama runner process has terminated"})),
        (Operation::Completions, json!({"done": true})),
        (Operation::Embeddings, json!({"embeddings": []})),
        (Operation::Embeddings, json!({"embeddings": [["x"]]})),
    ] {
        assert_eq!(answered(operation, &body).unwrap_err().kind, ErrorKind::Server, "{body}");
    }
    let error = json!({"error": "model 'x' not found"});
    assert_eq!(answered(Operation::Chat, &error).unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn completions() {
    let mut to = target("m");
    to.params = vec![("temperature".into(), "0.5".into()), ("raw".into(), "true".into())];
    to.settings.insert("additional_drop_params".into(), "[\"best_of\"]".into());
    let body = json!({"prompt": ["Once"], "suffix": "end", "user": "me", "best_of": 3, "max_tokens": 4, "stop": ["x"], "logprobs": 1,
        "n": 1, "echo": false, "timeout": 3, "num_ctx": 64});
    let call = Call::json(Operation::Completions, "g", body).unwrap();
    assert_eq!(codec().speaks(&to, &call.head), Speech::Translated);
    let mut request = codec().encode(&to, &call).unwrap();
    assert_eq!(request.uri(), "http://localhost:11434/api/generate");
    let want = json!({"model": "m", "prompt": "Once", "suffix": "end", "stream": false, "raw": true,
        "logprobs": true, "top_logprobs": 1,
        "options": {"num_ctx": 64, "num_predict": 4, "temperature": 0.5, "stop": ["x"]}});
    assert_eq!(read(&request), want);
    codec().sign(&to, &mut request, &Credential::None, NOW).unwrap();
    assert!(request.headers().get("authorization").is_none());
    codec().sign(&to, &mut request, &Credential::Key("planted".into()), NOW).unwrap();
    assert_eq!(request.headers()["authorization"], "Bearer planted");
    for (prompt, kind) in [
        (json!(["a", "b"]), ErrorKind::Unsupported),
        (json!([1, 2]), ErrorKind::Unsupported),
        (json!(5), ErrorKind::BadRequest),
        (Value::Null, ErrorKind::BadRequest),
    ] {
        let error = encode(Operation::Completions, json!({"prompt": prompt})).unwrap_err();
        assert_eq!((error.kind, error.detail.param.as_deref()), (kind, Some("prompt")), "{prompt}");
    }
    let odd =
        json!({"prompt": "a", "n": 2, "best_of": 3, "echo": true, "user": "me", "logit_bias": {}});
    let error = encode(Operation::Completions, odd).unwrap_err();
    for name in ["`n`", "`best_of`", "`echo`", "`logit_bias`"] {
        assert!(error.message().contains(name), "{name}: {}", error.message());
    }
    let body = answered(Operation::Completions, &json!({
        "model": "m1", "response": "Hi", "done": true, "done_reason": "length", "eval_count": 2,
        "logprobs": [{"token": "H", "logprob": -0.5, "top_logprobs": []}, {"token": "i", "logprob": -1}]}))
    .unwrap();
    let choice = &body["choices"][0];
    assert_eq!((&choice["text"], &choice["finish_reason"]), (&json!("Hi"), &json!("length")));
    assert_eq!(choice["logprobs"]["text_offset"], json!([0, 1]));
    assert_eq!(choice["logprobs"]["token_logprobs"], json!([-0.5, -1]));
    assert_eq!(
        (&body["object"], &body["usage"]["completion_tokens"]),
        (&json!("text_completion"), &json!(2))
    );
}

#[test]
fn embeddings() {
    let mut to = target("m");
    to.settings.insert("additional_drop_params".into(), "[\"documents\"]".into());
    let body = json!({"documents": [], "input": "a", "user": "me", "dimensions": 2, "encoding_format": "base64", "truncate": false, "num_ctx": 64});
    let call = Call::json(Operation::Embeddings, "g", body).unwrap();
    let request = codec().encode(&to, &call).unwrap();
    assert_eq!(request.uri(), "http://localhost:11434/api/embed");
    let want = json!({"model": "m", "input": ["a"], "dimensions": 2, "truncate": false, "options": {"num_ctx": 64}});
    assert_eq!(read(&request), want);
    let body =
        Bytes::from_static(br#"{"model":"m1","embeddings":[[1.0,0.5]],"prompt_eval_count":3}"#);
    let whole = codec().decode(&call.head, StatusCode::OK, &HeaderMap::new(), body, NOW).unwrap();
    let body: Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(body["data"][0]["embedding"], "AACAPwAAAD8=");
    assert_eq!((&body["usage"]["prompt_tokens"], whole.usage.unwrap().input), (&json!(3), 3));
    let rerank = Call::json(Operation::Rerank, "g", json!({})).unwrap();
    assert!(matches!(codec().speaks(&target("m"), &rerank.head), Speech::No(_)));
}

#[test]
fn what_is_spoken() {
    let speech = |operation| {
        let call = Call::json(operation, "g", json!({})).unwrap();
        codec().speaks(&target("m"), &call.head)
    };
    for operation in [Operation::Chat, Operation::Messages, Operation::Responses] {
        assert_eq!(speech(operation), Speech::Translated, "{operation:?}");
    }
    assert_eq!(speech(Operation::CountTokens), Speech::Estimated);
    for operation in [Operation::Images, Operation::Speech, Operation::Moderations] {
        assert!(matches!(speech(operation), Speech::No(_)), "{operation:?}");
    }
}
