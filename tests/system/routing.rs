//! Who gets a call: names, tags, tiers, sessions, races, copies, waits.

use std::time::Duration;

use pointsman_testkit::{Behaviour, now, wire::Response};
use serde_json::json;

use crate::{
    fallbacks::headed,
    world::{CHAT, Config, WITHIN, ask, chat, connect, get, hello, post, standing, upstream},
};

fn named(model: &str) -> serde_json::Value {
    let mut body = hello(false);
    body["model"] = json!(model);
    body
}

#[tokio::test]
async fn names_are_groups_aliases_ids_and_patterns() {
    let (a, b, w, x) =
        (upstream("a").await, upstream("b").await, upstream("w").await, upstream("x").await);
    let config = Config::default().deployment(&a).deployment(&b);
    let wild = format!(
        "  - model_name: 'openai/*'\n    litellm_params: {{model: 'openai/*', api_base: '{}', \
         api_key: k}}\n    model_info: {{id: w}}\n  - model_name: 'openai/gpt-*'\n    \
         litellm_params: {{model: 'openai/new-*', api_base: '{}', api_key: k}}\n    \
         model_info: {{id: x}}",
        w.base(),
        x.base()
    );
    let gateway =
        config.and(&wild).and("router_settings: {model_group_alias: {alias: m}}").start().await;
    let by = async |model: &str| {
        let response = ask(&gateway, &named(model)).await;
        let who = response.head.header("x-pointsman-deployment").unwrap_or_default().to_owned();
        (response.head.status, who)
    };
    for _ in 0..5 {
        assert_eq!(by("b").await, (200, "b".to_owned()));
    }
    let alias = by("alias").await;
    assert!(["a", "b"].contains(&alias.1.as_str()), "{alias:?}");
    assert_eq!(by("openai/other").await, (200, "w".to_owned()));
    assert_eq!(by("openai/gpt-5").await, (200, "x".to_owned()));
    assert_eq!(w.calls()[0].json()["model"], "other");
    assert_eq!(x.calls()[0].json()["model"], "new-5");
    let unknown = ask(&gateway, &named("nothing")).await;
    assert_eq!(unknown.head.status, 404);
    assert_eq!(unknown.json()["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn tags_and_tiers_choose_among_members() {
    let (free, paid, last) =
        (upstream("free").await, upstream("paid").await, upstream("last").await);
    let config = Config::default()
        .tuned(&free, ", tags: [free, default], order: 0")
        .tuned(&paid, ", tags: [paid]")
        .tuned(&last, ", tags: [default]");
    let gateway = config.and("router_settings: {enable_tag_filtering: true}").start().await;
    for _ in 0..4 {
        let paid = headed(&gateway, ("x-litellm-tags", "paid")).await;
        assert_eq!(paid.head.header("x-pointsman-deployment"), Some("paid"));
        assert_eq!(chat(&gateway).await.head.header("x-pointsman-deployment"), Some("free"));
    }
    for (field, said) in
        [("tags", json!(["paid"])), ("litellm_metadata", json!({"tags": ["paid"]}))]
    {
        let mut body = hello(false);
        (body[field], body["no-log"]) = (said, json!(true));
        let paid = ask(&gateway, &body).await;
        assert_eq!(paid.head.header("x-pointsman-deployment"), Some("paid"), "{field}");
    }
    let theirs = paid.calls().last().unwrap().json();
    for field in ["tags", "litellm_metadata", "no-log"] {
        assert_eq!(theirs.get(field), None, "the upstream would refuse it");
    }
    let mut body = hello(false);
    body["metadata"] = json!({"tags": ["!free"]});
    let banned = ask(&gateway, &body).await;
    assert_eq!(banned.head.header("x-pointsman-deployment"), Some("last"), "{}", banned.text());
}

#[tokio::test]
async fn a_session_stays_until_its_member_fails() {
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    let config = Config::default().deployment(&a).deployment(&b).deployment(&c);
    let gateway = config.start().await;
    let ask = async || {
        let response = headed(&gateway, ("x-litellm-session-id", "s1")).await;
        let mut body = hello(false);
        body["metadata"] = json!({"session_id": "s1"});
        let again = ask(&gateway, &body).await;
        let who = |of: &Response| of.head.header("x-pointsman-deployment").map(str::to_owned);
        assert_eq!(who(&response), who(&again), "in the body as in a header");
        assert_eq!(response.head.status, 200, "{}", response.text());
        response.head.header("x-pointsman-deployment").unwrap_or_default().to_owned()
    };
    let first = ask().await;
    for _ in 0..12 {
        assert_eq!(ask().await, first);
    }
    let pinned = [&a, &b, &c].into_iter().find(|up| up.name() == first).unwrap();
    pinned.always(Behaviour::ok().error(429, "", "x", "busy").header("retry-after", "300"));
    let second = ask().await;
    assert_ne!(second, first, "a pin never overrides a refusal");
    for _ in 0..8 {
        assert_eq!(ask().await, second);
    }
}

#[tokio::test]
async fn the_very_same_call_is_answered_from_what_is_kept() {
    let a = upstream("a").await;
    let gateway = Config::default()
        .deployment(&a)
        .and("router_settings: {cache_responses: true}")
        .start()
        .await;
    let (first, second) = (chat(&gateway).await, chat(&gateway).await);
    assert_eq!((first.head.status, second.head.status), (200, 200));
    assert_eq!(first.text(), second.text());
    assert_eq!(a.count(), 1);
    let mut other = hello(false);
    other["temperature"] = json!(0.5);
    ask(&gateway, &other).await;
    assert_eq!(a.count(), 2);
    let mut fresh = hello(false);
    fresh["cache"] = json!({"no-cache": true});
    ask(&gateway, &fresh).await;
    assert_eq!(a.count(), 3);
}

#[tokio::test]
async fn what_is_kept_is_another_models_for_nobody() {
    let a = upstream("a").await;
    let config = Config::default()
        .member("'open/*'", "a", &a.base(), "")
        .and("router_settings: {cache_responses: true}");
    let gateway = config.start().await;
    let cached = async |model: &str, beta: &str| {
        let mut body = hello(false);
        (body["model"], body["max_tokens"]) = (model.into(), 9.into());
        let beta = [("anthropic-beta", beta)];
        let response = post(&gateway, "/v1/messages", &beta, body.to_string()).await;
        assert_eq!(response.head.status, 200, "{}", response.text());
        response.head.header("x-pointsman-cache-hit").is_some()
    };
    for (model, beta, expected) in [
        ("open/one", "x", false),
        ("open/two", "x", false),
        ("open/one", "x", true),
        ("open/one", "y", false),
        // The deployment by its own id.
        ("a", "x", false),
    ] {
        assert_eq!(cached(model, beta).await, expected, "{model} {beta}");
    }
}

#[tokio::test]
async fn a_copy_goes_beside_a_call_and_nobody_waits_for_it() {
    let (a, s) = (upstream("a").await, upstream("s").await);
    s.always(Behaviour::ok().status(500));
    let config = Config::default().tuned(&a, ", silent_model: shadow");
    let gateway = config.member("shadow", "s", &s.base(), "").start().await;
    for _ in 0..3 {
        let response = chat(&gateway).await;
        assert_eq!(response.head.header("x-pointsman-deployment"), Some("a"));
        assert_eq!(response.head.header("x-pointsman-attempts"), Some("1"));
    }
    s.until(WITHIN, |tally| tally.count >= 3).await.unwrap();
    assert_eq!((a.count(), s.count()), (3, 3), "a copy is sent once");
}

#[tokio::test]
async fn of_several_models_the_first_answer_counts() {
    let (slow, fast) = (upstream("slow").await, upstream("fast").await);
    slow.always(Behaviour::ok().hang());
    let config = Config::default().deployment(&slow).member("n", "fast", &fast.base(), "");
    let gateway = config.start().await;
    let mut body = named("m, n");
    body["fastest_response"] = json!(true);
    let response = ask(&gateway, &body).await;
    assert_eq!(response.head.status, 200, "{}", response.text());
    assert_eq!(response.head.header("x-pointsman-deployment"), Some("fast"));
    slow.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
}

#[tokio::test]
async fn a_race_makes_no_more_sends_than_a_call_may() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    for up in [&a, &b] {
        up.always(Behaviour::ok().status(500));
    }
    let settings = "router_settings: {num_retries: 9, disable_cooldowns: true, \
                    pointsman: {max_attempts: 5}}";
    let config = Config::default().deployment(&a).member("n", "b", &b.base(), "").and(settings);
    let gateway = config.start().await;
    let mut body = named("m, n, m,n , ,m");
    body["fastest_response"] = json!(true);
    assert_eq!(ask(&gateway, &body).await.head.status, 500);
    assert!(a.count() + b.count() <= 5, "{} {}", a.count(), b.count());
    body["model"] = json!("m,n,1,2,3,4");
    let refused = ask(&gateway, &body).await;
    assert_eq!(refused.head.status, 400, "{}", refused.text());
    assert!(refused.text().contains("at most 5"), "{}", refused.text());
}

#[tokio::test]
async fn who_waits_is_answered_as_soon_as_a_slot_frees() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().delay(Duration::from_millis(300)));
    let config = Config::default().tuned(&a, ", max_parallel_requests: 1");
    let gateway = config
        .and("router_settings: {pointsman: {on_exhausted: {wait: {max: 20s, queue: 2}}}}")
        .start()
        .await;
    let calls = (0..3).map(|_| chat(&gateway));
    let began = now();
    for response in futures_util::future::join_all(calls).await {
        assert_eq!(response.head.status, 200, "{}", response.text());
    }
    assert!(now() - began < Duration::from_secs(10));
    assert_eq!(a.count(), 3);
    // One works, two wait, the fourth finds no room.
    let calls = (0..4).map(|_| chat(&gateway));
    let mut all: Vec<u16> = Vec::new();
    for response in futures_util::future::join_all(calls).await {
        all.push(response.head.status);
    }
    all.sort_unstable();
    assert_eq!(all, [200, 200, 200, 429]);
}

