//! What is sent to Cohere, and what its answers become.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pointsman_clock::Instant;
use pointsman_cohere::{CohereCodec, VENDORS};
use pointsman_provider::{Call, Codec, Credential, Pieces, Speech, Target};
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn codec() -> CohereCodec {
    CohereCodec::new(&VENDORS[0])
}

fn target() -> Target {
    codec().target(&Deployment::new("g", "cohere", "command-a")).unwrap()
}

fn encode(operation: Operation, body: Value) -> Result<Request<Pieces>, Error> {
    codec().encode(&target(), &Call::json(operation, "g", body).unwrap())
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
                {"type": "image_url", "image_url": {"url": "https://host.invalid/a.png"}},
                {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGk="}}]},
            {"role": "assistant", "content": null, "reasoning_content": "I ask.",
             "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "1"},
                {"type": "document", "document": {"id": "d", "data": {"n": 2}}}]},
            {"role": "assistant", "content": "It is 1.", "reasoning_content": "Easy."},
            {"role": "user", "content": "And?"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "strict": true, "parameters": {"type": "object"}}},
                  {"type": "function", "function": {"name": "g"}}],
        "tool_choice": "required", "parallel_tool_calls": true, "stream": true,
        "max_completion_tokens": 9, "stop": ["x"], "temperature": 0.5, "top_p": 1, "top_k": 3, "seed": 7,
        "frequency_penalty": 0.5, "presence_penalty": 0, "logprobs": true, "reasoning_effort": "low",
        "safety_mode": "STRICT", "citation_options": {"mode": "FAST"}}));
    assert_eq!(
        body,
        json!({
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://host.invalid/a.png"}}]},
                {"role": "assistant", "tool_plan": "I ask.", "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"z\":1}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "1"},
                    {"type": "document", "document": {"id": "d", "data": {"n": 2}}}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Easy."}, {"type": "text", "text": "It is 1."}]},
                {"role": "user", "content": "And?"}],
            "documents": [{"id": "doc:0", "data": {"text": "Hi", "title": "a.txt"}}],
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
                {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}}],
            "strict_tools": true, "tool_choice": "REQUIRED",
            "max_tokens": 9, "stop_sequences": ["x"], "temperature": 0.5, "p": 0.99, "k": 3, "seed": 7,
            "frequency_penalty": 0.5, "logprobs": true,
            "thinking": {"type": "enabled", "token_budget": 1_024},
            "safety_mode": "STRICT", "citation_options": {"mode": "FAST"},
            "stream": true, "model": "command-a"})
    );
}

#[test]
fn one_function_is_a_must_among_one_and_a_failed_call_says_so() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let body = sent(json!({"messages": [], "tools": [tool("f"), tool("g")],
        "tool_choice": {"type": "function", "function": {"name": "g"}}}));
    assert_eq!(body["tool_choice"], "REQUIRED");
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["tools"][0]["function"]["name"], "g");
    let auto = sent(json!({"messages": [], "tools": [tool("f")], "tool_choice": "auto"}));
    assert!(auto.get("tool_choice").is_none());
    let failed = json!({"max_tokens": 5, "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": true}]}]});
    let body = read(&encode(Operation::Messages, failed).unwrap());
    let result = &body["messages"][1]["content"][0];
    assert_eq!(*result, json!({"type": "document", "document": {"data": {"error": "no"}}}));
}

#[test]
fn a_schema_is_a_form_and_beside_tools_a_tool() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let body = sent(json!({"messages": [], "response_format": format}));
    assert_eq!(body["response_format"], json!({"type": "json_object", "json_schema": schema}));
    let body = sent(json!({"messages": [], "response_format": {"type": "json_object"}}));
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let body = sent(json!({"messages": [], "response_format": format, "tools": tools}));
    assert_eq!(body["tool_choice"], "REQUIRED");
    assert_eq!(body["tools"][1]["function"]["parameters"], schema);
    assert!(body.get("response_format").is_none());
    let function = json!({"name": "give_answer", "arguments": "{\"a\":\"b\"}"});
    let call = json!({"id": "t", "type": "function", "function": function});
    let answer = json!({"message": {"tool_calls": [call]}, "finish_reason": "TOOL_CALL"});
    let body = answered(Operation::Chat, &answer).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], "{\"a\":\"b\"}");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[test]
