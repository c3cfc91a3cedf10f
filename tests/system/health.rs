//! `GET /health`, and probes in the background.

use pointsman_testkit::{Behaviour, Gateway, Upstream};
use serde_json::Value;

use crate::world::{Config, WITHIN, chat, get, standing, upstream};

/// The answer's status and body.
async fn health(of: &Gateway) -> (u16, Value) {
    let answer = get(of, "/health", &[]).await;
    (answer.head.status, answer.json())
}

/// The ids of those that are, or are not, well.
fn ids(of: &Value, list: &str) -> Vec<String> {
    let list = of[list].as_array().unwrap();
    list.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_deployment_is_asked_now() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    let config = Config::default().tuned(&a, ", rpm: 10").deployment(&b);
    let gateway = config.start().await;
    let (status, told) = health(&gateway).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(ids(&told, "healthy_endpoints"), ["a", "b"], "{told}");
    assert_eq!((&told["healthy_count"], &told["unhealthy_count"]), (&2.into(), &0.into()));
    let asked = a.calls()[0].json();
    assert_eq!((&asked["model"], &asked["max_tokens"]), (&"theirs-a".into(), &1.into()));
    assert_eq!((a.count(), b.count()), (1, 1));
    let used = standing(&gateway, "a").await;
    assert_eq!(used["windows"]["rpm"]["used"], 1, "a probe counts: {used}");
}

#[tokio::test]
async fn what_a_probe_finds_is_learnt() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    a.always(Behaviour::ok().error(401, "invalid_api_key", "x", "no such key"));
    let gateway = Config::default().deployment(&a).deployment(&b).start().await;
    let (status, told) = health(&gateway).await;
    assert_eq!(status, 200, "the group has a healthy member: {told}");
    let sick = &told["unhealthy_endpoints"][0];
    assert_eq!((&sick["id"], &sick["error"]["kind"]), (&"a".into(), &"authentication".into()));
    assert_eq!(sick["state"], "cooling", "a bad key cools: {sick}");
    assert!(!told.to_string().contains("sk-a"), "{told}");
    assert_eq!(standing(&gateway, "a").await["state"], "cooling");
    let (_, told) = health(&gateway).await;
    assert_eq!(ids(&told, "unhealthy_endpoints"), ["a"], "{told}");
    assert_eq!(a.count(), 1, "who cools hard is left alone");
}

#[tokio::test]
async fn who_cools_softly_is_asked_ahead_of_its_time() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    a.always(Behaviour::ok().error(500, "oops", "server_error", "oops"));
    let settings = "router_settings: {cooldown_time: 300}";
    let config = Config::default().tuned(&a, ", order: 1").tuned(&b, ", order: 2").and(settings);
    let gateway = config.start().await;
    while standing(&gateway, "a").await["state"] != "cooling" {
        assert_eq!(chat(&gateway).await.head.status, 200);
    }
    a.always(Behaviour::ok());
    let (_, told) = health(&gateway).await;
    assert_eq!(told["healthy_count"], 2, "{told}");
    assert_eq!(standing(&gateway, "a").await["state"], "ramping");
}

#[tokio::test]
async fn a_group_without_a_healthy_member_is_a_503() {
    let (a, b) = (upstream("a").await, Upstream::refusing().unwrap());
    let config = Config::default().deployment(&a).member("n", "b", &b.base(), "");
    let gateway = config.start().await;
    let (status, told) = health(&gateway).await;
    assert_eq!(status, 503, "{told}");
    assert_eq!(ids(&told, "healthy_endpoints"), ["a"], "{told}");
    assert_eq!(told["unhealthy_endpoints"][0]["error"]["kind"], "connection", "{told}");
}

#[tokio::test]
async fn who_says_nothing_is_unhealthy_within_its_time() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().hang());
    let config = Config::default().deployment(&a).text();
    let config = config.replace("{id: a}", "{id: a, health_check_timeout: 0.2}");
    let gateway = Gateway::start(std::path::Path::new(crate::POINTSMAN), &config, &[]).await;
    let (status, told) = health(&gateway.unwrap()).await;
    assert_eq!(
        (status, &told["unhealthy_endpoints"][0]["error"]["kind"]),
        (503, &"timeout".into())
    );
}

#[tokio::test]
async fn each_is_asked_for_what_its_model_is_for() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    let config = Config::default().deployment(&a).member("'w/*'", "b", &b.base(), "").text();
    let config = config
        .replace("{id: a}", "{id: a, mode: embedding, health_check_model: openai/small}")
        .replace("theirs-b", "'*'");
    let gateway = Gateway::start(std::path::Path::new(crate::POINTSMAN), &config, &[]).await;
    let (status, told) = health(&gateway.unwrap()).await;
    assert_eq!(status, 200, "{told}");
    let seen = &a.calls()[0];
    assert_eq!((seen.path.as_str(), &seen.json()["model"]), ("/v1/embeddings", &"small".into()));
    assert_eq!(b.count(), 0, "a pattern has no model to ask for");
    let reason = told["healthy_endpoints"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("health_check_model"), "{told}");
}

#[tokio::test]
async fn probes_in_the_background_find_what_broke_and_what_recovered() {
    let (a, b) = (upstream("a").await, upstream("b").await);
    a.always(Behaviour::ok().error(404, "model_not_found", "x", "gone"));
    let settings = "general_settings: {background_health_checks: true, health_check_interval: 1}\n\
                    router_settings: {cooldown_time: 0.5}";
    let config = Config::default().deployment(&a).deployment(&b).and(settings).text();
    let config = config.replace("{id: b}", "{id: b, disable_background_health_check: true}");
    let gateway =
        Gateway::start(std::path::Path::new(crate::POINTSMAN), &config, &[]).await.unwrap();
    gateway.logged("its probe failed", WITHIN).await.unwrap();
    assert_ne!(standing(&gateway, "a").await["state"], "ok");
    a.always(Behaviour::ok());
    let before = a.count();
    a.until(WITHIN, |tally| tally.count > before && tally.in_flight == 0).await.unwrap();
    let recovered = async {
        while health(&gateway).await.1["healthy_count"] != 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WITHIN, recovered).await.unwrap();
    assert_eq!(b.count(), 0, "it is left out, and GET /health asks nobody");
}

#[tokio::test]
async fn the_key_is_needed_and_the_gateway_ends_in_the_midst_of_probes() {
    let a = upstream("a").await;
    a.always(Behaviour::ok().hang());
    let settings = "general_settings: {master_key: sk-m, background_health_checks: true, \
                    health_check_interval: 1}";
    let mut gateway = Config::default().deployment(&a).and(settings).start().await;
    assert_eq!(get(&gateway, "/health", &[]).await.head.status, 401);
    a.until(WITHIN, |tally| tally.in_flight == 1).await.unwrap();
    gateway.signal_term().await.unwrap();
    assert!(gateway.wait(WITHIN).await.unwrap().success());
}
