//! watsonx's text generation, by way of completions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pointsman_clock::Instant;
use pointsman_openai::WatsonxCodec;
use pointsman_provider::{Call, CallHead, Codec, Incoming, Pieces, Speech, Target, Transport};
use pointsman_testkit::recorded::{NONE_HERE, cuts_do_not_matter, recorded};
use pointsman_types::{Deployment, Error, ErrorKind, Operation};
use serde_json::{Value, json};

const NOW: Instant = Instant::from_secs(1_700_000_000);

#[derive(Debug)]
struct Down;

#[async_trait]
impl Transport for Down {
    async fn send(&self, _: Request<Pieces>) -> Result<http::Response<Incoming>, Error> {
        Err(Error::new(ErrorKind::Connection, "down"))
    }
}

fn codec() -> WatsonxCodec {
    WatsonxCodec::new(Arc::new(Down))
}

fn target(model: &str) -> Target {
    let mut deployment = Deployment::new("g", "watsonx", model)
        .with_base("https://us-south.ml.cloud.ibm.com")
        .with_key("k");
    deployment.settings.insert("project_id".into(), "p".into());
    codec().target(&deployment).unwrap()
}

fn sent(model: &str, body: Value) -> Result<(String, Value), Error> {
    let call = Call::json(Operation::Completions, "g", body).unwrap();
    assert_eq!(codec().speaks(&target(model), &call.head), Speech::Translated);
    let request = codec().encode(&target(model), &call)?;
    let body = serde_json::from_slice(&request.body().to_bytes()).unwrap();
    Ok((request.uri().to_string(), body))
}

fn head(stream: bool) -> CallHead {
    let body = json!({"prompt": "", "stream": stream, "stream_options": {"include_usage": true}});
    Call::json(Operation::Completions, "g", body).unwrap().head
}

fn said(body: &str) -> Result<Value, Error> {
    let body = Bytes::from(body.to_owned());
    let whole = codec().decode(&head(false), StatusCode::OK, &HeaderMap::new(), body, NOW)?;
    Ok(serde_json::from_slice(&whole.body).unwrap())
}

#[test]
fn what_is_sent() {
    let (uri, body) = sent(
        "ibm/granite",
        json!({"prompt": "Hi", "max_tokens": 5, "temperature": 0.5, "stop": "x", "seed": 3,
            "stream": true, "repetition_penalty": 1.1}),
    )
    .unwrap();
    assert_eq!(
        uri,
        "https://us-south.ml.cloud.ibm.com/ml/v1/text/generation_stream?version=2024-03-13"
    );
    assert_eq!(
        body,
        json!({"input": "Hi", "model_id": "ibm/granite", "project_id": "p", "parameters": {
            "max_new_tokens": 5, "decoding_method": "sample", "temperature": 0.5,
            "random_seed": 3, "stop_sequences": ["x"], "repetition_penalty": 1.1}})
    );
    let (uri, body) = sent("deployment/d", json!({"prompt": ["Hi"]})).unwrap();
    assert!(uri.contains("/ml/v1/deployments/d/text/generation?"), "{uri}");
    assert_eq!(body, json!({"input": "Hi"}));
    let kind = |body| sent("m", body).unwrap_err().kind;
    assert_eq!(kind(json!({"prompt": [1, 2]})), ErrorKind::Unsupported);
    assert_eq!(kind(json!({"prompt": "Hi", "n": 2})), ErrorKind::Unsupported);
    assert_eq!(kind(json!({})), ErrorKind::BadRequest);
}

#[test]
fn a_whole_answer() {
    let told = said(
        r#"{"model_id": "m", "results": [{"generated_text": "Hi", "generated_token_count": 2,
            "input_token_count": 7, "stop_reason": "max_tokens"}], "system": {"warnings": []}}"#,
    )
    .unwrap();
    let choice = json!({"index": 0, "text": "Hi", "logprobs": null, "finish_reason": "length"});
    assert_eq!(told["choices"], json!([choice]));
    assert_eq!(
        told["usage"],
        json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9})
    );
    for broken in ["{}", "", r#"{"results": []}"#, r#"{"results": [{"stop_reason": "error"}]}"#] {
        assert_eq!(said(broken).unwrap_err().kind, ErrorKind::Server, "{broken}");
    }
}

const STREAM: &str = concat!(
    "id: 1\nevent: message\ndata: {\"model_id\":\"m\",\"results\":[{\"generated_text\":\"\",",
    "\"generated_token_count\":0,\"input_token_count\":8,\"stop_reason\":\"not_finished\"}]}\n\n",
    "id: 2\nevent: message\ndata: {\"results\":[{\"generated_text\":\"H\u{e9}\",",
    "\"generated_token_count\":1,\"input_token_count\":0,\"stop_reason\":\"not_finished\"}]}\n\n",
    "id: 3\nevent: message\ndata: {\"results\":[{\"generated_text\":\"\",",
    "\"generated_token_count\":2,\"input_token_count\":0,\"stop_reason\":\"eos_token\"}]}\n\n",
);

#[test]
fn a_stream() {
    let read = cuts_do_not_matter(STREAM.as_bytes(), &|| codec().frames(&head(true), NOW));
    assert!(read.error.is_none() && read.done && read.content);
    assert_eq!(read.usage.map(|used| (used.input, used.output)), Some((8, 2)));
    let raw = String::from_utf8(read.raw).unwrap();
    let told: Vec<Value> = raw
        .split("\n\n")
        .filter_map(|event| serde_json::from_str(event.strip_prefix("data: ")?).ok())
        .collect();
    assert_eq!(told[0]["choices"][0]["text"], "H\u{e9}");
    assert_eq!(told[1]["choices"][0]["finish_reason"], "stop");
    assert_eq!(told[2]["usage"]["total_tokens"], 10);
    assert!(raw.ends_with("data: [DONE]\n\n"));
    let failed = "event: error\ndata: {\"errors\":[{\"code\":\"downstream_request_failed\",\
        \"message\":\"no\"}],\"status_code\":503}\n\n";
    for (text, want) in [
        (STREAM[..STREAM.len() - 130].to_owned(), ErrorKind::Connection),
        ([&STREAM[..STREAM.find("id: 3").unwrap()], failed].concat(), ErrorKind::Server),
        ("data: <html>\n\n".to_owned(), ErrorKind::Server),
    ] {
        let read = cuts_do_not_matter(text.as_bytes(), &|| codec().frames(&head(true), NOW));
        assert_eq!(read.error.map(|error| error.kind), Some(want), "{text}");
    }
}

#[test]
fn what_is_recorded() {
    let all = recorded("watsonx");
    if all.is_empty() {
        println!("{NONE_HERE}");
    }
    for one in all.iter().filter(|one| one.kind.starts_with("text-generation")) {
        if one.is_stream() {
            let read = cuts_do_not_matter(&one.body, &|| codec().frames(&head(true), NOW));
            assert!(read.error.is_none() && read.done, "{}: {:?}", one.file, read.error);
            assert!(read.usage.is_some_and(|used| used.input > 0 && used.output > 0));
        } else {
            let theirs: Value = serde_json::from_slice(&one.body).unwrap();
            let told = said(std::str::from_utf8(&one.body).unwrap()).unwrap();
            assert_eq!(told["choices"][0]["text"], theirs["results"][0]["generated_text"]);
            assert_eq!(
                told["usage"]["completion_tokens"],
                theirs["results"][0]["generated_token_count"]
            );
        }
    }
}
