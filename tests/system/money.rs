//! Budgets that hold under bursts, and costs to the last decimal.

use pointsman_testkit::{Behaviour, Gateway, wire::Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{
    CHAT, Config, PRICED, account, ask, burst, burst_with, events, hello, post, small, standing,
    upstream, with_status,
};

const BUDGET: &str = ", max_budget: 0.021, budget_duration: 1d";

/// Ten of a burst are sent, and the others are told why not.
async fn sends_ten(gateway: &Gateway, headers: &[(&str, &str)], body: &Value, whose: &str) {
    let answers = burst_with(gateway, 60, headers, body).await;
    assert_eq!((with_status(200, &answers), with_status(429, &answers)), (10, 50), "{whose}");
    for answer in &answers {
        if answer.head.status == 200 {
            assert_eq!(answer.head.header("x-pointsman-cost"), Some("0.002"), "{whose}");
            assert_eq!(answer.head.header("x-litellm-response-cost"), Some("0.002"));
        } else {
            assert_over_budget(answer, whose);
        }
    }
    let refused = post(gateway, CHAT, headers, body.to_string()).await;
    assert_over_budget(&refused, whose);
    let far = "$0.02 of $0.021 spent or reserved, and the call may cost $0.002";
    assert!(refused.text().contains(far), "{}", refused.text());
    let after: u64 = refused.head.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&after), "until midnight: {after}");
}

fn assert_over_budget(refused: &Response, whose: &str) {
    let error = &refused.json()["error"];
    assert_eq!(
        (&error["type"], &error["code"]),
        (&"rate_limit_error".into(), &"budget_exceeded".into()),
        "{error}"
    );
    assert!(error["message"].as_str().unwrap().contains(whose), "{error}");
    assert!(refused.head.header("retry-after-ms").is_some(), "{error}");
}

#[tokio::test]
async fn a_deployments_budget_is_ten_calls_and_never_eleven() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().usage(10, 0, 5));
    let gateway = Config::default().tuned(&a, &format!("{PRICED}{BUDGET}")).start().await;
    sends_ten(&gateway, &[], &small(), "a is refused").await;
    assert_eq!(a.count(), 10);
    let spend = &standing(&gateway, "a").await["spend"];
    assert_eq!((&spend["used"], &spend["reserved"]), (&json!(0.02), &json!(0)), "{spend}");
    assert_eq!(spend["limit"], json!(0.021));
    assert!(spend["resets_at"].as_str().unwrap().ends_with("T00:00:00Z"), "{spend}");
}

#[tokio::test]
async fn so_are_those_of_providers_tags_quotas_and_callers() {
    let hash = Sha256::digest(b"sk-team")
        .iter()
        .fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    let budget = "max_budget: 0.021, budget_duration: 1d";
    let keys = format!("keys: [{{name: team, hash: 'sha256:{hash}', {budget}}}]");
    let quota = format!("quotas: {{acct: {{{budget}}}}}");
    let pointsman = |what: &str| format!("router_settings: {{pointsman: {{{what}}}}}");
    let provider = "router_settings: {provider_budget_config: {openai: {budget_limit: 0.021, \
                    time_period: 1d}}}";
    let tag = format!("litellm_settings: {{tag_budget_config: {{blue: {{{budget}}}}}}}");
    let master = "general_settings: {master_key: sk-all}";
    let mut tagged = small();
    tagged["metadata"] = json!({"tags": ["green", "blue"]});
    for (whose, params, sections, body) in [
        ("provider:openai", "", vec![provider.to_owned()], small()),
        ("tag:blue", "", vec![tag], tagged),
        ("quota:acct", ", quotas: [acct]", vec![pointsman(&quota)], small()),
        ("key:team", "", vec![pointsman(&keys), master.to_owned()], small()),
    ] {
        let (a, b) = (upstream("a").await, upstream("b").await);
        let mut config = Config::default();
        for up in [&a, &b] {
            up.always(Behaviour::ok().usage(10, 0, 5));
            config = config.tuned(up, &format!("{PRICED}{params}"));
        }
        for section in &sections {
            config = config.and(section);
        }
        let gateway = config.start().await;
        let team = [("authorization", "Bearer sk-team")];
        let headers = if whose == "key:team" { &team[..] } else { &[] };
        sends_ten(&gateway, headers, &body, whose).await;
        assert_eq!(a.count() + b.count(), 10, "{whose}");
        let all = [("authorization", "Bearer sk-all")];
        let spend = account(&gateway, whose, &all).await["spend"].clone();
        assert_eq!((&spend["used"], &spend["reserved"]), (&json!(0.02), &json!(0)), "{spend}");
    }
}

