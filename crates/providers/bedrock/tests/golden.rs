//! What is sent to Bedrock.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf, process::Command};

use pointsman_provider::{Call, Codec, Speech, Target};
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::{Value, json};

mod common;

use common::codec;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const LLAMA: &str = "meta.llama3-70b-instruct-v1:0";

fn target(model: &str) -> Target {
    let mut deployment = Deployment::new("g", "bedrock", model).with_key("a-key");
    deployment.settings.insert("AWS_REGION".into(), "us-east-1".into());
    codec().target(&deployment).unwrap()
}

fn encode(model: &str, operation: Operation, body: Value) -> Result<(String, Value), Error> {
    let request = codec().encode(&target(model), &Call::json(operation, "g", body).unwrap())?;
    let sent = serde_json::from_slice(&request.body().to_bytes()).unwrap();
    Ok((request.uri().to_string(), sent))
}

fn goldens() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn every_body_is_as_written() {
    let mut seen = 0;
    for entry in fs::read_dir(goldens()).unwrap() {
        let path = entry.unwrap().path();
        let golden: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let operation = match golden["operation"].as_str().unwrap() {
            "chat" => Operation::Chat,
            "messages" => Operation::Messages,
            "messages/count_tokens" => Operation::CountTokens,
            "embeddings" => Operation::Embeddings,
            other => panic!("{other}"),
        };
        let model = golden["model"].as_str().unwrap();
        let (uri, sent) = encode(model, operation, golden["call"].clone())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(sent, golden["sent"], "{}: {sent:#}", path.display());
        assert_eq!(uri, golden["path"].as_str().unwrap(), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 15, "{seen} golden files");
}

/// The same bodies against AWS's own model of the service, where botocore is installed.
#[test]
fn every_body_is_as_the_services_model_has_it() {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../tests/bedrock_schema.py");
    let Ok(ran) = Command::new("python3").arg(script).arg(goldens()).output() else {
        println!("python3 is not here: nothing is checked");
        return;
    };
    let said = String::from_utf8_lossy(&ran.stdout);
    println!("{said}");
    assert!(matches!(ran.status.code(), Some(0 | 77)), "{said}");
}

#[test]
fn what_cannot_be_said_is_named_or_dropped() {
    let body = json!({"messages": [
            {"role": "user", "name": "me", "content": [
                {"type": "image_url", "image_url": {"url": "https://a.invalid/a.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "web_search_tool_result"}, {"type": "text", "text": "Hi"}]}],
        "seed": 1, "n": 2, "logit_bias": {"1": 1}, "logprobs": true, "service_tier": "scale",
        "temperature": 1.5, "frequency_penalty": 1, "presence_penalty": 1, "top_logprobs": 2,
        "modalities": ["audio"], "top_k": 3, "reasoning_effort": "low",
        "tools": [{"type": "function", "function": {"name": "a.b", "strict": true}},
                  {"type": "web_search_20250305", "name": "web_search"}],
        "tool_choice": "required", "parallel_tool_calls": false,
        "response_format": {"type": "json_object"}});
    let error = encode(LLAMA, Operation::Chat, body.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    for name in [
        "messages.name",
        "messages.content.image_url",
        "messages.content.file",
        "messages.content.web_search_tool_result",
        "seed",
        "`n`",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "service_tier",
        "temperature",
        "frequency_penalty",
        "presence_penalty",
        "modalities",
        "top_k",
        "reasoning_effort",
        "tools.function.name",
        "tools.function.strict",
        "`tools`",
        "tool_choice",
        "response_format",
    ] {
        assert!(error.message().contains(name), "{name}: {}", error.message());
    }
    let mut to = target(LLAMA);
    to.settings.insert("drop_params".into(), "true".into());
    let request = codec().encode(&to, &Call::chat("g", body).unwrap()).unwrap();
    let sent: Value = serde_json::from_slice(&request.body().to_bytes()).unwrap();
    assert_eq!(sent["messages"][0]["content"], json!([{"text": "Hi"}]));
    assert_eq!(sent["inferenceConfig"], json!({"temperature": 1.0}));
    assert_eq!(sent.get("additionalModelRequestFields"), None);
    assert!(sent["toolConfig"].get("toolChoice").is_none());
}

#[test]
fn a_tool_that_may_not_be_called_is_not_told() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let mut body = json!({"messages": [{"role": "user", "content": "Hi"}], "tools": tools,
        "tool_choice": "none"});
    let (_, sent) = encode(CLAUDE, Operation::Chat, body.clone()).unwrap();
    assert!(sent.get("toolConfig").is_none());
    // Once it was called it must be told, and there is no way to forbid it.
    let calls = json!([{"id": "c", "function": {"name": "f", "arguments": "{}"}}]);
    body["messages"] = json!([{"role": "assistant", "content": null, "tool_calls": calls}]);
    let error = encode(CLAUDE, Operation::Chat, body).unwrap_err();
    assert!(error.message().contains("tool_choice"), "{error}");
}

#[test]
fn anthropics_own_tools_go_to_a_claude() {
    let body = json!({"messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "computer_20250124", "name": "computer"}],
        "anthropic_beta": ["computer-use-2025-01-24"]});
    let (_, sent) = encode(CLAUDE, Operation::Chat, body).unwrap();
    let extra = &sent["additionalModelRequestFields"];
    assert_eq!(extra["tools"][0]["name"], "computer");
    assert_eq!(extra["anthropic_beta"], json!(["computer-use-2025-01-24"]));
    assert!(sent.get("toolConfig").is_none());
}

#[test]
fn a_highly_thinking_nova_takes_no_bounds() {
    let body = json!({"messages": [], "reasoning_effort": "high", "max_tokens": 5, "top_p": 0.5});
    let error = encode("us.amazon.nova-2-lite-v1:0", Operation::Chat, body).unwrap_err();
    assert!(error.message().contains("max_tokens") && error.message().contains("top_p"));
}

#[test]
fn a_mistral_is_made_to_call_the_one_tool_there_is() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let choice = json!({"type": "function", "function": {"name": "f"}});
    let mistral = "mistral.mistral-large-2407-v1:0";
    let mut body = json!({"messages": [{"role": "user", "content": "Hi"}],
        "tools": [tool("f")], "tool_choice": choice});
    let (_, sent) = encode(mistral, Operation::Chat, body.clone()).unwrap();
    assert_eq!(sent["toolConfig"]["toolChoice"], json!({"any": {}}));
    body["tools"] = json!([tool("f"), tool("g")]);
    let error = encode(mistral, Operation::Chat, body).unwrap_err();
    assert!(error.message().contains("tool_choice"), "{error}");
}

#[test]
fn a_document_needs_a_word_with_it() {
    let file = json!({"type": "file", "file": {"file_data": "data:text/plain;base64,SGk="}});
    let body = json!({"messages": [{"role": "user", "content": [file]}]});
    let error = encode(CLAUDE, Operation::Chat, body).unwrap_err();
    assert!(error.message().contains("without a text"), "{error}");
    let file = |name: &str| json!({"type": "file", "file": {"filename": name, "file_data": "data:text/plain;base64,SGk="}});
    let text = json!({"type": "text", "text": "See:"});
    let all = json!([text, file("a.txt"), file("A.md"), file("é__ü.txt")]);
    let body = json!({"messages": [{"role": "user", "content": all}]});
    let (_, sent) = encode(CLAUDE, Operation::Chat, body).unwrap();
    let named = |nth: usize| &sent["messages"][0]["content"][nth]["document"]["name"];
    assert_eq!([named(1), named(2), named(3)], ["a", "A-2", "----"]);
}

#[test]
fn notes_and_marks_and_lone_instructions() {
    let result = json!([{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]);
    let body = json!({"metadata": {"tags": ["t"], "job": "a/b", "odd": "ä"}, "messages": [
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": result}]});
    let (_, sent) = encode(CLAUDE, Operation::Chat, body).unwrap();
    assert_eq!(sent["requestMetadata"], json!({"job": "a/b"}));
    let body = json!({"messages": [], "user": "{\"device\":1}"});
    let (_, hashed) = encode(CLAUDE, Operation::Chat, body).unwrap();
    assert_eq!(hashed["requestMetadata"]["user"].as_str().map(str::len), Some(16));
    let result = &sent["messages"][1]["content"];
    assert_eq!(result[0]["toolResult"]["content"], json!([{"text": "x"}]));
    assert_eq!(result[1], json!({"cachePoint": {"type": "default"}}));
    let body = json!({"messages": [{"role": "system", "content": "Go."}]});
    let (_, sent) = encode(CLAUDE, Operation::Chat, body).unwrap();
    assert_eq!(sent, json!({"messages": [{"role": "user", "content": [{"text": "Go."}]}]}));
}

#[test]
fn previews_that_bedrock_has_are_named() {
    let body = json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9,
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}});
    let mut call = Call::json(Operation::Messages, "g", body).unwrap();
    let wanted =
        "claude-code-20250219, context-management-2025-06-27,interleaved-thinking-2025-05-14";
    call.headers.insert("anthropic-beta", wanted.parse().unwrap());
    let named = json!(["context-management-2025-06-27", "interleaved-thinking-2025-05-14"]);
    for (model, at) in
        [(CLAUDE.to_owned(), "/additionalModelRequestFields"), (format!("invoke/{CLAUDE}"), "")]
    {
        let request = codec().encode(&target(&model), &call).unwrap();
        let sent: Value = serde_json::from_slice(&request.body().to_bytes()).unwrap();
        let within = sent.pointer(at).unwrap();
        assert_eq!(within["anthropic_beta"], named, "{sent}");
        assert_eq!(
            within["context_management"],
            json!({"edits": [{"type": "clear_tool_uses_20250919"}]})
        );
    }
}

#[test]
fn what_is_spoken() {
    let speech = |model: &str, operation| {
        let head = Call::json(operation, "g", json!({})).unwrap().head;
        codec().speaks(&target(model), &head)
    };
    assert_eq!(speech(CLAUDE, Operation::Chat), Speech::Translated);
    assert_eq!(speech(CLAUDE, Operation::Messages), Speech::Translated);
    assert_eq!(speech("cohere.embed-v4:0", Operation::Embeddings), Speech::Translated);
    assert_eq!(speech(CLAUDE, Operation::CountTokens), Speech::Translated);
    assert_eq!(speech(LLAMA, Operation::CountTokens), Speech::Estimated);
    for (model, operation) in [
        (CLAUDE, Operation::Embeddings),
        ("twelvelabs.marengo-embed-2-7-v1:0", Operation::Embeddings),
        ("cohere.embed-v4:0", Operation::Chat),
        (CLAUDE, Operation::Images),
    ] {
        assert!(matches!(speech(model, operation), Speech::No(_)), "{model} {operation:?}");
    }
}

#[test]
fn documents_of_one_name_are_told_apart_however_many() {
    let part = |name: &str| {
        let data = "data:text/plain;base64,QQ==";
        json!({"type": "file", "file": {"filename": name, "file_data": data}})
    };
    let mut parts: Vec<Value> = ["a-2.txt", "A.txt"].map(part).into();
    parts.extend((0..5_000).map(|_| part("a.txt")));
    parts.push(json!({"type": "text", "text": "Read them."}));
    let began = pointsman_testkit::now();
    let body = json!({"messages": [{"role": "user", "content": parts}]});
    let (_, sent) = encode(CLAUDE, Operation::Chat, body).unwrap();
    assert!(pointsman_testkit::now() - began < std::time::Duration::from_secs(20));
    let blocks = sent["messages"][0]["content"].as_array().unwrap();
    let names = blocks.iter().filter_map(|block| block["document"]["name"].as_str());
    let names: std::collections::BTreeSet<String> = names.map(str::to_lowercase).collect();
    assert_eq!(names.len(), 5_002);
}
