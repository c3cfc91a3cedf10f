//! One deployment fails; the caller does not see it.

use std::time::Duration;

use pointsman_testkit::{Behaviour, Upstream};

use crate::world::{Config, WITHIN, ask, chat, get, hello, standing, upstream};

#[tokio::test]
async fn sixty_calls_sixty_answers_and_the_broken_one_is_left_alone() {
    for stream in [false, true] {
        let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
        b.always(Behaviour::ok().status(500));
        let config = Config::default().deployment(&a).deployment(&b).deployment(&c);
        let gateway = config.and("router_settings: {cooldown_time: 300}").start().await;
        let mut second = 0;
        for _ in 0..60 {
            let response = ask(&gateway, &hello(stream)).await;
            assert_eq!(response.head.status, 200, "{}", response.text());
            let header = |name| response.head.header(name).unwrap_or_default();
            assert!(["a", "c"].contains(&header("x-pointsman-deployment")), "{:?}", response.head);
            assert_eq!(header("x-upstream"), "", "only what is known to be harmless is passed on");
            assert_eq!(header("x-pointsman-model-group"), "m");
            let who = header("x-pointsman-deployment");
            let said = response.text();
            assert!(stream || said.contains(&format!("Hello from {who}.")), "{said}");
            match header("x-pointsman-attempts") {
                "1" => {}
                "2" => second += 1,
                other => panic!("{other} attempts"),
            }
        }
        assert_eq!((b.count(), second), (3, 3), "stream: {stream}");
        assert_eq!(a.count() + c.count(), 60);
        let b = standing(&gateway, "b").await;
        assert_eq!((&b["state"], &b["in_flight"]), (&"cooling".into(), &0.into()), "{b}");
    }
}

#[tokio::test]
async fn sixty_calls_at_once_are_sixty_answers() {
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    b.always(Behaviour::ok().status(500));
    let config = Config::default().deployment(&a).deployment(&b).deployment(&c);
    let gateway = config.and("router_settings: {cooldown_time: 300}").start().await;
    let calls = (0..60).map(|_| chat(&gateway));
    for response in futures_util::future::join_all(calls).await {
        assert_eq!(response.head.status, 200, "{}", response.text());
    }
    assert_eq!(standing(&gateway, "b").await["state"], "cooling");
    // Not one more.
    let before = b.count();
    for _ in 0..10 {
        assert_eq!(chat(&gateway).await.head.status, 200);
    }
    assert_eq!(b.count(), before);
}

#[tokio::test]
async fn what_the_caller_names_and_is_not_there_cools_nobody() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    let body = r#"{"error": {"message": "Item with id 'rs_1' not found.", "type": "invalid_request_error", "param": "input", "code": null}}"#;
    for one in [&a, &b] {
        one.always(Behaviour::ok().status(404).body(body));
    }
    let gateway = Config::default().deployment(&a).deployment(&b).start().await;
    let response = chat(&gateway).await;
    assert_eq!(response.head.status, 404, "{}", response.text());
    assert_eq!(a.count() + b.count(), 1, "it is asked nowhere else");
    for one in ["a", "b"] {
        assert_eq!(standing(&gateway, one).await["state"], "ok");
    }
}

