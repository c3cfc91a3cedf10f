//! From a configuration to a router.

use std::{collections::HashSet, sync::Arc};

use pointsman_config::{
    DeploymentSpec, Finding, Grade, PriceSpec, RetryPolicy, RouterSpec, ServerSpec, Spec,
};
use pointsman_cost::Price;
use pointsman_provider::{FallbackTarget, Provider, Vendor};
use pointsman_retry as retry;
use pointsman_router::{
    Fallbacks, Member, RetriesByKind, Router, RouterBuilder, Settings, TagRule,
};
use pointsman_state::{HealthPolicy, Limits};
use pointsman_strategy::builtin;

/// A configuration that was read: what can be built of it, and all that was found.
#[derive(Debug)]
pub struct Configured {
    /// Builds the router; `None` when any finding is an error.
    pub builder: Option<RouterBuilder>,
    /// What concerns the gateway alone.
    pub server: ServerSpec,
    /// All findings, in the order of the text.
    pub findings: Vec<Finding>,
}

/// Reads a LiteLLM `config.yaml` for these providers.
///
/// `env` looks a variable of the environment up: for `os.environ/NAME`, and for the keys and
/// addresses of vendors where the file has none.
///
/// ```
/// use pointsman::{Configured, configure, types::Secret};
/// use std::sync::Arc;
/// # use pointsman::{clock::SystemClock, simulated::Simulated};
/// let text = "model_list: [{model_name: chat, litellm_params: {model: simulated/fast}}]";
/// let clock = Arc::new(SystemClock::new());
/// let Configured { builder, findings, .. } = configure(text, &|_| None, &[Arc::new(Simulated::new(clock))]);
/// let router = builder.expect("no finding is an error").build()?;
/// assert_eq!(router.models()[0].as_str(), "chat");
/// # Ok::<(), pointsman::router::BuildError>(())
/// ```
pub fn configure(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    providers: &[Arc<dyn Provider>],
) -> Configured {
    let loaded = pointsman_config::load(text, env);
    let mut findings = loaded.findings;
    let Some(spec) = loaded.spec else {
        return Configured { builder: None, server: ServerSpec::default(), findings };
    };
    let mut builder = Router::builder();
    for provider in providers {
        builder = builder.provider(Arc::clone(provider));
    }
    let vendors = builder.vendors();
    let mut kept: Vec<&DeploymentSpec> = Vec::new();
    for one in &spec.deployments {
        let of = |provider: &&Arc<dyn Provider>| provider.vendor().name == one.deployment.vendor;
        let settings = providers.iter().rev().find(of).map(|one| one.settings_env());
        let known = Known { vendors: &vendors, settings: settings.unwrap_or_default() };
        if let Some(member) = member(one, &spec.router, &known, env, &mut findings) {
            kept.push(one);
            builder = builder.deployment(member);
        }
    }
    empty_groups(&spec, &kept, &mut findings);
    builder = builder.settings(settings(&spec.router));
    for fault in builder.check() {
        let at = fault.member.and_then(|at| kept.get(at)).map(|one| one.model_at);
        if let Some(at) = at {
            findings.push(Finding::new(at, Grade::Error, fault.message));
        }
    }
    findings.sort();
    let faulty = findings.iter().any(|finding| finding.grade == Grade::Error);
    Configured { builder: (!faulty).then_some(builder), server: spec.server, findings }
}

/// What is known of a deployment's vendor: where its environment has keys, addresses, settings.
struct Known<'a> {
    vendors: &'a [Vendor],
    settings: &'a [(&'a str, &'a [&'a str])],
}

