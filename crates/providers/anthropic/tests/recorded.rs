//! Recorded traffic, where there is some.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{HeaderMap, HeaderName, StatusCode};
use pointsman_anthropic::AnthropicCodec;
use pointsman_clock::Instant;
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{NONE_HERE, Recorded, cuts_do_not_matter, recorded};
use pointsman_types::{ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

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
    let all = recorded("anthropic");
    if all.is_empty() {
        println!("{NONE_HERE}");
    }
    for one in all {
        if one.is_stream() {
            stream(&one);
        } else if one.status == 200 {
            whole(&one);
        } else {
            error(&one);
        }
    }
}

fn stream(one: &Recorded) {
    for operation in [Operation::Chat, Operation::Messages] {
        let head = head(operation, true);
        let read = cuts_do_not_matter(&one.body, &|| AnthropicCodec.frames(&head, NOW));
        assert!(read.error.is_none(), "{}: {:?}", one.file, read.error);
        assert!(read.done && read.content, "{}", one.file);
        assert!(read.usage.is_some_and(|usage| usage.output > 0), "{}", one.file);
    }
}

fn whole(one: &Recorded) {
    let counted = one.kind == "count-tokens";
    let native = if counted { Operation::CountTokens } else { Operation::Messages };
    let decode = |operation| {
        let head = head(operation, false);
        let read =
            AnthropicCodec.decode(&head, StatusCode::OK, &headers(one), one.body.clone(), NOW);
        read.unwrap_or_else(|error| panic!("{}: {error}", one.file))
    };
    let passed = decode(native);
    assert_eq!(passed.body, one.body);
    if counted {
        return;
    }
    let read = decode(Operation::Chat);
    assert_eq!(read.usage, passed.usage, "{}", one.file);
    assert!(read.usage.is_some_and(|usage| usage.output > 0), "{}", one.file);
    let theirs: Value = serde_json::from_slice(&one.body).unwrap();
    let ours: Value = serde_json::from_slice(&read.body).unwrap();
    let blocks = theirs["content"].as_array().unwrap();
    let text: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    let message = &ours["choices"][0]["message"];
    assert_eq!(message["content"].as_str().unwrap_or_default(), text, "{}", one.file);
    let calls = blocks.iter().filter(|block| block["type"] == "tool_use").count();
    assert_eq!(message["tool_calls"].as_array().map_or(0, Vec::len), calls, "{}", one.file);
}

fn error(one: &Recorded) {
    let head = head(Operation::Chat, false);
    let status = StatusCode::from_u16(one.status).unwrap();
    let read = AnthropicCodec.decode(&head, status, &headers(one), one.body.clone(), NOW);
    let want = match (one.status, one.kind.as_str()) {
        (_, kind) if kind.contains("context-length") => ErrorKind::ContextWindow,
        (400, _) => ErrorKind::BadRequest,
        (401, _) => ErrorKind::Authentication,
        (404, _) => ErrorKind::NotFound,
        (429, _) => ErrorKind::RateLimited,
        (529, _) => ErrorKind::Overloaded,
        _ => panic!("{}: what is it?", one.file),
    };
    assert_eq!(read.unwrap_err().kind, want, "{}", one.file);
}
