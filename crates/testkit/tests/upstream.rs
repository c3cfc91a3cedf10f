//! The upstream as a client sees it, well behaved and not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{io::ErrorKind, time::Duration};

use pointsman_testkit::{
    Behaviour, Upstream, Wire,
    upstream::{Fate, Piece},
    wire::{Response, request},
};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Long enough for anything that should happen.
const SOON: Duration = Duration::from_secs(20);
/// How long to look for something that should not happen.
const WHILE: Duration = Duration::from_millis(60);
const CHAT: &str = "/v1/chat/completions";

async fn wire(up: &Upstream) -> Wire {
    Wire::connect(up.address(), SOON).await.unwrap()
}

async fn call(up: &Upstream, path: &str, body: &Value) -> Response {
    let mut wire = wire(up).await;
    wire.post(path, &[], body.to_string(), SOON).await.unwrap();
    wire.response(SOON).await.unwrap()
}

fn streamed() -> Value {
    json!({ "model": "m", "stream": true, "messages": [] })
}

/// The `data:` of a stream, frame by frame.
fn frames(text: &str) -> Vec<&str> {
    text.split_terminator("\n\n").map(|frame| frame.strip_prefix("data: ").unwrap()).collect()
}

fn deltas(frames: &[&str]) -> String {
    let content = |frame: &&str| {
        let frame: Value = serde_json::from_str(frame).ok()?;
        Some(frame["choices"][0]["delta"]["content"].as_str()?.to_owned())
    };
    frames.iter().filter_map(content).collect()
}

#[tokio::test]
async fn answers_every_path_in_its_shape() {
    let up = Upstream::start("a").await.unwrap();
    up.always(Behaviour::ok().usage(7, 3, 2));
    assert_eq!(up.base(), format!("http://{}/v1", up.address()));

    let chat = call(&up, CHAT, &json!({ "model": "m" })).await;
    assert_eq!(chat.head.status, 200);
    assert_eq!(chat.head.header("content-type"), Some("application/json"));
    assert_eq!(chat.head.header("x-upstream"), Some("a"));
    let chat = chat.json();
    assert_eq!(chat["model"], "m");
    assert_eq!(chat["choices"][0]["message"]["content"], "Hello from a.");
    assert_eq!(chat["usage"]["total_tokens"], 9);
    assert_eq!(chat["usage"]["prompt_tokens_details"]["cached_tokens"], 3);

    let text = call(&up, "/v1/completions?x=y", &json!({ "model": "m" })).await.json();
    assert_eq!(text["choices"][0]["text"], "Hello from a.");
    let vectors = call(&up, "/v1/embeddings", &json!({ "input": ["x", "y"] })).await.json();
    assert_eq!(vectors["data"].as_array().unwrap().len(), 2);
    assert_eq!(vectors["usage"]["total_tokens"], 7);
    let other = call(&up, "/v1/rerank", &json!({ "model": "r", "stream": true })).await.json();
    assert_eq!((&other["path"], &other["model"]), (&json!("/v1/rerank"), &json!("r")));

    let mut wire = wire(&up).await;
    wire.get("/v1/models", &[], SOON).await.unwrap();
    assert_eq!(wire.response(SOON).await.unwrap().json()["data"][0]["id"], "a");
}

#[tokio::test]
async fn streams_the_text_in_chunks() {
    let up = Upstream::start("a").await.unwrap();
    up.always(Behaviour::ok().text("Grüße, 世界").chunks(3).finish("length"));
    let answer = call(&up, CHAT, &streamed()).await;
    assert_eq!(answer.head.header("content-type"), Some("text/event-stream"));
    let text = answer.text();
    let frames = frames(&text);
    assert_eq!(frames.len(), 1 + 3 + 1 + 1, "role, content, finish, [DONE]: {frames:?}");
    assert_eq!(deltas(&frames), "Grüße, 世界");
    assert!(frames[4].contains("\"finish_reason\":\"length\""));
    assert!(!text.contains("usage"));
    assert_eq!(frames[5], "[DONE]");
}

