//! A configuration as a whole: what is read from one that is right.

use std::time::Duration;

use pointsman_config::{Grade, Loaded, Spec, Target, load};
use pointsman_types::{ErrorKind, ExposeSecret};

fn env(name: &str) -> Option<String> {
    match name {
        "OPENAI_API_KEY" => Some("planted-openai".into()),
        "AZURE_API_KEY" => Some("planted-azure".into()),
        "ANTHROPIC_API_KEY" => Some("planted-anthropic".into()),
        "REDIS_HOST" => Some("redis.internal".into()),
        "REDIS_PASSWORD" => Some("planted-redis".into()),
        "LITELLM_MASTER_KEY" => Some("planted-master".into()),
        _ => None,
    }
}

fn real() -> Loaded {
    load(include_str!("litellm.yaml"), &env)
}

fn good(text: &str) -> Spec {
    let loaded = load(text, &env);
    let lines: Vec<String> =
        loaded.findings.iter().map(|one| one.render("f").to_string()).collect();
    loaded.spec.unwrap_or_else(|| panic!("{lines:#?}"))
}

/// A file with one deployment and these further lines of `litellm_params`.
fn with_params(params: &str) -> String {
    let mut text = "model_list:\n- model_name: g\n  litellm_params:\n".to_owned();
    text.extend(params.lines().map(|line| format!("    {line}\n")));
    text
}

