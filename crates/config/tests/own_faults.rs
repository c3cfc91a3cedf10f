//! Faults in limits, money, groups of strategies, stores and callers: place and text.

use pointsman_config::{Grade, load};

/// One deployment that is right: lines 1 to 3.
const ONE: &str = "model_list:\n- model_name: chat\n  litellm_params: {model: openai/m}\n";

fn errors(text: &str, expected: &[&str]) {
    let loaded = load(text, &|_| None);
    let lines: Vec<String> = loaded
        .findings
        .iter()
        .filter(|one| one.grade == Grade::Error)
        .map(|one| format!("{}:{}: {}", one.at.line, one.at.column, one.message))
        .collect();
    assert_eq!(lines, expected, "\n{text}");
    assert!(loaded.spec.is_none());
}

/// Errors of `litellm_params` with these lines, which begin on line 4 at column 5.
fn params(text: &str, expected: &[&str]) {
    let mut file = "model_list:\n- model_name: chat\n  litellm_params:\n".to_owned();
    file.extend(text.lines().map(|line| format!("    {line}\n")));
    errors(&file, expected);
}

/// Errors of `router_settings` with these lines, which begin on line 5 at column 3.
fn router(text: &str, expected: &[&str]) {
    let mut file = format!("{ONE}router_settings:\n");
    file.extend(text.lines().map(|line| format!("  {line}\n")));
    errors(&file, expected);
}

