//! Recorded traffic, where there is some.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{HeaderMap, HeaderName, StatusCode};
use pointsman_clock::Instant;
use pointsman_cohere::{CohereCodec, VENDORS};
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{NONE_HERE, Recorded, cuts_do_not_matter, recorded};
use pointsman_types::{ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn codec() -> CohereCodec {
    CohereCodec::new(&VENDORS[0])
}

fn head(operation: Operation, stream: bool) -> CallHead {
    Call::json(operation, "g", json!({"messages": [], "stream": stream})).unwrap().head
}

fn headers(of: &Recorded) -> HeaderMap {
    of.headers
        .iter()
        .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?)))
        .collect()
}

#[test]
fn every_answer_is_read_with_its_usage() {
    let all = recorded("cohere");
    if all.is_empty() {
        println!("{NONE_HERE}");
    }
    // The first version's chat is not spoken.
    for one in all.iter().filter(|one| !one.kind.starts_with("v1-chat")) {
        if one.is_stream() {
            stream(one);
        } else if one.status == 200 {
            whole(one);
        } else {
            error(one);
        }
    }
}

/// The data of a stream's events, and what stands at a path in them, joined.
fn events(body: &[u8]) -> Vec<Value> {
    let lines = std::str::from_utf8(body).unwrap().lines();
    lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

fn joined(events: &[Value], path: &str) -> String {
    events.iter().filter_map(|event| event.pointer(path)?.as_str()).collect()
}

fn stream(one: &Recorded) {
    for operation in [Operation::Chat, Operation::Messages] {
        let head = head(operation, true);
        let read = cuts_do_not_matter(&one.body, &|| codec().frames(&head, NOW));
        assert!(read.error.is_none(), "{}: {:?}", one.file, read.error);
        assert!(read.done && read.content, "{}", one.file);
        assert!(read.usage.is_some_and(|usage| usage.output > 0), "{}", one.file);
        if operation == Operation::Chat {
            same(one, &events(&one.body), &events(&read.raw));
        }
    }
}

fn same(one: &Recorded, theirs: &[Value], ours: &[Value]) {
    let text = joined(theirs, "/delta/message/content/text");
    assert_eq!(joined(ours, "/choices/0/delta/content"), text, "{}", one.file);
    let calls = joined(theirs, "/delta/message/tool_calls/id");
    assert_eq!(joined(ours, "/choices/0/delta/tool_calls/0/id"), calls, "{}", one.file);
    let arguments = joined(theirs, "/delta/message/tool_calls/function/arguments");
    let arguments = if arguments.is_empty() && !calls.is_empty() { "{}" } else { &arguments };
    let path = "/choices/0/delta/tool_calls/0/function/arguments";
    assert_eq!(joined(ours, path), arguments, "{}", one.file);
}

fn whole(one: &Recorded) {
    let operation = match one.kind.as_str() {
        kind if kind.contains("embed") => Operation::Embeddings,
        "rerank" => Operation::Rerank,
        _ => Operation::Chat,
    };
    let head = head(operation, false);
    let read = codec().decode(&head, StatusCode::OK, &headers(one), one.body.clone(), NOW);
    let read = read.unwrap_or_else(|error| panic!("{}: {error}", one.file));
    let theirs: Value = serde_json::from_slice(&one.body).unwrap();
    let ours: Value = serde_json::from_slice(&read.body).unwrap();
    let usage = read.usage.unwrap_or_else(|| panic!("{}: no usage", one.file));
    match operation {
        Operation::Embeddings => {
            let list = theirs["embeddings"].as_object().unwrap().values().next().unwrap();
            let length = |vector: &Value| vector.as_array().unwrap().len();
            assert_eq!(length(&ours["data"][0]["embedding"]), length(&list[0]), "{}", one.file);
            assert!(usage.input > 0, "{}", one.file);
        }
        Operation::Rerank => {
            assert_eq!(read.body, one.body);
            assert!(usage.queries > 0, "{}", one.file);
        }
        _ => {
            assert!(usage.input > 0 && usage.output > 0, "{}", one.file);
            let message = &ours["choices"][0]["message"];
            let said = theirs["message"]["content"].as_array().into_iter().flatten();
            let text: String = said.filter_map(|item| item["text"].as_str()).collect();
            assert_eq!(message["content"].as_str().unwrap_or_default(), text, "{}", one.file);
            let count = |message: &Value, name: &str| message[name].as_array().map_or(0, Vec::len);
            let theirs = &theirs["message"];
            assert_eq!(count(message, "tool_calls"), count(theirs, "tool_calls"), "{}", one.file);
            assert!(count(message, "annotations") >= count(theirs, "citations"), "{}", one.file);
        }
    }
}

fn error(one: &Recorded) {
    let head = head(Operation::Chat, false);
    let status = StatusCode::from_u16(one.status).unwrap();
    let read = codec().decode(&head, status, &headers(one), one.body.clone(), NOW);
    let want = match (one.status, one.kind.as_str()) {
        (_, kind) if kind.contains("context-length") => ErrorKind::ContextWindow,
        (_, "error-429-trial") => ErrorKind::QuotaExhausted,
        (400 | 422, _) => ErrorKind::BadRequest,
        (401, _) => ErrorKind::Authentication,
        (404, _) => ErrorKind::NotFound,
        (429, _) => ErrorKind::RateLimited,
        _ => panic!("{}: what is it?", one.file),
    };
    assert_eq!(read.unwrap_err().kind, want, "{}", one.file);
}
