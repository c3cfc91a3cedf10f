//! `GET /metrics`.

use pointsman_testkit::{Behaviour, Gateway, now};

use crate::world::{CHAT, Config, WITHIN, ask, chat, get, hello, post, upstream};

/// The value of one series; none when there is no such series.
async fn value(of: &Gateway, series: &str) -> Option<f64> {
    let text = get(of, "/metrics", &[]).await.text();
    let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|one| one.0 == series));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok())
}

#[tokio::test]
async fn what_happened_is_counted() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    a.always(Behaviour::ok().error(401, "invalid_api_key", "x", "no"));
    b.always(Behaviour::ok().usage(20, 5, 10));
    let prices = ", rpm: 10, max_budget: 5, budget_duration: 1d, input_cost_per_token: 0.001, \
                  output_cost_per_token: 0.002, cache_read_input_token_cost: 0.001";
    let config =
        Config::default().tuned(&a, ", order: 1").tuned(&b, &format!(", order: 2{prices}"));
    let gateway = config.start().await;
    assert_eq!(chat(&gateway).await.head.status, 200);
    let mut streamed = hello(true);
    streamed["stream_options"] = serde_json::json!({"include_usage": true});
    assert_eq!(ask(&gateway, &streamed).await.head.status, 200);
    for (series, expected) in [
        ("pointsman_requests_total{group=\"m\",outcome=\"ok\"}", 2.0),
        ("pointsman_retries_total{group=\"m\"}", 1.0),
        ("pointsman_fallbacks_total{group=\"m\"}", 0.0),
        ("pointsman_request_duration_seconds_count{group=\"m\"}", 2.0),
        ("pointsman_attempts_total{deployment=\"a\",group=\"m\"}", 1.0),
        ("pointsman_attempts_total{deployment=\"b\",group=\"m\"}", 2.0),
        ("pointsman_failures_total{deployment=\"a\",group=\"m\",kind=\"authentication\"}", 1.0),
        ("pointsman_cooldowns_total{deployment=\"a\",kind=\"authentication\"}", 1.0),
        ("pointsman_time_to_first_token_seconds_count{deployment=\"b\",group=\"m\"}", 1.0),
        ("pointsman_attempt_duration_seconds_count{deployment=\"b\",group=\"m\"}", 2.0),
        ("pointsman_tokens_total{deployment=\"b\",group=\"m\",class=\"input\"}", 40.0),
        ("pointsman_tokens_total{deployment=\"b\",group=\"m\",class=\"cache_read\"}", 10.0),
        ("pointsman_tokens_total{deployment=\"b\",group=\"m\",class=\"output\"}", 20.0),
        ("pointsman_spend_usd_total{deployment=\"b\",group=\"m\"}", 0.08),
        ("pointsman_overhead_seconds_count", 2.0),
        ("pointsman_deployment_state{deployment=\"a\",group=\"m\",state=\"cooling\"}", 1.0),
        ("pointsman_deployment_state{deployment=\"a\",group=\"m\",state=\"ok\"}", 0.0),
        ("pointsman_deployment_state{deployment=\"b\",group=\"m\",state=\"ok\"}", 1.0),
        ("pointsman_in_flight{deployment=\"b\",group=\"m\"}", 0.0),
        ("pointsman_limit_remaining{deployment=\"b\",group=\"m\",limit=\"rpm\"}", 8.0),
        ("pointsman_budget_remaining_usd{deployment=\"b\",group=\"m\"}", 4.92),
    ] {
        let found = value(&gateway, series).await;
        let near = found.is_some_and(|found| (found - expected).abs() < 1e-9);
        assert!(near, "{series}: {found:?}\n{}", get(&gateway, "/metrics", &[]).await.text());
    }
}

