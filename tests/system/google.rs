//! Gemini and Vertex AI behind every front door.

use pointsman_testkit::{Behaviour, Gateway, Upstream, upstream::Seen};
use serde_json::{Value, json};

use crate::world::{CHAT, Config, hello, post, upstream};

/// AI Studio, then Vertex AI, in one group.
async fn both() -> (Upstream, Upstream, Gateway) {
    let (studio, vertex) = (upstream("studio").await, upstream("vertex").await);
    studio.answer_with(|asked, _| google("studio", asked));
    vertex.answer_with(|asked, _| google("vertex", asked));
    let root = |of: &Upstream| of.base().trim_end_matches("/v1").to_owned();
    let login = format!(
        "{{type: authorized_user, client_id: i, client_secret: s, refresh_token: r, \
         token_uri: '{}/token'}}",
        root(&vertex)
    );
    let second = format!(
        "  - model_name: m\n    litellm_params: {{model: vertex_ai/gemini-x, order: 2, \
         vertex_project: p, vertex_location: europe-west4, api_base: '{}', \
         vertex_credentials: {login}}}\n    model_info: {{id: vertex}}",
        root(&vertex)
    );
    let config =
        Config::default().vendor("gemini/gemini-x", "studio", &root(&studio), ", order: 1");
    let gateway = config.and(&second).start().await;
    (studio, vertex, gateway)
}

/// What Google answers: Vertex AI streams in an array here.
fn google(who: &str, asked: &Seen) -> Behaviour {
    let json = |body: Value| {
        Behaviour::ok().header("content-type", "application/json").body(body.to_string())
    };
    if asked.path == "/token" {
        return json(json!({"access_token": "issued", "expires_in": 3_600}));
    }
    let piece = |text: String, end: Value| {
        json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": end}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}})
    };
    let last = piece(format!("{who}."), json!("STOP"));
    if !asked.path.contains(":stream") {
        return json(piece(format!("Hello from {who}."), json!("STOP")));
    }
    let first = piece("Hello from ".to_owned(), Value::Null);
    if who == "vertex" {
        return json(json!([first, last]));
    }
    Behaviour::ok()
        .sse([first, last].map(|body| bytes::Bytes::from(format!("data: {body}\r\n\r\n"))))
}

fn exhausted() -> Behaviour {
    let error = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "later",
        "details": [{"retryDelay": "7.5s"}]}});
    let body = error.to_string();
    Behaviour::ok().error(429, "", "", "").header("content-type", "application/json").body(body)
}

#[tokio::test]
async fn each_caller_is_answered_by_each_in_turn() {
    let (studio, vertex, gateway) = both().await;
    for path in [CHAT, "/v1/messages", "/v1/responses"] {
        for stream in [false, true] {
            let mut body = hello(stream);
            match path {
                CHAT => body["stream_options"] = json!({"include_usage": true}),
                "/v1/messages" => body["max_tokens"] = 50.into(),
                _ => body = json!({"model": "m", "input": "Hello", "stream": stream}),
            }
            for who in ["studio", "vertex"] {
                if who == "vertex" {
                    studio.then([Behaviour::ok().error(503, "", "", "busy")]);
                }
                let answer = post(&gateway, path, &[], body.to_string()).await;
                let text = answer.text();
                assert_eq!(answer.head.header("x-pointsman-deployment"), Some(who), "{text}");
                assert!(
                    text.contains("Hello from ") && text.contains(&format!("{who}.")),
                    "{text}"
                );
                if stream && path == CHAT {
                    assert!(text.contains(r#""total_tokens":15"#), "{text}");
                }
            }
        }
    }
    assert_eq!(studio.calls()[0].header("x-goog-api-key"), Some("sk-studio"));
    let calls = vertex.calls();
    let tokens = calls.iter().filter(|call| call.path == "/token").count();
    assert_eq!(tokens, 1, "one token for all calls");
    let path = "/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-x";
    assert_eq!(calls[1].path, format!("{path}:generateContent"));
    assert_eq!(calls[1].header("authorization"), Some("Bearer issued"));
}

#[tokio::test]
async fn googles_delay_and_its_kinds_decide() {
    let (studio, _vertex, gateway) = both().await;
    studio.then([exhausted()]);
    let answer = post(&gateway, CHAT, &[], hello(false).to_string()).await;
    assert_eq!(answer.head.header("x-pointsman-deployment"), Some("vertex"), "{}", answer.text());
    let standing = crate::world::standing(&gateway, "studio").await;
    assert!(standing.to_string().contains("rate_limited"), "{standing}");
}
