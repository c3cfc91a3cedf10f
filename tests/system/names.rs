//! What a name stands for where it is not a group's own: wildcards, aliases, ids.

use pointsman_testkit::{Behaviour, Gateway, Upstream, wire::Response};
use serde_json::{Value, json};

use crate::world::{Config, ask, chat, hello, post, upstream};

fn of(model: &str) -> Value {
    let mut body = hello(false);
    body["model"] = json!(model);
    body
}

fn by(response: &Response) -> (u16, &str) {
    (response.head.status, response.head.header("x-pointsman-deployment").unwrap_or_default())
}

/// A member of the group `theirs/*`, whatever model of its vendor's is asked for.
fn wild(config: Config, of: &Upstream) -> Config {
    config.and(&format!(
        "  - model_name: 'theirs/*'\n    litellm_params: {{model: 'openai/*', api_base: '{}', \
         api_key: k}}\n    model_info: {{id: {}}}",
        of.base(),
        of.name()
    ))
}

/// Which models an upstream was asked for, since the last time.
fn models(of: &Upstream, from: usize) -> Vec<String> {
    let calls = of.calls();
    calls[from..].iter().filter_map(|call| call.json()["model"].as_str().map(Into::into)).collect()
}

#[tokio::test]
async fn fallbacks_are_found_by_the_name_that_was_asked_for() {
    let (w, other) = (upstream("w").await, upstream("other").await);
    w.answer_with(|call, _| match call.json()["model"].as_str() {
        Some("good") => Behaviour::ok(),
        _ => Behaviour::ok().status(500),
    });
    let config = wild(Config::default().member("spare", "other", &other.base(), ""), &w).and(
        "router_settings: {num_retries: 0, disable_cooldowns: true, model_group_alias: {nick: \
         theirs/six}, fallbacks: [{theirs/one: [spare]}, {two: [spare]}, {nick: [spare]}, \
         {theirs/four: [theirs/five, theirs/good]}, {theirs/seven: [other]}]}",
    );
    let gateway = config.start().await;
    for name in ["theirs/one", "theirs/two", "nick", "theirs/seven"] {
        assert_eq!(by(&ask(&gateway, &of(name)).await), (200, "other"), "{name}");
    }
    for name in ["theirs/three", "theirs/six"] {
        assert_eq!(ask(&gateway, &of(name)).await.head.status, 500, "{name}");
    }
    // Models of one wildcard are not one target.
    let before = w.calls().len();
    assert_eq!(by(&ask(&gateway, &of("theirs/four")).await), (200, "w"));
    assert_eq!(models(&w, before), ["four", "five", "good"]);
    let told = post(&gateway, "/router/explain", &[], of("theirs/four").to_string()).await;
    assert_eq!(told.json()["fallbacks"], json!(["theirs/five", "theirs/good"]), "{}", told.text());
}

#[tokio::test]
async fn retries_are_found_by_the_name_that_was_asked_for() {
    let w = upstream("w").await;
    w.always(Behaviour::ok().status(500));
    let settings = "router_settings: {num_retries: 0, disable_cooldowns: true, \
                    model_group_retry_policy: {theirs/one: {InternalServerErrorRetries: 1}}}";
    let gateway = wild(Config::default(), &w).and(settings).start().await;
    let sent = async |name: &str| {
        let before = w.count();
        assert_eq!(ask(&gateway, &of(name)).await.head.status, 500);
        w.count() - before
    };
    assert_eq!((sent("theirs/one").await, sent("theirs/two").await), (2, 1));
}

#[tokio::test]
async fn a_model_that_no_vendor_has_takes_no_wildcard_out() {
    let (v, w) = (upstream("v").await, upstream("w").await);
    for up in [&v, &w] {
        up.answer_with(|call, _| match call.json()["model"].as_str() {
            Some("good") => Behaviour::ok(),
            _ => Behaviour::ok().error(404, "model_not_found", "x", "there is no such model"),
        });
    }
    let one = wild(Config::default(), &v).start().await;
    let two = wild(wild(Config::default(), &v), &w).start().await;
    for gateway in [one, two] {
        let missing = ask(&gateway, &of("theirs/bad")).await;
        assert_eq!(missing.head.status, 404);
        assert_eq!(missing.json()["error"]["code"], "model_not_found");
        let good = ask(&gateway, &of("theirs/good")).await;
        assert_eq!(good.head.status, 200, "{}", good.text());
        assert!(states(&gateway).await.iter().all(|state| state == "ok"));
    }
}

async fn states(of: &Gateway) -> Vec<String> {
    let state = crate::world::get(of, "/router/state", &[]).await.json();
    let members = state["groups"]["theirs/*"].as_array().unwrap().clone();
    members.iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_request_maps_names_to_fallbacks_as_a_configuration_does() {
    let (m, a, b) = (upstream("m").await, upstream("a").await, upstream("b").await);
    let config = Config::default().deployment(&m).member("first", "a", &a.base(), "").member(
        "second",
        "b",
        &b.base(),
        "",
    );
    let gateway = config.and("router_settings: {num_retries: 0}").start().await;
    let by = async |name: &str, value: Value| {
        let mut body = hello(false);
        body[name] = value;
        let response = ask(&gateway, &body).await;
        let who = response.head.header("x-pointsman-deployment").unwrap_or_default().to_owned();
        (response.head.status, who)
    };
    m.always(Behaviour::ok().status(500));
    assert_eq!(by("fallbacks", json!([{"m": ["second"]}])).await, (200, "b".into()));
    assert_eq!(by("fallbacks", json!([{"x": ["first"]}, {"*": ["b"]}])).await, (200, "b".into()));
    assert_eq!(by("fallbacks", json!([{"x": ["first"]}])).await, (500, String::new()));
    m.always(Behaviour::ok().error(400, "context_length_exceeded", "x", "too long"));
    let own = "context_window_fallbacks";
    assert_eq!(by(own, json!([{"m": ["first"]}])).await, (200, "a".into()));
    assert_eq!(by(own, json!([{"x": ["first"]}])).await, (400, String::new()));
}

#[tokio::test]
async fn who_wants_no_fallbacks_gets_no_default_for_an_unknown_name() {
    let a = upstream("a").await;
    let gateway = Config::default()
        .deployment(&a)
        .and("router_settings: {default_fallbacks: [m]}")
        .start()
        .await;
    assert_eq!(by(&ask(&gateway, &of("nothing")).await), (200, "a"));
    let mut body = of("nothing");
    body["disable_fallbacks"] = json!(true);
    let refused = ask(&gateway, &body).await;
    assert_eq!(refused.head.status, 404, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "model_not_found");
    assert_eq!(a.count(), 1);
}

#[tokio::test]
async fn two_kinds_are_told_by_openais_code_whatever_the_vendor_calls_them() {
    let a = upstream("a").await;
    let gateway = Config::default().deployment(&a).start().await;
    for (theirs, code) in [
        ("exceed_context_size_error", "context_length_exceeded"),
        ("string_too_long", "context_length_exceeded"),
        ("content_policy_violation", "content_filter"),
        ("ResponsibleAIPolicyViolation", "content_filter"),
    ] {
        a.always(Behaviour::ok().error(400, theirs, "x", "no"));
        let response = chat(&gateway).await;
        assert_eq!(response.head.status, 400, "{theirs}");
        assert_eq!(response.json()["error"]["code"], code, "{theirs}: {}", response.text());
    }
}
