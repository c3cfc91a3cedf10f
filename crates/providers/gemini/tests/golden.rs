//! What is sent to Google, and what its answers become.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pointsman_clock::Instant;
use pointsman_gemini::GeminiCodec;
use pointsman_provider::{Call, CallHead, Codec, Credential, Pieces, Speech, Target};
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn target(model: &str) -> Target {
    GeminiCodec.target(&Deployment::new("g", "gemini", model)).unwrap()
}

fn encode(model: &str, body: Value) -> Result<Request<Pieces>, Error> {
    GeminiCodec.encode(&target(model), &Call::chat("g", body).unwrap())
}

fn body_of(request: &Request<Pieces>) -> Value {
    serde_json::from_slice(&request.body().to_bytes()).unwrap()
}

fn sent(model: &str, body: Value) -> Value {
    body_of(&encode(model, body).unwrap())
}

fn head(operation: Operation, body: Value) -> CallHead {
    Call::json(operation, "g", body).unwrap().head
}

fn decoded(head: &CallHead, body: &Value) -> Result<Value, Error> {
    let body = Bytes::from(body.to_string());
    let whole = GeminiCodec.decode(head, StatusCode::OK, &HeaderMap::new(), body, NOW)?;
    Ok(serde_json::from_slice(&whole.body).unwrap())
}

fn said(body: &Value) -> Result<Value, Error> {
    decoded(&head(Operation::Chat, json!({"messages": []})), body)
}

fn sealed_call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"z\":1,\"a\":2}"},
        "provider_specific_fields": {"thought_signature": "seal"}})
}