#[tokio::test]
async fn reports_usage_in_a_stream_when_asked() {
    let up = Upstream::start("a").await.unwrap();
    let mut body = streamed();
    body["stream_options"] = json!({ "include_usage": true });
    up.then([Behaviour::ok().usage(1, 0, 2).no_done(), Behaviour::ok().no_usage()]);
    for path in [CHAT, CHAT, "/v1/completions"] {
        let text = call(&up, path, &body).await.text();
        let frames = frames(&text);
        match up.count() {
            1 => {
                let last: Value = serde_json::from_str(frames.last().unwrap()).unwrap();
                assert_eq!(last["choices"], json!([]));
                assert_eq!(last["usage"]["total_tokens"], 3);
            }
            2 => assert!(!text.contains("usage") && text.ends_with("[DONE]\n\n")),
            _ => assert!(frames[frames.len() - 2].contains("\"total_tokens\":15")),
        }
    }
}

#[tokio::test]
async fn answers_responses_whole_and_streamed() {
    let up = Upstream::start("a").await.unwrap();
    up.always(Behaviour::ok().usage(7, 3, 2).chunks(3));
    let whole = call(&up, "/v1/responses", &json!({ "model": "m", "input": "x" })).await.json();
    assert_eq!(whole["status"], "completed");
    assert_eq!(whole["output"][0]["content"][0]["text"], "Hello from a.");
    assert_eq!(whole["usage"]["input_tokens_details"]["cached_tokens"], 3);

    up.then([Behaviour::ok().chunks(3).finish("length")]);
    let mut ends = Vec::new();
    for _ in 0..2 {
        let text = call(&up, "/v1/responses", &streamed()).await.text();
        let mut said = String::new();
        let mut last = Value::Null;
        for (nth, frame) in text.split_terminator("\n\n").enumerate() {
            let (event, data) = frame.split_once('\n').unwrap();
            last = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(event.strip_prefix("event: "), last["type"].as_str());
            assert_eq!(last["sequence_number"], nth);
            said.push_str(last["delta"].as_str().unwrap_or_default());
        }
        assert_eq!(said, "Hello from a.");
        ends.push((last["type"].clone(), last["response"]["usage"]["total_tokens"].clone()));
    }
    let expected = [("response.incomplete", 15), ("response.completed", 9)];
    assert_eq!(ends, expected.map(|(kind, tokens)| (json!(kind), json!(tokens))));
}

#[tokio::test]
async fn takes_the_queue_first_and_then_stands() {
    let up = Upstream::start("a").await.unwrap();
    up.then([Behaviour::ok().status(500), Behaviour::ok().status(503)]);
    up.always(Behaviour::ok().status(404));
    up.then([Behaviour::ok()]);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(call(&up, CHAT, &json!({})).await.head.status);
    }
    assert_eq!(statuses, [500, 503, 200, 404, 404]);

    up.answer_with(|seen, nth| Behaviour::ok().text(format!("{nth} {}", seen.json()["model"])));
    let answer = call(&up, CHAT, &json!({ "model": "m" })).await.json();
    assert_eq!(answer["choices"][0]["message"]["content"], "5 \"m\"");

    up.then([Behaviour::ok().status(500)]);
    up.clear();
    assert_eq!((up.count(), up.calls().len()), (0, 0));
    assert_eq!(call(&up, CHAT, &json!({})).await.head.status, 200);
    assert_eq!(up.calls()[0].nth, 0);
}