#[tokio::test]
async fn the_last_resort_is_a_softly_cooled_member() {
    for (resort, status) in [("refuse", 429), ("last_resort", 200)] {
        let (a, b) = (upstream("a").await, upstream("b").await);
        for up in [&a, &b] {
            up.then((0..1).map(|_| Behaviour::ok().status(500)));
        }
        let config = Config::default().deployment(&a).deployment(&b);
        let gateway = config
            .and(&format!(
                "router_settings: {{num_retries: 1, allowed_fails: 0, cooldown_time: 300, \
                 pointsman: {{on_exhausted: {resort}}}}}"
            ))
            .start()
            .await;
        assert_eq!(chat(&gateway).await.head.status, 500);
        let response = chat(&gateway).await;
        assert_eq!(response.head.status, status, "{resort}: {}", response.text());
        if status == 429 {
            let after: u64 = response.head.header("retry-after").unwrap().parse().unwrap();
            assert!((200..=330).contains(&after), "{after}");
            assert_eq!(response.json()["error"]["code"], "all_cooling");
        }
    }
}

#[tokio::test]
async fn a_set_of_groups_is_called_by_its_name() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    let config =
        Config::default().member("one", "a", &a.base(), "").member("two", "b", &b.base(), "");
    let gateway = config
        .and(
            "router_settings: {routing_groups: [{group_name: both, models: [one, two], \
             routing_strategy: round-robin}]}",
        )
        .start()
        .await;
    for _ in 0..6 {
        assert_eq!(ask(&gateway, &named("both")).await.head.status, 200);
    }
    assert_eq!((a.count(), b.count()), (3, 3));
}

#[tokio::test]
async fn a_stream_whose_client_leaves_frees_its_slot() {
    let a = upstream("a").await;
    a.then([Behaviour::ok().chunks(3).hang_after_chunks(2)]);
    let gateway = Config::default().tuned(&a, ", max_parallel_requests: 1").start().await;
    let mut wire = connect(&gateway).await;
    wire.post(CHAT, &[], hello(true).to_string(), WITHIN).await.unwrap();
    assert_eq!(wire.head(WITHIN).await.unwrap().status, 200);
    assert_eq!(standing(&gateway, "a").await["in_flight"], 1);
    wire.hang_up();
    a.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
    let began = now();
    while standing(&gateway, "a").await["in_flight"] != 0 {
        assert!(now() - began < WITHIN, "the slot was never given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(get(&gateway, "/health/readiness", &[]).await.head.status, 200);
    assert_eq!(chat(&gateway).await.head.status, 200);
}