#[test]
fn a_whole_conversation() {
    let call = sealed_call("a");
    let body = json!({
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://host.invalid/a.webp?x=1"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
                {"type": "file", "file": {"file_id": "gs://bucket/b.mp4"}}]},
            {"role": "assistant", "content": "I ask.", "reasoning_content": "Hm",
             "tool_calls": [call, {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "{\"n\":2}"},
            {"role": "user", "content": "And?"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d",
                    "parameters": {"type": "object", "properties": {"z": {"type": "integer"}}}}},
                  {"type": "function", "function": {"name": "g"}},
                  {"googleSearch": {}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "max_completion_tokens": 9, "stop": ["x"], "temperature": 0.5, "top_p": 0.9, "top_k": 3, "n": 2,
        "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.2, "logprobs": true, "top_logprobs": 4,
        "user": "me", "metadata": {"tags": ["t"]}, "service_tier": "flex",
        "safety_settings": [{"category": "c", "threshold": "t"}], "labels": {"team": "a"}});
    assert_eq!(
        sent("gemini-2.5-flash", body),
        json!({
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [
                    {"text": "Look:"},
                    {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                    {"fileData": {"mimeType": "image/webp", "fileUri": "https://host.invalid/a.webp?x=1"}},
                    {"inlineData": {"mimeType": "audio/mp3", "data": "BBBB"}},
                    {"inlineData": {"mimeType": "application/pdf", "data": "CCCC"}},
                    {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/b.mp4"}}]},
                {"role": "model", "parts": [
                    {"text": "I ask."},
                    {"functionCall": {"name": "f", "args": {"z": 1, "a": 2}}, "thoughtSignature": "seal"},
                    {"functionCall": {"name": "g", "args": {}}}]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "f", "response": {"output": "1"}}},
                    {"functionResponse": {"name": "g", "response": {"n": 2}}},
                    {"text": "And?"}]}],
            "tools": [
                {"functionDeclarations": [
                    {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object", "properties": {"z": {"type": "integer"}}}},
                    {"name": "g"}]},
                {"googleSearch": {}}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "generationConfig": {
                "temperature": 0.5, "topP": 0.9, "topK": 3, "maxOutputTokens": 9, "candidateCount": 2,
                "stopSequences": ["x"], "frequencyPenalty": 0.2, "presencePenalty": 0.1,
                "responseLogprobs": true, "logprobs": 4, "seed": 7},
            "serviceTier": "flex",
            "safetySettings": [{"category": "c", "threshold": "t"}], "labels": {"team": "a"}})
    );
}

#[test]
fn seals_go_back_where_they_came_from() {
    let history = |thoughts: Value, calls: Value| {
        let answer = json!({"role": "assistant", "content": "So.", "thinking_blocks": thoughts, "tool_calls": calls});
        let asked = json!({"role": "user", "content": "Hi"});
        json!({"messages": [asked, answer, {"role": "tool", "tool_call_id": "a", "content": "1"}]})
    };
    let thought = |text: &str| json!([{"type": "thinking", "thinking": text, "signature": "seal"}]);
    let call = json!([{"id": "a", "function": {"name": "f", "arguments": "{}"}}]);
    let parts = |model: &str, body: Value| sent(model, body)["contents"][1]["parts"].clone();
    let ours = parts("gemini-2.5-flash", history(thought(""), json!([])));
    assert_eq!(ours, json!([{"text": "So.", "thoughtSignature": "seal"}]));
    // Another vendor's seal would be refused.
    let theirs = parts("gemini-2.5-flash", history(thought("Hm"), json!([])));
    assert_eq!(theirs, json!([{"text": "So."}]));
    let current = parts("gemini-3-flash-preview", history(json!([]), call));
    assert_eq!(current[1]["functionCall"]["id"], "a");
    assert_eq!(current[1]["thoughtSignature"], "skip_thought_signature_validator");
}

#[test]
fn pictures_in_results() {
    let result = json!([{"type": "text", "text": "here"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]);
    let body = json!({"messages": [
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": result}]});
    let picture = json!({"inlineData": {"mimeType": "image/png", "data": "AA"}});
    let older = sent("gemini-2.5-pro", body.clone());
    assert_eq!(older["contents"][1]["parts"][1], picture);
    let newer = sent("gemini-3-pro-preview", body);
    let response = &newer["contents"][1]["parts"][0]["functionResponse"];
    assert_eq!((&response["parts"][0], &response["id"]), (&picture, &json!("a")));
}

#[test]
fn forms_of_the_answer() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let form = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    let config = |model: &str, body: Value| sent(model, body)["generationConfig"].clone();
    let plain = json!({"messages": [], "response_format": form});
    let newer = config("gemini-2.5-flash", plain.clone());
    assert_eq!(
        newer,
        json!({"responseMimeType": "application/json", "responseJsonSchema": schema})
    );
    let older = config("gemini-2.0-flash", plain);
    let properties = json!({"a": {"type": "STRING"}});
    assert_eq!(
        older["responseSchema"],
        json!({"type": "OBJECT", "propertyOrdering": ["a"], "properties": properties})
    );
    let json = config(
        "gemini-2.5-flash",
        json!({"messages": [], "response_format": {"type": "json_object"}}),
    );
    assert_eq!(json, json!({"responseMimeType": "application/json"}));
    let both = json!({"messages": [], "response_format": form, "tools": tool});
    assert_eq!(config("gemini-3-pro-preview", both.clone())["responseJsonSchema"], schema);
    // Older models take no form beside functions: the answer is a call.
    let loose = json!({"messages": [], "response_format": {"type": "json_object"}, "tools": tool});
    assert_eq!(encode("gemini-2.5-flash", loose).unwrap_err().kind, ErrorKind::Unsupported);
    let asked = sent("gemini-2.5-flash", both);
    assert_eq!(asked["toolConfig"]["functionCallingConfig"]["mode"], "ANY");
    let answer = &asked["tools"][0]["functionDeclarations"][1];
    assert_eq!(
        (&answer["name"], &answer["parametersJsonSchema"]),
        (&json!("give_answer"), &schema)
    );
    let call = json!({"functionCall": {"name": "give_answer", "args": {"a": "b"}}});
    let answered =
        said(&json!({"candidates": [{"content": {"parts": [call]}, "finishReason": "STOP"}]}));
    let choice = answered.unwrap()["choices"][0].clone();
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!(r#"{"a":"b"}"#), &json!("stop"))
    );
}

#[test]
fn whether_functions_are_called() {
    let mode = |choice: Value, strict: bool| {
        let tool = json!([{"type": "function", "function": {"name": "f", "strict": strict}}]);
        let body =
            sent("gemini-2.5-flash", json!({"messages": [], "tools": tool, "tool_choice": choice}));
        body["toolConfig"]["functionCallingConfig"]["mode"].clone()
    };
    assert_eq!(mode(json!("auto"), false), "AUTO");
    assert_eq!(mode(json!("auto"), true), "VALIDATED");
    assert_eq!(mode(json!("none"), true), "NONE");
    assert_eq!(mode(json!("required"), false), "ANY");
    assert_eq!(mode(Value::Null, false), Value::Null);
}

#[test]
fn what_else_belongs_into_the_configuration() {
    let body = sent(
        "gemini-2.5-flash",
        json!({
        "messages": [{"role": "system", "content": "Alone"}], "modalities": ["text", "audio"],
        "audio": {"voice": "Kore", "format": "pcm16"}, "reasoning_effort": "low", "media_resolution": "L",
        "generationConfig": {"temperature": 1}, "temperature": 0, "web_search_options": {}}),
    );
    assert_eq!(
        body,
        json!({
            "contents": [{"role": "user", "parts": [{"text": "Alone"}]}],
            "tools": [{"googleSearch": {}}],
            "generationConfig": {
                "temperature": 1, "responseModalities": ["TEXT", "AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
                "thinkingConfig": {"thinkingBudget": 1_024, "includeThoughts": true},
                "mediaResolution": "L"}})
    );
}

#[test]
fn what_cannot_be_said_is_named_or_dropped() {
    let body = json!({"messages": [{"role": "user", "name": "ann", "content": [
            {"type": "file", "file": {"file_id": "file-1"}}, {"type": "puzzle"}]}],
        "seed": 5_000_000_000_u64, "logit_bias": {"1": 1}, "service_tier": "scale", "parallel_tool_calls": false,
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "computer"}], "verbosity": "low"});
    let error = encode("gemini-2.5-flash", body.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    for name in [
        "messages.name",
        "messages.content.file",
        "`messages.content`",
        "seed",
        "logit_bias",
        "service_tier",
        "tools",
        "verbosity",
    ] {
        assert!(error.message().contains(name), "{name}: {}", error.message());
    }
    let mut to = target("gemini-2.5-flash");
    to.settings.insert("drop_params".into(), "true".into());
    let request = GeminiCodec.encode(&to, &Call::chat("g", body).unwrap()).unwrap();
    assert!(body_of(&request).get("generationConfig").is_none());
    let broken = json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "[1]"}}]}]});
    assert_eq!(encode("gemini-2.5-flash", broken).unwrap_err().kind, ErrorKind::BadRequest);
}