/// A deployment with the key, address and settings of its vendor's environment where it has none;
/// `None` if it is left out for want of a key.
fn member(
    one: &DeploymentSpec,
    router: &RouterSpec,
    known: &Known<'_>,
    env: &dyn Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) -> Option<Member> {
    let mut deployment = one.deployment.clone();
    let first =
        |names: &[&str]| names.iter().find_map(|name| env(name)).filter(|value| !value.is_empty());
    for (setting, names) in known.settings {
        if !deployment.settings.contains_key(*setting)
            && let Some(value) = first(names)
        {
            deployment.settings.insert((*setting).to_owned(), value);
        }
    }
    if let Some(vendor) = known.vendors.iter().find(|vendor| vendor.name == deployment.vendor) {
        deployment.api_base = deployment.api_base.or_else(|| first(vendor.base_env));
        deployment.api_key = deployment.api_key.or_else(|| first(vendor.key_env).map(Into::into));
        if vendor.needs_key && deployment.api_key.is_none() && deployment.api_base.is_none() {
            let names = vendor.key_env.join(" or ");
            let message = format!("left out: it has no key; set `api_key`, or {names}");
            findings.push(Finding::new(one.at, Grade::Ignored, message));
            return None;
        }
    }
    let health = HealthPolicy {
        cooldown_time: one.cooldown_time.unwrap_or(router.cooldown_time),
        allowed_fails: one.allowed_fails.or(router.allowed_fails),
        disabled: router.disable_cooldowns,
        ramp_time: router.ramp_time,
    };
    let limits = Limits { rpm: one.rpm, max_parallel_requests: one.max_parallel_requests };
    Some(Member { deployment, limits, tpm: one.tpm, health, price: price(&one.price) })
}

fn price(of: &PriceSpec) -> Option<Price> {
    Some(Price {
        cache_read: of.cache_read_input_token_cost,
        cache_write: of.cache_creation_input_token_cost,
        cache_write_long: of.cache_creation_input_token_cost_above_1hr,
        reasoning: of.output_cost_per_reasoning_token,
        audio_input: of.input_cost_per_audio_token,
        audio_output: of.output_cost_per_audio_token,
        ..Price::new(of.input_cost_per_token?, of.output_cost_per_token?)
    })
}

/// A group that has lost all its deployments for want of keys cannot be served.
fn empty_groups(spec: &Spec, kept: &[&DeploymentSpec], findings: &mut Vec<Finding>) {
    let served: HashSet<_> = kept.iter().map(|one| &one.deployment.group).collect();
    let mut told = HashSet::new();
    for one in &spec.deployments {
        let group = &one.deployment.group;
        if !served.contains(group) && told.insert(group) {
            let message = format!("the group `{group}` has no deployment left");
            findings.push(Finding::new(one.at, Grade::Error, message));
        }
    }
}

fn settings(from: &RouterSpec) -> Settings {
    let map = |list: &[pointsman_config::Fallback]| {
        list.iter().map(|one| (one.group.clone(), targets(&one.targets))).collect()
    };
    let rule = if from.tag_filtering_match_any { TagRule::Any } else { TagRule::All };
    let aliases = from.model_group_alias.iter();
    let default = Settings::default();
    Settings {
        strategy: builtin(&from.routing_strategy).unwrap_or(default.strategy),
        retry: retry::Policy {
            num_retries: from.num_retries,
            retry_after: from.retry_after,
            max_attempts: from.max_attempts,
        },
        retries_by_kind: from.retry_policy.as_ref().map(by_kind).unwrap_or_default(),
        group_retries_by_kind: from
            .model_group_retry_policy
            .iter()
            .map(|(group, policy)| (group.clone(), by_kind(policy)))
            .collect(),
        timeout: from.timeout,
        stream_timeout: from.stream_timeout,
        ttft_timeout: from.ttft_timeout,
        stall_timeout: Some(from.stall_timeout),
        aliases: aliases.map(|(name, to)| (name.clone(), (to.model.clone(), to.hidden))).collect(),
        fallbacks: Fallbacks {
            general: map(&from.fallbacks),
            default: targets(&from.default_fallbacks),
            context_window: map(&from.context_window_fallbacks),
            content_policy: map(&from.content_policy_fallbacks),
            most: from.max_fallbacks,
        },
        tags: from.enable_tag_filtering.then_some(rule),
        ..default
    }
}

fn targets(of: &[pointsman_config::Target]) -> Vec<FallbackTarget> {
    let target = |one: &pointsman_config::Target| FallbackTarget {
        model: one.model.clone(),
        overrides: one.overrides.clone(),
    };
    of.iter().map(target).collect()
}

fn by_kind(of: &RetryPolicy) -> RetriesByKind {
    RetriesByKind { kinds: of.by_kind.clone(), others: of.default }
}
