//! Upstreams that speak OpenAI's dialect, and not all of it.

use pointsman_testkit::{Behaviour, Gateway, Upstream, upstream::Seen};
use serde_json::{Value, json};

use crate::world::{Config, ask, hello, post, upstream};

/// As vLLM, llama.cpp and their like answer at a path that they do not have.
const NOTHING: &str = r#"{"detail":"Not Found"}"#;

/// An upstream without responses.
async fn chats_only(name: &str) -> Upstream {
    let upstream = upstream(name).await;
    upstream.answer_with(|asked, _| {
        if asked.path.ends_with("/responses") {
            Behaviour::ok().status(404).body(NOTHING)
        } else {
            Behaviour::ok()
        }
    });
    upstream
}

fn paths(upstream: &Upstream) -> Vec<String> {
    upstream.calls().into_iter().map(|seen: Seen| seen.path).collect()
}

async fn respond(gateway: &Gateway, more: Value) -> (u16, Value) {
    let mut body = json!({"model": "m", "input": "Hello"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let response = post(gateway, "/v1/responses", &[], body.to_string()).await;
    (response.head.status, response.json())
}

#[tokio::test]
async fn responses_go_to_chat_where_there_is_nothing_else() {
    let a = chats_only("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    for nth in 0..3 {
        let (status, answer) = respond(&gateway, json!({"max_output_tokens": 9})).await;
        assert_eq!((status, &answer["object"]), (200, &json!("response")), "{nth}: {answer}");
        assert_eq!(answer["output"][0]["content"][0]["text"], "Hello from a.");
    }
    // It is found out once.
    let (responses, chat) = ("/v1/responses".to_owned(), "/v1/chat/completions".to_owned());
    assert_eq!(paths(&a), [responses, chat.clone(), chat.clone(), chat]);
    let sent = a.calls()[1].json();
    // In the words that everybody knows.
    assert_eq!((&sent["max_tokens"], &sent["max_completion_tokens"]), (&json!(9), &Value::Null));
    let asked = json!({"model": "m", "input": "Hello", "stream": true}).to_string();
    let stream = post(&gateway, "/v1/responses", &[], asked).await.text();
    assert!(stream.contains("event: response.completed"), "{stream}");
}

#[tokio::test]
async fn a_model_that_is_not_there_is_no_lack_of_responses() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().error(404, "model_not_found", "x", "no such model"));
    let gateway = Config::default().deployment(&a).start().await;
    let (status, answer) = respond(&gateway, json!({})).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("model_not_found")), "{answer}");
    a.always(Behaviour::ok());
    let gateway = Config::default().deployment(&a).start().await;
    a.clear();
    let (status, answer) = respond(&gateway, json!({})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(paths(&a), ["/v1/responses"]);
}

#[tokio::test]
async fn what_chat_has_no_words_for_is_said() {
    let a = chats_only("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let (status, answer) = respond(&gateway, json!({"previous_response_id": "resp_1"})).await;
    assert_eq!(status, 400, "{answer}");
    let told = answer["error"]["message"].as_str().unwrap();
    assert!(told.contains("previous_response_id"), "{told}");
    assert_eq!(respond(&gateway, json!({})).await.0, 200, "it is not cooling for that");
}

#[tokio::test]
async fn responses_go_to_chat_at_once_where_that_is_asked_for() {
    let a = upstream("a").await;
    let gateway = Config::default().tuned(&a, ", use_chat_completions_api: True").start().await;
    let (status, answer) = respond(&gateway, json!({})).await;
    assert_eq!((status, &answer["object"]), (200, &json!("response")), "{answer}");
    assert_eq!(paths(&a), ["/v1/chat/completions"]);
}

#[tokio::test]
async fn a_stream_goes_without_its_usage_where_that_cannot_be_asked_for() {
    for (status, body) in [
        (
            400,
            json!({"error": {"message": "Unrecognized request argument supplied: stream_options"}}),
        ),
        (
            422,
            json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}),
        ),
    ] {
        let a = upstream("a").await;
        let refusal = body.to_string();
        a.answer_with(move |asked, _| {
            let asks = !asked.json()["stream_options"].is_null();
            let refused = Behaviour::ok().status(status).body(refusal.clone());
            if asks { refused } else { Behaviour::ok() }
        });
        let gateway = Config::default().deployment(&a).start().await;
        for sends in [2, 3] {
            let response = ask(&gateway, &hello(true)).await;
            assert_eq!(response.head.status, 200, "{}", response.text());
            assert!(response.text().contains("[DONE]"), "{}", response.text());
            assert_eq!(a.count(), sends, "it is found out once");
        }
        // Who asks for it in so many words is told.
        let mut asked = hello(true);
        asked["stream_options"] = json!({"include_usage": true});
        assert_eq!(ask(&gateway, &asked).await.head.status, status);
    }
}
