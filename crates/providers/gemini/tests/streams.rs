//! Google's streams, in each way they come, wherever they are cut.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_gemini::GeminiCodec;
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{Stream, cuts_do_not_matter, read_stream};
use pointsman_types::{Deployment, ErrorKind, Operation, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn head(operation: Operation) -> CallHead {
    let body = json!({"messages": [], "stream": true, "stream_options": {"include_usage": true}});
    Call::json(operation, "g", body).unwrap().head
}

/// One answer in four pieces; the last word about its end counts.
fn pieces() -> Vec<Value> {
    let piece = |parts: Value, more: Value| {
        let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
        candidate.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r1",
            "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}})
    };
    let call = json!({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "seal"});
    let begun = json!({"functionCall": {"name": "g", "willContinue": true}});
    let more = json!({"functionCall": {"willContinue": true,
        "partialArgs": [{"jsonPath": "$.b", "stringValue": "\u{e9}"}]}});
    let mut last =
        piece(json!([{"functionCall": {}}, {"text": ""}]), json!({"finishReason": "STOP"}));
    last["usageMetadata"] = json!({"promptTokenCount": 5, "candidatesTokenCount": 7,
        "thoughtsTokenCount": 2, "totalTokenCount": 14});
    vec![
        piece(json!([{"text": "Hm", "thought": true}]), json!({"finishReason": "STOP"})),
        piece(json!([{"text": "H\u{e9}"}, {"text": "!", "thoughtSignature": "end"}]), json!({})),
        piece(json!([call, begun]), json!({})),
        piece(json!([more]), json!({})),
        last,
    ]
}

fn events(pieces: &[Value]) -> String {
    pieces.iter().fold(String::new(), |all, piece| format!("{all}data: {piece}\r\n\r\n"))
}

fn read(bytes: &str, operation: Operation) -> Stream {
    let head = head(operation);
    cuts_do_not_matter(bytes.as_bytes(), &|| GeminiCodec.frames(&head, NOW))
}

fn chunks(stream: &Stream) -> Vec<Value> {
    let text = std::str::from_utf8(&stream.raw).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

#[test]
fn events_and_arrays_say_the_same() {
    let stream = read(&events(&pieces()), Operation::Chat);
    assert!(stream.error.is_none() && stream.done && stream.content);
    let mut used = Usage::text(5, 9);
    used.reasoning = 2;
    assert_eq!(stream.usage, Some(used));
    let chunks = chunks(&stream);
    let deltas: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    let all =
        |name: &str| deltas.iter().filter_map(|delta| delta[name].as_str()).collect::<String>();
    assert_eq!((all("reasoning_content"), all("content")), ("Hm".into(), "H\u{e9}!".into()));
    let blocks = deltas.iter().find_map(|delta| delta["thinking_blocks"][0]["signature"].as_str());
    assert_eq!(blocks, Some("end"));
    let calls: Vec<&Value> = deltas.iter().filter_map(|delta| delta["tool_calls"].get(0)).collect();
    assert_eq!(calls[0]["provider_specific_fields"]["thought_signature"], "seal");
    let arguments: Vec<_> =
        calls.iter().map(|call| call["function"]["arguments"].clone()).collect();
    assert_eq!(arguments, ["", r#"{"a":1}"#, "", "{\"b\":\"\u{e9}\"}"]);
    let ends: Vec<&Value> =
        chunks.iter().map(|chunk| &chunk["choices"][0]["finish_reason"]).collect();
    let ends: Vec<&str> = ends.into_iter().filter_map(Value::as_str).collect();
    assert_eq!(ends, ["tool_calls"]);
    let array = serde_json::to_string_pretty(&pieces()).unwrap();
    assert_eq!(read(&array, Operation::Chat).raw, stream.raw);
    assert!(read(&array, Operation::Messages).done);
}

#[test]
fn what_is_cited_in_a_sealed_text_is_told_with_it() {
    let grounding = json!({
        "groundingChunks": [{"web": {"uri": "https://a.invalid", "title": "A"}}],
        "groundingSupports": [{"segment": {"endIndex": 2}, "groundingChunkIndices": [0]}]});
    let last = json!({"candidates": [{
        "content": {"role": "model", "parts": [{"text": "Ho"}, {"text": "", "thoughtSignature": "end"}]},
        "finishReason": "STOP", "groundingMetadata": grounding}]});
    let stream = read(&events(&[last]), Operation::Responses);
    let chunks = chunks(&stream);
    let output = &chunks.last().unwrap()["response"]["output"];
    let annotation = &output[0]["content"][0]["annotations"][0];
    assert_eq!(annotation["url"], "https://a.invalid", "{output}");
    assert_eq!(output[1]["type"], "reasoning", "the seal");
}

#[test]
fn a_stream_that_breaks_off_is_no_answer() {
    let mut pieces = pieces();
    pieces[0]["candidates"][0].as_object_mut().unwrap().shift_remove("finishReason");
    let cut = read(&events(&pieces[..3]), Operation::Chat);
    assert_eq!(cut.error.unwrap().kind, ErrorKind::Connection);
    let array = serde_json::to_string(&pieces).unwrap();
    let cut = read(&array[..array.len() - 9], Operation::Chat);
    assert_eq!(cut.error.unwrap().kind, ErrorKind::Connection);
    assert_eq!(read("", Operation::Chat).error.unwrap().kind, ErrorKind::Connection);
}

#[test]
fn errors_in_mid_stream() {
    let error = json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}});
    let first = events(&pieces()[..1]);
    let bare = serde_json::to_string_pretty(&error).unwrap();
    for tail in [format!("data: {error}\r\n\r\n"), format!("{bare}\n"), format!("{bare}\n\n")] {
        let stream = read(&format!("{first}{tail}"), Operation::Chat);
        assert_eq!(stream.error.unwrap().kind, ErrorKind::Overloaded, "{tail}");
        assert!(!stream.done);
    }
    let listed = read(&format!("[{},\n{error}]", pieces()[0]), Operation::Chat);
    assert_eq!(listed.error.unwrap().kind, ErrorKind::Overloaded);
    let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}});
    let stream = read(&events(&[blocked]), Operation::Chat);
    assert_eq!((stream.error.unwrap().kind, stream.content), (ErrorKind::ContentPolicy, false));
    let nonsense = read("data: {\"a\": 1}\n\n", Operation::Chat);
    assert_eq!(nonsense.error.unwrap().kind, ErrorKind::Server);
}

