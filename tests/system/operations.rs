//! Reload, drain, and what `GET /router/state` and `/v1/models` say.

use pointsman_testkit::{Behaviour, Wire};

use crate::world::{CHAT, Config, WITHIN, chat, connect, get, hello, post, standing, upstream};

#[tokio::test]
async fn a_reload_keeps_health_limits_and_calls_in_flight() {
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    a.always(Behaviour::ok().error(401, "invalid_api_key", "x", "no"));
    b.then([Behaviour::ok().hang_after_chunks(1)]);
    let settings = "router_settings: {cooldown_time: 300}";
    let config = Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2, rpm: 100");
    let gateway = config.and(settings).start().await;
    let mut streaming = connect(&gateway).await;
    streaming.post(CHAT, &[], hello(true).to_string(), WITHIN).await.unwrap();
    assert_eq!(streaming.head(WITHIN).await.unwrap().status, 200);
    let before = standing(&gateway, "a").await;
    assert_eq!(before["state"], "cooling", "{before}");

    // One more, a limit and a group changed, nothing forgotten.
    let config = Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2, rpm: 50");
    let config = config.member("n", "c", &c.base(), "").and(settings);
    gateway.configure(&config.text()).unwrap();
    gateway.signal_hup().await.unwrap();
    gateway.logged("\"reloaded\"", WITHIN).await.unwrap();
    assert_eq!(standing(&gateway, "a").await["until"], before["until"]);
    let after = standing(&gateway, "b").await;
    assert_eq!(
        (&after["in_flight"], &after["windows"]["rpm"]["used"]),
        (&1.into(), &1.into()),
        "{after}"
    );
    assert_eq!(after["windows"]["rpm"]["limit"], 50, "{after}");
    let other = post(&gateway, CHAT, &[], r#"{"model": "n", "messages": []}"#).await;
    assert_eq!(other.head.header("x-pointsman-deployment"), Some("c"), "{}", other.text());
    assert_eq!(chat(&gateway).await.head.header("x-pointsman-attempts"), Some("1"));
    assert_eq!(a.count(), 1, "it is still left alone");
    streaming.hang_up();
    b.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
}

#[tokio::test]
async fn a_faulty_file_changes_nothing() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    for faulty in ["model_list: 7", "model_list: [{model_nam: x}]", "{", "\0"] {
        let config = Config::default().deployment(&a);
        gateway.configure(faulty).unwrap();
        gateway.signal_hup().await.unwrap();
        gateway.logged("not reloaded", WITHIN).await.unwrap();
        assert_eq!(chat(&gateway).await.head.status, 200, "{faulty}");
        gateway.configure(&config.text()).unwrap();
    }
    assert!(gateway.logs().contains("config.yaml:1:"), "{}", gateway.logs());
}

#[tokio::test]
async fn a_deployment_whose_key_is_mended_is_asked_at_once() {
    let a = upstream("a").await;
    a.answer_with(|call, _| match call.header("authorization") {
        Some("Bearer sk-a2") => Behaviour::ok(),
        _ => Behaviour::ok().error(429, "insufficient_quota", "x", "nothing left"),
    });
    let gateway = Config::default().deployment(&a).start().await;
    assert_eq!(chat(&gateway).await.head.status, 429);
    assert_eq!(standing(&gateway, "a").await["state"], "cooling");
    let mended = Config::default().deployment(&a).text().replace("sk-a", "sk-a2");
    gateway.configure(&mended).unwrap();
    gateway.signal_hup().await.unwrap();
    gateway.logged("\"reloaded\"", WITHIN).await.unwrap();
    let response = chat(&gateway).await;
    assert_eq!(response.head.status, 200, "{}", response.text());
    assert_eq!(a.count(), 2);
}

#[tokio::test]
async fn a_reload_changes_the_key() {
    let a = upstream("a").await;
    let with = |key| {
        let config = Config::default().deployment(&a);
        config.and(&format!("general_settings: {{master_key: {key}}}"))
    };
    let gateway = with("sk-old").start().await;
    gateway.configure(&with("sk-new").text()).unwrap();
    gateway.signal_hup().await.unwrap();
    gateway.logged("\"reloaded\"", WITHIN).await.unwrap();
    for (key, status) in [("sk-old", 401), ("sk-new", 200)] {
        assert_eq!(get(&gateway, "/v1/models", &[("api-key", key)]).await.head.status, status);
    }
}

#[tokio::test]
async fn sigterm_takes_nothing_new_and_ends_with_the_last_answer() {
    let a = upstream("a").await;
    let slow = std::time::Duration::from_secs(1);
    a.always(Behaviour::ok().delay(slow));
    let mut gateway = Config::default().deployment(&a).start().await;
    let mut calls = Vec::new();
    for stream in [false, true] {
        let mut wire = connect(&gateway).await;
        wire.post(CHAT, &[], hello(stream).to_string(), WITHIN).await.unwrap();
        calls.push(wire);
    }
    // One that has asked nothing yet, and one that keeps its connection.
    let mut idle = connect(&gateway).await;
    idle.get("/v1/models", &[], WITHIN).await.unwrap();
    assert_eq!(idle.response(WITHIN).await.unwrap().head.status, 200);
    a.until(WITHIN, |tally| tally.in_flight == 2).await.unwrap();

    gateway.signal_term().await.unwrap();
    gateway.logged("draining", WITHIN).await.unwrap();
    idle.closed(WITHIN).await.unwrap();
    let late = Wire::connect(gateway.address(), WITHIN).await;
    assert!(late.is_err(), "it still takes connections");
    for mut wire in calls {
        let response = wire.response(WITHIN).await.unwrap();
        assert_eq!(response.head.status, 200);
        assert!(response.text().contains("Hello") || response.text().contains("[DONE]"));
    }
    assert!(gateway.wait(WITHIN).await.unwrap().success());
    assert!(gateway.logs().contains("ended"), "{}", gateway.logs());
}

#[tokio::test]
async fn a_second_sigterm_ends_at_once() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().hang());
    let mut gateway = Config::default().deployment(&a).start().await;
    let mut wire = connect(&gateway).await;
    wire.post(CHAT, &[], hello(false).to_string(), WITHIN).await.unwrap();
    a.until(WITHIN, |tally| tally.in_flight == 1).await.unwrap();
    gateway.signal_term().await.unwrap();
    gateway.logged("draining", WITHIN).await.unwrap();
    gateway.signal_term().await.unwrap();
    gateway.wait(WITHIN).await.unwrap();
}

#[tokio::test]
async fn models_are_listed_for_clients() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    let config = Config::default().deployment(&a).member("org/n:free", "b", &b.base(), "");
    let gateway = config.start().await;
    let list = get(&gateway, "/v1/models", &[]).await.json();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(ids, ["m", "org/n:free"]);
    let one = get(&gateway, "/v1/models/org/n:free", &[]).await;
    assert_eq!((one.head.status, &one.json()["id"]), (200, &"org/n:free".into()));
}
