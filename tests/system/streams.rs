//! Streamed answers, chunk by chunk.

use pointsman_testkit::{Behaviour, Gateway, Wire};
use serde_json::{Value, json};

use crate::world::{CHAT, Config, WITHIN, ask, connect, events, hello, text, upstream};

/// Begins a streamed call.
async fn begin(to: &Gateway, body: &Value) -> Wire {
    let mut wire = connect(to).await;
    wire.post(CHAT, &[], body.to_string(), WITHIN).await.unwrap();
    wire
}

/// How many of the events tell of an error.
fn errors(events: &[&str]) -> usize {
    events.iter().filter(|event| event.contains("\"error\"")).count()
}

#[tokio::test]
async fn chunks_arrive_while_the_stream_goes_on() {
    let a = upstream("a").await;
    // It never ends, so what arrives cannot have been collected.
    a.always(Behaviour::ok().text("one two three").chunks(3).hang_after_chunks(2));
    let gateway = Config::default().deployment(&a).start().await;
    let mut wire = begin(&gateway, &hello(true)).await;
    let head = wire.head(WITHIN).await.unwrap();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    let mut body = String::new();
    while text(&events(&body)).len() < "one two t".len() - 1 {
        let piece = wire.next_piece(WITHIN).await.unwrap().unwrap();
        body.push_str(str::from_utf8(&piece.bytes).unwrap());
    }
    assert_eq!(a.in_flight(), 1);
    wire.hang_up();
    a.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
}

#[tokio::test]
async fn a_stream_is_relayed_as_it_stands() {
    let frames = [
        ": a comment\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}],\"odd\":1.0}\n\n",
        "data:  {\"choices\":[{\"delta\":{\"content\":\"\\u00e9 \"}}],\"x\":[1e400]}\r\n\r\n",
        "event: delta\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\nid: 7\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n",
        "data: [DONE]\n\n",
    ];
    let whole = frames.concat();
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    // Usage is for those who ask.
    let mut body = hello(true);
    body["stream_options"] = json!({"include_usage": true});
    // However it is cut, every byte comes through.
    for cut in [1, 7, 64, whole.len()] {
        let pieces = whole.as_bytes().chunks(cut).map(bytes::Bytes::copy_from_slice);
        a.then([Behaviour::ok().sse(pieces.collect::<Vec<_>>())]);
        let response = ask(&gateway, &body).await;
        assert_eq!(response.text(), whole, "cut to {cut}");
    }
}

#[tokio::test]
async fn usage_comes_when_it_is_asked_for() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().usage(12, 3, 7));
    let gateway = Config::default().deployment(&a).start().await;
    for asked in [true, false] {
        let mut body = hello(true);
        if asked {
            body["stream_options"] = json!({"include_usage": true});
        }
        let response = ask(&gateway, &body).await.text();
        let events = events(&response);
        assert_eq!(events.last(), Some(&"[DONE]"), "{response}");
        assert_eq!(text(&events), "Hello from a.");
        let usage = events.iter().find_map(|event| {
            let event: Value = serde_json::from_str(event).ok()?;
            event["usage"].as_object().map(|usage| usage["completion_tokens"].clone())
        });
        assert_eq!(usage, asked.then(|| json!(7)), "{response}");
    }
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_content_moves_on() {
    for (name, fault) in [
        ("500", Behaviour::ok().status(500)),
        ("cut", Behaviour::ok().cut_before_headers()),
        ("cut after headers", Behaviour::ok().cut_after_headers()),
        ("cut after its role", Behaviour::ok().cut_after_chunks(0)),
        ("stalls after its role", Behaviour::ok().hang_after_chunks(0)),
        (
            "error frame",
            Behaviour::ok().error_frame_after_chunks(0, &json!({"error": {"message": "busy"}})),
        ),
        ("late first token", Behaviour::ok().first_chunk_delay(std::time::Duration::from_secs(20))),
        ("empty", Behaviour::ok().sse(Vec::<&str>::new())),
        ("its end alone", Behaviour::ok().sse(["data: [DONE]\n\n"])),
    ] {
        let (bad, good) = (upstream("bad").await, upstream("good").await);
        bad.always(fault);
        let config = Config::default().tuned(&bad, ", order: 1, stream_timeout: 0.5");
        let gateway = config.tuned(&good, ", order: 2").start().await;
        let response = ask(&gateway, &hello(true)).await;
        let body = response.text();
        assert_eq!(response.head.status, 200, "{name}: {body}");
        assert_eq!(response.head.header("x-pointsman-deployment"), Some("good"), "{name}");
        assert_eq!(response.head.header("x-pointsman-attempts"), Some("2"), "{name}");
        let events = events(&body);
        assert_eq!(text(&events), "Hello from good.", "{name}: {body}");
        let roles = events.iter().filter(|event| event.contains("\"role\"")).count();
        assert_eq!((roles, events.last()), (1, Some(&"[DONE]")), "{name}: {body}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_later_says_so_and_ends() {
    for (name, fault) in [
        ("cut", Behaviour::ok().cut_after_chunks(2)),
        ("reset", Behaviour::ok().cut_after_chunks(2).reset()),
        (
            "no end",
            Behaviour::ok().sse(["data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n"]),
        ),
        (
            "error frame",
            Behaviour::ok().error_frame_after_chunks(2, &json!({"error": {"message": "busy"}})),
        ),
    ] {
        let (bad, good) = (upstream("bad").await, upstream("good").await);
        bad.always(fault.text("one two three").chunks(3));
        let config = Config::default().tuned(&bad, ", order: 1").tuned(&good, ", order: 2");
        let gateway = config.start().await;
        // The body ends as its framing says it should: an error of the wire would be an error here.
        let response = ask(&gateway, &hello(true)).await;
        let body = response.text();
        let events = events(&body);
        assert!(text(&events).starts_with("one"), "{name}: {body}");
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert!(last["error"]["message"].is_string(), "{name}: {body}");
        assert_eq!(errors(&events), 1, "{name}: {body}");
        assert!(!body.contains("[DONE]"), "{name}: {body}");
        assert_eq!(good.count(), 0, "{name}: nothing is retried behind the client's back");
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_ended() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().hang_after_chunks(1));
    let config = Config::default().deployment(&a);
    let gateway = config.and("router_settings: {pointsman: {stall_timeout: 0.5}}").start().await;
    let response = ask(&gateway, &hello(true)).await;
    let body = response.text();
    let last: Value = serde_json::from_str(events(&body).last().unwrap()).unwrap();
    assert!(last["error"].is_object(), "{body}");
    assert_eq!((errors(&events(&body)), body.contains("[DONE]")), (1, false), "{body}");
    a.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
}