#[test]
fn a_whole_answer() {
    let body = said(&json!({
        "candidates": [{"content": {"role": "model", "parts": [
            {"text": "Hm", "thought": true}, {"text": "It is "}, {"text": "so.", "thoughtSignature": "seal"},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"functionCall": {"name": "f", "args": {"b": 1, "a": 2}}, "thoughtSignature": "call seal"},
            {"functionCall": {"id": "own", "name": "g"}}]},
            "finishReason": "STOP", "index": 0,
            "logprobsResult": {
                "chosenCandidates": [{"token": "\u{e9}", "logProbability": -0.5}],
                "topCandidates": [{"candidates": [{"token": "e", "logProbability": -1}]}]},
            "groundingMetadata": {"webSearchQueries": ["q"],
                "groundingChunks": [{"web": {"uri": "https://a.invalid", "title": "A"}}],
                "groundingSupports": [{"segment": {"startIndex": 6, "endIndex": 9}, "groundingChunkIndices": [0]}]}}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7, "thoughtsTokenCount": 2,
            "cachedContentTokenCount": 3, "totalTokenCount": 14},
        "modelVersion": "gemini-x", "responseId": "r1"}))
    .unwrap();
    let choice = &body["choices"][0];
    let message = &choice["message"];
    assert_eq!((&body["id"], &body["model"]), (&json!("r1"), &json!("gemini-x")));
    assert_eq!(message["content"], "It is so.");
    assert_eq!(message["reasoning_content"], "Hm");
    let block = json!({"type": "thinking", "thinking": "", "signature": "seal"});
    assert_eq!(message["thinking_blocks"], json!([block]));
    assert_eq!(message["images"][0]["image_url"]["url"], "data:image/png;base64,AAAA");
    let own = &message["provider_specific_fields"]["content_blocks"];
    assert_eq!(own[0]["executableCode"]["code"], "1");
    let citation = &message["annotations"][0]["url_citation"];
    assert_eq!(
        citation,
        &json!({"url": "https://a.invalid", "title": "A", "start_index": 6, "end_index": 9})
    );
    let calls = &message["tool_calls"];
    assert_eq!(calls[0]["function"]["arguments"], r#"{"b":1,"a":2}"#);
    assert_eq!(calls[0]["provider_specific_fields"]["thought_signature"], "call seal");
    assert!(calls[0]["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!(
        (&calls[1]["id"], &calls[1]["function"]["arguments"]),
        (&json!("own"), &json!("{}"))
    );
    assert_eq!(
        (&choice["finish_reason"], &choice["native_finish_reason"]),
        (&json!("tool_calls"), &json!("STOP"))
    );
    let token = &choice["logprobs"]["content"][0];
    assert_eq!(
        (&token["bytes"], &token["top_logprobs"][0]["token"]),
        (&json!([195, 169]), &json!("e"))
    );
    let usage = &body["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(5), &json!(9)));
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 3);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 2);
}

