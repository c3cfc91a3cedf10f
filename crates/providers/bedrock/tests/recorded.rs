//! Recorded traffic, where there is some.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{HeaderMap, HeaderName, StatusCode};
use pointsman_clock::Instant;
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{NONE_HERE, Recorded, cuts_do_not_matter, recorded};
use pointsman_types::{ErrorKind, Operation};
use serde_json::{Value, json};

mod common;

use common::codec;

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn head(operation: Operation, stream: bool) -> CallHead {
    let body = json!({"messages": [], "input": "x", "stream": stream});
    Call::json(operation, "g", body).unwrap().head
}

fn headers(of: &Recorded) -> HeaderMap {
    of.headers
        .iter()
        .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?)))
        .collect()
}

/// Models that are asked in their own words alone: nothing here sends them such a request.
fn is_foreign(one: &Recorded) -> bool {
    ["invoke-llama", "invoke-mistral"].contains(&one.kind.as_str())
        || one.file.contains("053-invoke-stream-other")
}

#[test]
fn every_answer_is_read_with_its_usage() {
    let all = recorded("bedrock");
    if all.is_empty() {
        println!("{NONE_HERE}");
    }
    for one in all.iter().filter(|one| !is_foreign(one)) {
        if one.is_stream() {
            stream(one);
        } else if one.status != 200 {
            error(one);
        } else if one.kind == "invoke-titan-embed" || one.kind == "invoke-cohere" {
            vectors(one);
        } else {
            whole(one);
        }
    }
}

fn stream(one: &Recorded) {
    for operation in [Operation::Chat, Operation::Messages] {
        let head = head(operation, true);
        let read = cuts_do_not_matter(&one.body, &|| codec().frames(&head, NOW));
        assert!(read.error.is_none(), "{}: {:?}", one.file, read.error);
        assert!(read.done && read.content, "{}", one.file);
        assert!(read.usage.is_some_and(|usage| usage.output > 0), "{}", one.file);
    }
}

fn whole(one: &Recorded) {
    let head = head(Operation::Chat, false);
    let read = codec().decode(&head, StatusCode::OK, &headers(one), one.body.clone(), NOW);
    let read = read.unwrap_or_else(|error| panic!("{}: {error}", one.file));
    let usage = read.usage.unwrap_or_else(|| panic!("{}: no usage", one.file));
    assert!(usage.output > 0, "{}", one.file);
    let theirs: Value = serde_json::from_slice(&one.body).unwrap();
    let ours: Value = serde_json::from_slice(&read.body).unwrap();
    if let Some(total) = theirs["usage"]["totalTokens"].as_u64() {
        assert_eq!(usage.total(), total, "{}", one.file);
    }
    let blocks = [&theirs["output"]["message"]["content"], &theirs["content"]];
    let blocks = blocks.into_iter().find_map(Value::as_array).unwrap();
    let text: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    let message = &ours["choices"][0]["message"];
    assert_eq!(message["content"].as_str().unwrap_or_default(), text, "{}", one.file);
    let calls = blocks.iter().filter(|block| block["toolUse"].is_object()).count();
    assert_eq!(message["tool_calls"].as_array().map_or(0, Vec::len), calls, "{}", one.file);
}

fn vectors(one: &Recorded) {
    let head = head(Operation::Embeddings, false);
    let read = codec().decode(&head, StatusCode::OK, &headers(one), one.body.clone(), NOW);
    let read = read.unwrap_or_else(|error| panic!("{}: {error}", one.file));
    assert!(read.usage.is_some_and(|usage| usage.input > 0), "{}", one.file);
    let ours: Value = serde_json::from_slice(&read.body).unwrap();
    assert!(ours["data"][0]["embedding"][0].is_f64(), "{}", one.file);
}

fn error(one: &Recorded) {
    let head = head(Operation::Chat, false);
    let status = StatusCode::from_u16(one.status).unwrap();
    let read = codec().decode(&head, status, &headers(one), one.body.clone(), NOW);
    let want = match (one.status, one.kind.as_str()) {
        (_, kind) if kind.contains("context-length") => ErrorKind::ContextWindow,
        (_, kind) if kind.contains("not-found") => ErrorKind::NotFound,
        (403, _) => ErrorKind::Authentication,
        (429, _) => ErrorKind::RateLimited,
        (400, _) => ErrorKind::BadRequest,
        _ => panic!("{}: what is it?", one.file),
    };
    assert_eq!(read.unwrap_err().kind, want, "{}", one.file);
}
