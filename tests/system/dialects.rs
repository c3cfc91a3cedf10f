//! Three front doors, and vendors of several dialects behind each.

use pointsman_testkit::{Behaviour, Gateway, Upstream, wire::Response};
use serde_json::{Value, json};

use crate::world::{CHAT, Config, events, hello, post, upstream};

const MESSAGES: &str = "/v1/messages";
const RESPONSES: &str = "/v1/responses";

/// OpenAI, Azure and Anthropic in one group, tried in this order.
async fn three() -> (Upstream, Upstream, Upstream, Gateway) {
    let (openai, azure, anthropic) =
        (upstream("openai").await, upstream("azure").await, upstream("anthropic").await);
    anthropic.answer_with(|asked, _| claude(asked.json()["stream"] == true));
    let root = |of: &Upstream| of.base().trim_end_matches("/v1").to_owned();
    let config = Config::default()
        .vendor("openai/gpt-4o", "openai", &openai.base(), ", order: 1")
        .vendor("azure/my-gpt", "azure", &root(&azure), ", order: 2, api_version: '2024-10-21'")
        .vendor("anthropic/claude-x", "anthropic", &root(&anthropic), ", order: 3");
    let gateway = config.and("router_settings: {num_retries: 3}").start().await;
    (openai, azure, anthropic, gateway)
}

/// What Anthropic answers.
fn claude(stream: bool) -> Behaviour {
    if !stream {
        let body = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
            "content": [{"type": "text", "text": "Hello from anthropic."}],
            "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 5}});
        return Behaviour::ok().header("content-type", "application/json").body(body.to_string());
    }
    let said = [
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 10, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello from "}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "anthropic."}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    let event = |body: &Value| {
        let kind = body["type"].as_str().unwrap_or_default();
        bytes::Bytes::from(format!("event: {kind}\ndata: {body}\n\n"))
    };
    Behaviour::ok().sse(said.iter().map(event))
}

fn busy() -> Behaviour {
    Behaviour::ok().error(503, "overloaded", "server_error", "busy")
}

fn messages(stream: bool) -> String {
    let mut body = hello(stream);
    body["max_tokens"] = 50.into();
    body.to_string()
}

fn asked(stream: bool) -> String {
    json!({"model": "m", "input": "Hello", "stream": stream}).to_string()
}

/// The text of an answer in any of the three dialects.
fn said(path: &str, answer: &Response) -> String {
    let body = answer.json();
    let at = match path {
        CHAT => "/choices/0/message/content",
        MESSAGES => "/content/0/text",
        _ => "/output/0/content/0/text",
    };
    let text = body.pointer(at).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("{path}: {body}")).to_owned()
}