/// Code that Google ran goes to callers of Anthropic's dialect, and back.
#[test]
fn code_that_was_run_both_ways() {
    let parts = json!([
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
        {"text": "One."}]);
    let body = json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]});
    let asked = json!({"messages": [], "max_tokens": 9});
    let told = decoded(&head(Operation::Messages, asked), &body).unwrap();
    assert_eq!(told["content"][0]["type"], "server_tool_use");
    assert_eq!(told["content"][1]["content"]["stdout"], "1\n");
    let again = json!({"max_tokens": 9, "messages": [
        {"role": "user", "content": "Run it."},
        {"role": "assistant", "content": told["content"]},
        {"role": "user", "content": "And?"}]});
    let call = Call::json(Operation::Messages, "g", again).unwrap();
    let sent = body_of(&GeminiCodec.encode(&target("gemini-2.5-flash"), &call).unwrap());
    assert_eq!(sent["contents"][1]["parts"], parts);
}

#[test]
fn ends_that_are_none() {
    let kind = |body: Value| said(&body).unwrap_err().kind;
    let ended =
        |reason: &str| json!({"candidates": [{"finishReason": reason, "finishMessage": "m"}]});
    for body in [
        json!({}),
        json!([]),
        json!({"candidates": []}),
        json!({"candidates": [{"content": {}}]}),
        ended("OTHER"),
        ended("MALFORMED_FUNCTION_CALL"),
        json!({"candidates": "x"}),
        json!({"candidates": [{"index": 4_000_000_000_u32}]}),
    ] {
        assert_eq!(kind(body.clone()), ErrorKind::Server, "{body}");
    }
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "why"}});
    let error = said(&blocked).unwrap_err();
    assert_eq!((error.kind, error.client_status()), (ErrorKind::ContentPolicy, 400));
    assert!(error.message().contains("SAFETY") && error.message().contains("why"));
    let within = json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}});
    assert_eq!(kind(within), ErrorKind::Overloaded);
    for (reason, want) in [("SAFETY", "content_filter"), ("MAX_TOKENS", "length"), ("STOP", "stop")]
    {
        assert_eq!(said(&ended(reason)).unwrap()["choices"][0]["finish_reason"], want);
    }
}

