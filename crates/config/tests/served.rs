//! What limits, money, groups, stores and callers of a configuration become.

use std::time::Duration;

use pointsman_config::{
    AffinityKey, Grade, GroupStrategy, Hedge, HedgeAfter, Loaded, Mirror, OnExhausted, PriceTier,
    RetryBudget, Spec, load,
};
use pointsman_types::{Decimal, ErrorKind, ExposeSecret};

const ONE: &str = "model_list:\n- model_name: chat\n  litellm_params: {model: openai/m}\n";

fn env(name: &str) -> Option<String> {
    match name {
        "REDIS_HOST" => Some("redis.internal".into()),
        "DATABASE_URL" => None,
        name if name.ends_with("_KEY") || name.ends_with("PASSWORD") => {
            Some(format!("planted-{name}"))
        }
        _ => None,
    }
}

fn read(text: &str) -> Loaded {
    load(text, &env)
}

fn good(text: &str) -> Spec {
    let loaded = read(text);
    let lines: Vec<String> =
        loaded.findings.iter().map(|one| one.render("f").to_string()).collect();
    loaded.spec.unwrap_or_else(|| panic!("{lines:#?}"))
}

fn real() -> Spec {
    good(include_str!("litellm.yaml"))
}

fn params(text: &str) -> Spec {
    good(&ONE.replace("openai/m", &format!("openai/m, {text}")))
}

fn own(text: &str) -> Spec {
    good(&format!("{ONE}router_settings: {{pointsman: {{{text}}}}}\n"))
}

fn messages(text: &str, grade: Grade) -> Vec<String> {
    let of = |one: &pointsman_config::Finding| (one.grade == grade).then(|| one.message.clone());
    read(text).findings.iter().filter_map(of).collect()
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|broken| panic!("{text}: {broken}"))
}

#[test]
fn limits_and_money_of_a_deployment() {
    let spec = real();
    let first = &spec.deployments[0];
    assert_eq!((first.limits.rpm, first.limits.tpm), (Some(500), Some(100_000)));
    assert_eq!((first.limits.itpm, first.limits.otpm), (Some(90_000), None));
    assert_eq!((first.limits.rpd, first.limits.tpd), (Some(10_000), None));
    assert_eq!(first.limits.daily_reset_time, Duration::from_mins(390));
    assert_eq!(first.limits.max_parallel_requests, Some(20));
    assert_eq!(spec.deployments[2].limits.max_parallel_requests, Some(30), "the router's default");
    let budget = first.budget.as_ref().unwrap();
    assert_eq!(budget.max, dec("100"));
    assert_eq!(budget.duration.unwrap().to_string(), "1d");
    let text = include_str!("litellm.yaml").lines().nth(budget.at.line - 1).unwrap();
    assert_eq!(text.trim(), "max_budget: 100");
    assert_eq!(first.quotas, ["acct"]);
    assert_eq!(first.silent_models, ["claude", "gemini"]);
    assert_eq!(first.additional_drop_params, ["logit_bias", "tools[*].strict"]);
}

#[test]
fn limits_are_looked_up_in_three_places() {
    let text = "model_list: [{model_name: g, tpm: 0, litellm_params: {model: openai/m, itpm: 0, \
                tpm: 5000}, model_info: {itpm: 7, tpm: 9000, rpm: 3}}]\n";
    let limits = good(text).deployments[0].limits.clone();
    assert_eq!((limits.rpm, limits.tpm, limits.itpm), (Some(3), Some(5000), Some(7)));
    assert_eq!(
        messages(text, Grade::Approximate),
        ["tpm: 0 means no limit", "litellm_params.itpm: 0 means no limit"]
    );
}