fn what_cannot_be_said_is_named_or_dropped() {
    let audio = json!({"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}});
    let pdf = json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}});
    let body = json!({"messages": [{"role": "user", "name": "ann", "content": [audio, pdf, {"type": "video_url"}]}],
        "n": 2, "logit_bias": {"1": 1}, "top_logprobs": 2, "service_tier": "flex", "user": "me",
        "parallel_tool_calls": false, "frequency_penalty": -1, "modalities": ["audio"],
        "tools": [{"type": "web_search"}], "tool_choice": "required",
        "documents": ["d"], "response_format": {"type": "json_object"}});
    let error = encode(Operation::Chat, body.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    for name in [
        "`n`",
        "`logit_bias`",
        "`top_logprobs`",
        "`service_tier`",
        "`tools`",
        "`tool_choice`",
        "`frequency_penalty`",
        "`modalities`",
        "`messages.name`",
        "`messages.content.input_audio`",
        "`messages.content.file`",
        "`messages.content.video_url`",
        "`response_format`",
    ] {
        assert!(error.message().contains(name), "{name}: {}", error.message());
    }
    let mut to = target();
    to.settings.insert("drop_params".into(), "true".into());
    let body = read(&codec().encode(&to, &Call::chat("g", body).unwrap()).unwrap());
    let user = json!([{"role": "user", "content": ""}]);
    assert_eq!(body, json!({"messages": user, "documents": ["d"], "model": "command-a"}));
}

#[test]
fn a_whole_answer() {
    let source =
        json!({"type": "document", "id": "doc:0", "document": {"id": "doc:0", "title": "T"}});
    let page = json!({"type": "document", "id": "doc:1", "document": {"url": "https://a.invalid"}});
    let body = json!({
        "id": "id1",
        "message": {"role": "assistant", "tool_plan": " I call.",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Sí. "},
                        {"type": "text", "text": "It is so."}],
            "citations": [
                {"start": 6, "end": 8, "text": "so", "sources": [source, page], "content_index": 2, "type": "TEXT_CONTENT"},
                {"start": 0, "end": 1, "text": "I", "sources": [source], "type": "PLAN"}],
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "null"}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{\"x\":1}"}}]},
        "finish_reason": "TOOL_CALL",
        "logprobs": [{"text": "Hi", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}],
        "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 4},
                  "tokens": {"input_tokens": 50.0, "output_tokens": 6, "reasoning_tokens": 2}, "cached_tokens": 32}});
    let body = answered(Operation::Chat, &body).unwrap();
    let choice = &body["choices"][0];
    let message = &choice["message"];
    assert_eq!((&body["id"], &message["content"]), (&json!("id1"), &json!("Sí. It is so.")));
    assert_eq!(message["reasoning_content"], "Hm. I call.");
    let cited = message["annotations"].as_array().unwrap();
    let first = json!({"url": "source:doc:0", "title": "T", "start_index": 10, "end_index": 12});
    assert_eq!(cited[0]["url_citation"], first);
    assert_eq!(cited[1]["url_citation"]["url"], "https://a.invalid");
    assert_eq!(cited.len(), 2);
    assert_eq!(message["provider_specific_fields"]["citations"][0]["type"], "PLAN");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{\"x\":1}");
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["native_finish_reason"], "TOOL_CALL");
    let probable = &choice["logprobs"]["content"][0];
    assert_eq!((&probable["token"], &probable["logprob"]), (&json!("Hi"), &json!(-0.75)));
    assert_eq!(body["usage"]["prompt_tokens"], 50);
    assert_eq!(body["usage"]["completion_tokens"], 6);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 32);
}