#[test]
fn embeddings_of_one_and_of_several() {
    let to = target("gemini-embedding-001");
    let asked = |body: Value| {
        let call = Call::json(Operation::Embeddings, "g", body).unwrap();
        GeminiCodec.encode(&to, &call)
    };
    let one = asked(json!({"input": "a", "dimensions": 8, "input_type": "search_query", "encoding_format": "base64"})).unwrap();
    assert!(one.uri().path().ends_with("/models/gemini-embedding-001:embedContent"));
    let content = |text: &str| json!({"parts": [{"text": text}]});
    let model = "models/gemini-embedding-001";
    assert_eq!(
        body_of(&one),
        json!({"model": model, "content": content("a"), "outputDimensionality": 8, "taskType": "RETRIEVAL_QUERY"})
    );
    let several = asked(json!({"input": ["a", "b"]})).unwrap();
    assert!(several.uri().path().ends_with(":batchEmbedContents"));
    let each = ["a", "b"].map(|text| json!({"model": model, "content": content(text)}));
    assert_eq!(body_of(&several), json!({"requests": each}));
    assert_eq!(asked(json!({"input": [[1, 2]]})).unwrap_err().kind, ErrorKind::Unsupported);
    assert_eq!(asked(json!({"input": []})).unwrap_err().kind, ErrorKind::BadRequest);

    let plain = head(Operation::Embeddings, json!({"input": "a"}));
    let read =
        decoded(&plain, &json!({"embeddings": [{"values": [0.1]}, {"values": [0.2]}]})).unwrap();
    assert_eq!(
        (&read["data"][1]["embedding"], &read["data"][1]["index"]),
        (&json!([0.2]), &json!(1))
    );
    assert!(read.get("usage").is_none(), "it is not told");
    let base64 = head(Operation::Embeddings, json!({"input": "a", "encoding_format": "base64"}));
    let read = decoded(&base64, &json!({"embedding": {"values": [1.0]}})).unwrap();
    assert_eq!(read["data"][0]["embedding"], "AACAPw==");
    assert_eq!(decoded(&plain, &json!({"embeddings": []})).unwrap_err().kind, ErrorKind::Server);
}

#[test]
fn tokens_are_counted() {
    let body = json!({"system": "s", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "seed": 1});
    let call = Call::json(Operation::CountTokens, "g", body).unwrap();
    let to = target("gemini-2.5-flash");
    assert_eq!(GeminiCodec.speaks(&to, &call.head), Speech::Translated);
    let request = GeminiCodec.encode(&to, &call).unwrap();
    assert!(request.uri().path().ends_with(":countTokens"));
    let counted = &body_of(&request)["generateContentRequest"];
    assert_eq!(counted["model"], "models/gemini-2.5-flash");
    assert_eq!(counted["contents"][0]["parts"][0]["text"], "Hi");
    assert_eq!(
        decoded(&call.head, &json!({"totalTokens": 3})).unwrap(),
        json!({"input_tokens": 3})
    );
}

#[test]
fn addresses_and_keys() {
    let mut deployment = Deployment::new("g", "gemini", "gemini-2.5-flash");
    deployment.api_base = Some("http://host:1".into());
    let to = GeminiCodec.target(&deployment).unwrap();
    let call = Call::chat("g", json!({"messages": [{"role": "user", "content": "Hi"}]})).unwrap();
    let mut request = GeminiCodec.encode(&to, &call.streamed()).unwrap();
    let want = "http://host:1/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
    assert_eq!(request.uri(), want);
    let mut signed = |key: &str| {
        let key = Credential::Key(key.into());
        GeminiCodec.sign(&to, &mut request, &key, NOW).unwrap();
        assert!(!format!("{request:?}").contains("planted"));
        request.headers().clone()
    };
    assert_eq!(signed("planted")["x-goog-api-key"], "planted");
    assert_eq!(signed("ya29.planted")["authorization"], "Bearer ya29.planted");
}