#[tokio::test]
async fn fails_in_the_shape_of_openai() {
    let up = Upstream::start("a").await.unwrap();
    let full = Behaviour::ok().error(429, "insufficient_quota", "insufficient_quota", "no credit");
    up.then([full.header("retry-after", "2"), Behaviour::ok().error(500, "", "server_error", "")]);
    let answer = call(&up, CHAT, &streamed()).await;
    assert_eq!(answer.head.status, 429);
    assert_eq!(answer.head.header("retry-after"), Some("2"));
    let expected = json!({ "error": {
        "message": "no credit", "type": "insufficient_quota", "param": null,
        "code": "insufficient_quota",
    }});
    assert_eq!(answer.json(), expected);
    assert_eq!(call(&up, CHAT, &streamed()).await.json()["error"]["code"], Value::Null);

    let page = Behaviour::ok().body("<html>").status(502).header("content-type", "text/html");
    let plain = Behaviour::ok().status(400);
    up.then([page, plain]);
    let answer = call(&up, CHAT, &streamed()).await;
    assert_eq!((answer.head.status, answer.text().as_str()), (502, "<html>"));
    assert_eq!(answer.head.header("content-type"), Some("text/html"));
    let error = call(&up, CHAT, &streamed()).await.json();
    assert_eq!(error["error"]["type"], "invalid_request_error");
    assert_eq!(error["error"]["message"], "Bad Request");
}

#[tokio::test]
async fn records_what_came() {
    let up = Upstream::start("a").await.unwrap();
    let before = pointsman_testkit::now();
    let mut wire = wire(&up).await;
    let headers = [("authorization", "Bearer k"), ("x-a", "b")];
    wire.post("/v1/chat/completions?q=1", &headers, "{\"model\":\"m\"}", SOON).await.unwrap();
    wire.response(SOON).await.unwrap();
    let seen = &up.calls()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/chat/completions?q=1"));
    assert_eq!(seen.header("authorization"), Some("Bearer k"));
    assert_eq!(&seen.body[..], b"{\"model\":\"m\"}");
    assert!(seen.at >= before && seen.at <= pointsman_testkit::now());
    up.until(SOON, |tally| tally.in_flight == 0).await.unwrap();
    assert_eq!(seen.fate(), Fate::Ended);

    up.record(false);
    wire.post(CHAT, &[], "{\"model\":\"m\"}", SOON).await.unwrap();
    assert_eq!(wire.response(SOON).await.unwrap().json()["model"], "m");
    assert!(up.calls()[1].body.is_empty());
}

