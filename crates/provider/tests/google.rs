//! Google's dialect, for callers that speak it: requests, answers, streams, vectors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Target, Vendor,
    chat::{
        Chat, ChatDecoder, ChatEvent, ChatReply, Choice, Content, Effort, Finish, Format, Losses,
        Part, Role, Source, Tool, ToolCall, ToolChoice, openai, translated,
    },
    embeddings::{Embeddings, Vectors},
};
use pointsman_types::{Deployment, Error, Operation, Usage};
use serde_json::{Value, json};

fn target() -> Target {
    let vendor = Vendor {
        name: "v",
        base: Some("http://v.invalid"),
        version_path: "",
        key_env: &[],
        base_env: &[],
        needs_key: false,
    };
    Target::of(&Deployment::new("g", "v", "m"), &vendor).unwrap()
}

fn call(operation: Operation, body: Value) -> Call {
    Call::json(operation, "g", body).unwrap()
}

fn read(body: Value) -> Result<Chat, String> {
    let call = call(Operation::GenerateContent, body);
    Chat::of(&call, &target()).map_err(|error| error.message().to_owned())
}

fn head(stream: bool) -> CallHead {
    let mut head = call(Operation::GenerateContent, json!({})).head;
    head.stream = stream;
    head
}

#[test]
fn the_only_entry_does_for_a_list() {
    let alone = json!({
        "systemInstruction": {"parts": {"text": "Be brief."}},
        "contents": {"parts": {"text": "Hi"}},
        "tools": {"functionDeclarations": {"name": "f"}}});
    let listed = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"parts": [{"text": "Hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "f"}]}]});
    assert_eq!(read(alone).unwrap(), read(listed).unwrap());
    let fault = read(json!({"contents": [], "tools": "f"})).unwrap_err();
    assert_eq!(fault, "`tools` must be an array, not this string");
}

#[test]
fn a_conversation_in_either_spelling() {
    let camel = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Look"},
                {"inlineData": {"mimeType": "image/png", "data": "-_8="}},
                {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x/a.pdf"}}]},
            {"role": "model", "parts": [
                {"text": "hm", "thought": true}, {"text": "…", "thought": true, "thoughtSignature": "AAAA"},
                {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "BBBB"},
                {"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"result": "one"}}},
                {"functionResponse": {"name": "f", "response": {"error": "two"}}},
                {"text": "And?"}]}]});
    let text = camel.to_string();
    let snake = text
        .replace("systemInstruction", "system_instruction")
        .replace("inlineData", "inline_data")
        .replace("mimeType", "mime_type")
        .replace("functionCall", "function_call")
        .replace("thoughtSignature", "thought_signature")
        .replace("functionResponse", "function_response");
    let chat = read(camel).unwrap();
    assert_eq!(chat, read(serde_json::from_str(&snake).unwrap()).unwrap());
    let roles: Vec<Role> = chat.messages.iter().map(|message| message.role).collect();
    assert_eq!(
        roles,
        [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Tool, Role::User]
    );
    let source = Source::Data { media_type: "image/png".into(), base64: "+/8=".into() };
    assert_eq!(chat.messages[1].parts[1].content, Content::Image { source, detail: None });
    let thought =
        Content::Reasoning { text: "hm…".into(), signature: Some("AAAA".into()), hidden: None };
    assert_eq!(chat.messages[2].parts[0].content, thought);
    let ids: Vec<String> = chat.messages[2].parts[1..]
        .iter()
        .map(|part| match &part.content {
            Content::ToolCall(call) => call.id.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    for (message, (id, failed)) in chat.messages[3..5].iter().zip(ids.iter().zip([false, true])) {
        let Content::ToolResult { id: answers, is_error, .. } = &message.parts[0].content else {
            panic!("{message:?}");
        };
        assert_eq!((answers, *is_error), (id, failed), "by name and order");
    }
}

#[test]
fn how_it_is_to_be_answered() {
    let chat = read(json!({
        "contents": {"parts": {"text": "Hi"}},
        "tools": [{"functionDeclarations": [
            {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}},
            {"name": "g", "parametersJsonSchema": {"type": "object"}}, {"name": "h"}]},
            {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}},
        "generationConfig": {
            "stopSequences": ["x"], "maxOutputTokens": 9, "temperature": 0.5, "topP": 0.9, "topK": 40.0,
            "candidateCount": 1, "seed": 3, "responseLogprobs": true, "logprobs": 2,
            "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"},
            "responseModalities": ["TEXT"], "thinkingConfig": {"thinkingBudget": 100}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}))
    .unwrap();
    assert_eq!((chat.stop, chat.max_output, chat.top_k), (vec!["x".into()], Some(9), Some(40)));
    assert_eq!((chat.n, chat.seed, chat.top_logprobs), (None, Some(3), Some(2)));
    assert_eq!(chat.reasoning.unwrap().budget, Some(100));
    assert_eq!(chat.tool_choice, Some(ToolChoice::Required));
    let names: Vec<String> = chat
        .tools
        .iter()
        .map(|tool| match tool {
            Tool::Function { name, .. } => name.clone(),
            Tool::Native(tool) => tool.to_string(),
        })
        .collect();
    assert_eq!(names, ["f", "g", r#"{"googleSearch":{}}"#], "`h` may not be called");
    let Some(Format::Schema { schema, .. }) = chat.format else { panic!("no schema") };
    assert_eq!(schema, json!({"type": "object"}));
    assert!(chat.rest.is_empty() && chat.modalities.is_empty(), "{:?}", chat.rest);
    let thinking = |how: Value| {
        let body = json!({"contents": [], "generationConfig": {"thinkingConfig": how}});
        read(body).unwrap().reasoning
    };
    assert!(thinking(json!({"thinkingBudget": 0})).unwrap().is_off());
    assert_eq!(
        thinking(json!({"thinkingBudget": -1})),
        Some(pointsman_provider::chat::Reasoning::default())
    );
    assert_eq!(thinking(json!({"thinkingLevel": "HIGH"})).unwrap().effort, Some(Effort::High));
    assert_eq!(thinking(json!({"includeThoughts": false})), None);
}

#[test]
fn what_google_alone_has_is_named() {
    let lost = |body: Value| {
        let mut losses = Losses::new("v", false);
        openai::write_request(read(body).unwrap(), "m", openai::Taste::PLAIN, &mut losses);
        losses.settle().unwrap_err().message().to_owned()
    };
    for (name, value) in [
        ("cachedContent", json!("c")),
        ("safetySettings", json!([{"threshold": "BLOCK_LOW_AND_ABOVE"}])),
        ("labels", json!({"a": "b"})),
    ] {
        let mut body = json!({"contents": []});
        body[name] = value;
        assert!(lost(body).contains(name));
    }
    let config = json!({"contents": [], "generationConfig": {"speechConfig": {}}});
    assert!(lost(config).contains("`generationConfig.speechConfig`"));
    let how = json!({"contents": [], "toolConfig": {"retrievalConfig": {}}});
    assert!(lost(how).contains("`toolConfig.retrievalConfig`"));
}

#[test]
fn faults_name_the_member() {
    for (body, want) in [
        (json!({"contents": [{"parts": "Hi"}]}), "contents[0].parts"),
        (json!({"contents": [{"role": "robot", "parts": []}]}), "contents[0].role"),
        (
            json!({"contents": [{"parts": [{"functionCall": {"args": {}}}]}]}),
            "contents[0].parts[0].functionCall.name",
        ),
        (
            json!({"contents": [], "toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}}),
            "toolConfig.functionCallingConfig.mode",
        ),
        (json!({"contents": [], "generationConfig": {"topK": 1.5}}), "generationConfig.topK"),
        (
            json!({"contents": [], "generationConfig": {"thinkingConfig": {"thinkingLevel": "LOUD"}}}),
            "thinkingLevel",
        ),
    ] {
        let why = read(body).unwrap_err();
        assert!(why.contains(want), "{why}");
    }
}

#[test]
fn an_answer_in_googles_words() {
    let call = ToolCall {
        id: "c1".into(),
        name: "f".into(),
        arguments: r#"{"a":1}"#.into(),
        signature: Some("not base64".into()),
    };
    let thought =
        Content::Reasoning { text: "hm".into(), signature: Some("AAAA".into()), hidden: None };
    let parts = vec![thought.into(), Part::text("Hi"), Content::ToolCall(call.clone()).into()];
    let mut usage = Usage::text(10, 5);
    usage.reasoning = 2;
    let reply = ChatReply {
        id: Some("r".into()),
        choices: vec![Choice { parts, finish: Finish::ToolCalls, ..Choice::default() }],
        usage: Some(usage),
        ..ChatReply::default()
    };
    let whole = reply.whole(&head(false), &http::HeaderMap::new(), Instant::EPOCH);
    let body: Value = serde_json::from_slice(&whole.body).unwrap();
    let candidate = &body["candidates"][0];
    assert_eq!(candidate["finishReason"], "STOP");
    let parts = candidate["content"]["parts"].as_array().unwrap();
    assert_eq!(parts[0], json!({"text": "hm", "thought": true, "thoughtSignature": "AAAA"}));
    assert_eq!(parts[1], json!({"text": "Hi"}));
    assert_eq!(parts[2]["functionCall"], json!({"id": "c1", "name": "f", "args": {"a": 1}}));
    let told = &body["usageMetadata"];
    assert_eq!(
        (&told["candidatesTokenCount"], &told["thoughtsTokenCount"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(told["totalTokenCount"], 15);
    // It comes back as it was.
    let back = read(json!({"contents": [candidate["content"]]})).unwrap();
    assert_eq!(back.messages[0].parts[2].content, Content::ToolCall(call));
}

struct Given(Vec<ChatEvent>);

impl ChatDecoder for Given {
    fn push(&mut self, _: Bytes, out: &mut Vec<ChatEvent>) -> Result<(), Error> {
        out.append(&mut self.0);
        Ok(())
    }
    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn a_stream_in_googles_words() {
    let tool = |index, name: &str| ChatEvent::ToolCall {
        choice: 0,
        index,
        id: format!("c{index}"),
        name: name.into(),
        signature: None,
    };
    let piece = |index, piece: &str| ChatEvent::Arguments { choice: 0, index, piece: piece.into() };
    let given = vec![
        ChatEvent::Start { id: Some("r".into()), model: Some("m1".into()) },
        ChatEvent::Reasoning { choice: 0, text: "hm".into() },
        ChatEvent::Signature { choice: 0, signature: "AAAA".into() },
        ChatEvent::Text { choice: 0, text: "Hi".into(), logprobs: None },
        ChatEvent::Ping,
        tool(0, "f"),
        piece(0, r#"{"a""#),
        tool(1, "g"),
        piece(1, ""),
        piece(0, ":1}"),
        ChatEvent::Finish {
            choice: 0,
            reason: Finish::ToolCalls,
            native: None,
            stop_sequence: None,
        },
        ChatEvent::Usage(Usage::text(7, 2)),
        ChatEvent::End,
    ];
    let mut frames = translated(&head(true), Instant::EPOCH, Given(given));
    let mut out = Vec::new();
    frames.push(Bytes::new(), &mut out).unwrap();
    let told: Vec<Value> = out
        .iter()
        .filter(|frame| !frame.raw.is_empty())
        .map(|frame| serde_json::from_slice(frame.raw.strip_prefix(b"data: ").unwrap()).unwrap())
        .collect();
    let parts: Vec<Value> = told
        .iter()
        .flat_map(|one| one["candidates"][0]["content"]["parts"].as_array().unwrap().clone())
        .collect();
    let want = json!([
        {"text": "hm", "thought": true}, {"text": "", "thought": true, "thoughtSignature": "AAAA"},
        {"text": "Hi"},
        {"functionCall": {"id": "c0", "name": "f", "args": {"a": 1}}},
        {"functionCall": {"id": "c1", "name": "g", "args": {}}}]);
    assert_eq!(Value::from(parts), want);
    let last = told.last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(
        (&last["usageMetadata"]["totalTokenCount"], &last["modelVersion"]),
        (&json!(9), &json!("m1"))
    );
    let end = &out.last().unwrap().event;
    assert!(end.done && end.content && end.usage.is_some());
    assert!(out.iter().filter(|frame| frame.raw.is_empty()).any(|frame| frame.event.content));
}

#[test]
fn vectors_in_googles_words() {
    let request =
        |text: &str, kind: &str| json!({"content": {"parts": [{"text": text}]}, "taskType": kind});
    let asked = |body: Value, operation| {
        Embeddings::of(&call(operation, body), &target())
            .map_err(|error| error.message().to_owned())
    };
    let same = json!({"requests": [request("a", "CLUSTERING"), request("b", "CLUSTERING")]});
    let asked_same = asked(same, Operation::BatchEmbedContents).unwrap();
    assert_eq!(asked_same.texts, ["a", "b"]);
    assert_eq!(asked_same.input_type.as_deref(), Some("CLUSTERING"));
    let different =
        json!({"requests": [request("a", "CLUSTERING"), request("b", "CLASSIFICATION")]});
    assert!(asked(different, Operation::BatchEmbedContents).unwrap_err().contains("requests[1]"));
    let one = json!({"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 8});
    let one_asked = asked(one, Operation::EmbedContent).unwrap();
    assert_eq!((one_asked.texts.len(), one_asked.dimensions), (1, Some(8)));
    let vectors = Vectors { vectors: vec![vec![0.5], vec![1.5]], ..Vectors::default() };
    let body = |operation| {
        let head = call(operation, json!({})).head;
        let whole = vectors.whole(&head, &http::HeaderMap::new());
        serde_json::from_slice::<Value>(&whole.body).unwrap()
    };
    assert_eq!(body(Operation::EmbedContent), json!({"embedding": {"values": [0.5]}}));
    let several = json!({"embeddings": [{"values": [0.5]}, {"values": [1.5]}]});
    assert_eq!(body(Operation::BatchEmbedContents), several);
}
