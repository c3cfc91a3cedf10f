//! What the upstream sees of a request, and the client of an answer.

use pointsman_testkit::Behaviour;
use serde_json::json;

use crate::world::{CHAT, Config, ask, chat, hello, post, upstream};

/// A body as no serialiser would write it.
const ODD: &str = "{ \"frequency_penalty\":-0.0,\t\"n\" : 1.0e0, \"seed\":12345678901234567890123,\r\n \
    \"model\" :  \"m\" ,\"new_field\":{\"b\":1,\"a\":[null,{}],\"a\":2,\"\\u0062\":\"\\ud83d\\ude00/\\/\"},\
    \"messages\":[{\"role\":\"user\",\"content\":\"h\u{e9}\u{1f600} \\n\"}], \"stop\":\"\" }\n";

#[tokio::test]
async fn every_byte_but_the_model_s_name_is_sent_as_it_came() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    assert_eq!(post(&gateway, CHAT, &[], ODD).await.head.status, 200);
    let sent = String::from_utf8(a.calls()[0].body.to_vec()).unwrap();
    assert_eq!(sent, ODD.replace("\"m\"", "\"theirs-a\""));
}

#[tokio::test]
async fn it_has_its_own_key_and_nothing_of_the_caller_s() {
    let a = upstream("a").await;
    let config = Config::default().deployment(&a);
    let gateway = config.and("general_settings: {master_key: sk-caller}").start().await;
    let headers = [
        ("authorization", "Bearer sk-caller"),
        ("x-api-key", "sk-caller"),
        ("api-key", "sk-caller"),
        ("cookie", "session=sk-caller"),
        ("openai-organization", "org-caller"),
    ];
    assert_eq!(post(&gateway, CHAT, &headers, hello(false).to_string()).await.head.status, 200);
    let seen = &a.calls()[0];
    assert_eq!(seen.path, CHAT);
    assert_eq!(seen.header("authorization"), Some("Bearer sk-a"));
    assert_eq!(seen.json()["model"], "theirs-a");
    let told = format!("{:?} {:?}", seen.headers, seen.body);
    assert!(!told.contains("caller"), "{told}");
}

#[tokio::test]
async fn the_router_s_own_fields_stay_here() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let mut body = hello(false);
    let mut wanted = body.clone();
    for (field, value) in [
        ("num_retries", json!(1)),
        ("timeout", json!(20)),
        ("stream_timeout", json!(20)),
        ("fallbacks", json!([])),
        ("disable_fallbacks", json!(true)),
        ("max_fallbacks", json!(1)),
        ("priority", json!(1)),
    ] {
        body[field] = value;
    }
    body["user"] = json!("u");
    wanted["user"] = json!("u");
    body["metadata"] = json!({"k": "v", "tags": ["a"], "session_id": "s"});
    wanted["metadata"] = json!({"k": "v"});
    wanted["model"] = json!("theirs-a");
    assert_eq!(ask(&gateway, &body).await.head.status, 200);
    assert_eq!(a.calls()[0].json(), wanted);
}

#[tokio::test]
async fn an_answer_comes_back_as_it_was_sent() {
    const ANSWER: &str =
        "{ \"choices\":[{\"message\":{\"content\":\"\\u0068\"}}] ,\"odd\":1.00e+2}\n";
    let a = upstream("a").await;
    let answer = Behaviour::ok().body(ANSWER).header("x-ratelimit-remaining-requests", "7");
    a.always(answer.header("x-request-id", "req-1").header("set-cookie", "a=b"));
    let gateway = Config::default().deployment(&a).start().await;
    let response = chat(&gateway).await;
    assert_eq!(response.text(), ANSWER);
    assert_eq!(response.head.header("x-ratelimit-remaining-requests"), Some("7"));
    assert_eq!(response.head.header("content-type"), Some("application/json"));
    assert_eq!(response.head.header("set-cookie"), None);
}

#[tokio::test]
async fn a_large_body_comes_through_whole() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    // With quotes and backslashes all over, and the name only at the very end.
    let text = "say \\\"why\\\\\\\" \\u0041 ".repeat(1_500_000 / 21);
    let body = |model| {
        format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}],"model":"{model}"}}"#)
    };
    let response = post(&gateway, CHAT, &[], body("m")).await;
    assert_eq!(response.head.status, 200, "{}", response.text());
    assert!(a.calls()[0].body == body("theirs-a"), "the body has changed on its way");
}

#[tokio::test]
async fn completions_and_embeddings_go_the_same_way() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let prompt = json!({"model": "m", "prompt": "Once"}).to_string();
    let input = json!({"model": "m", "input": ["one", "two"]}).to_string();
    for prefix in ["/v1", ""] {
        let completed = post(&gateway, &format!("{prefix}/completions"), &[], &prompt).await;
        assert_eq!(completed.json()["choices"][0]["text"], "Hello from a.");
        let embedded = post(&gateway, &format!("{prefix}/embeddings"), &[], &input).await;
        assert_eq!(embedded.json()["data"].as_array().map(Vec::len), Some(2));
        assert_eq!(embedded.head.header("x-pointsman-deployment"), Some("a"));
    }
    let paths: Vec<String> = a.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/v1/completions", "/v1/embeddings", "/v1/completions", "/v1/embeddings"]);
}

#[tokio::test]
async fn a_mark_before_an_answer_is_no_part_of_it() {
    const ANSWER: &str = "{\"choices\":[{\"message\":{\"content\":\"h\"}}]}";
    let a = upstream("a").await;
    a.always(Behaviour::ok().body(["\u{feff}", ANSWER].concat()));
    let gateway = Config::default().deployment(&a).start().await;
    assert_eq!(chat(&gateway).await.text(), ANSWER);
}

#[tokio::test]
async fn an_answer_that_is_packed_is_named() {
    let a = upstream("a").await;
    a.then([
        Behaviour::ok().body("\u{1f}packed").header("content-encoding", "gzip"),
        Behaviour::ok().status(404).body("\u{1f}packed").header("content-encoding", "gzip"),
    ]);
    let gateway = Config::default().deployment(&a).and("router_settings: {num_retries: 0}");
    let gateway = gateway.start().await;
    let answer = chat(&gateway).await;
    assert_eq!(answer.head.status, 502);
    assert!(answer.text().contains("packed (gzip)"), "{}", answer.text());
    assert_eq!(chat(&gateway).await.head.status, 404);
    assert_eq!(a.calls()[0].header("accept-encoding"), Some("identity"));
}