#[tokio::test]
async fn cuts_before_the_headers() {
    let up = Upstream::start("a").await.unwrap();
    up.always(Behaviour::ok().cut_before_headers());
    let mut wire = wire(&up).await;
    wire.post(CHAT, &[], "{}", SOON).await.unwrap();
    assert_eq!(wire.head(SOON).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(up.calls()[0].fate(), Fate::Ended, "a scripted cut is the upstream's");
}

#[tokio::test]
async fn resets() {
    let up = Upstream::start("a").await.unwrap();
    up.then([Behaviour::ok().reset(), Behaviour::ok().cut_after_chunks(2).reset()]);
    let mut first = wire(&up).await;
    first.post(CHAT, &[], "{}", SOON).await.unwrap();
    assert_eq!(first.head(SOON).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut second = wire(&up).await;
    second.post(CHAT, &[], streamed().to_string(), SOON).await.unwrap();
    // A reset may overtake what was sent before it.
    assert_eq!(second.closed(SOON).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn cuts_a_stream_after_so_many_chunks() {
    let up = Upstream::start("a").await.unwrap();
    for (n, expected) in [(0, 1), (1, 2), (3, 4), (4, 5), (9, 5)] {
        up.always(Behaviour::ok().chunks(4).cut_after_chunks(n));
        let mut wire = wire(&up).await;
        wire.post(CHAT, &[], streamed().to_string(), SOON).await.unwrap();
        assert_eq!(wire.head(SOON).await.unwrap().status, 200);
        let mut pieces = 0;
        let error = loop {
            match wire.next_piece(SOON).await {
                Ok(Some(_)) => pieces += 1,
                Ok(None) => panic!("the stream ended well"),
                Err(e) => break e,
            }
        };
        assert_eq!((pieces, error.kind()), (expected, ErrorKind::UnexpectedEof), "cut after {n}");
    }
}

#[tokio::test]
async fn cuts_a_whole_body_short_of_its_length() {
    let up = Upstream::start("a").await.unwrap();
    let ten = Behaviour::ok().body("0123456789").chunks(5);
    let cuts = [
        (ten.clone().cut_after_headers(), ""),
        (ten.clone().cut_after_chunks(0), ""),
        (ten.clone().cut_after_chunks(2), "0123"),
        (ten.clone().error_frame_after_chunks(2, &json!({})), "0123"),
        (ten.cut_after_chunks(9), "012345678"),
    ];
    for (behaviour, expected) in cuts {
        up.always(behaviour);
        let mut wire = wire(&up).await;
        wire.post(CHAT, &[], "{}", SOON).await.unwrap();
        assert_eq!(wire.head(SOON).await.unwrap().header("content-length"), Some("10"));
        assert_eq!(wire.closed(SOON).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn hangs_until_the_client_leaves() {
    let up = Upstream::start("a").await.unwrap();
    let slow = Behaviour::ok().delay(SOON * 9);
    let hangs = [Behaviour::ok().hang(), Behaviour::ok().hang_after_headers(), slow];
    up.then(hangs.into_iter().chain([Behaviour::ok().hang_after_chunks(1)]));
    for (nth, pieces) in [None, Some(0), None, Some(2)].into_iter().enumerate() {
        let mut wire = wire(&up).await;
        wire.post(CHAT, &[], streamed().to_string(), SOON).await.unwrap();
        if let Some(pieces) = pieces {
            wire.head(SOON).await.unwrap();
            for _ in 0..pieces {
                assert!(wire.next_piece(SOON).await.unwrap().is_some());
            }
        }
        assert_eq!(wire.closed(WHILE).await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!((up.in_flight(), up.calls()[nth].fate()), (1, Fate::Open));
        wire.hang_up();
        up.until(SOON, |tally| tally.in_flight == 0).await.unwrap();
        assert!(up.calls()[nth].hung_up());
    }
    assert_eq!(up.tally().hung_up, 4);
}

#[tokio::test]
async fn notices_a_client_that_leaves_in_the_middle() {
    let up = Upstream::start("a").await.unwrap();
    up.always(Behaviour::ok().chunks(100_000).chunk_delay(Duration::from_millis(1)));
    let mut wire = wire(&up).await;
    wire.post(CHAT, &[], streamed().to_string(), SOON).await.unwrap();
    wire.head(SOON).await.unwrap();
    wire.next_piece(SOON).await.unwrap();
    wire.reset().unwrap();
    let tally = up.until(SOON, |tally| tally.in_flight == 0).await.unwrap();
    assert_eq!(tally.hung_up, 1);
}

#[tokio::test]
async fn says_an_error_in_the_middle() {
    let up = Upstream::start("a").await.unwrap();
    let error = json!({ "error": { "message": "overloaded" } });
    up.always(Behaviour::ok().error_frame_after_chunks(2, &error));
    let text = call(&up, CHAT, &streamed()).await.text();
    let frames = frames(&text);
    assert_eq!(frames.len(), 1 + 2 + 1);
    assert_eq!(serde_json::from_str::<Value>(frames[3]).unwrap(), error);
}

#[tokio::test]
async fn takes_its_time() {
    let up = Upstream::start("a").await.unwrap();
    let (head, first, each) = (WHILE, WHILE * 2, WHILE / 2);
    up.always(Behaviour::ok().delay(head).first_chunk_delay(first).chunk_delay(each).chunks(3));
    let mut wire = wire(&up).await;
    let start = pointsman_testkit::now();
    wire.post(CHAT, &[], streamed().to_string(), SOON).await.unwrap();
    let answered = wire.head(SOON).await.unwrap().at;
    assert!(answered - start >= head);
    // Role and first chunk come together, then each chunk by itself.
    let mut moments = Vec::new();
    while let Some(piece) = wire.next_piece(SOON).await.unwrap() {
        moments.push(piece.at);
    }
    // Both clocks of a pause are read by others: the headers' arrival is later than their sending.
    assert!(moments[0] - start >= head + first, "{:?}", moments[0] - start);
    assert!(moments[2] - start >= head + first + each);
    assert!(moments[3] - start >= head + first + each * 2);
    assert!(moments[0] > answered);
}

#[tokio::test]
async fn writes_scripted_pieces_as_they_stand() {
    let up = Upstream::start("a").await.unwrap();
    let pieces = [
        Piece::from("da"),
        "ta: {}\r".into(),
        WHILE.into(),
        "".into(),
        "\n\r\n".into(),
        bytes::Bytes::from_static(b"\xff").into(),
    ];
    up.always(Behaviour::ok().sse(pieces));
    let mut wire = wire(&up).await;
    wire.post(CHAT, &[], "{}", SOON).await.unwrap();
    assert_eq!(wire.head(SOON).await.unwrap().header("content-type"), Some("text/event-stream"));
    let mut got = Vec::new();
    while let Some(piece) = wire.next_piece(SOON).await.unwrap() {
        got.push(piece);
    }
    let bytes: Vec<&[u8]> = got.iter().map(|piece| &piece.bytes[..]).collect();
    assert_eq!(bytes, [&b"da"[..], b"ta: {}\r", b"\n\r\n", b"\xff"]);
    assert!(got[2].at - got[1].at >= WHILE / 2, "a pause between the second and the third");

    up.always(Behaviour::ok().sse(["1", "2", "3"]).cut_after_chunks(2));
    wire.post(CHAT, &[], "{}", SOON).await.unwrap();
    wire.head(SOON).await.unwrap();
    assert_eq!(wire.next_piece(SOON).await.unwrap().unwrap().bytes, "1");
    assert_eq!(wire.next_piece(SOON).await.unwrap().unwrap().bytes, "2");
    assert_eq!(wire.next_piece(SOON).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn refuses_connections_for_as_long_as_told() {
    let refusing = Upstream::refusing().unwrap();
    for _ in 0..3 {
        let error = Wire::connect(refusing.address(), SOON).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    assert_eq!(refusing.base(), format!("http://{}/v1", refusing.address()));
}

#[tokio::test]
async fn closes_everything_when_stopped_and_when_dropped() {
    for stop in [true, false] {
        let up = Upstream::start("a").await.unwrap();
        let address = up.address();
        up.always(Behaviour::ok().hang_after_chunks(1));
        let mut busy = wire(&up).await;
        let mut idle = wire(&up).await;
        busy.post(CHAT, &[], streamed().to_string(), SOON).await.unwrap();
        busy.head(SOON).await.unwrap();
        up.until(SOON, |tally| tally.in_flight == 1).await.unwrap();
        let seen = up.calls().remove(0);
        if stop {
            timeout(SOON, up.stop()).await.unwrap();
        } else {
            drop(up);
        }
        idle.closed(SOON).await.unwrap();
        busy.closed(SOON).await.unwrap();
        assert_eq!(seen.fate(), Fate::Stopped);
        if stop {
            let error = Wire::connect(address, SOON).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_ten_thousand_calls_on_many_connections() {
    const CONNECTIONS: usize = 100;
    const EACH: usize = 101;
    let up = Upstream::start("a").await.unwrap();
    let mut wires = Vec::new();
    for _ in 0..CONNECTIONS {
        wires.push(wire(&up).await);
    }
    // All requests of a connection at once, the answers afterwards.
    let requests = request("POST", CHAT, &[], Some(b"{\"model\":\"m\"}")).repeat(EACH);
    for wire in &mut wires {
        wire.send(&requests, SOON).await.unwrap();
    }
    for wire in &mut wires {
        for _ in 0..EACH {
            assert_eq!(wire.response(SOON).await.unwrap().head.status, 200);
        }
    }
    assert_eq!((up.accepted(), up.connections()), (CONNECTIONS as u64, CONNECTIONS));
    drop(wires);
    let calls = (CONNECTIONS * EACH) as u64;
    let tally = up.until(SOON, |tally| tally.in_flight == 0).await.unwrap();
    assert_eq!((tally.count, tally.hung_up), (calls, 0));
    assert_eq!(up.calls().len(), 10_000);
    assert_eq!(up.calls()[0].nth, calls - 10_000);
    timeout(SOON, up.stop()).await.unwrap();
}