/// The text of a streamed answer.
fn streamed(path: &str, answer: &Response) -> String {
    let body = answer.text();
    let at = match path {
        CHAT => "/choices/0/delta/content",
        MESSAGES => "/delta/text",
        _ => "/delta",
    };
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|event| event.pointer(at)?.as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn each_vendor_answers_each_caller_in_the_callers_dialect() {
    let (openai, azure, _anthropic, gateway) = three().await;
    for path in [CHAT, MESSAGES, RESPONSES] {
        for stream in [false, true] {
            let body = match path {
                CHAT => hello(stream).to_string(),
                MESSAGES => messages(stream),
                _ => asked(stream),
            };
            for (who, failing) in [
                ("openai", [].as_slice()),
                ("azure", [&openai].as_slice()),
                ("anthropic", [&openai, &azure].as_slice()),
            ] {
                for one in failing {
                    one.then([busy()]);
                }
                let answer = post(&gateway, path, &[], &body).await;
                let text = if stream { streamed(path, &answer) } else { said(path, &answer) };
                assert_eq!(text, format!("Hello from {who}."), "{path} {stream}");
                assert_eq!(answer.head.header("x-pointsman-deployment"), Some(who));
                let attempts = (failing.len() + 1).to_string();
                assert_eq!(answer.head.header("x-pointsman-attempts"), Some(attempts.as_str()));
            }
        }
    }
    let azures: Vec<String> = azure.calls().iter().map(|call| call.path.clone()).collect();
    let deployment = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21";
    assert_eq!(azures[0], deployment);
    assert!(azures.contains(&"/openai/v1/responses".to_owned()), "{azures:?}");
    assert_eq!(azure.calls()[0].header("api-key"), Some("sk-azure"));
}

#[tokio::test]
async fn a_callers_own_dialect_passes_through_untouched() {
    let (openai, azure, anthropic, gateway) = three().await;
    for one in [&openai, &azure] {
        one.always(busy());
    }
    let body = r#"{"model":"m","max_tokens":5,"messages":[ ],"brand_new":{"a":1.50}}"#;
    let headers = [("anthropic-beta", "some-beta"), ("anthropic-version", "2099-01-01")];
    let answer = post(&gateway, MESSAGES, &headers, body).await;
    assert_eq!(answer.json()["id"], "msg_1");
    let sent = &anthropic.calls()[0];
    let want = r#"{"model":"claude-x","max_tokens":5,"messages":[ ],"brand_new":{"a":1.50}}"#;
    assert_eq!(String::from_utf8_lossy(&sent.body), want);
    assert_eq!(sent.header("x-api-key"), Some("sk-anthropic"));
    assert_eq!(sent.header("anthropic-beta"), Some("some-beta"));
    assert_eq!(sent.header("anthropic-version"), Some("2099-01-01"));
}

#[tokio::test]
async fn what_one_vendor_cannot_say_another_can() {
    let (openai, anthropic) = (upstream("openai").await, upstream("anthropic").await);
    anthropic.always(claude(false));
    let claude = |config: Config, params| {
        config.vendor("anthropic/claude-x", "anthropic", &anthropic.base(), params)
    };
    let both = claude(Config::default(), ", order: 1");
    let both = both.vendor("openai/gpt-4o", "openai", &openai.base(), ", order: 2");
    let gateway = both.and("router_settings: {num_retries: 0}").start().await;
    let mut body = hello(false);
    body["seed"] = 7.into();
    let answer = post(&gateway, CHAT, &[], body.to_string()).await;
    assert_eq!(answer.head.header("x-pointsman-deployment"), Some("openai"), "{}", answer.text());
    assert_eq!((anthropic.count(), openai.calls()[0].json()["seed"].as_u64()), (0, Some(7)));
    let header = |name| answer.head.header(name);
    assert_eq!(header("x-pointsman-attempts"), Some("1"), "what was not sent is no attempt");
    assert_eq!(header("x-litellm-attempted-retries"), Some("0"));

    let gateway = claude(Config::default(), "").start().await;
    let refused = post(&gateway, CHAT, &[], body.to_string()).await;
    assert_eq!(refused.head.status, 400, "{}", refused.text());
    let error = &refused.json()["error"];
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("unsupported_parameter"), &json!("seed"))
    );
    assert_eq!(anthropic.count(), 0);

    let gateway = claude(Config::default(), ", drop_params: true").start().await;
    let answer = post(&gateway, CHAT, &[], body.to_string()).await;
    assert_eq!(said(CHAT, &answer), "Hello from anthropic.");
    assert!(anthropic.calls()[0].json().get("seed").is_none());
}

