//! Cohere's streams, wherever they are cut, and whatever else comes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_cohere::{CohereCodec, VENDORS};
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{cuts_do_not_matter, read_stream};
use pointsman_types::{ErrorKind, Operation, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn codec() -> CohereCodec {
    CohereCodec::new(&VENDORS[0])
}

fn head(operation: Operation) -> CallHead {
    let body = json!({"messages": [], "stream": true, "stream_options": {"include_usage": true}});
    Call::json(operation, "g", body).unwrap().head
}

const STREAM: &str = concat!(
    "event: message-start\ndata: {\"id\":\"id1\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\"}}}\n\n",
    "event: content-start\ndata: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"thinking\",\"thinking\":\"\"}}}}\n\n",
    "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"thinking\":\"H\u{e9}.\"}}}}\n\n",
    "event: content-end\ndata: {\"type\":\"content-end\",\"index\":0}\n\n",
    "event: content-start\ndata: {\"type\":\"content-start\",\"index\":1,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n",
    "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":1,\"delta\":{\"message\":{\"content\":{\"text\":\"Hi\"}}},\"logprobs\":{\"text\":\"Hi\",\"token_ids\":[1],\"logprobs\":[-0.5]}}\n\n",
    "event: citation-start\ndata: {\"type\":\"citation-start\",\"index\":0,\"delta\":{\"message\":{\"citations\":{\"start\":0,\"end\":2,\"text\":\"Hi\",\"sources\":[{\"type\":\"document\",\"id\":\"d\",\"document\":{\"title\":\"T\"}}],\"content_index\":1,\"type\":\"TEXT_CONTENT\"}}}}\n\n",
    "event: citation-end\ndata: {\"type\":\"citation-end\",\"index\":0}\n\n",
    "event: content-end\ndata: {\"type\":\"content-end\",\"index\":1}\n\n",
    "event: tool-plan-delta\ndata: {\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\" I call.\"}}}\n\n",
    "event: tool-call-start\ndata: {\"type\":\"tool-call-start\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}}}}\n\n",
    "event: tool-call-delta\ndata: {\"type\":\"tool-call-delta\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"{\\\"x\\\"\"}}}}}\n\n",
    "event: tool-call-delta\ndata: {\"type\":\"tool-call-delta\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\":1}\"}}}}}\n\n",
    "event: tool-call-end\ndata: {\"type\":\"tool-call-end\",\"index\":0}\n\n",
    "event: tool-call-start\ndata: {\"type\":\"tool-call-start\",\"index\":1,\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"nu\"}}}}}\n\n",
    "event: tool-call-delta\ndata: {\"type\":\"tool-call-delta\",\"index\":1,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"ll\"}}}}}\n\n",
    "event: tool-call-end\ndata: {\"type\":\"tool-call-end\",\"index\":1}\n\n",
    "event: debug\ndata: {\"type\":\"debug\",\"prompt\":\"p\"}\n\n",
    "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\",\"usage\":{\"tokens\":{\"input_tokens\":30,\"output_tokens\":8}}}}\n\n",
    "data: [DONE]\n\n",
);

#[test]
fn a_stream_becomes_chunks() {
    let head = head(Operation::Chat);
    let read = cuts_do_not_matter(STREAM.as_bytes(), &|| codec().frames(&head, NOW));
    assert!(read.error.is_none() && read.done && read.content);
    assert_eq!(read.usage, Some(Usage::text(30, 8)));
    let text = String::from_utf8(read.raw).unwrap();
    let chunks: Vec<Value> = text
        .split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect();
    let joined = |path: &str| -> String {
        chunks.iter().filter_map(|chunk| chunk.pointer(path)?.as_str()).collect()
    };
    assert_eq!(joined("/choices/0/delta/content"), "Hi");
    assert_eq!(joined("/choices/0/delta/reasoning_content"), "Hé. I call.");
    assert_eq!(joined("/choices/0/delta/tool_calls/0/function/name"), "fg");
    assert_eq!(joined("/choices/0/delta/tool_calls/0/function/arguments"), r#"{"x":1}{}"#);
    assert_eq!(joined("/choices/0/delta/annotations/0/url_citation/url"), "source:d");
    assert_eq!(joined("/choices/0/logprobs/content/0/token"), "Hi");
    assert_eq!(joined("/choices/0/finish_reason"), "tool_calls");
    assert_eq!(chunks[0]["id"], "id1");
    assert!(text.ends_with("data: [DONE]\n\n"));
}

#[test]
fn a_cut_stream_and_an_error_within_are_failures() {
    let until = STREAM.find("event: message-end").unwrap();
    for operation in [Operation::Chat, Operation::Messages] {
        let head = head(operation);
        let kind = |tail: &str| {
            let text = format!("{}{tail}", &STREAM[..until]);
            let read = cuts_do_not_matter(text.as_bytes(), &|| codec().frames(&head, NOW));
            read.error.map(|error| error.kind)
        };
        let end = |delta: &str| format!("data: {{\"type\":\"message-end\",\"delta\":{delta}}}");
        assert_eq!(kind(""), Some(ErrorKind::Connection));
        assert_eq!(kind("data: [DONE]\n\n"), Some(ErrorKind::Connection));
        let failed = end(r#"{"finish_reason":"ERROR","error":"boom"}"#);
        assert_eq!(kind(&failed), Some(ErrorKind::Server));
        assert_eq!(kind(&end(r#"{"finish_reason":"MAX_TOKENS"}"#)), None);
        let blocked = "data: {\"message\":\"blocked output: no\"}\n\n";
        assert_eq!(kind(blocked), Some(ErrorKind::ContentPolicy));
        assert_eq!(kind("data: <html>\n\n"), Some(ErrorKind::Server));
    }
}

proptest! {
    #[test]
    fn where_the_chunks_are_cut_does_not_matter(
        cuts in proptest::collection::vec(0..STREAM.len(), 0..8),
    ) {
        let mut cuts = cuts;
        cuts.extend([0, STREAM.len()]);
        cuts.sort_unstable();
        let head = head(Operation::Chat);
        let read = |cuts: &[usize]| {
            let chunks = cuts.windows(2).map(|cut| &STREAM.as_bytes()[cut[0]..cut[1]]);
            read_stream(codec().frames(&head, NOW), chunks).raw
        };
        prop_assert_eq!(read(&[0, STREAM.len()]), read(&cuts));
    }

    #[test]
    fn any_bytes_end_in_a_value_or_an_error(
        bytes: Vec<u8>,
        kind in "(message-start|content-start|content-delta|tool-plan-delta|tool-call-start|tool-call-delta|citation-start|message-end|x)",
        inner in r#"(\{"(content|tool_plan|tool_calls|citations)":(\{"(text|thinking|id|function|start)":(-1|1e99|"n"|null|\[\])\}|"n"|7|\[\{\}\])\}|null|3|\[\])"#,
    ) {
        let event = format!(
            "data: {{\"type\":\"{kind}\",\"delta\":{{\"message\":{inner},\"usage\":{inner}}}}}\n\n"
        );
        for operation in
            [Operation::Chat, Operation::Messages, Operation::Embeddings, Operation::Rerank]
        {
            let head = head(operation);
            for body in [bytes.clone(), event.clone().into_bytes(), inner.clone().into_bytes()] {
                drop(read_stream(codec().frames(&head, NOW), [&body[..]]));
                for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
                    let body = body.clone().into();
                    drop(codec().decode(&head, status, &HeaderMap::new(), body, NOW));
                }
            }
        }
    }
}
