//! Bedrock behind the three front doors: signed requests, event streams, failures.

use std::path::Path;

use pointsman_testkit::{Behaviour, Gateway, Upstream, event_stream, wire::Response};
use serde_json::{Value, json};

use crate::{
    POINTSMAN,
    world::{CHAT, Config, events, hello, post, text, upstream},
};

const MODEL: &str = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn said() -> Behaviour {
    let body = json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "Hello from bedrock."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}});
    Behaviour::ok().header("content-type", "application/json").body(body.to_string())
}

fn stream(end: &[u8]) -> Behaviour {
    let delta = |text: &str| {
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": text}, "p": "abc"}))
    };
    let begun = event_stream::events(&[
        ("messageStart", json!({"role": "assistant"})),
        delta("Hello from "),
        delta("bedrock."),
    ]);
    let kind = "application/vnd.amazon.eventstream";
    Behaviour::ok().header("content-type", kind).body([&begun, end].concat())
}

fn streamed() -> Behaviour {
    stream(&event_stream::events(&[
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("messageStop", json!({"stopReason": "end_turn"})),
        ("metadata", json!({"usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}})),
    ]))
}

fn refused(status: u16, kind: &str, message: &str) -> Behaviour {
    Behaviour::ok()
        .status(status)
        .header("content-type", "application/json")
        .header("x-amzn-errortype", &format!("{kind}:http://internal.amazon.com/"))
        .body(json!({"message": message}).to_string())
}

/// Bedrock before OpenAI in one group; its keys come from the environment.
async fn both() -> (Upstream, Upstream, Gateway) {
    let (bedrock, openai) = (upstream("bedrock").await, upstream("openai").await);
    bedrock.answer_with(
        |asked, _| {
            if asked.path.ends_with("/converse-stream") { streamed() } else { said() }
        },
    );
    let root = bedrock.base().trim_end_matches("/v1").to_owned();
    let config = format!(
        "model_list:\n  - model_name: m\n    litellm_params: {{model: '{MODEL}', \
         aws_bedrock_runtime_endpoint: '{root}', aws_region_name: eu-west-1, order: 1}}\n    \
         model_info: {{id: bedrock}}\n\
         \x20 - model_name: m\n    litellm_params: {{model: openai/gpt-4o, api_base: '{}', \
         api_key: sk-x, order: 2}}\n    model_info: {{id: openai}}\n",
        openai.base()
    );
    let env = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "planted"),
        ("AWS_SESSION_TOKEN", "a-token"),
    ];
    let gateway = Gateway::start(Path::new(POINTSMAN), &config, &env).await.unwrap();
    (bedrock, openai, gateway)
}

fn by(answer: &Response) -> Option<&str> {
    answer.head.header("x-pointsman-deployment")
}

#[tokio::test]
async fn it_is_asked_signed_and_answers_in_the_callers_dialect() {
    let (bedrock, _openai, gateway) = both().await;
    let answer = post(&gateway, CHAT, &[], hello(false).to_string()).await;
    assert_eq!(by(&answer), Some("bedrock"), "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["choices"][0]["message"]["content"], "Hello from bedrock.");
    assert_eq!(body["usage"]["total_tokens"], 15);

    let answer = post(&gateway, CHAT, &[], hello(true).to_string()).await;
    let shown = answer.text();
    let events = events(&shown);
    assert_eq!((text(&events).as_str(), events.last()), ("Hello from bedrock.", Some(&"[DONE]")));

    let asked =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]});
    let answer = post(&gateway, "/v1/messages", &[], asked.to_string()).await;
    assert_eq!(answer.json()["content"][0]["text"], "Hello from bedrock.");
    let asked = json!({"model": "m", "input": "Hi"});
    let answer = post(&gateway, "/v1/responses", &[], asked.to_string()).await;
    assert_eq!(answer.json()["output"][0]["content"][0]["text"], "Hello from bedrock.");

    let calls = bedrock.calls();
    let path = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0";
    assert_eq!(calls[0].path, format!("{path}/converse"));
    assert_eq!(calls[1].path, format!("{path}/converse-stream"));
    let signed = calls[0].header("authorization").unwrap_or_default();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signed}");
    assert!(signed.contains("/eu-west-1/bedrock/aws4_request"), "{signed}");
    assert_eq!(calls[0].header("x-amz-security-token"), Some("a-token"));
    assert!(!gateway.logs().contains("planted"));
}

