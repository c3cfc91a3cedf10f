//! Where a call goes when its group cannot answer, and what that costs.

use std::time::Duration;

use pointsman_testkit::{Behaviour, Gateway, now, wire::Response};
use serde_json::{Value, json};

use crate::world::{CHAT, Config, ask, chat, hello, post, standing, upstream};

fn by(response: &Response) -> &str {
    response.head.header("x-pointsman-deployment").unwrap_or_default()
}

fn error(status: u16, code: &str, message: &str) -> Behaviour {
    Behaviour::ok().error(status, code, "invalid_request_error", message)
}

fn with(name: &str, value: Value) -> Value {
    let mut body = hello(false);
    body[name] = value;
    body
}

#[tokio::test]
async fn a_kind_with_fallbacks_of_its_own_goes_there_and_nowhere_else() {
    let long = error(400, "context_length_exceeded", "maximum context length is 100 tokens");
    let vile = error(400, "content_filter", "filtered");
    let broken = Behaviour::ok().status(500);
    for (name, fault, expected) in
        [("long", long, "l"), ("vile", vile, "v"), ("broken", broken, "g")]
    {
        let (m, g, l, v) =
            (upstream("m").await, upstream("g").await, upstream("l").await, upstream("v").await);
        m.always(fault);
        let config = Config::default()
            .deployment(&m)
            .member("general", "g", &g.base(), "")
            .member("longer", "l", &l.base(), "")
            .member("milder", "v", &v.base(), "");
        let gateway = config
            .and(
                "router_settings: {num_retries: 0, fallbacks: [{m: [general]}], \
                 context_window_fallbacks: [{m: [longer]}], content_policy_fallbacks: [{m: [milder]}]}",
            )
            .start()
            .await;
        let response = chat(&gateway).await;
        assert_eq!(
            (response.head.status, by(&response)),
            (200, expected),
            "{name}: {}",
            response.text()
        );
        assert_eq!(g.count() + l.count() + v.count(), 1, "{name}");
        assert_eq!(response.head.header("x-pointsman-fallbacks"), Some("1"), "{name}");
        let state = standing(&gateway, "m").await;
        assert!(name == "broken" || state["state"] == "ok", "{name}: {state}");
        // Where its own fallbacks fail too, the others are not asked.
        for up in [&l, &v] {
            up.always(Behaviour::ok().status(500));
        }
        if name != "broken" {
            assert_eq!(chat(&gateway).await.head.status, 400, "{name}");
            assert_eq!(g.count(), 0, "{name}");
        }
    }
}

#[tokio::test]
async fn a_finish_reason_may_be_a_filter() {
    let (m, v) = (upstream("m").await, upstream("v").await);
    m.always(Behaviour::ok().finish("content_filter"));
    let config = Config::default().deployment(&m).member("milder", "v", &v.base(), "");
    let plain = config.start().await;
    assert_eq!(by(&chat(&plain).await), "m", "without fallbacks it is an answer like any other");
    let config = Config::default().deployment(&m).member("milder", "v", &v.base(), "");
    let gateway =
        config.and("router_settings: {content_policy_fallbacks: [{m: [milder]}]}").start().await;
    assert_eq!(by(&chat(&gateway).await), "v");
    assert_eq!((m.count(), v.count()), (2, 1));
    assert_eq!(standing(&gateway, "m").await["state"], "ok");
}

#[tokio::test]
async fn a_refused_key_tries_another_and_cools_what_shares_it() {
    let (bad, good) = (upstream("bad").await, upstream("good").await);
    bad.always(error(401, "invalid_api_key", "no"));
    let config = Config::default().tuned(&bad, ", order: 1").tuned(&good, ", order: 2");
    let gateway = config.start().await;
    for _ in 0..5 {
        assert_eq!(by(&chat(&gateway).await), "good");
    }
    assert_eq!((bad.count(), good.count()), (1, 5));
    assert_eq!(standing(&gateway, "bad").await["state"], "cooling");
}

