//! `state_dir`: what outlives the process.

use std::path::Path;

use pointsman_testkit::{Behaviour, Gateway, Scratch, Upstream};
use serde_json::json;

use crate::{
    POINTSMAN,
    world::{Config, PRICED, WITHIN, account, ask, burst, small, standing, upstream, with_status},
};

/// A deployment whose budget is ten calls, in a directory that stays.
fn config(of: &Upstream, directory: &Path) -> Config {
    let params = format!("{PRICED}, max_budget: 0.021, budget_duration: 1d");
    let state_dir = directory.display();
    let settings = format!("router_settings: {{pointsman: {{state_dir: '{state_dir}/state'}}}}");
    Config::default().tuned(of, &params).and(&settings)
}

async fn spent(gateway: &Gateway) -> serde_json::Value {
    standing(gateway, "a").await["spend"]["used"].clone()
}

#[tokio::test]
async fn kill_9_between_calls_costs_none() {
    let (a, scratch) = (upstream("a").await, Scratch::new().unwrap());
    a.always(Behaviour::ok().usage(10, 0, 5));
    let config = config(&a, scratch.path());
    for crash in 0..2 {
        let gateway = config.start().await;
        for _ in 0..3 {
            assert_eq!(ask(&gateway, &small()).await.head.status, 200, "after {crash} crashes");
        }
        gateway.kill().await.unwrap();
    }
    let gateway = config.start().await;
    assert_eq!(spent(&gateway).await, json!(0.012));
    let answers = burst(&gateway, 60, &small()).await;
    assert_eq!((with_status(200, &answers), a.count()), (4, 10));
}

#[tokio::test]
async fn kill_9_within_a_burst_overshoots_nothing() {
    let (a, scratch) = (upstream("a").await, Scratch::new().unwrap());
    let config = config(&a, scratch.path());
    for sent in [1, 4, 7] {
        a.always(Behaviour::ok().usage(10, 0, 5).delay(std::time::Duration::from_millis(200)));
        let gateway = config.start().await;
        let (before, body) = (a.count(), small());
        tokio::select! {
            _ = burst(&gateway, 3, &body) => {}
            _ = a.until(WITHIN, |tally| tally.count > before) => {}
        }
        assert!(a.count() <= sent + 2, "{} of {sent}", a.count());
        gateway.kill().await.unwrap();
    }
    a.always(Behaviour::ok().usage(10, 0, 5));
    let gateway = config.start().await;
    drop(burst(&gateway, 60, &small()).await);
    assert!(a.count() <= 10, "{} were sent", a.count());
    let used = spent(&gateway).await.as_f64().unwrap();
    assert!(used <= 0.021, "{used}");
}

#[tokio::test]
async fn a_clean_end_keeps_exactly_what_was_spent() {
    let (a, scratch) = (upstream("a").await, Scratch::new().unwrap());
    // It costs less than was reserved.
    a.always(Behaviour::ok().usage(7, 0, 1));
    let config = config(&a, scratch.path());
    let mut gateway = config.start().await;
    for _ in 0..3 {
        assert_eq!(ask(&gateway, &small()).await.head.status, 200);
    }
    gateway.signal_term().await.unwrap();
    assert!(gateway.wait(WITHIN).await.unwrap().success());
    assert!(!gateway.logs().contains("not written"), "{}", gateway.logs());
    let gateway = config.start().await;
    assert_eq!(spent(&gateway).await, json!(0.0027));
    // So does a reload.
    gateway.configure(&config.text().replace("0.021", "0.0040")).unwrap();
    gateway.signal_hup().await.unwrap();
    gateway.logged("\"reloaded\"", WITHIN).await.unwrap();
    assert_eq!(spent(&gateway).await, json!(0.0027));
    let refused = ask(&gateway, &small()).await;
    assert_eq!(refused.head.status, 429, "{}", refused.text());
}

#[tokio::test]
async fn one_directory_serves_one_gateway() {
    let (a, scratch) = (upstream("a").await, Scratch::new().unwrap());
    let config = config(&a, scratch.path());
    let first = config.start().await;
    let (code, why) = Gateway::refused(Path::new(POINTSMAN), &config.text()).await.unwrap();
    assert_eq!(code, 1);
    assert!(why.contains("in use by another process"), "{why}");
    first.kill().await.unwrap();
    config.start().await;
}

#[tokio::test]
async fn shared_budgets_survive_kill_9_too() {
    let (a, b, scratch) = (upstream("a").await, upstream("b").await, Scratch::new().unwrap());
    let mut config = Config::default();
    for up in [&a, &b] {
        up.always(Behaviour::ok().usage(10, 0, 5));
        config = config.tuned(up, &format!("{PRICED}, quotas: [acct]"));
    }
    let state_dir = scratch.path().display();
    let config = config
        .and(&format!(
            "router_settings: {{provider_budget_config: {{openai: {{budget_limit: 1, time_period: \
             1d}}}}, pointsman: {{state_dir: '{state_dir}', quotas: {{acct: {{max_budget: 0.021}}}}}}}}"
        ))
        .and("litellm_settings: {tag_budget_config: {blue: {max_budget: 0.0161, budget_duration: 1mo}}}");
    let mut blue = small();
    blue["metadata"] = json!({"tags": ["blue"]});
    let gateway = config.start().await;
    assert_eq!(with_status(200, &burst(&gateway, 2, &small()).await), 2);
    assert_eq!(with_status(200, &burst(&gateway, 3, &blue).await), 3);
    gateway.kill().await.unwrap();
    let gateway = config.start().await;
    for (name, spent) in [("quota:acct", 0.01), ("tag:blue", 0.006), ("provider:openai", 0.01)] {
        let used = account(&gateway, name, &[]).await["spend"]["used"].as_f64().unwrap();
        // Up to two seconds of spend written ahead count as well, where much is left.
        assert!(spent <= used && used <= spent * 3.0, "{name}: {used}");
    }
    assert_eq!(with_status(200, &burst(&gateway, 60, &blue).await), 5);
    assert_eq!((a.count() + b.count(), ask(&gateway, &small()).await.head.status), (10, 429));
}