#[test]
fn several_answers_at_once() {
    let piece = |index: u32, text: &str, end: Option<&str>| json!({"candidates": [{"index": index, "content": {"parts": [{"text": text}]}, "finishReason": end}]});
    let all = [piece(1, "b", None), piece(0, "a", Some("STOP")), piece(1, "c", Some("MAX_TOKENS"))];
    let chunks = chunks(&read(&events(&all), Operation::Chat));
    let of = |index: u32| -> String {
        let choices = chunks.iter().map(|chunk| &chunk["choices"][0]);
        let same = choices.filter(|choice| choice["index"] == index);
        same.filter_map(|choice| choice["delta"]["content"].as_str()).collect()
    };
    assert_eq!((of(0), of(1)), ("a".into(), "bc".into()));
}

/// Any JSON, made of words that mean something here.
fn json_value() -> impl Strategy<Value = Value> {
    const WORDS: [&str; 18] = [
        "type",
        "text",
        "image_url",
        "url",
        "file",
        "object",
        "properties",
        "items",
        "$ref",
        "$defs",
        "anyOf",
        "enum",
        "null",
        "data:image/png;base64,AA",
        "function",
        "auto",
        "low",
        "#/$defs/type",
    ];
    let word = || prop::sample::select(&WORDS[..]).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn wherever_a_stream_is_cut(cuts in prop::collection::vec(0_usize..1_500, 0..8), array: bool) {
        let body = if array { json!(pieces()).to_string() } else { events(&pieces()) };
        let bytes = body.as_bytes();
        let mut at: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let parts = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        let head = head(Operation::Chat);
        let cut = read_stream(GeminiCodec.frames(&head, NOW), parts);
        let whole = read_stream(GeminiCodec.frames(&head, NOW), [bytes]);
        prop_assert_eq!((cut.raw, cut.usage), (whole.raw, whole.usage));
    }

    #[test]
    fn any_body_ends_in_a_request_or_an_error(
        part in prop::option::of(json_value()),
        schema in json_value(),
        choice in prop::option::of(json_value()),
        model in prop::sample::select(vec!["gemini-2.0-flash", "gemini-2.5-pro", "gemini-3-pro", "m"]),
    ) {
        let part = part.unwrap_or_else(|| json!({"type": "text", "text": "{}"}));
        let arguments = if part["type"] == "text" { json!({}) } else { part.clone() };
        let call = json!({"id": "a", "function": {"name": "f", "arguments": arguments.to_string()}});
        let body = json!({
            "messages": [{"role": "user", "content": [part]}, {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "a", "content": part.to_string()}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}, part],
            "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
            "reasoning_effort": choice, "audio": choice, "service_tier": choice, "tool_choice": choice,
            "generationConfig": choice});
        let target = GeminiCodec.target(&Deployment::new("g", "gemini", model)).unwrap();
        if let Err(error) = GeminiCodec.encode(&target, &Call::chat("g", body).unwrap()) {
            prop_assert!(matches!(error.kind, ErrorKind::BadRequest | ErrorKind::Unsupported), "{}", error);
        }
    }

    #[test]
    fn any_bytes_end_in_a_value_or_an_error(
        bytes: Vec<u8>,
        data in "[\\{\\}\\[\\]\":,a-z0-9_]{0,40}",
        at in 0_usize..2_000,
        byte: u8,
    ) {
        // A real stream with one byte changed, too.
        let mut changed = events(&pieces()).into_bytes();
        let at = at % changed.len();
        changed[at] = byte;
        for operation in [Operation::Chat, Operation::Messages, Operation::Responses] {
            let head = head(operation);
            for body in [bytes.clone(), format!("data: {data}\n\n").into_bytes(), data.clone().into_bytes(), changed.clone()] {
                drop(read_stream(GeminiCodec.frames(&head, NOW), [&body[..]]));
                for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
                    let body = Bytes::from(body.clone());
                    drop(GeminiCodec.decode(&head, status, &HeaderMap::new(), body, NOW));
                }
            }
        }
    }
}