#[tokio::test]
async fn retry_after_is_kept_alone_and_skipped_for_a_sibling() {
    let limited = || error(429, "rate_limit_exceeded", "slow down").header("retry-after", "1");
    let a = upstream("a").await;
    a.then([limited()]);
    let gateway = Config::default().deployment(&a).start().await;
    let began = now();
    let response = chat(&gateway).await;
    assert_eq!(response.head.status, 200, "{}", response.text());
    assert!(now() - began >= Duration::from_secs(1), "{:?}", now() - began);
    assert_eq!(a.count(), 2);

    let (a, b) = (upstream("a").await, upstream("b").await);
    a.then([limited().header("retry-after", "20")]);
    let config = Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2");
    let gateway = config.start().await;
    let began = now();
    assert_eq!(by(&chat(&gateway).await), "b");
    assert!(now() - began < Duration::from_secs(10), "{:?}", now() - began);
}

#[tokio::test]
async fn a_primary_that_hangs_costs_its_own_timeout_and_no_more() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    a.always(Behaviour::ok().hang());
    let config = Config::default().tuned(&a, ", order: 1, timeout: 0.4").tuned(&b, ", order: 2");
    let gateway = config.and("router_settings: {timeout: 20}").start().await;
    let began = now();
    assert_eq!(by(&chat(&gateway).await), "b");
    let took = now() - began;
    assert!((Duration::from_millis(400)..Duration::from_secs(8)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn an_outage_is_not_multiplied() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    for up in [&a, &b] {
        up.always(Behaviour::ok().status(500));
    }
    let config = Config::default().deployment(&a).deployment(&b);
    let gateway = config
        .and("router_settings: {num_retries: 12, disable_cooldowns: true, timeout: 8}")
        .start()
        .await;
    let calls = (0..100).map(|_| chat(&gateway));
    let began = now();
    for response in futures_util::future::join_all(calls).await {
        assert_eq!(response.head.status, 500);
    }
    // A fifth of the first attempts, thirty at once, three a second.
    let most = 100 + 20 + 30 + 3 * (now() - began).as_secs() + 3;
    let sent = a.count() + b.count();
    assert!((101..=most).contains(&sent), "{sent} sends, {most} are the most");
}

#[tokio::test]
async fn a_second_copy_overtakes_a_slow_one() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    // One of them alone: where both were slow for the same call, no copy could help.
    a.answer_with(|_, nth| {
        let slow = if nth % 10 == 9 { 10_000 } else { 150 };
        Behaviour::ok().delay(Duration::from_millis(slow))
    });
    b.always(Behaviour::ok().delay(Duration::from_millis(150)));
    let config = Config::default().deployment(&a).deployment(&b);
    let gateway = config.and("router_settings: {pointsman: {hedge: {groups: [m]}}}").start().await;
    // A few at a time: what is measured is what the slow ones cost, not how busy the machine is.
    let round = || async {
        let calls = (0..5).map(|_| async {
            let began = now();
            assert_eq!(chat(&gateway).await.head.status, 200);
            now() - began
        });
        futures_util::future::join_all(calls).await
    };
    // It learns what is usual first.
    for _ in 0..8 {
        round().await;
    }
    let before = a.count() + b.count();
    let mut took = Vec::new();
    for _ in 0..20 {
        took.extend(round().await);
    }
    took.sort_unstable();
    let sent = a.count() + b.count() - before;
    assert!(took[98] < Duration::from_secs(5), "p99 is {:?}", took[98]);
    assert!((101..=125).contains(&sent), "{sent} sends for 100 calls");
}

#[tokio::test]
async fn a_third_copy_overtakes_two_slow_ones() {
    let hedged = "router_settings: {pointsman: {hedge: {groups: [m], after: 0.3}}}";
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    for up in [&a, &b] {
        up.then([Behaviour::ok().hang()]);
    }
    let config =
        Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2").tuned(&c, ", order: 3");
    let gateway = config.and(hedged).start().await;
    let response = chat(&gateway).await;
    assert_eq!((response.head.status, by(&response)), (200, "c"), "{}", response.text());
    assert_eq!(response.head.header("x-pointsman-attempts"), Some("3"));
    // Nobody else is there: one of the two is asked again.
    for up in [&a, &b] {
        up.then([Behaviour::ok().hang()]);
    }
    let gateway =
        Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2").and(hedged).start().await;
    let response = chat(&gateway).await;
    assert_eq!((response.head.status, by(&response)), (200, "a"), "{}", response.text());
    assert_eq!(response.head.header("x-pointsman-attempts"), Some("3"));
    for id in ["a", "b"] {
        assert_eq!(standing(&gateway, id).await["in_flight"], 0, "{id}");
    }
}

