//! From an entry of `model_list` to a member.

use pointsman_config::{DeploymentSpec, Finding, Grade, RouterSpec, Spec};
use pointsman_provider::Vendor;
use pointsman_router::{Info, Member};
use pointsman_state::{AccountId, AllowedFails, HealthPolicy};
use pointsman_types::{Deployment, ErrorKind};

use super::money;

/// A deployment with the key and address of its vendor's environment where it has none; `None` if
/// it is left out for want of a key.
pub(super) fn member(
    one: &DeploymentSpec,
    spec: &Spec,
    vendors: &[Vendor],
    env: &dyn Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) -> Option<Member> {
    let deployment = with_environment(one, vendors, env, findings)?;
    let provider = spec
        .provider_budgets
        .contains_key(&deployment.vendor)
        .then(|| AccountId::provider(&deployment.vendor));
    let quotas = one.quotas.iter().map(|name| AccountId::quota(name));
    let supports = |what: &str| one.info.supports.get(what).copied();
    let args = &spec.router.routing_strategy_args;
    let mut member = Member::from(deployment);
    member.limits = money::limits(&one.limits);
    member.budget = one.budget.as_ref().map(money::budget);
    member.accounts = quotas.chain(provider).collect();
    member.health = health(one, &spec.router);
    member.price = money::rates(&one.price).price();
    member.latency_ttl = args.ttl.unwrap_or(member.latency_ttl);
    member.mirrors.clone_from(&one.silent_models);
    member.info = Info {
        max_input_tokens: one.info.max_input_tokens,
        max_output_tokens: one.info.max_output_tokens,
        region: one.region.clone(),
        vision: supports("vision"),
        tools: supports("function_calling"),
    };
    Some(member)
}

fn with_environment(
    one: &DeploymentSpec,
    vendors: &[Vendor],
    env: &dyn Fn(&str) -> Option<String>,
    findings: &mut Vec<Finding>,
) -> Option<Deployment> {
    let mut deployment = one.deployment.clone();
    let first =
        |names: &[&str]| names.iter().find_map(|name| env(name)).filter(|value| !value.is_empty());
    if let Some(vendor) = vendors.iter().find(|vendor| vendor.name == deployment.vendor) {
        deployment.api_base = deployment.api_base.or_else(|| first(vendor.base_env));
        deployment.api_key = deployment.api_key.or_else(|| first(vendor.key_env).map(Into::into));
        if vendor.needs_key && deployment.api_key.is_none() && deployment.api_base.is_none() {
            let names = vendor.key_env.join(" or ");
            let message = format!("left out: it has no key; set `api_key`, or {names}");
            findings.push(Finding::new(one.at, Grade::Ignored, message));
            return None;
        }
    }
    if one.drop_params {
        deployment.settings.insert("drop_params".into(), "true".into());
    }
    if !one.additional_drop_params.is_empty() {
        let names = serde_json::json!(one.additional_drop_params).to_string();
        deployment.settings.insert("additional_drop_params".into(), names);
    }
    Some(deployment)
}

fn health(one: &DeploymentSpec, router: &RouterSpec) -> HealthPolicy {
    let own = allowed(&one.allowed_fails_policy);
    HealthPolicy {
        cooldown_time: one.cooldown_time.unwrap_or(router.cooldown_time),
        allowed_fails: one.allowed_fails.or(router.allowed_fails),
        allowed_fails_by_kind: own.or(allowed(&router.allowed_fails_policy)),
        disabled: router.disable_cooldowns,
        ramp_time: router.ramp_time,
    }
}

/// Kinds with the same number that LiteLLM counts as one class count as one here.
fn allowed(policy: &std::collections::BTreeMap<ErrorKind, u32>) -> AllowedFails {
    let pairs: &[&[ErrorKind]] = &[
        &[ErrorKind::RateLimited, ErrorKind::QuotaExhausted],
        &[ErrorKind::Authentication, ErrorKind::Permission],
        &[ErrorKind::Server, ErrorKind::Overloaded, ErrorKind::Connection],
    ];
    let mut all = AllowedFails::default();
    for (kind, allowed) in policy {
        let class: Vec<ErrorKind> = pairs
            .iter()
            .find(|class| class.contains(kind))
            .map_or(&[*kind][..], |class| class)
            .iter()
            .copied()
            .filter(|other| policy.get(other) == Some(allowed))
            .collect();
        all = all.with(&class, *allowed);
    }
    all
}