#[tokio::test]
async fn whatever_way_a_deployment_fails_another_answers() {
    let error = |status, code| Behaviour::ok().error(status, code, "x", "no");
    for (name, fault) in [
        ("500", Behaviour::ok().status(500)),
        ("502", Behaviour::ok().status(502)),
        ("503", Behaviour::ok().status(503)),
        ("429", error(429, "rate_limit_exceeded")),
        ("quota", error(429, "insufficient_quota")),
        ("401", error(401, "invalid_api_key")),
        ("403", error(403, "")),
        ("404", error(404, "model_not_found")),
        ("408", error(408, "")),
        ("cut", Behaviour::ok().cut_before_headers()),
        ("cut after headers", Behaviour::ok().cut_after_headers()),
        ("cut in the body", Behaviour::ok().cut_after_chunks(1)),
        ("reset", Behaviour::ok().reset()),
        ("hangs", Behaviour::ok().hang()),
        ("hangs after headers", Behaviour::ok().hang_after_headers()),
        ("not JSON", Behaviour::ok().body("<html>busy</html>")),
        ("empty", Behaviour::ok().body("")),
        ("no choices", Behaviour::ok().body("{}")),
    ] {
        let (bad, good) = (upstream("bad").await, upstream("good").await);
        bad.always(fault);
        let config =
            Config::default().tuned(&bad, ", order: 1, timeout: 0.5").tuned(&good, ", order: 2");
        let gateway = config.start().await;
        let response = chat(&gateway).await;
        assert_eq!(response.head.status, 200, "{name}: {}", response.text());
        assert_eq!(response.head.header("x-pointsman-deployment"), Some("good"), "{name}");
        assert_eq!(response.head.header("x-pointsman-attempts"), Some("2"), "{name}");
        assert_eq!((bad.count(), good.count()), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn nobody_listens_at_one_address() {
    let nobody = Upstream::refusing().unwrap();
    let good = upstream("good").await;
    let config = Config::default().member("m", "nobody", &nobody.base(), ", order: 1");
    let gateway = config.tuned(&good, ", order: 2").start().await;
    let response = chat(&gateway).await;
    assert_eq!(response.head.status, 200, "{}", response.text());
    assert_eq!(response.head.header("x-pointsman-attempts"), Some("2"));
}

#[tokio::test]
async fn a_call_that_fails_everywhere_says_where() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    for up in [&a, &b] {
        up.always(Behaviour::ok().error(500, "", "server_error", "boom"));
    }
    let gateway = Config::default().deployment(&a).deployment(&b).start().await;
    let response = chat(&gateway).await;
    assert_eq!(response.head.status, 500);
    let error = &response.json()["error"];
    assert!(error["message"].as_str().unwrap().contains("boom"), "{error}");
    let attempts = error["attempts"].as_array().unwrap();
    assert_eq!(attempts.len() as u64, a.count() + b.count(), "{error}");
    assert!(attempts.iter().all(|one| one["kind"] == "server"), "{error}");
    let sent = response.head.header("x-pointsman-attempts").unwrap();
    assert_eq!(sent, attempts.len().to_string());
}

#[tokio::test]
async fn the_caller_s_own_fault_is_sent_once_and_blames_nobody() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    for up in [&a, &b] {
        up.always(Behaviour::ok().error(422, "", "invalid_request_error", "no such voice"));
    }
    let gateway = Config::default().deployment(&a).deployment(&b).start().await;
    for nth in 1..=5 {
        let response = chat(&gateway).await;
        assert_eq!(response.head.status, 422);
        assert!(response.text().contains("no such voice"), "{}", response.text());
        assert_eq!(a.count() + b.count(), nth);
    }
    for id in ["a", "b"] {
        assert_eq!(standing(&gateway, id).await["state"], "ok");
    }
}

#[tokio::test]
async fn a_client_that_leaves_frees_what_it_held() {
    let a = upstream("a").await;
    a.then([Behaviour::ok().hang()]);
    let gateway = Config::default().tuned(&a, ", max_parallel_requests: 1").start().await;
    let mut wire = crate::world::connect(&gateway).await;
    wire.post(crate::world::CHAT, &[], hello(false).to_string(), WITHIN).await.unwrap();
    a.until(WITHIN, |tally| tally.in_flight == 1).await.unwrap();
    let refused = chat(&gateway).await;
    assert_eq!(refused.head.status, 429, "{}", refused.text());
    assert!(refused.head.header("retry-after").is_some());
    wire.hang_up();
    a.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
    // The upstream sees the end of the call before the gateway has settled it, or after.
    let mut answered = chat(&gateway).await.head.status == 200;
    for _ in 0..100 {
        if answered {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        answered = chat(&gateway).await.head.status == 200;
    }
    assert!(answered, "the slot was never given back");
    let counted = get(&gateway, "/metrics", &[]).await.text();
    for series in [
        "pointsman_attempts_total{deployment=\"a\",group=\"m\"} 2\n",
        "pointsman_requests_total{group=\"m\",outcome=\"cancelled\"} 1\n",
    ] {
        assert!(counted.contains(series), "{counted}");
    }
}