#[test]
fn what_is_known_of_a_model() {
    let spec = real();
    let first = &spec.deployments[0];
    let info = &first.info;
    assert_eq!(info.base_model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(info.mode.as_deref(), Some("chat"));
    assert_eq!((info.max_input_tokens, info.max_output_tokens), (Some(128_000), Some(16_384)));
    assert_eq!(info.supports.iter().collect::<Vec<_>>(), [(&"vision".to_owned(), &true)]);
    assert_eq!(first.allowed_fails_policy[&ErrorKind::RateLimited], 7);
    assert_eq!(first.allowed_fails_policy[&ErrorKind::QuotaExhausted], 7);
    assert!(!first.allowed_fails_policy.contains_key(&ErrorKind::BadRequest));
    assert_eq!(spec.deployments[3].region.as_deref(), Some("eu-west-1"));
    assert_eq!(
        params("region_name: eu, aws_region_name: x").deployments[0].region.as_deref(),
        Some("eu")
    );
    let deepest = spec.deployments.iter().find(|one| one.deployment.group.as_str() == "deepest");
    let check = &deepest.unwrap().health_check;
    assert!(!check.enabled && first.health_check.enabled);
    assert_eq!(check.model.as_deref(), Some("openrouter/tiny"));
}

#[test]
fn prices_are_exact_and_keep_their_names() {
    let spec = real();
    let price = &spec.deployments[0].price;
    assert_eq!(price.rate("input_cost_per_token"), Some(dec("0.0000025")));
    assert_eq!(price.rate("input_cost_per_token_batches"), Some(dec("0.00000125")));
    let above = price.rate("input_cost_per_token_above_200k_tokens_priority");
    assert_eq!(above, Some(dec("0.000005")));
    assert!(spec.deployments[2].price.is_empty());
    let text = "model_list: [{model_name: g, litellm_params: {model: openai/m, \
                input_cost_per_token: 1e-7, tiered_pricing: [{range: [0, 256000.0], \
                input_cost_per_token: 5e-08}, {range: [256000, null], output_cost_per_token: 1}]}, \
                model_info: {input_cost_per_token: 2, output_cost_per_token: 0.3}}]\n";
    let price = good(text).deployments[0].price.clone();
    assert_eq!(price.rate("input_cost_per_token"), Some(dec("0.0000001")));
    assert_eq!(price.rate("output_cost_per_token"), Some(dec("0.3")));
    let rates = |key: &str, rate: &str| [(key.to_owned(), dec(rate))].into();
    let (low, high) =
        (rates("input_cost_per_token", "0.00000005"), rates("output_cost_per_token", "1"));
    assert_eq!(
        price.tiers,
        [
            PriceTier { from: 0, to: Some(256_000), rates: low },
            PriceTier { from: 256_000, to: None, rates: high },
        ]
    );
    let text = "search_context_cost_per_query: {search_context_size_low: 0.03}, \
                tiered_pricing: [{range: [1500], cache_creation_input_token_cost_above_1hr: 1}]";
    let price = params(text).deployments[0].price.clone();
    assert_eq!(price.rate("search_context_size_low"), Some(dec("0.03")));
    let written = price.tiers[0].rates["cache_creation_input_token_cost_above_1hr"];
    assert_eq!((price.tiers[0].from, written), (1500, dec("1")));
    assert_eq!(price.at.line, 3);
}

#[test]
fn defaults_reach_every_deployment() {
    let spec = real();
    let deepest = spec.deployments.iter().find(|one| one.deployment.group.as_str() == "deepest");
    assert!(!deepest.unwrap().drop_params, "its own");
    assert!(spec.deployments[0].drop_params, "litellm_settings'");
    for one in &spec.deployments {
        let is = ("top_p".to_owned(), "0.5".to_owned());
        assert!(one.deployment.params.contains(&is), "{one:?}");
    }
    let text = format!(
        "{ONE}router_settings: {{default_litellm_params: {{timeout: 9, max_retries: 4}}}}\n"
    );
    let router = good(&text).router;
    assert_eq!((router.timeout, router.num_retries), (Duration::from_secs(9), 4));
    let both = ONE.replace("openai/m", "openai/m, top_p: 1")
        + "router_settings: {default_litellm_params: {top_p: 2}}\n";
    let params = good(&both).deployments[0].deployment.params.clone();
    assert_eq!(params, [("top_p".to_owned(), "2".to_owned())], "as in LiteLLM");
    let text = text.replace("{default", "{timeout: 8, num_retries: 1, default");
    let router = good(&text).router;
    assert_eq!((router.timeout, router.num_retries), (Duration::from_secs(8), 1));
}

#[test]
fn a_credential_fills_what_a_deployment_does_not_say() {
    let spec = real();
    let one = spec.deployments.iter().find(|one| one.deployment.group.as_str() == "deepest");
    let one = &one.unwrap().deployment;
    assert_eq!(one.api_key.as_ref().unwrap().expose_secret(), "planted-AZURE_API_KEY");
    assert_eq!(one.api_base.as_deref(), Some("https://or.example"));
    assert!(one.params.contains(&("top_k".to_owned(), "40".to_owned())));
    let ignored = messages(include_str!("litellm.yaml"), Grade::Ignored);
    assert!(ignored.contains(&"credential_list: no deployment names spare".to_owned()));
    assert!(!ignored.iter().any(|line| line.contains("names shared")));
}

#[test]
fn groups_of_strategies() {
    let spec = real();
    let groups = &spec.router.routing_groups;
    assert_eq!(groups[0].name, "cheap");
    assert_eq!(groups[0].models, ["local", "deepest"]);
    assert!(
        matches!(&groups[0].strategy, GroupStrategy::Named { name, .. } if name == "round-robin")
    );
    let priorities = vec![("gpt-4o".to_owned(), 1), ("claude".to_owned(), 2)];
    assert_eq!(groups[1].strategy, GroupStrategy::Priority(priorities));
    assert_eq!(spec.router.routing_strategy_args.ttl, Some(Duration::from_secs(10)));
    let text = format!(
        "{ONE}router_settings: {{routing_strategy_args: {{lowest_latency_buffer: 0.5}}, \
         routing_groups: [{{group_name: set, models: [chat, gone], \
         routing_strategy: simple-shuffle}}], model_group_alias: {{also: set}}, \
         fallbacks: [{{chat: [set, also]}}]}}\n"
    );
    let router = good(&text).router;
    assert_eq!(router.routing_strategy_args.lowest_latency_buffer, Some(0.5));
    assert_eq!(router.routing_groups[0].models, ["chat"]);
    assert_eq!(router.fallbacks[0].targets.len(), 2, "a routing group is called like a group");
    assert_eq!(
        messages(&text, Grade::Approximate),
        ["router_settings.routing_groups.models: `gone` names no group: left out"]
    );
}

#[test]
fn budgets_of_providers_and_tags() {
    let spec = real();
    let openai = &spec.provider_budgets["openai"];
    assert_eq!((openai.max, openai.duration.unwrap().to_string()), (dec("5"), "1d".to_owned()));
    let paid = &spec.tag_budgets["paid"];
    assert_eq!((paid.max, paid.duration.unwrap().to_string()), (dec("20"), "12h".to_owned()));
    let text = format!(
        "{ONE}router_settings: {{provider_budget_config: {{openai: {{max_budget: 0}}, opnai: \
         {{time_period: 1d}}}}}}\n"
    );
    let spec = good(&text);
    assert!(spec.provider_budgets["openai"].max.is_zero());
    assert_eq!(spec.provider_budgets["openai"].duration, None);
    assert_eq!(spec.provider_budgets.len(), 1);
    let path = "router_settings.provider_budget_config";
    assert_eq!(
        messages(&text, Grade::Approximate),
        [
            format!("{path}.max_budget: 0 allows no call; LiteLLM takes it for no limit"),
            format!("{path}.max_budget: without a duration it never starts anew"),
            format!("{path}: no deployment is opnai's, so it never applies; did you mean openai?"),
            format!("{path}: opnai has no sum of money: no limit"),
            format!("{path}.time_period: there is no sum of money for it"),
        ]
    );
}

#[test]
fn the_block_of_our_own() {
    let spec = real();
    let router = &spec.router;
    assert_eq!(router.hedge, Some(Hedge { groups: None, after: HedgeAfter::Auto }));
    assert_eq!(router.retry_budget, RetryBudget { ratio: 0.1, per_second: 0.5, burst: 30 });
    let affinity = router.affinity.as_ref().unwrap();
    assert_eq!(affinity.key, AffinityKey::Header("x-session".into()));
    assert_eq!(affinity.groups.as_deref(), Some(&["gpt-4o".to_owned()][..]));
    assert!((affinity.bound - 1.5).abs() < f64::EPSILON);
    let wait = OnExhausted::Wait { max: Duration::from_secs(5), queue: 1000 };
    assert_eq!(router.on_exhausted, wait);
    assert_eq!(router.mirror["claude"], Mirror { to: "cheap".into(), share: 0.05 });
    let quota = &spec.quotas["acct"];
    assert_eq!((quota.limits.rpm, quota.limits.tpm), (Some(100), Some(1000)));
    assert_eq!(quota.budget.as_ref().unwrap().duration.unwrap().to_string(), "1mo");
    assert_eq!(spec.store.state_dir.as_deref(), Some("/var/lib/pointsman"));
    assert!(spec.store.strict_limits);
    assert_eq!(spec.prices.as_ref().unwrap().0, "prices.json");
    for (text, is) in [("refuse", OnExhausted::Refuse), ("last_resort", OnExhausted::LastResort)] {
        assert_eq!(own(&format!("on_exhausted: {text}")).router.on_exhausted, is);
    }
    let hedge = own("hedge: {after: 1.5, groups: [chat, chat]}").router.hedge.unwrap();
    assert_eq!(hedge.after, HedgeAfter::Fixed(Duration::from_millis(1500)));
    assert_eq!(hedge.groups.unwrap(), ["chat"]);
}

#[test]
fn callers() {
    let spec = real();
    let [one] = &spec.server.keys[..] else { panic!() };
    assert_eq!(one.name, "team-a");
    assert_eq!((one.hash[0], one.hash[1], one.hash[31]), (0x00, 0x11, 0xff));
    assert_eq!(one.models, ["gpt-4o", "gpt-4", "openai/gpt-4.1", "openai/*"]);
    assert_eq!((one.limits.rpm, one.limits.tpm), (Some(60), None));
    assert_eq!(one.budget.as_ref().unwrap().max, dec("0.5"));
    assert!(!format!("{:?}", spec.server).contains("255"), "a hash is not printed");
    let digits = "0".repeat(64);
    let text = format!(
        "{ONE}router_settings: {{pointsman: {{keys: [{{name: a, hash: 'sha256:{digits}'}}]}}}}\n"
    );
    assert_eq!(good(&text).server.keys[0].models, [""; 0]);
    assert_eq!(messages(&text, Grade::Approximate), [""; 0], "the environment has a master key");
    let open = text + "general_settings: {master_key: ~}\n";
    assert_eq!(
        messages(&open, Grade::Approximate),
        [
            "router_settings.pointsman.keys: there is no general_settings.master_key, so who shows no \
          key gets in, too"
        ]
    );
}

#[test]
fn redis_and_the_cache_of_answers() {
    let spec = real();
    let redis = spec.store.redis.as_ref().unwrap();
    let host = redis.host.as_ref().unwrap();
    assert_eq!((host.host.as_str(), host.port), ("redis.internal", 6379));
    assert_eq!(redis.password.as_ref().unwrap().expose_secret(), "planted-REDIS_PASSWORD");
    assert_eq!(redis.username.as_deref(), Some("u"));
    assert!(redis.ssl && redis.url.is_none() && redis.startup_nodes.is_empty());
    assert_eq!(
        (redis.sentinel_nodes[0].host.as_str(), redis.sentinel_nodes[0].port),
        ("s1", 26379)
    );
    assert_eq!(redis.service_name.as_deref(), Some("m"));
    assert!(!format!("{spec:?}").contains("planted"));
    let cache = spec.router.cache.unwrap();
    assert_eq!(cache.ttl, Some(Duration::from_mins(10)));
    assert_eq!(cache.groups, [["gpt-4o", "claude"]], "aliases are resolved");

    let litellm = |text: &str| good(&format!("{ONE}litellm_settings: {{{text}}}\n"));
    let spec = litellm(
        "cache: true, cache_params: {host: h, port: '7', db: 2, ttl: 5, mode: default_off}",
    );
    let redis = spec.store.redis.unwrap();
    assert_eq!((redis.host.unwrap().port, redis.db), (7, 2));
    assert!(spec.router.cache.unwrap().on_request);
    assert!(litellm("cache: true, cache_params: {type: local, host: h}").store.redis.is_none());
    let spec = litellm("cache_params: {host: h}");
    assert!(spec.store.redis.is_none() && spec.router.cache.is_none(), "the cache is off");
    let spec =
        litellm("cache: true, cache_params: {redis_startup_nodes: [{host: a, port: 1}, [b, 2]]}");
    assert_eq!(spec.store.redis.unwrap().startup_nodes.len(), 2);
}

#[test]
fn probes() {
    let checks = real().server.health_checks.unwrap();
    assert_eq!(checks.interval, Duration::from_mins(5));
    let general = |text: &str| good(&format!("{ONE}general_settings: {{{text}}}\n")).server;
    assert!(general("health_check_interval: 9").health_checks.is_none());
    let some = general("background_health_checks: true, health_check_interval: 9");
    assert_eq!(some.health_checks.unwrap().interval, Duration::from_secs(9));
}

#[test]
fn what_is_left_out_leaves_lists_too() {
    let text = "
model_list:
- {model_name: real, litellm_params: {model: openai/m, silent_model: sim}}
- {model_name: sim, litellm_params: {model: simulated/m, unless_env: SOME_KEY}}
router_settings:
  routing_groups: [{group_name: set, models: [real, sim], routing_strategy: simple-shuffle}]
  pointsman:
    mirror: {real: {to: sim}}
    hedge: {groups: [sim, real]}
";
    let spec = good(text);
    assert!(spec.deployments[0].silent_models.is_empty() && spec.router.mirror.is_empty());
    assert_eq!(spec.router.routing_groups[0].models, ["real"]);
    assert_eq!(spec.router.hedge.unwrap().groups.unwrap(), ["real"]);
    let spec = good(&text.replace("SOME_KEY", "UNSET"));
    assert_eq!(spec.deployments[0].silent_models, ["sim"]);
    assert!((spec.router.mirror["real"].share - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_models_name_comes_without_litellms_word_for_its_api() {
    let of = |model: &str| {
        let text = ONE.replace("openai/m", model);
        (good(&text).deployments[0].deployment.clone(), messages(&text, Grade::Approximate))
    };
    let (deployment, said) = of("azure/responses/o3");
    assert_eq!((deployment.model.as_str(), said.len()), ("o3", 1));
    assert!(said[0].contains("by its own name"), "{said:?}");
    assert_eq!(of("azure/o_series/mine").0.model, "mine");
    let (deployment, said) = of("openai/chat_completions/m");
    assert_eq!((deployment.model.as_str(), said.len()), ("m", 0));
    assert_eq!(deployment.settings["use_chat_completions_api"], "true");
    assert_eq!(of("ollama/responses/m").0.model, "responses/m");
}