#[tokio::test]
async fn a_request_may_say_what_it_wants() {
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    a.always(Behaviour::ok().status(500));
    let config = Config::default().deployment(&a).member("other", "b", &b.base(), "").member(
        "third",
        "c",
        &c.base(),
        "",
    );
    let gateway =
        config.and("router_settings: {num_retries: 0, fallbacks: [{m: [other]}]}").start().await;
    assert_eq!(by(&chat(&gateway).await), "b");
    assert_eq!(by(&ask(&gateway, &with("fallbacks", json!(["third"]))).await), "c");
    assert_eq!(ask(&gateway, &with("disable_fallbacks", json!(true))).await.head.status, 500);
    let before = a.count();
    let mut body = with("num_retries", json!(1));
    body["disable_fallbacks"] = json!(true);
    assert_eq!(ask(&gateway, &body).await.head.status, 500);
    assert_eq!(a.count() - before, 2);
    // None of it reaches an upstream.
    for call in a.calls().iter().chain(&c.calls()) {
        for name in ["fallbacks", "disable_fallbacks", "num_retries"] {
            assert!(call.json().get(name).is_none(), "{}", call.json());
        }
    }
    a.always(Behaviour::ok().hang());
    let began = now();
    let mut body = with("timeout", json!(0.3));
    body["disable_fallbacks"] = json!(true);
    let response = ask(&gateway, &body).await;
    assert_eq!(response.head.status, 408, "{}", response.text());
    assert!(now() - began < Duration::from_secs(8));
    assert_eq!(standing(&gateway, "a").await["in_flight"], 0);
}

#[tokio::test]
async fn a_mock_asks_nobody() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    let response = ask(&gateway, &with("mock_response", json!("I am not a model."))).await;
    assert_eq!(response.head.status, 200, "{}", response.text());
    let said = &response.json()["choices"][0]["message"];
    assert_eq!(
        (&said["content"], &said["role"]),
        (&json!("I am not a model."), &json!("assistant"))
    );
    let mut body = with("mock_response", json!("I am not a model."));
    body["stream"] = json!(true);
    let response = ask(&gateway, &body).await.text();
    let events = crate::world::events(&response);
    assert_eq!(crate::world::text(&events), "I am not a model.");
    assert_eq!(events.last(), Some(&"[DONE]"));
    assert_eq!(a.count(), 0);
}

#[tokio::test]
async fn what_is_explained_is_what_happens() {
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    let config = Config::default().deployment(&a).deployment(&b).deployment(&c);
    let gateway = config.and("router_settings: {fallbacks: [{m: [m]}]}").start().await;
    let mut who = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let told = post(&gateway, "/router/explain", &[], hello(false).to_string()).await.json();
        let pick = told["pick"].as_str().unwrap().to_owned();
        assert_eq!(by(&chat(&gateway).await), pick, "{told}");
        who.insert(pick);
    }
    assert!(who.len() > 1, "chance has a part in it: {who:?}");
    assert_eq!(a.count() + b.count() + c.count(), 20, "explaining sends nothing");
}

/// Calls with a header of their own.
pub(crate) async fn headed(to: &Gateway, header: (&str, &str)) -> Response {
    post(to, CHAT, &[header], hello(false).to_string()).await
}

#[tokio::test]
async fn a_long_list_of_changed_targets_costs_no_more_than_those_that_are_asked() {
    let (m, n) = (upstream("m").await, upstream("n").await);
    m.always(Behaviour::ok().status(500));
    n.always(Behaviour::ok().status(500));
    let config = Config::default().deployment(&m).member("n", "n", &n.base(), "");
    let gateway = config.and("router_settings: {num_retries: 0}").start().await;
    let target = |at: u32| json!({"model": "n", "seed": at});
    let body = with("fallbacks", (0..20_000).map(target).collect());
    let began = now();
    let failed = ask(&gateway, &body).await;
    assert_eq!((failed.head.status, m.count(), n.count()), (500, 1, 1), "{}", failed.text());
    assert!(now() - began < Duration::from_secs(10), "{:?}", now() - began);
}
