//! Whatever a client sends, it gets a clear 4xx, and the gateway goes on.

use std::time::Duration;

use pointsman_testkit::{Gateway, Wire, wire::Response};
use serde_json::json;

use crate::world::{CHAT, Config, WITHIN, chat, connect, get, post, upstream};

/// Longer than any silence the gateway puts up with.
const SILENCE: Duration = Duration::from_mins(1);

fn assert_clear(name: &str, response: &Response, status: u16) {
    let text = response.text();
    assert_eq!(response.head.status, status, "{name}: {text}");
    let error = &response.json()["error"];
    assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{name}: {text}");
    assert!(error["type"].is_string(), "{name}: {text}");
}

#[tokio::test]
async fn what_is_no_call_is_a_400() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    for (name, body) in [
        ("nothing", ""),
        ("a space", " "),
        ("no JSON", "hello"),
        ("half", r#"{"model": "m", "messages": ["#),
        ("two", r#"{"model": "m", "messages": []} {}"#),
        ("a list", "[]"),
        ("a text", "\"m\""),
        ("null", "null"),
        ("no model", r#"{"messages": []}"#),
        ("model: empty", r#"{"model": "", "messages": []}"#),
        ("model: number", r#"{"model": 3, "messages": []}"#),
        ("model: null", r#"{"model": null, "messages": []}"#),
        ("model: object", r#"{"model": {}, "messages": []}"#),
        ("two models", r#"{"model": "m", "model": "n", "messages": []}"#),
        ("no messages", r#"{"model": "m"}"#),
        ("messages: text", r#"{"model": "m", "messages": "hello"}"#),
        ("messages: number", r#"{"model": "m", "messages": 7}"#),
        ("stream: text", r#"{"model": "m", "messages": [], "stream": "yes"}"#),
        ("stream: number", r#"{"model": "m", "messages": [], "stream": 1}"#),
        ("timeout: text", r#"{"model": "m", "messages": [], "timeout": "soon"}"#),
        ("timeout: negative", r#"{"model": "m", "messages": [], "timeout": -1}"#),
        ("num_retries: text", r#"{"model": "m", "messages": [], "num_retries": "x"}"#),
        ("fallbacks: number", r#"{"model": "m", "messages": [], "fallbacks": 1}"#),
        ("bad escape", r#"{"model": "m", "messages": ["\x"]}"#),
        ("bad number", r#"{"model": "m", "messages": [], "n": 01}"#),
        ("api_base", r#"{"model": "m", "messages": [], "api_base": "http://evil"}"#),
        ("api_key", r#"{"model": "m", "messages": [], "api_key": "sk"}"#),
    ] {
        assert_clear(name, &post(&gateway, CHAT, &[], body).await, 400);
    }
    assert_clear(
        "not UTF-8",
        &post(&gateway, CHAT, &[], b"{\"model\":\"\xff\",\"messages\":[]}").await,
        400,
    );
    let half = post(&gateway, CHAT, &[], r#"{"model": "\ud800", "messages": []}"#).await;
    assert_clear("half a pair", &half, 400);
    assert!(half.text().contains("text that is no Unicode"), "{}", half.text());
    let broken = post(&gateway, CHAT, &[], "{\"model\": \"m\",\n \"messages\": [}").await;
    let said = broken.text();
    assert!(said.contains("line 2") && said.contains("column 15"), "{said}");
    assert_eq!(a.count(), 0);
    assert_eq!(chat(&gateway).await.head.status, 200);
}

#[tokio::test]
async fn a_depth_that_would_end_a_stack_is_the_upstream_s_affair() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let deep =
        format!("{{\"model\":\"m\",\"messages\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(post(&gateway, CHAT, &[], &deep).await.head.status, 200);
    assert!(a.calls()[0].body == deep.replace("\"m\"", "\"theirs-a\""), "it has changed");
}

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    for model in ["n", "M", "theirs-a", "m ", "../m", "\u{0}"] {
        let body = json!({"model": model, "messages": []}).to_string();
        let response = post(&gateway, CHAT, &[], body).await;
        assert_clear(model, &response, 404);
        assert_eq!(response.json()["error"]["code"], "model_not_found");
        assert_eq!(response.json()["error"]["param"], "model");
    }
    for path in ["/", "/v1", "/v2/chat/completions", "/v1/chat/completions/x", "/v1/models/n"] {
        assert_clear(path, &get(&gateway, path, &[]).await, 404);
    }
    assert_clear("GET", &get(&gateway, CHAT, &[]).await, 405);
    assert_eq!(a.count(), 0);
}

#[tokio::test]
async fn an_oversized_body_is_a_413_even_to_a_client_still_sending() {
    const LENGTH: usize = 40 << 20;
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let begun = format!("POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n");
    let piece = vec![b' '; 1 << 20];

    // It announces its length, and sends all of it before it looks.
    let mut wire = connect(&gateway).await;
    wire.send(format!("{begun}content-length: {LENGTH}\r\n\r\n"), WITHIN).await.unwrap();
    for _ in 0..LENGTH / piece.len() {
        wire.send(&piece, WITHIN).await.unwrap();
    }
    assert_clear("announced", &wire.response(WITHIN).await.unwrap(), 413);

    // It does not.
    let mut wire = connect(&gateway).await;
    wire.send(format!("{begun}transfer-encoding: chunked\r\n\r\n"), WITHIN).await.unwrap();
    for _ in 0..LENGTH / piece.len() {
        wire.send(format!("{:x}\r\n", piece.len()), WITHIN).await.unwrap();
        wire.send(&piece, WITHIN).await.unwrap();
        wire.send("\r\n", WITHIN).await.unwrap();
    }
    wire.send("0\r\n\r\n", WITHIN).await.unwrap();
    assert_clear("chunked", &wire.response(WITHIN).await.unwrap(), 413);

    // It asks first.
    let mut wire = connect(&gateway).await;
    let head = format!("{begun}content-length: {LENGTH}\r\nexpect: 100-continue\r\n\r\n");
    wire.send(head, WITHIN).await.unwrap();
    assert_clear("asked first", &wire.response(WITHIN).await.unwrap(), 413);
    assert_eq!(a.count(), 0);
    assert_eq!(chat(&gateway).await.head.status, 200);
}

#[tokio::test]
async fn a_half_sent_request_is_a_400_and_an_end() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let half = format!("POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{{\"model\"");
    let mut wire = connect(&gateway).await;
    wire.send(&half, WITHIN).await.unwrap();
    wire.half_close().await.unwrap();
    assert_clear("half closed", &wire.response(WITHIN).await.unwrap(), 400);

    // Nobody is left to be told.
    for begun in [half.as_str(), "POST /v1/chat/comp", "P", ""] {
        for abrupt in [true, false] {
            let mut wire = connect(&gateway).await;
            wire.send(begun, WITHIN).await.unwrap();
            if abrupt { wire.reset().unwrap() } else { wire.hang_up() }
        }
    }
    assert_eq!(chat(&gateway).await.head.status, 200);
    assert_eq!(a.count(), 1);
}

#[tokio::test]
async fn a_request_that_never_ends_is_a_408() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let body = format!("POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{{");
    let chunks =
        format!("POST {CHAT} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{{");
    let begun = [body.as_str(), &chunks, "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-a: "];
    let waiting = begun.map(|begun| silent(&gateway, begun));
    let trickling = trickle(&gateway);
    let (waited, trickled) = tokio::join!(futures_util::future::join_all(waiting), trickling);
    for (begun, response) in begun.iter().zip(&waited) {
        assert_clear(begun, response, 408);
    }
    assert_clear("a byte at a time", &trickled, 408);
    assert_eq!(a.count(), 0);
    assert_eq!(chat(&gateway).await.head.status, 200);
}

/// Begins a request and says nothing more.
async fn silent(to: &Gateway, begun: &str) -> Response {
    let mut wire = connect(to).await;
    wire.send(begun, WITHIN).await.unwrap();
    ended(wire).await
}

/// Sends a head a byte at a time, and never its end.
async fn trickle(to: &Gateway) -> Response {
    let mut wire = connect(to).await;
    wire.send("GET /health/liveliness HTTP/1.1\r\nhost: a\r\nx-a: ", WITHIN).await.unwrap();
    loop {
        match wire.head(Duration::from_millis(500)).await {
            Ok(head) => {
                let body = wire.body(WITHIN).await.unwrap();
                return Response { head, body };
            }
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {}
            Err(error) => panic!("{error}"),
        }
        // The gateway may close at any moment; then its answer is read next.
        drop(wire.send("a", WITHIN).await);
    }
}

async fn ended(mut wire: Wire) -> Response {
    let response = wire.response(SILENCE).await.unwrap();
    drop(wire.closed(WITHIN).await);
    response
}

#[tokio::test]
async fn what_is_no_http_is_refused_or_dropped() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x-a: b\r\n".repeat(1_000));
    let big = format!("GET / HTTP/1.1\r\nhost: a\r\nx-a: {}\r\n\r\n", "a".repeat(1_000_000));
    let twice = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"
    );
    let negative = format!("POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n");
    let tls = "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}";
    for bytes in ["\r\n\r\nhello\r\n\r\n", tls, &long, &many, &big, &twice, &negative] {
        let mut wire = connect(&gateway).await;
        // It may be closed before all is sent.
        drop(wire.send(bytes, WITHIN).await);
        drop(wire.half_close().await);
        if let Ok(head) = wire.head(WITHIN).await {
            assert!((400..500).contains(&head.status), "{:.40}: {}", bytes, head.status);
        }
    }
    assert_eq!(chat(&gateway).await.head.status, 200);
}
