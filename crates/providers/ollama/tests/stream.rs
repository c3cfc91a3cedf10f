//! Ollama's streams, wherever they are cut, and whatever else comes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pointsman_clock::Instant;
use pointsman_ollama::{OllamaCodec, VENDORS};
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{cuts_do_not_matter, read_stream};
use pointsman_types::{ErrorKind, Operation, Usage};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

fn codec() -> OllamaCodec {
    OllamaCodec::new(&VENDORS[0])
}

fn head(operation: Operation) -> CallHead {
    let body = json!({"messages": [], "stream": true, "stream_options": {"include_usage": true}});
    Call::json(operation, "g", body).unwrap().head
}

const CHAT: &str = concat!(
    "{\"model\":\"m1\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"H\u{e9}\"},\"done\":false}\n",
    "{\"model\":\"m1\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"logprobs\":[{\"token\":\"Hi\",\"logprob\":-0.5}],\"done\":false}\r\n",
    "\n",
    "{\"model\":\"m1\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}},{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":{}}}]},\"done\":false}\n",
    "{\"model\":\"m1\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"prompt_eval_count\":7,\"eval_count\":2}\n",
);

const TEXT: &str = concat!(
    "{\"model\":\"m1\",\"response\":\"\u{e9}\",\"logprobs\":[{\"token\":\"\u{e9}\",\"logprob\":-0.5}],\"done\":false}\n",
    "{\"model\":\"m1\",\"response\":\"\",\"done\":false}\n",
    "{\"model\":\"m1\",\"response\":\"t\",\"logprobs\":[{\"token\":\"t\",\"logprob\":-0.5}],\"done\":false}\n",
    "{\"model\":\"m1\",\"response\":\"\",\"done\":true,\"done_reason\":\"length\",\"context\":[1],\"eval_count\":2}",
);

fn chunks(raw: Vec<u8>) -> (String, Vec<Value>) {
    let text = String::from_utf8(raw).unwrap();
    let chunk = |event: &str| serde_json::from_str(event.strip_prefix("data: ")?).ok();
    let chunks = text.split("\n\n").filter_map(chunk).collect();
    (text, chunks)
}

fn joined(chunks: &[Value], path: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer(path)?.as_str()).collect()
}

#[test]
fn a_stream_of_chat_becomes_chunks() {
    let head = head(Operation::Chat);
    let read = cuts_do_not_matter(CHAT.as_bytes(), &|| codec().frames(&head, NOW));
    assert!(read.error.is_none() && read.done && read.content);
    assert_eq!(read.usage, Some(Usage::text(7, 2)));
    let (text, chunks) = chunks(read.raw);
    assert_eq!(joined(&chunks, "/choices/0/delta/content"), "Hi");
    assert_eq!(joined(&chunks, "/choices/0/delta/reasoning_content"), "Hé");
    assert_eq!(joined(&chunks, "/choices/0/logprobs/content/0/token"), "Hi");
    let call = "/choices/0/delta/tool_calls/0";
    assert_eq!(joined(&chunks, &format!("{call}/function/name")), "fg");
    assert_eq!(joined(&chunks, &format!("{call}/function/arguments")), r#"{"x":1}{}"#);
    assert!(joined(&chunks, &format!("{call}/id")).ends_with('b'));
    assert_eq!(joined(&chunks, "/choices/0/finish_reason"), "tool_calls");
    assert!(text.ends_with("data: [DONE]\n\n"));
}

#[test]
fn a_stream_of_text_becomes_chunks() {
    let head = head(Operation::Completions);
    let read = cuts_do_not_matter(TEXT.as_bytes(), &|| codec().frames(&head, NOW));
    assert!(read.error.is_none() && read.done && read.content);
    assert_eq!(read.usage, Some(Usage::text(0, 2)));
    let (text, chunks) = chunks(read.raw);
    assert_eq!(joined(&chunks, "/choices/0/text"), "ét");
    assert_eq!(joined(&chunks, "/choices/0/finish_reason"), "length");
    assert_eq!(chunks[1]["choices"][0]["logprobs"]["text_offset"], json!([1]));
    assert_eq!(chunks[3]["usage"]["completion_tokens"], 2);
    assert!(text.ends_with("data: [DONE]\n\n"));
}

#[test]
fn a_cut_stream_and_an_error_within_are_failures() {
    for (operation, stream) in
        [(Operation::Chat, CHAT), (Operation::Messages, CHAT), (Operation::Completions, TEXT)]
    {
        let head = head(operation);
        let until = stream.trim_end().rfind('\n').unwrap() + 1;
        let kind = |tail: &str| {
            let text = format!("{}{tail}", &stream[..until]);
            let read = cuts_do_not_matter(text.as_bytes(), &|| codec().frames(&head, NOW));
            read.error.map(|error| error.kind)
        };
        assert_eq!(kind(""), Some(ErrorKind::Connection));
        let busy = "{\"error\":\"server busy, please try again\"}\n";
        assert_eq!(kind(busy), Some(ErrorKind::Overloaded));
        assert_eq!(kind("{\"error\":\"an odd thing\"}"), Some(ErrorKind::Server));
        assert_eq!(kind("<html>\n"), Some(ErrorKind::Server));
        assert_eq!(kind("{\"done\":true}\n{\"error\":\"late\"}\n"), None);
    }
}

#[test]
fn a_line_without_an_end_is_not_kept() {
    for operation in [Operation::Chat, Operation::Completions] {
        let (mut frames, mut out) = (codec().frames(&head(operation), NOW), Vec::new());
        let chunk = Bytes::from(vec![b'x'; 1 << 20]);
        let pushed = (0..32).find_map(|at| Some((at, frames.push(chunk.clone(), &mut out).err()?)));
        let (at, error) = pushed.unwrap();
        assert_eq!((at, error.kind), (16, ErrorKind::Server));
    }
}

proptest! {
    #[test]
    fn where_the_chunks_are_cut_does_not_matter(
        cuts in proptest::collection::vec(0..CHAT.len(), 0..8),
    ) {
        for (operation, stream) in [(Operation::Chat, CHAT), (Operation::Completions, TEXT)] {
            let mut cuts: Vec<usize> = cuts.iter().map(|at| *at.min(&stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let head = head(operation);
            let read = |cuts: &[usize]| {
                let chunks = cuts.windows(2).map(|cut| &stream.as_bytes()[cut[0]..cut[1]]);
                read_stream(codec().frames(&head, NOW), chunks).raw
            };
            prop_assert_eq!(read(&[0, stream.len()]), read(&cuts));
        }
    }

    #[test]
    fn any_bytes_end_in_a_value_or_an_error(
        bytes: Vec<u8>,
        line in r#"\{"(message|response|error|done|logprobs|embeddings)":(\{"(content|thinking|tool_calls|role)":(-1|1e99|"n"|null|\[\{\}\]|\[7\])\}|"n"|7|true|\[\{\}\]|\[\[1\]\]|null)\}"#,
    ) {
        for operation in
            [Operation::Chat, Operation::Messages, Operation::Embeddings, Operation::Completions]
        {
            let head = head(operation);
            for body in [bytes.clone(), format!("{line}\n{{\"done\":true}}\n").into_bytes(), line.clone().into_bytes()] {
                drop(read_stream(codec().frames(&head, NOW), [&body[..]]));
                for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
                    let body = body.clone().into();
                    drop(codec().decode(&head, status, &HeaderMap::new(), body, NOW));
                }
            }
        }
    }
}