#[tokio::test]
async fn a_failure_of_its_moves_on() {
    let (bedrock, _openai, gateway) = both().await;
    let exception = |kind: &str| {
        let headers = [(":exception-type", kind), (":message-type", "exception")];
        let frame = event_stream::frame(&headers, br#"{"message":"oops"}"#);
        Behaviour::ok().header("content-type", "application/vnd.amazon.eventstream").body(frame)
    };
    for (failing, stream) in [
        (refused(503, "ServiceUnavailableException", "busy"), false),
        (refused(500, "InternalServerException", "oops"), true),
        // Nothing was said yet.
        (exception("modelStreamErrorException"), true),
    ] {
        bedrock.then([failing]);
        let answer = post(&gateway, CHAT, &[], hello(stream).to_string()).await;
        assert_eq!(by(&answer), Some("openai"), "{}", answer.text());
    }
}

#[tokio::test]
async fn what_was_said_is_not_taken_back() {
    let (bedrock, _openai, gateway) = both().await;
    let headers =
        [(":exception-type", "modelStreamErrorException"), (":message-type", "exception")];
    bedrock.then([stream(&event_stream::frame(&headers, br#"{"message":"oops"}"#))]);
    let answer = post(&gateway, CHAT, &[], hello(true).to_string()).await;
    let shown = answer.text();
    let events = events(&shown);
    assert_eq!(text(&events), "Hello from bedrock.");
    let told: Option<Value> = events.iter().find_map(|event| {
        serde_json::from_str::<Value>(event).ok().filter(|event| event["error"].is_object())
    });
    assert_eq!(told.unwrap_or_default()["error"]["message"], "oops", "{shown}");
}

#[tokio::test]
async fn its_models_embed_few_texts_at_a_time() {
    let bedrock = upstream("bedrock").await;
    bedrock.answer_with(|asked, _| {
        let length = asked.json()["inputText"].as_str().map_or(0, str::len);
        let body = json!({"embedding": [length, 0.5], "inputTextTokenCount": 2});
        Behaviour::ok().header("content-type", "application/json").body(body.to_string())
    });
    let root = bedrock.base().trim_end_matches("/v1").to_owned();
    let titan = "bedrock/amazon.titan-embed-text-v2:0";
    let gateway = Config::default().vendor(titan, "titan", &root, "").start().await;
    let asked = json!({"model": "m", "input": ["a", "bb", "ccc"], "dimensions": 256});
    let answer = post(&gateway, "/v1/embeddings", &[], asked.to_string()).await.json();
    let vectors: Vec<&Value> =
        answer["data"].as_array().unwrap().iter().map(|one| &one["embedding"][0]).collect();
    assert_eq!(vectors, [&json!(1.0), &json!(2.0), &json!(3.0)], "{answer}");
    assert_eq!(answer["data"][2]["index"], 2);
    assert_eq!(answer["usage"]["total_tokens"], 6);
    assert_eq!(bedrock.calls()[0].header("authorization"), Some("Bearer sk-titan"));

    // A Cohere embeds many, and more than many in several calls.
    let cohere = upstream("cohere").await;
    cohere.answer_with(|asked, _| {
        let texts = asked.json()["texts"].as_array().map_or(0, Vec::len);
        let body = json!({"embeddings": vec![[0.5]; texts], "response_type": "embeddings_floats"});
        Behaviour::ok().header("content-type", "application/json").body(body.to_string())
    });
    let root = cohere.base().trim_end_matches("/v1").to_owned();
    let model = "bedrock/cohere.embed-english-v3";
    let gateway = Config::default().vendor(model, "cohere", &root, "").start().await;
    for (texts, calls) in [(96, 1), (100, 3)] {
        let asked = json!({"model": "m", "input": vec!["a"; texts]});
        let answer = post(&gateway, "/v1/embeddings", &[], asked.to_string()).await.json();
        assert_eq!(answer["data"].as_array().unwrap().len(), texts, "{answer}");
        assert_eq!(cohere.count(), calls);
    }
}
