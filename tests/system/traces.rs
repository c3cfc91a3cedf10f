//! Traces for OpenTelemetry.

use std::path::Path;

use pointsman_testkit::{Behaviour, Gateway, Upstream};

use crate::{
    POINTSMAN,
    world::{CHAT, Config, WITHIN, connect, hello, post, upstream},
};

async fn traced(config: &Config, collector: &Upstream) -> Gateway {
    let endpoint = format!("http://{}", collector.address());
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    Gateway::start(Path::new(POINTSMAN), &config.text(), &env).await.unwrap()
}

/// All that was exported until the gateway ended.
async fn exported(mut gateway: Gateway, collector: &Upstream) -> Vec<u8> {
    gateway.signal_term().await.unwrap();
    assert!(gateway.wait(WITHIN).await.unwrap().success());
    let calls = collector.calls();
    assert!(calls.iter().all(|call| call.path == "/v1/traces"), "{calls:?}");
    calls.iter().flat_map(|call| call.body.to_vec()).collect()
}

fn count(within: &[u8], text: &[u8]) -> usize {
    within.windows(text.len()).filter(|window| *window == text).count()
}

#[tokio::test]
async fn a_call_and_its_sends_are_spans() {
    let (a, b, collector) = (upstream("a").await, upstream("b").await, upstream("c").await);
    a.always(Behaviour::ok().error(401, "invalid_api_key", "x", "no"));
    let config = Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2");
    let gateway = traced(&config, &collector).await;
    let parent = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let answer = post(&gateway, CHAT, &[parent], hello(false).to_string()).await;
    assert_eq!(answer.head.header("x-pointsman-attempts"), Some("2"));
    let spans = exported(gateway, &collector).await;
    let all = String::from_utf8_lossy(&spans);
    let trace = [
        0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31,
        0x9c,
    ];
    assert_eq!(count(&spans, &trace), 3, "the call and two sends, in the caller's trace");
    for (text, times) in [
        ("chat m", 1),
        ("chat theirs-a", 1),
        ("chat theirs-b", 1),
        ("gen_ai.provider.name", 2),
        ("gen_ai.usage.input_tokens", 1),
        ("authentication", 2),
    ] {
        assert_eq!(count(&spans, text.as_bytes()), times, "{text}: {all}");
    }
    assert!(all.contains("service.name") && all.contains("pointsman"), "{all}");
    assert!(!all.contains("sk-") && !all.contains("Hello"), "{all}");
}

#[tokio::test]
async fn a_stream_is_a_span_until_its_end_and_a_failure_is_one_too() {
    let (a, collector) = (upstream("a").await, upstream("c").await);
    a.then([
        Behaviour::ok().cut_after_chunks(1),
        Behaviour::ok().error(400, "odd", "invalid_request_error", "no such voice"),
        Behaviour::ok().hang_after_chunks(1),
    ]);
    let gateway = traced(&Config::default().deployment(&a), &collector).await;
    let broken = post(&gateway, CHAT, &[], hello(true).to_string()).await;
    assert!(broken.text().contains("error"), "{}", broken.text());
    assert_eq!(post(&gateway, CHAT, &[], hello(false).to_string()).await.head.status, 400);
    let mut leaving = connect(&gateway).await;
    leaving.post(CHAT, &[], hello(true).to_string(), WITHIN).await.unwrap();
    assert_eq!(leaving.head(WITHIN).await.unwrap().status, 200);
    leaving.hang_up();
    a.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
    // One that leaves before anything is answered.
    a.always(Behaviour::ok().hang());
    let mut leaving = connect(&gateway).await;
    leaving.post(CHAT, &[], hello(false).to_string(), WITHIN).await.unwrap();
    a.until(WITHIN, |tally| tally.count == 4).await.unwrap();
    leaving.hang_up();
    a.until(WITHIN, |tally| tally.hung_up == 2).await.unwrap();
    let spans = exported(gateway, &collector).await;
    let all = String::from_utf8_lossy(&spans);
    for text in ["connection", "bad_request", "cancelled", "no such voice"] {
        assert!(all.contains(text), "{text}: {all}");
    }
    assert_eq!(count(&spans, b"chat m"), 4, "one for each call: {all}");
}

#[tokio::test]
async fn a_collector_that_is_gone_harms_nobody() {
    let (a, gone) = (upstream("a").await, Upstream::refusing().unwrap());
    let endpoint = format!("http://{}", gone.address());
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    let config = Config::default().deployment(&a).text();
    let mut gateway = Gateway::start(Path::new(POINTSMAN), &config, &env).await.unwrap();
    assert_eq!(post(&gateway, CHAT, &[], hello(false).to_string()).await.head.status, 200);
    gateway.signal_term().await.unwrap();
    assert!(gateway.wait(WITHIN).await.unwrap().success());
}