/// Errors of our own block with these lines, which begin on line 6 at column 5.
fn own(text: &str, expected: &[&str]) {
    let mut file = format!("{ONE}router_settings:\n  pointsman:\n");
    file.extend(text.lines().map(|line| format!("    {line}\n")));
    let path = "router_settings.pointsman.";
    let expected: Vec<String> = expected.iter().map(|line| line.replace('@', path)).collect();
    errors(&file, &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn limits_and_money() {
    let duration = "wanted a whole number and a unit: s, m, h, d, w or mo, like 1d or 1mo";
    params(
        "model: openai/m\nitpm: -1\notpm: 1.5\nrpd: many\ntpd: [1]\ndaily_reset_time: 6:30\n\
         max_budget: -1\nbudget_duration: 1y\nquotas: [acct]\nsilent_model: [caht, 'true']\n\
         drop_params: maybe\nadditional_drop_params: user\n",
        &[
            "5:11: litellm_params.itpm: found `-1`, wanted a whole number in range",
            "6:11: litellm_params.otpm: found `1.5`, wanted a whole number in range",
            "7:10: litellm_params.rpd: found `many`, wanted a whole number in range",
            "8:10: litellm_params.tpd: found a list, wanted a whole number",
            "9:23: litellm_params.daily_reset_time: found `6:30`, wanted a time of day in UTC, in \
             quotes, like \"06:30\"",
            "10:17: litellm_params.max_budget: found `-1`, wanted a number that is not negative",
            &format!("11:22: litellm_params.budget_duration: found `1y`, {duration}"),
            "12:14: litellm_params.quotas: `acct` names no quota",
            "13:20: litellm_params.silent_model: `caht` names no group; did you mean chat?",
            "13:26: litellm_params.silent_model: `true` names no group",
            "14:18: litellm_params.drop_params: found `maybe`, wanted true or false",
            "15:29: litellm_params.additional_drop_params: found a single value, wanted a list \
             of texts",
        ],
    );
    router(
        "provider_budget_config: {openai: 5, azure: {budget_limt: 1}, xai: {max_budget: lots}}\n",
        &[
            "5:36: router_settings.provider_budget_config: found a single value, wanted a \
             mapping",
            "5:47: router_settings.provider_budget_config.budget_limt is not a known key; did you \
             mean budget_limit?",
            "5:82: router_settings.provider_budget_config.max_budget: found `lots`, wanted a number \
             that is not negative",
        ],
    );
}

#[test]
fn an_entry_without_a_model_says_its_other_faults_too() {
    errors(
        "model_list: [{rpm: x, litellm_params: {tpm: y}, model_info: {mode: [z]}}]\n",
        &[
            "1:14: model_name is missing",
            "1:20: rpm: found `x`, wanted a whole number in range",
            "1:23: litellm_params.model is missing",
            "1:45: litellm_params.tpm: found `y`, wanted a whole number in range",
            "1:68: model_info.mode: found a list, wanted a text",
        ],
    );
}

#[test]
fn prices() {
    params(
        "model: openai/m\ninput_cost_per_token_abov_200k_tokens: 1\noutput_cost_per_token_flex: x\n\
         tiered_pricing: [{range: [5, 5]}, {input_cost_per_token: 1}, {range: [0, 9]}, \
         {range: [8, 12]}, {range: [12]}, {range: [13, 14]}]\n",
        &[
            "5:5: litellm_params.input_cost_per_token_abov_200k_tokens is not a known key; did you \
             mean input_cost_per_token?",
            "6:33: litellm_params.output_cost_per_token_flex: found `x`, wanted a number that is not \
             negative",
            "7:30: tiered_pricing.range: wanted two numbers of tokens, the lower one first",
            "7:39: tiered_pricing.range is missing",
            "7:83: tiered_pricing.range: it begins before the tier above it ends",
            "7:116: tiered_pricing.range: it begins before the tier above it ends",
        ],
    );
}

#[test]
fn credentials() {
    let text = "credential_list:\n- {credential_name: a, credential_values: {api_kee: x}}\n\
        - {credential_name: a}\n- {credential_values: {rpm: x}}\n\
        model_list: [{model_name: g, litellm_params: {model: openai/m, litellm_credential_name: b}}]\n";
    errors(
        text,
        &[
            "2:44: credential_list.credential_values.api_kee is not a known key; did you mean \
             api_key?",
            "3:21: credential_list.credential_name: `a` is used on line 2 and on line 3",
            "4:3: credential_list.credential_name is missing",
            "5:89: litellm_params.litellm_credential_name: `b` names no credential",
        ],
    );
}

#[test]
fn groups_of_strategies() {
    router(
        "routing_groups:\n\
         - {group_name: default, models: chat}\n\
         - {group_name: a, models: [chat], routing_strategy: round-robin}\n\
         - {group_name: b, models: [chat], routing_strategy: round-robin}\n\
         - {group_name: b, models: [chat, chat], routing_strategy: priority}\n\
         - {group_name: c, models: [chat], routing_strategy: priority, model_priorities: {chat: 0}}\n\
         - {group_name: d, models: [], routing_strategy: round-robin, model_priorities: {chat: 1}}\n\
         routing_strategy_args: {ttl: 0, lowest_latency_buffer: -1, tt: 1}\n",
        &[
            "6:5: router_settings.routing_groups.routing_strategy is missing",
            "6:18: router_settings.routing_groups.group_name: found `default`, wanted another \
             name: LiteLLM keeps this one for itself",
            "6:35: router_settings.routing_groups.models: found a single value, wanted a list \
             of texts",
            "8:5: router_settings.routing_groups: chat is in both a and b",
            "9:18: router_settings.routing_groups.group_name: `b` is used on line 8 and on line \
             9",
            "9:36: router_settings.routing_groups.models: `chat` stands twice",
            "9:43: router_settings.routing_groups.model_priorities is missing",
            "10:65: router_settings.routing_groups.model_priorities: chat has no number",
            "10:90: router_settings.routing_groups.model_priorities: found `0`, wanted a whole \
             number above zero",
            "11:64: router_settings.routing_groups.model_priorities is for `routing_strategy: \
             priority` alone",
            "12:32: router_settings.routing_strategy_args.ttl: found `0`, wanted a duration \
             above zero",
            "12:58: router_settings.routing_strategy_args.lowest_latency_buffer: found `-1`, \
             wanted a number that is not negative",
            "12:62: router_settings.routing_strategy_args.tt is not a known key; did you mean \
             ttl?",
        ],
    );
}

#[test]
fn the_block_of_our_own() {
    own(
        "retry_budget: {ratio: 2, per_second: -1, burst: x}\n\
         hedge: {groups: [caht], after: later}\n\
         affinity: {groups: chat, bound: 0.5}\n\
         on_exhausted: wiat\n\
         quotas: {empty: {}, zero: {rpm: 0, tpm: x}, odd: 3}\n\
         mirror: {chat: {to: chat}, nobody: {to: gone, share: 1.5}, other: {share: 1}}\n\
         state_dir: true\nstrict_limits: 2\nprices: [a]\n",
        &[
            "6:27: @retry_budget.ratio: found `2`, wanted a share from 0 to 1",
            "6:42: @retry_budget.per_second: found `-1`, wanted a number that is not negative",
            "6:53: @retry_budget.burst: found `x`, wanted a whole number in range",
            "7:22: @hedge.groups: `caht` names no group; did you mean chat?",
            "7:36: @hedge.after: found `later`, wanted a duration: seconds as a number, or like \
             30s, 5m, 1h, 7d, 1mo",
            "8:5: @affinity.key is missing",
            "8:24: @affinity.groups: found a single value, wanted a list of texts",
            "8:37: @affinity.bound: found `0.5`, wanted a number of at least 1, like 1.25",
            "9:19: @on_exhausted: found `wiat`, wanted refuse, last_resort or {wait: {max: 10s, \
             queue: 1000}}",
            "10:14: @quotas: empty limits nothing",
            "10:37: @quotas.rpm: found `0`, wanted a whole number above zero",
            "10:45: @quotas.tpm: found `x`, wanted a whole number in range",
            "10:54: @quotas: found a single value, wanted a mapping",
            "11:25: @mirror.to: found `chat`, wanted another group than the one that is copied",
            "11:32: @mirror: `nobody` names no group",
            "11:45: @mirror.to: `gone` names no group",
            "11:58: @mirror.share: found `1.5`, wanted a share from 0 to 1",
            "11:64: @mirror.to is missing",
            "11:64: @mirror: `other` names no group",
            "12:16: @state_dir: found `true`, wanted a text (write it in quotes)",
            "13:20: @strict_limits: found `2`, wanted true or false",
            "14:13: @prices: found a list, wanted a text",
        ],
    );
    own(
        "affinity: {key: header}\non_exhausted: {wait: {max: 0, queue: 0}}\n",
        &[
            "6:21: @affinity.key: wanted user, prompt_cache_key, prefix or header:NAME",
            "7:32: @on_exhausted.wait.max: found `0`, wanted a duration above zero",
            "7:42: @on_exhausted.wait.queue: found `0`, wanted a whole number above zero",
        ],
    );
    own(
        "on_exhausted: {wiat: {}}\n",
        &["6:20: @on_exhausted.wiat is not a known key; did you mean wait?"],
    );
}

#[test]
fn callers() {
    let digits = "0a".repeat(32);
    own(
        &format!(
            "keys:\n- {{name: a, hash: 'sha256:{digits}', models: [caht, 'openai/*'], rpm: 0}}\n\
             - {{name: a, hash: 'sha256:{}', max_budget: x}}\n\
             - {{hash: '{digits}'}}\n- text\n- {{name: b, models: []}}\n",
            digits.to_uppercase()
        ),
        &[
            "7:107: @keys.models: `caht` names no group; did you mean chat?",
            "7:131: @keys.rpm: found `0`, wanted a whole number above zero",
            "8:14: @keys.name: `a` is used on line 7 and on line 8",
            "8:23: @keys.hash: the same hash is on line 7 and on line 8",
            "8:110: @keys.max_budget: found `x`, wanted a number that is not negative",
            "9:7: @keys.name is missing",
            "9:14: @keys.hash: found a value that is not shown, wanted `sha256:` and the 64 \
             hexadecimal digits of the key's hash",
            "10:7: @keys: found a single value, wanted a mapping",
            "11:7: @keys.hash is missing",
            "11:25: @keys.models: the list is empty; leave it out for all models",
        ],
    );
}

#[test]
fn stores() {
    let node = "wanted a node as [host, port] or {host: name, port: 6379}";
    let path = "router_settings.cache_kwargs";
    router(
        "redis_url: localhost:6379\nredis_port: 70000\ncache_kwargs: {sentinel_nodes: [[a], b, \
         {host: c}], startup_nodes: [], ttl: 0, hots: x}\ncaching_groups: [[caht], chat]\n",
        &[
            "5:14: router_settings.redis_url: found a value that is not shown, wanted an address \
             that starts with redis:// or rediss://",
            "6:15: router_settings.redis_port: found `70000`, wanted a whole number in range",
            &format!("7:18: {path}.sentinel_nodes: Sentinels need a service_name, too"),
            &format!("7:35: {path}.sentinel_nodes: {node}"),
            &format!("7:40: {path}.sentinel_nodes: {node}"),
            &format!("7:43: {path}.sentinel_nodes: {node}"),
            &format!("7:70: {path}.startup_nodes: the list is empty: {node}"),
            &format!("7:79: {path}.ttl: found `0`, wanted a duration above zero"),
            &format!("7:82: {path}.hots is not a known key; did you mean host?"),
            "8:21: router_settings.caching_groups: `caht` names no group; did you mean chat?",
            "8:28: router_settings.caching_groups: found a single value, wanted a list of texts",
        ],
    );
    errors(
        &format!(
            "{ONE}litellm_settings: {{cache: true, cache_params: {{mode: on_demand, portt: 1}}}}\n"
        ),
        &[
            "4:54: litellm_settings.cache_params.mode: found `on_demand`, wanted default_on or \
             default_off",
            "4:65: litellm_settings.cache_params.portt is not a known key; did you mean port?",
        ],
    );
    errors(
        &format!(
            "{ONE}general_settings: {{background_health_checks: 3, health_check_interval: 0}}\n"
        ),
        &[
            "4:46: general_settings.background_health_checks: found `3`, wanted true or false",
            "4:72: general_settings.health_check_interval: found `0`, wanted a duration above \
             zero",
        ],
    );
}