#[tokio::test]
async fn an_untagged_call_is_not_the_tags() {
    let a = upstream("a").await;
    let tag = "litellm_settings: {tag_budget_config: {blue: {max_budget: 0, budget_duration: 1d}}}";
    let gateway = Config::default().tuned(&a, PRICED).and(tag).start().await;
    assert_eq!(ask(&gateway, &small()).await.head.status, 200);
    let refused = post(&gateway, CHAT, &[("x-litellm-tags", "blue")], small().to_string()).await;
    assert_eq!(refused.json()["error"]["code"], "budget_exceeded", "{}", refused.text());
}

#[tokio::test]
async fn a_budget_over_an_unknown_price_is_refused_at_load() {
    let a = upstream("a").await;
    let config = Config::default().tuned(&a, ", max_budget: 1, budget_duration: 1d");
    let (code, why) =
        Gateway::refused(std::path::Path::new(crate::POINTSMAN), &config.text()).await.unwrap();
    assert_eq!(code, 1);
    assert!(why.contains("no known price") && why.contains("input_cost_per_token"), "{why}");
}

#[tokio::test]
async fn a_tags_budget_over_an_unknown_price_is_told_of_and_refused() {
    let a = upstream("a").await;
    let tag = "litellm_settings: {tag_budget_config: {blue: {max_budget: 1, budget_duration: 1d}}}";
    let gateway = Config::default().deployment(&a).and(tag).start().await;
    let told = gateway.logs();
    assert!(
        told.contains("no known price: calls that are paid from a budget (tag:blue)"),
        "{told}"
    );
    assert_eq!(ask(&gateway, &small()).await.head.status, 200);
    let refused = post(&gateway, CHAT, &[("x-litellm-tags", "blue")], small().to_string()).await;
    assert_eq!(refused.json()["error"]["code"], "budget_exceeded", "{}", refused.text());
    assert!(refused.text().contains("it has no price"), "{}", refused.text());
    assert_eq!(a.count(), 1);
}

#[tokio::test]
async fn a_refused_budget_spills_and_falls_back() {
    let (a, b, c) = (upstream("a").await, upstream("b").await, upstream("c").await);
    for up in [&a, &b, &c] {
        up.always(Behaviour::ok().usage(10, 0, 5));
    }
    let budget = |max: &str| format!("{PRICED}, max_budget: {max}, budget_duration: 1d");
    let config = Config::default().tuned(&a, &budget("0.0061")).tuned(&b, &budget("0.002"));
    let config = config.member("n", "c", &c.base(), "");
    let gateway = config.and("router_settings: {fallbacks: [{m: [n]}]}").start().await;
    let answers = burst(&gateway, 30, &small()).await;
    assert_eq!(with_status(200, &answers), 30);
    assert_eq!((a.count(), b.count(), c.count()), (3, 1, 26));
}

/// What one call costs by the gateway's header.
async fn cost(params: &str, usage: &Value) -> Option<String> {
    let a = upstream("a").await;
    let answer = json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": usage,
    });
    a.always(Behaviour::ok().body(answer.to_string()));
    let gateway = Config::default().tuned(&a, params).start().await;
    let answer = ask(&gateway, &hello(false)).await;
    assert_eq!(answer.head.status, 200, "{}", answer.text());
    answer.head.header("x-pointsman-cost").map(str::to_owned)
}