#[test]
fn a_litellm_config_loads() {
    let loaded = real();
    let errors: Vec<_> = loaded.findings.iter().filter(|one| one.grade == Grade::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let spec = loaded.spec.unwrap();
    let ids: Vec<&str> = spec.deployments.iter().map(|one| one.deployment.id.as_str()).collect();
    assert_eq!(ids[0], "gpt-4o-main");
    assert_eq!(ids.len(), 10);
    assert_eq!(ids[6], format!("{}-2", ids[5]), "one deployment for each organization");
    let groups: Vec<&str> = spec.groups.iter().map(pointsman_types::GroupName::as_str).collect();
    assert_eq!(groups, ["gpt-4o", "claude", "gemini", "local", "openai/*", "deepest", "sim"]);
}

#[test]
fn a_litellm_config_says_what_it_says() {
    let spec = real().spec.unwrap();
    let [first, second, ..] = &spec.deployments[..] else { panic!() };
    assert_eq!((first.limits.rpm, first.limits.tpm), (Some(500), Some(100_000)));
    assert_eq!(
        (second.limits.rpm, second.limits.tpm),
        (Some(500), Some(50_000)),
        "0 passes to the next place"
    );
    assert_eq!((first.deployment.weight, second.deployment.weight), (Some(9), Some(1)));
    assert_eq!((first.deployment.order, second.deployment.order), (Some(1), Some(1)));
    assert_eq!(first.deployment.stream_timeout, Some(Duration::from_millis(10_500)));
    assert_eq!(first.price.rate("input_cost_per_token"), second.price.rate("input_cost_per_token"));
    assert_eq!(first.price.rate("input_cost_per_token").unwrap().to_string(), "0.0000025");
    assert_eq!(first.price.rate("cache_read_input_token_cost").unwrap().to_string(), "0.00000125");
    assert_eq!(first.cooldown_time, Some(Duration::from_secs(30)));
    assert_eq!(second.allowed_fails, Some(4));
    assert_eq!(second.deployment.vendor, "azure");
    assert_eq!(second.deployment.settings["api_version"], "2024-08-01-preview");
    assert_eq!(first.deployment.api_key.as_ref().unwrap().expose_secret(), "planted-openai");
    let params: Vec<(&str, &str)> =
        first.deployment.params.iter().map(|(name, json)| (&**name, &**json)).collect();
    assert_eq!(
        params,
        [
            ("temperature", "0.2"),
            ("max_tokens", "4096"),
            ("stop", r#"["END","STOP"]"#),
            ("prompt_cache_key", "\"a\""),
            ("metadata", r#"{"team":[1,null,true]}"#),
            ("top_p", "0.5"),
        ]
    );
    assert_eq!(spec.deployments[2].deployment.vendor, "anthropic");
    assert_eq!(spec.deployments[3].deployment.settings["aws_region_name"], "eu-west-1");
    assert_eq!(
        spec.deployments[4].deployment.settings["vertex_credentials"],
        r#"{"type":"service_account","private_key":"k"}"#
    );
    let [.., deepest, sim] = &spec.deployments[..] else { panic!() };
    assert_eq!(
        (&*deepest.deployment.vendor, &*deepest.deployment.model),
        ("openrouter", "meta/llama-3")
    );
    assert_eq!(sim.deployment.settings["latency"], "0.25");
    assert_eq!(sim.deployment.settings["reply"], "hello, \"you\"");
    assert_eq!((sim.at.line, sim.model_at.line), (100, 102));
}

#[test]
fn router_settings_win_over_litellm_settings() {
    let loaded = real();
    let router = loaded.spec.as_ref().unwrap().router.clone();
    assert_eq!(router.num_retries, 2);
    assert_eq!(router.timeout, Duration::from_mins(5));
    assert!(router.enable_tag_filtering && !router.tag_filtering_match_any);
    assert!(router.model_group_alias["hidden-one"].hidden);
    let policy = router.retry_policy.unwrap();
    assert_eq!(policy.retries(ErrorKind::Timeout), Some(3));
    assert_eq!(policy.retries(ErrorKind::QuotaExhausted), Some(4));
    assert_eq!(policy.retries(ErrorKind::Server), None);
    let policy = &router.model_group_retry_policy["gpt-4o"];
    assert_eq!(policy.retries(ErrorKind::Connection), Some(1));
    let go = |model: &str| Target { model: model.into(), overrides: Vec::new() };
    let cooler =
        Target { model: "gemini".into(), overrides: vec![("temperature".into(), "0".into())] };
    assert_eq!(router.fallbacks[0].targets, [go("claude"), cooler]);
    assert_eq!(router.fallbacks[1].group, "claude");
    assert_eq!(router.fallbacks[2].group, "*");
    assert_eq!(router.content_policy_fallbacks[0].targets, [go("claude")]);
    assert_eq!(router.ttft_timeout, Some(Duration::from_secs(15)));
    let lines: Vec<String> =
        loaded.findings.iter().map(|one| one.render("c").to_string()).collect();
    for expected in [
        "ignored: litellm_settings.num_retries: router_settings.num_retries is used",
        "ignored: litellm_settings.request_timeout: router_settings.timeout is used",
        "exact: router_settings.routing_strategy_args",
        "exact: router_settings.fallbacks",
        "exact: general_settings.master_key",
        "approximate: rpm: 0 means no limit",
    ] {
        assert!(lines.iter().any(|line| line.ends_with(expected)), "{expected}\n{lines:#?}");
    }
}

#[test]
fn nothing_that_is_printed_shows_a_secret() {
    let loaded = real();
    let printed = format!("{loaded:?} {:#?}", loaded.spec);
    assert!(!printed.contains("planted") && !printed.contains("private_key"), "{printed}");
}

#[test]
fn defaults_are_those_of_litellm() {
    let spec = load(&with_params("model: openai/m"), &|_| None).spec.unwrap();
    assert_eq!(spec.router, pointsman_config::RouterSpec::default());
    assert!(spec.server.master_key.is_none());
}

#[test]
fn the_environment_has_the_master_key_where_the_file_says_nothing_of_it() {
    let text = with_params("model: openai/m");
    let key = |settings: &str| {
        let spec = good(&format!("{text}{settings}"));
        spec.server.master_key.map(|key| key.expose_secret().to_owned())
    };
    assert_eq!(key("").as_deref(), Some("planted-master"));
    assert_eq!(key("general_settings: {master_key: sk-own}\n").as_deref(), Some("sk-own"));
    assert_eq!(key("general_settings: {master_key: }\n"), None, "said to be none");
    let own = "environment_variables: {LITELLM_MASTER_KEY: sk-file}\n";
    assert_eq!(key(own).as_deref(), Some("sk-file"));
    let empty = load(&text, &|name| (name == "LITELLM_MASTER_KEY").then(String::new));
    assert!(empty.spec.unwrap().server.master_key.is_none());
}

#[test]
fn a_cache_without_a_server_takes_the_environments() {
    let text = with_params("model: openai/m");
    let redis = |settings: &str, env: &[(&str, &str)]| {
        let env = |name: &str| {
            env.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned())
        };
        load(&format!("{text}litellm_settings: {{{settings}}}\n"), &env).spec.unwrap().store.redis
    };
    let host = [("REDIS_HOST", "r"), ("REDIS_PORT", "7000"), ("REDIS_PASSWORD", "planted")];
    let found = redis("cache: true", &host).unwrap();
    let node = found.host.unwrap();
    assert_eq!((node.host.as_str(), node.port), ("r", 7000));
    assert_eq!(found.password.unwrap().expose_secret(), "planted");
    let url = [("REDIS_URL", "redis://u"), host[0]];
    let found = redis("cache: true, cache_params: {type: redis, ttl: 9}", &url).unwrap();
    assert_eq!(found.url.unwrap().expose_secret(), "redis://u");
    let own = redis("cache: true, cache_params: {host: own}", &host).unwrap();
    assert_eq!(own.host.unwrap().host, "own");
    for none in ["cache: false", "cache: true, cache_params: {type: local}", "drop_params: true"] {
        assert!(redis(none, &host).is_none(), "{none}");
    }
    assert!(redis("cache: true", &[]).is_none());
}

#[test]
fn explicit_ids_win_over_generated_ones() {
    let one = "- {model_name: g, litellm_params: {model: openai/m}}\n";
    let plain = good(&format!("model_list:\n{one}{one}"));
    let id = plain.deployments[0].deployment.id.to_string();
    assert_eq!(plain.deployments[1].deployment.id.as_str(), format!("{id}-2"));
    let named = one.replace("}}", &format!("}}, model_info: {{id: {id}}}}}"));
    let spec = good(&format!("model_list:\n{one}{named}"));
    assert_eq!(spec.deployments[0].deployment.id.as_str(), format!("{id}-2"));
    assert_eq!(spec.deployments[1].deployment.id.as_str(), id);
}

#[test]
fn a_key_a_limit_or_a_price_does_not_change_the_id() {
    let id = |more: &str| {
        good(&with_params(&format!("model: openai/m\n{more}"))).deployments[0].deployment.id.clone()
    };
    assert_eq!(id(""), id("api_key: x\nrpm: 3\ninput_cost_per_token: 1"));
    assert_ne!(id(""), id("api_base: http://x"));
}

#[test]
fn unless_env_leaves_a_simulated_deployment_and_what_names_it_out() {
    let text = "
model_list:
- {model_name: real, litellm_params: {model: openai/m}}
- {model_name: sim, litellm_params: {model: simulated/m, unless_env: OPENAI_API_KEY}}
router_settings:
  model_group_alias: {also: sim}
  fallbacks: [{real: [sim, also]}]
";
    let spec = good(text);
    assert_eq!(spec.groups.len(), 1);
    assert!(spec.router.fallbacks.is_empty() && spec.router.model_group_alias.is_empty());
    let spec = good(&text.replace("OPENAI_API_KEY", "UNSET"));
    assert_eq!(spec.groups.len(), 2);
    assert_eq!(spec.router.fallbacks[0].targets.len(), 2);
}

#[test]
fn a_blocked_deployment_is_left_out() {
    let text = "
model_list:
- {model_name: g, litellm_params: {model: openai/m}}
- {model_name: g, litellm_params: {model: openai/n}, model_info: {blocked: true}}
- {model_name: h, litellm_params: {model: openai/n}, model_info: {blocked: true}}
router_settings: {fallbacks: [{g: [h]}]}
";
    let spec = good(text);
    let models: Vec<&str> =
        spec.deployments.iter().map(|one| one.deployment.model.as_str()).collect();
    assert_eq!(models, ["m"]);
    assert!(spec.router.fallbacks.is_empty());
    assert_eq!(good(&text.replace("true", "false")).deployments.len(), 3);
}

#[test]
fn merge_keys_and_aliases_work_as_in_pyyaml() {
    let text = "
a: &a {model: openai/a, rpm: 1}
";
    assert!(load(text, &env).spec.is_none(), "a key of one's own is no place for an anchor");
    let text = "
model_list:
- model_name: g
  litellm_params: &first {model: openai/a, rpm: 1, tpm: 10}
- model_name: g
  litellm_params: &second {<<: *first, rpm: 2, model: openai/b}
- model_name: g
  litellm_params: {<<: [*second, *first], timeout: 3}
- model_name: g
  litellm_params: *second
- model_name: g
  litellm_params: {<<: *first, <<: *second}
- model_name: g
  litellm_params: {<<: *second, <<: *first}
";
    let spec = good(text);
    let seen: Vec<_> = spec
        .deployments
        .iter()
        .map(|one| {
            (one.deployment.model.as_str(), one.limits.rpm.unwrap(), one.limits.tpm.unwrap())
        })
        .collect();
    assert_eq!(
        seen,
        [("a", 1, 10), ("b", 2, 10), ("b", 2, 10), ("b", 2, 10), ("b", 2, 10), ("a", 1, 10),]
    );
}

#[test]
fn whole_weights_stay_and_fractions_are_scaled_exactly() {
    let weights = |given: &[&str]| -> Vec<Option<u32>> {
        let mut text = "model_list:\n".to_owned();
        for weight in given {
            text += "- {model_name: g, litellm_params: {model: openai/m, weight: ";
            text += weight;
            text += "}}\n";
        }
        good(&text).deployments.iter().map(|one| one.deployment.weight).collect()
    };
    assert_eq!(weights(&["4", "2"]), [Some(4), Some(2)]);
    assert_eq!(weights(&["0.9", "0.1"]), [Some(9), Some(1)]);
    assert_eq!(weights(&["0.25", "1", "0.5", "null"]), [Some(1), Some(4), Some(2), None]);
    assert_eq!(weights(&["0.0", "0"]), [Some(0), Some(0)]);
}

#[test]
fn many_twins_are_named_soon() {
    let twins = "- {model_name: g, litellm_params: {model: openai/m}}\n".repeat(5000);
    let spec = good(&format!("model_list:\n{twins}"));
    let last = spec.deployments.last().unwrap().deployment.id.to_string();
    assert!(last.ends_with("-5000"), "{last}");
    let aliased = "model_list:\n- &a {model_name: g, litellm_params: {model: openai/m}}\n";
    let spec = good(&format!("{aliased}{}", "- *a\n".repeat(4999)));
    assert_eq!(spec.deployments.last().unwrap().deployment.id.as_str(), last);
}

#[test]
fn the_example_of_the_page_loads() {
    let page = include_str!("../../../docs/config.md");
    let example = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let loaded = load(example, &|name| Some(name.to_lowercase()));
    assert!(loaded.findings.iter().all(|one| one.grade == Grade::Exact), "{loaded:#?}");
    assert_eq!(loaded.spec.unwrap().deployments.len(), 2);
}