#[test]
fn finish_reasons_and_answers_that_are_none() {
    let text = json!({"content": [{"type": "text", "text": "Hi"}]});
    let finish = |word: &str| {
        let body = json!({"message": text, "finish_reason": word});
        answered(Operation::Chat, &body).map(|body| body["choices"][0]["finish_reason"].clone())
    };
    for (word, want) in [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("TIMEOUT", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("BRAND_NEW", "stop"),
    ] {
        assert_eq!(finish(word).unwrap(), want, "{word}");
    }
    assert_eq!(finish("ERROR").unwrap_err().kind, ErrorKind::Server);
    for (body, want) in [
        (json!({"message": {}, "finish_reason": "TIMEOUT"}), ErrorKind::Timeout),
        (json!({"message": {}, "finish_reason": "COMPLETE"}), ErrorKind::Server),
        (json!({"finish_reason": "COMPLETE"}), ErrorKind::Server),
        (json!([]), ErrorKind::Server),
    ] {
        assert_eq!(answered(Operation::Chat, &body).unwrap_err().kind, want, "{body}");
    }
}

#[test]
fn embeddings_of_texts_and_of_pictures() {
    let ask = |body: Value| {
        let request = encode(Operation::Embeddings, body).unwrap();
        assert_eq!(request.uri(), "https://api.cohere.com/v2/embed");
        read(&request)
    };
    let asked =
        json!({"input": "a", "encoding_format": "base64", "dimensions": 256, "truncate": "END"});
    let want = json!({"model": "command-a", "texts": ["a"], "input_type": "search_document",
        "output_dimension": 256, "truncate": "END", "embedding_types": ["float"]});
    assert_eq!(ask(asked), want);
    let asked =
        json!({"input": ["a", "b"], "input_type": "classification", "embedding_types": ["int8"]});
    let body = ask(asked);
    assert_eq!(body["input_type"], "classification");
    assert_eq!(body["embedding_types"], json!(["int8"]));
    let picture = "data:image/png;base64,AAAA";
    let body = ask(json!({"input": [picture]}));
    assert_eq!((&body["images"], &body["input_type"]), (&json!([picture]), &json!("image")));
    let body = ask(json!({"input": ["a", picture]}));
    assert_eq!(body["inputs"][1]["content"][0]["image_url"]["url"], picture);
    assert_eq!(body["inputs"][0]["content"][0]["text"], "a");
    let both = json!({"input": "a", "embedding_types": ["float", "int8"], "user": "me"});
    let error = encode(Operation::Embeddings, both).unwrap_err();
    assert!(error.message().contains("asked for `embedding_types`"), "{}", error.message());
}

#[test]
fn vectors_of_every_type() {
    let vectors = |by_type: &Value| {
        let meta = json!({"billed_units": {"input_tokens": 2}});
        answered(Operation::Embeddings, &json!({"embeddings": by_type, "meta": meta}))
    };
    let first = |by_type: Value| vectors(&by_type).unwrap()["data"][0]["embedding"].clone();
    let body = vectors(&json!({"float": [[0.5, -1.25], [1, 2]]})).unwrap();
    assert_eq!(body["data"][0]["embedding"], json!([0.5, -1.25]));
    assert_eq!(
        (&body["data"][1]["index"], &body["usage"]["prompt_tokens"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(first(json!({"int8": [[-3]]})), json!([-3.0]));
    assert_eq!(first(json!({"base64": ["AACAPw=="]})), json!([1.0]));
    assert_eq!(first(json!([[1.5]])), json!([1.5]));
    for odd in
        [json!({}), json!({"float": []}), json!({"float": [["x"]]}), json!({"base64": ["AAA="]})]
    {
        assert_eq!(vectors(&odd).unwrap_err().kind, ErrorKind::Server, "{odd}");
    }
}

#[test]
fn rerank_passes_through() {
    let mut to = target();
    to.params = vec![("top_n".into(), "3".into()), ("temperature".into(), "1".into())];
    to.settings.insert("additional_drop_params".into(), "[\"rank_fields\"]".into());
    let body = json!({"query": "q", "documents": ["a", {"text": "b"}], "timeout": 3, "rank_fields": ["text"]});
    let call = Call::json(Operation::Rerank, "mine", body).unwrap();
    assert_eq!(codec().speaks(&to, &call.head), Speech::Native);
    let mut request = codec().encode(&to, &call).unwrap();
    assert_eq!(request.uri(), "https://api.cohere.com/v2/rerank");
    assert_eq!(
        request.body().to_bytes(),
        r#"{"top_n":3,"query":"q","documents":["a",{"text":"b"}],"model":"command-a"}"#
    );
    let key = Credential::Key("planted".into());
    codec().sign(&to, &mut request, &key, NOW).unwrap();
    assert_eq!(request.headers()["authorization"], "Bearer planted");
    assert!(!format!("{request:?}").contains("planted"));
    let body = Bytes::from_static(
        br#"{"results":[{"index":0,"relevance_score":0.5}],"meta":{"billed_units":{"search_units":2}}}"#,
    );
    let whole = codec().decode(&call.head, StatusCode::OK, &HeaderMap::new(), body.clone(), NOW);
    let whole = whole.unwrap();
    assert_eq!((whole.body, whole.usage.unwrap().queries), (body, 2));
    assert!(answered(Operation::Rerank, &json!({})).is_err());
    let images = Call::json(Operation::Images, "g", json!({})).unwrap();
    assert!(matches!(codec().speaks(&to, &images.head), Speech::No(_)));
}

#[test]
fn what_is_spoken() {
    let speech = |operation| {
        let call = Call::json(operation, "g", json!({})).unwrap();
        codec().speaks(&target(), &call.head)
    };
    for operation in [Operation::Chat, Operation::Messages, Operation::Responses] {
        assert_eq!(speech(operation), Speech::Translated, "{operation:?}");
    }
    assert_eq!(speech(Operation::CountTokens), Speech::Estimated);
    for operation in [Operation::Images, Operation::Speech, Operation::Moderations] {
        assert!(matches!(speech(operation), Speech::No(_)), "{operation:?}");
    }
}