#[tokio::test]
async fn costs_are_those_of_a_pocket_calculator() {
    let prices = ", input_cost_per_token: 3e-6, cache_read_input_token_cost: 3e-7, \
                  output_cost_per_token: 0.000015";
    let usage = json!({
        "prompt_tokens": 1_000, "completion_tokens": 77, "total_tokens": 1_077,
        "prompt_tokens_details": {"cached_tokens": 333},
    });
    // 667 x 0.000003 + 333 x 0.0000003 + 77 x 0.000015
    assert_eq!(cost(prices, &usage).await.as_deref(), Some("0.0032559"));

    let thinking = format!("{prices}, output_cost_per_reasoning_token: 0.00002");
    let usage = json!({
        "prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110,
        "completion_tokens_details": {"reasoning_tokens": 60},
    });
    // 10 x 0.000003 + 40 x 0.000015 + 60 x 0.00002
    assert_eq!(cost(&thinking, &usage).await.as_deref(), Some("0.00183"));

    let tiers = ", input_cost_per_token: 3e-6, output_cost_per_token: 15e-6, \
                 input_cost_per_token_above_200k_tokens: 6e-6, \
                 output_cost_per_token_above_200k_tokens: 22.5e-6";
    let usage = |prompt: u64| json!({"prompt_tokens": prompt, "completion_tokens": 3, "total_tokens": prompt + 3});
    // 200,000 x 0.000003 + 3 x 0.000015
    assert_eq!(cost(tiers, &usage(200_000)).await.as_deref(), Some("0.600045"));
    // 200,001 x 0.000006 + 3 x 0.0000225
    assert_eq!(cost(tiers, &usage(200_001)).await.as_deref(), Some("1.2000735"));

    // xAI's long prompts begin at the threshold.
    let xai = format!(", custom_llm_provider: xai{tiers}");
    assert_eq!(cost(&xai, &usage(199_999)).await.as_deref(), Some("0.600042"));
    assert_eq!(cost(&xai, &usage(200_000)).await.as_deref(), Some("1.2000675"));

    // A model that nobody knows costs nobody knows what.
    assert_eq!(cost("", &usage(1)).await, None);
}

#[tokio::test]
async fn a_table_of_prices_is_billed_by_and_has_budgets() {
    let row = |from: u64, to: u64, input: &str| {
        format!(
            "{{range: [{from}, {to}], input_cost_per_token: {input}, output_cost_per_token: 2e-6}}"
        )
    };
    let rows = [row(0, 1_000, "5e-8"), row(1_000, 9_000, "2.5e-7")].join(", ");
    let table = format!(", tiered_pricing: [{rows}], max_budget: 9, budget_duration: 1d");
    let usage = |prompt: u64| json!({"prompt_tokens": prompt, "completion_tokens": 3, "total_tokens": prompt + 3});
    // 1,000 x 0.00000005 + 3 x 0.000002
    assert_eq!(cost(&table, &usage(1_000)).await.as_deref(), Some("0.000056"));
    // 2,000 x 0.00000025 + 3 x 0.000002, and so above all rows
    assert_eq!(cost(&table, &usage(2_000)).await.as_deref(), Some("0.000506"));
    assert_eq!(cost(&table, &usage(20_000)).await.as_deref(), Some("0.005006"));
}

#[tokio::test]
async fn a_streams_usage_is_asked_for_and_charged_and_not_shown() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().usage(1_000, 400, 50));
    let params = ", input_cost_per_token: 0.001, cache_read_input_token_cost: 0.0001, \
                  output_cost_per_token: 0.01, max_budget: 100, budget_duration: 1d";
    let gateway = Config::default().tuned(&a, params).start().await;
    let unasked = ask(&gateway, &hello(true)).await;
    assert!(!unasked.text().contains("usage"), "{}", unasked.text());
    assert_eq!(events(&unasked.text()).last(), Some(&"[DONE]"));
    let seen = a.calls()[0].json();
    assert_eq!(seen["stream_options"], json!({"include_usage": true}), "{seen}");
    // 600 x 0.001 + 400 x 0.0001 + 50 x 0.01
    let spend = &standing(&gateway, "a").await["spend"];
    assert_eq!((&spend["used"], &spend["reserved"]), (&json!(1.14), &json!(0)), "{spend}");

    let mut body = hello(true);
    body["stream_options"] = json!({"include_usage": true});
    let asked = ask(&gateway, &body).await;
    assert!(asked.text().contains("\"cached_tokens\":400"), "{}", asked.text());
    assert_eq!(standing(&gateway, "a").await["spend"]["used"], json!(2.28));
}

#[tokio::test]
async fn a_deployment_may_show_the_usage_to_all() {
    let a = upstream("a").await;
    let options = ", stream_options: {include_usage: true}";
    let gateway = Config::default().tuned(&a, options).start().await;
    let shown = ask(&gateway, &hello(true)).await;
    assert!(shown.text().contains("\"completion_tokens\":5"), "{}", shown.text());
}