#[tokio::test]
async fn failures_are_told_in_the_callers_dialect() {
    let (openai, azure, anthropic, gateway) = three().await;
    let slow = Behaviour::ok().error(429, "rate_limit_exceeded", "rate_limit_error", "slow down");
    for one in [&openai, &azure, &anthropic] {
        one.always(slow.clone());
    }
    let answer = post(&gateway, MESSAGES, &[], messages(false)).await;
    let body = answer.json();
    assert_eq!(answer.head.status, 429, "{body}");
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&json!("error"), &json!("rate_limit_error"))
    );
    let unknown =
        post(&gateway, MESSAGES, &[], r#"{"model":"x","max_tokens":1,"messages":[]}"#).await;
    assert_eq!(unknown.json()["error"]["type"], "not_found_error");
    let missing = post(&gateway, MESSAGES, &[], r#"{"model":"m","messages":[]}"#).await;
    assert_eq!((missing.head.status, &missing.json()["type"]), (400, &json!("error")));
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_the_callers_kind_of_event() {
    let (openai, _azure, _anthropic, gateway) = three().await;
    for (path, body, want) in [
        (MESSAGES, messages(true), "event: error"),
        (CHAT, hello(true).to_string(), r#"data: {"error""#),
    ] {
        openai.then([Behaviour::ok().chunks(6).cut_after_chunks(2)]);
        let answer = post(&gateway, path, &[], body).await;
        let text = answer.text();
        let last = text.trim_end().rsplit("\n\n").next().unwrap();
        assert!(last.starts_with(want), "{path}: {text}");
        assert!(!events(&text).contains(&"[DONE]"), "{text}");
    }
}

#[tokio::test]
async fn a_deployment_has_headers_of_its_own() {
    let openai = upstream("openai").await;
    let headers = ", extra_headers: {X-Title: mine, HTTP-Referer: 'https://a.invalid'}";
    let config = Config::default().vendor("openrouter/x/y", "o", &openai.base(), headers);
    let gateway = config.start().await;
    assert_eq!(post(&gateway, CHAT, &[], hello(false).to_string()).await.head.status, 200);
    let sent = &openai.calls()[0];
    assert_eq!(
        (sent.header("x-title"), sent.header("http-referer")),
        (Some("mine"), Some("https://a.invalid"))
    );
    assert_eq!(sent.json()["model"], "x/y");
}

#[tokio::test]
async fn who_counts_no_tokens_has_them_estimated() {
    let openai = upstream("openai").await;
    let config = Config::default().vendor("openai/gpt-4o", "openai", &openai.base(), "");
    let gateway = config.start().await;
    let counted = post(&gateway, "/v1/messages/count_tokens", &[], hello(false).to_string()).await;
    // Five letters, one message, one call.
    assert_eq!(counted.json(), json!({"input_tokens": 2 + 4 + 3}));
    assert_eq!(openai.count(), 0);
}

#[tokio::test]
async fn forms_speech_and_the_rest_pass_through() {
    let openai = upstream("openai").await;
    let config = Config::default().vendor("openai/whisper-1", "openai", &openai.base(), "");
    let gateway = config.start().await;
    let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
                --x\r\ncontent-disposition: form-data; name=\"language\"\r\n\r\nde\r\n\
                --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                content-type: audio/wav\r\n\r\nRIFF\0\x01\r\n--x--\r\n";
    openai.then([Behaviour::ok()
        .header("content-type", "application/json")
        .body(r#"{"text":"Hallo"}"#)]);
    let kind = [("content-type", "multipart/form-data; boundary=x")];
    let answer = post(&gateway, "/v1/audio/transcriptions", &kind, form).await;
    assert_eq!(answer.json()["text"], "Hallo", "{}", answer.text());
    let sent = &openai.calls()[0];
    assert_eq!(sent.path, "/v1/audio/transcriptions");
    let body = String::from_utf8_lossy(&sent.body);
    for piece in [
        "name=\"model\"\r\n\r\nwhisper-1\r\n",
        "name=\"language\"\r\n\r\nde\r\n",
        "\r\n\r\nRIFF\0\x01\r\n",
    ] {
        assert!(body.contains(piece), "{body}");
    }

    openai.then([Behaviour::ok().header("content-type", "audio/mpeg").body("sound")]);
    let speech =
        post(&gateway, "/v1/audio/speech", &[], r#"{"model":"m","input":"Hi","voice":"x"}"#).await;
    assert_eq!(
        (speech.text().as_str(), speech.head.header("content-type")),
        ("sound", Some("audio/mpeg"))
    );

    for (path, body, answer) in [
        ("/v1/images/generations", r#"{"model":"m","prompt":"x"}"#, r#"{"data":[{"url":"u"}]}"#),
        ("/v1/moderations", r#"{"model":"m","input":"x"}"#, r#"{"results":[{"flagged":false}]}"#),
        (
            "/v1/rerank",
            r#"{"model":"m","query":"x","documents":["a"]}"#,
            r#"{"results":[{"index":0}]}"#,
        ),
    ] {
        openai.then([Behaviour::ok().header("content-type", "application/json").body(answer)]);
        let got = post(&gateway, path, &[], body).await;
        assert_eq!((got.head.status, got.text().as_str()), (200, answer), "{path}");
    }
    let broken = post(&gateway, "/v1/audio/transcriptions", &kind, "no form").await;
    assert_eq!(broken.head.status, 400, "{}", broken.text());
    let bare = post(&gateway, "/v1/audio/transcriptions", &[], "{}").await;
    assert_eq!(bare.head.status, 400, "{}", bare.text());
}