#[tokio::test]
async fn labels_are_bounded_by_the_configuration() {
    let a = upstream("a").await;
    let config = Config::default().member("'open/*'", "a", &a.base(), "");
    let gateway = config.start().await;
    for model in ["open/one", "open/two"] {
        let body = format!("{{\"model\": \"{model}\", \"messages\": []}}");
        assert_eq!(post(&gateway, CHAT, &[], body).await.head.status, 200);
    }
    let unknown = post(&gateway, CHAT, &[], "{\"model\": \"odd\", \"messages\": []}").await;
    assert_eq!(unknown.head.status, 404);
    let all = get(&gateway, "/metrics", &[]).await;
    let text = all.text();
    assert!(all.head.header("content-type").unwrap().contains("openmetrics"));
    let requests = "pointsman_requests_total{group=\"open/*\",outcome=\"ok\"}";
    assert_eq!(value(&gateway, requests).await, Some(2.0), "{text}");
    assert!(!text.contains("open/one") && !text.contains("odd") && !text.contains("sk-"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn the_key_is_needed() {
    let a = upstream("a").await;
    let config = Config::default().deployment(&a).and("general_settings: {master_key: sk-m}");
    let gateway = config.start().await;
    assert_eq!(get(&gateway, "/metrics", &[]).await.head.status, 401);
    assert_eq!(get(&gateway, "/metrics", &[("x-api-key", "sk-m")]).await.head.status, 200);
}

#[tokio::test]
async fn what_is_under_way_is_seen() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().hang_after_chunks(1));
    let gateway = Config::default().deployment(&a).start().await;
    let mut wire = crate::world::connect(&gateway).await;
    wire.post(CHAT, &[], hello(true).to_string(), WITHIN).await.unwrap();
    assert_eq!(wire.head(WITHIN).await.unwrap().status, 200);
    let series = "pointsman_in_flight{deployment=\"a\",group=\"m\"}";
    assert_eq!(value(&gateway, series).await, Some(1.0));
}

#[tokio::test]
async fn a_caller_who_leaves_is_counted_and_so_is_what_that_cost() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().hang());
    let prices = ", input_cost_per_token: 0.5, output_cost_per_token: 0.5, max_budget: 1000";
    let gateway = Config::default().tuned(&a, prices).start().await;
    let mut wire = crate::world::connect(&gateway).await;
    wire.post(CHAT, &[], hello(false).to_string(), WITHIN).await.unwrap();
    a.until(WITHIN, |tally| tally.count == 1).await.unwrap();
    wire.hang_up();
    a.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
    let began = now();
    let ended = "pointsman_requests_total{group=\"m\",outcome=\"cancelled\"}";
    while value(&gateway, ended).await != Some(1.0) {
        let text = get(&gateway, "/metrics", &[]).await.text();
        assert!(now() - began < WITHIN, "{text}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let of_a = "{deployment=\"a\",group=\"m\"}";
    let attempts = value(&gateway, &format!("pointsman_attempts_total{of_a}")).await;
    assert_eq!(attempts, Some(1.0));
    let spent = value(&gateway, &format!("pointsman_spend_usd_total{of_a}")).await.unwrap();
    let left = value(&gateway, &format!("pointsman_budget_remaining_usd{of_a}")).await.unwrap();
    assert!(spent > 0.0 && (spent + left - 1000.0).abs() < 1e-9, "{spent} spent, {left} left");
}

#[tokio::test]
async fn an_answer_that_was_kept_is_marked_and_counted() {
    let a = upstream("a").await;
    let cache = "litellm_settings: {cache: true, cache_params: {type: local, ttl: 60}}";
    let gateway = Config::default().deployment(&a).and(cache).start().await;
    let (first, second) = (chat(&gateway).await, chat(&gateway).await);
    assert_eq!((first.head.header("x-pointsman-cache-hit"), a.count()), (None, 1));
    assert_eq!(second.head.header("x-pointsman-cache-hit"), Some("true"));
    assert_eq!(second.body, first.body);
    for (outcome, expected) in [("ok", 1.0), ("cached", 1.0)] {
        let series = format!("pointsman_requests_total{{group=\"m\",outcome=\"{outcome}\"}}");
        assert_eq!(value(&gateway, &series).await, Some(expected), "{series}");
    }
}
