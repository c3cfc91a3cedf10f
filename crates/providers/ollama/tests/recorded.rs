//! Recorded traffic, where there is some.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{HeaderMap, HeaderName, StatusCode};
use pointsman_clock::Instant;
use pointsman_ollama::{OllamaCodec, VENDORS};
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{NONE_HERE, Recorded, cuts_do_not_matter, recorded};
use pointsman_types::{ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn codec() -> OllamaCodec {
    OllamaCodec::new(&VENDORS[0])
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

/// The lines of an answer of Ollama's own API; none, if it is in OpenAI's shape.
fn lines(one: &Recorded) -> Vec<Value> {
    let body = String::from_utf8_lossy(&one.body);
    let lines: Option<Vec<Value>> =
        body.lines().map(|line| serde_json::from_str(line).ok()).collect();
    lines.filter(|all| all.iter().all(|one| one.get("done").is_some())).unwrap_or_default()
}

fn joined(lines: &[Value], path: &str) -> String {
    lines.iter().filter_map(|line| line.pointer(path)?.as_str()).collect()
}

#[test]
fn every_answer_is_read_with_its_usage() {
    let all = recorded("ollama");
    if all.is_empty() {
        println!("{NONE_HERE}");
    }
    for one in all {
        let lines = lines(&one);
        if one.status != 200 {
            error(&one);
        } else if one.file.ends_with(".ndjson") {
            stream(&one, &lines);
        } else if !lines.is_empty() {
            whole(&one, &lines[0]);
        }
    }
}

fn operation(line: &Value) -> Operation {
    if line.get("response").is_some() { Operation::Completions } else { Operation::Chat }
}

fn stream(one: &Recorded, lines: &[Value]) {
    let head = head(operation(&lines[0]), true);
    let read = cuts_do_not_matter(&one.body, &|| codec().frames(&head, NOW));
    assert!(read.error.is_none(), "{}: {:?}", one.file, read.error);
    assert!(read.done && read.content, "{}", one.file);
    let counted = lines.last().unwrap()["eval_count"].as_u64();
    assert_eq!(read.usage.map(|usage| usage.output), counted, "{}", one.file);
    let chunks: Vec<Value> = std::str::from_utf8(&read.raw)
        .unwrap()
        .split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect();
    for (theirs, ours) in [
        ("/message/content", "/choices/0/delta/content"),
        ("/message/thinking", "/choices/0/delta/reasoning_content"),
        ("/response", "/choices/0/text"),
    ] {
        assert_eq!(joined(&chunks, ours), joined(lines, theirs), "{}", one.file);
    }
    let calls: usize =
        lines.iter().filter_map(|line| Some(line["message"]["tool_calls"].as_array()?.len())).sum();
    let ids =
        chunks.iter().filter(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0/id").is_some());
    assert_eq!(ids.count(), calls, "{}", one.file);
}

fn whole(one: &Recorded, theirs: &Value) {
    let head = head(operation(theirs), false);
    let read = codec().decode(&head, StatusCode::OK, &headers(one), one.body.clone(), NOW);
    let read = read.unwrap_or_else(|error| panic!("{}: {error}", one.file));
    let ours: Value = serde_json::from_slice(&read.body).unwrap();
    let counted = theirs["eval_count"].as_u64();
    assert_eq!(read.usage.map(|usage| usage.output), counted, "{}", one.file);
    let choice = &ours["choices"][0];
    if head.operation == Operation::Completions {
        assert_eq!(choice["text"], theirs["response"], "{}", one.file);
        return;
    }
    let (message, theirs) = (&choice["message"], &theirs["message"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert_eq!(text(&message["content"]), text(&theirs["content"]), "{}", one.file);
    assert_eq!(text(&message["reasoning_content"]), text(&theirs["thinking"]), "{}", one.file);
    let calls = |message: &Value| message["tool_calls"].as_array().map_or(0, Vec::len);
    assert_eq!(calls(message), calls(theirs), "{}", one.file);
    assert_eq!(choice["finish_reason"] == "tool_calls", calls(theirs) > 0, "{}", one.file);
}

fn error(one: &Recorded) {
    let head = head(Operation::Chat, false);
    let status = StatusCode::from_u16(one.status).unwrap();
    let read = codec().decode(&head, status, &headers(one), one.body.clone(), NOW);
    let want = match (one.status, one.kind.as_str()) {
        (_, kind) if kind.contains("context-length") => ErrorKind::ContextWindow,
        (400, _) => ErrorKind::BadRequest,
        (401, _) => ErrorKind::Authentication,
        (404, _) => ErrorKind::NotFound,
        (429, _) => ErrorKind::RateLimited,
        _ => panic!("{}: what is it?", one.file),
    };
    assert_eq!(read.unwrap_err().kind, want, "{}", one.file);
}
