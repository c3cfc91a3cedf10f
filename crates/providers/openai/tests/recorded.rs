//! Recorded traffic of all who speak OpenAI's dialect, where there is some.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{HeaderMap, HeaderName, StatusCode};
use pointsman_clock::Instant;
use pointsman_openai::{Dialect, OpenAiCodec, VENDORS};
use pointsman_provider::{Call, CallHead, Codec};
use pointsman_testkit::recorded::{NONE_HERE, Recorded, cuts_do_not_matter, recorded};
use pointsman_types::{ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

/// Whose recordings are read with whose dialect.
const WHO: &[(&str, &str)] = &[
    ("openai", "openai"),
    ("azure", "openai"),
    ("alibaba", "dashscope"),
    ("bedrock-mantle", "bedrock_mantle"),
    ("cerebras", "cerebras"),
    ("cloudflare", "cloudflare"),
    ("databricks", "databricks"),
    ("deepseek", "deepseek"),
    ("groq", "groq"),
    ("gpustack", "openai_like"),
    ("huggingface", "huggingface"),
    ("mistral", "mistral"),
    ("moonshot", "moonshot"),
    ("ollama", "openai_like"),
    ("nvidia_nim", "nvidia_nim"),
    ("openrouter", "openrouter"),
    ("perplexity", "perplexity"),
    ("snowflake", "snowflake"),
    ("tgi", "huggingface"),
    ("together", "together_ai"),
    ("xai", "xai"),
];

/// Ollama speaks this dialect beside its own, which its own codec replays.
fn is_ollamas_own(one: &Recorded) -> bool {
    let text = String::from_utf8_lossy(&one.body);
    text.contains("\"done\":") || text.contains("\"done\" :")
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

/// What was asked, by what was answered.
fn operation(of: &Recorded) -> Option<Operation> {
    let text = String::from_utf8_lossy(&of.body);
    if of.is_stream() {
        if text.contains("event: response.") || text.contains("\"response.created\"") {
            return Some(Operation::Responses);
        }
        return (text.contains("chat.completion.chunk") || text.contains("\"choices\""))
            .then_some(Operation::Chat);
    }
    let value: Value = serde_json::from_str(&text).ok()?;
    if value["object"] == "response" {
        return Some(Operation::Responses);
    }
    if value["choices"].is_array() {
        let chat = value["choices"][0].get("message").is_some();
        return Some(if chat { Operation::Chat } else { Operation::Completions });
    }
    if value["data"][0].get("embedding").is_some() {
        return Some(Operation::Embeddings);
    }
    if value["data"][0].get("b64_json").is_some() || value["data"][0].get("url").is_some() {
        return Some(Operation::Images);
    }
    if of.kind.contains("transcription") {
        return Some(Operation::Transcription);
    }
    None
}

#[test]
fn every_answer_is_read_with_its_usage() {
    let mut replayed = 0;
    for (provider, vendor) in WHO {
        let dialect = VENDORS.iter().find(|one| one.vendor.name == *vendor).unwrap();
        let codec = OpenAiCodec::new(dialect);
        for one in recorded(provider).into_iter().filter(|one| !is_ollamas_own(one)) {
            replayed += 1;
            // Some that are translated for responses have been asked for them all the same.
            let responses = operation(&one) == Some(Operation::Responses);
            let codec = if responses { OpenAiCodec::new(&VENDORS[0]) } else { codec };
            match (one.status, operation(&one)) {
                (200, Some(operation)) if one.is_stream() => stream(&codec, &one, operation),
                (200, Some(operation)) => whole(&codec, &one, operation),
                (200, None) if one.kind == "content-filter" => error(&codec, &one),
                (200, None) => println!("{}: of no operation here", one.file),
                _ => error(&codec, &one),
            }
        }
    }
    if replayed == 0 {
        println!("{NONE_HERE}");
    }
}

/// All texts at a path in the events of a stream.
fn told(raw: &[u8], path: &str) -> String {
    let text = String::from_utf8_lossy(raw);
    let data = text.lines().filter_map(|line| line.trim_end().strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|event| event.pointer(path)?.as_str().map(str::to_owned))
        .collect()
}

fn stream(codec: &OpenAiCodec, one: &Recorded, operation: Operation) {
    let read = |codec: &OpenAiCodec, operation| {
        let head = head(operation, true);
        cuts_do_not_matter(&one.body, &|| codec.frames(&head, NOW))
    };
    let native = read(codec, operation);
    let text = String::from_utf8_lossy(&one.body);
    if text.contains("\"error\":{") && native.error.is_some() {
        return;
    }
    assert!(native.error.is_none(), "{}: {:?}", one.file, native.error);
    assert!(native.content, "{}", one.file);
    if text.contains("\"usage\":{") {
        assert!(native.usage.is_some_and(|usage| usage.total() > 0), "{}", one.file);
    }
    if operation != Operation::Chat {
        return;
    }
    // The same for callers of the two other dialects.
    let plain = OpenAiCodec::new(&Dialect::plain(VENDORS[0].vendor));
    let said = told(&native.raw, "/choices/0/delta/content");
    let calls = told(&native.raw, "/choices/0/delta/tool_calls/0/function/arguments");
    for (operation, text, arguments) in [
        (Operation::Messages, "/delta/text", "/delta/partial_json"),
        (Operation::Responses, "", ""),
    ] {
        let other = read(&plain, operation);
        assert!(other.error.is_none(), "{} as {operation:?}: {:?}", one.file, other.error);
        assert!(other.done && other.content, "{} as {operation:?}", one.file);
        assert_eq!(other.usage, native.usage, "{} as {operation:?}", one.file);
        if operation == Operation::Messages && !one.kind.contains("choices") {
            assert_eq!(told(&other.raw, text), said, "{}", one.file);
            let theirs = told(&other.raw, arguments);
            assert!(theirs.contains(&calls) || calls.is_empty(), "{}: {theirs}", one.file);
        }
    }
}

fn whole(codec: &OpenAiCodec, one: &Recorded, operation: Operation) {
    let decode = |operation| {
        let head = head(operation, false);
        let read = codec.decode(&head, StatusCode::OK, &headers(one), one.body.clone(), NOW);
        read.unwrap_or_else(|error| panic!("{}: {error}", one.file))
    };
    let read = decode(operation);
    let theirs: Value = serde_json::from_slice(&one.body).unwrap();
    let by_tokens = !matches!(operation, Operation::Transcription | Operation::Images);
    if by_tokens && theirs["usage"].is_object() {
        assert!(read.usage.is_some_and(|usage| usage.total() > 0), "{}", one.file);
    }
    if operation != Operation::Chat {
        return;
    }
    let translated = decode(Operation::Messages);
    assert_eq!(read.usage, translated.usage, "{}", one.file);
    let plain = OpenAiCodec::new(&Dialect::plain(VENDORS[0].vendor));
    let head = head(Operation::Responses, false);
    let responses = plain.decode(&head, StatusCode::OK, &headers(one), one.body.clone(), NOW);
    assert_eq!(responses.unwrap().usage, read.usage, "{}", one.file);
    let ours: Value = serde_json::from_slice(&translated.body).unwrap();
    let blocks = ours["content"].as_array().unwrap();
    let text: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    let message = &theirs["choices"][0]["message"];
    if let Some(said) = message["content"].as_str() {
        let refusal = message["refusal"].as_str().unwrap_or_default();
        assert_eq!(text, [said, refusal].concat(), "{}", one.file);
    }
    let calls = blocks.iter().filter(|block| block["type"] == "tool_use").count();
    let old =
        usize::from(message["function_call"]["name"].as_str().is_some_and(|name| !name.is_empty()));
    let theirs = message["tool_calls"].as_array().map_or(old, Vec::len);
    assert_eq!(theirs, calls, "{}", one.file);
}

fn error(codec: &OpenAiCodec, one: &Recorded) {
    let status = StatusCode::from_u16(one.status).unwrap();
    let head = head(Operation::Chat, false);
    let read = codec.decode(&head, status, &headers(one), one.body.clone(), NOW);
    let error = read.unwrap_err();
    let kind = one.kind.as_str();
    let names = |word: &str| kind.contains(word);
    let want: &[ErrorKind] = match one.status {
        _ if names("context") => &[ErrorKind::ContextWindow],
        _ if names("content-filter") || names("content-policy") => &[ErrorKind::ContentPolicy],
        _ if names("auth") => &[ErrorKind::Authentication, ErrorKind::Permission],
        _ if names("not-found") => &[ErrorKind::NotFound],
        _ if names("credits") || names("trial") || names("quota") => &[ErrorKind::QuotaExhausted],
        _ if names("overloaded") => &[ErrorKind::Overloaded],
        402 => &[ErrorKind::QuotaExhausted],
        403 => &[ErrorKind::Permission],
        404 => &[ErrorKind::NotFound],
        429 => &[ErrorKind::RateLimited, ErrorKind::QuotaExhausted],
        503 => &[ErrorKind::Overloaded],
        _ => &[ErrorKind::BadRequest],
    };
    assert!(want.contains(&error.kind), "{} {kind}: {error}", one.file);
}
