//! From an entry of `model_list` to a member.

use pointsman_config::{DeploymentSpec, Finding, Grade, RouterSpec, Spec};
use pointsman_cost::{PriceClass, Rates};
use pointsman_prices::{Book, Capability, Mode, ModelFacts, Supports, inclusive};
use pointsman_provider::Vendor;
use pointsman_router::{Info, Member, Probe};
use pointsman_state::{AccountId, AllowedFails, HealthPolicy};
use pointsman_types::{Decimal, Deployment, ErrorKind, Operation};

use super::{LEFT_OUT, money, unserved};

/// What a member is made with, beside its own entry.
pub(super) struct Context<'a> {
    pub(super) spec: &'a Spec,
    pub(super) vendors: &'a [Vendor],
    /// Settings of the deployment's vendor that the environment may have, and under which names.
    pub(super) settings: &'a [(&'a str, &'a [&'a str])],
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    pub(super) book: &'a Book,
}

/// A deployment with the key, address and settings of its vendor's environment where it has none;
/// `None` if it is left out for want of a key, or of somebody who serves its vendor.
pub(super) fn member(
    one: &DeploymentSpec,
    with: &Context<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Member> {
    let deployment = with_environment(one, with, findings)?;
    let spec = with.spec;
    let provider = spec
        .provider_budgets
        .contains_key(&deployment.vendor)
        .then(|| AccountId::provider(&deployment.vendor));
    let quotas = one.quotas.iter().map(|name| AccountId::quota(name));
    let facts = facts(one, with.book);
    let args = &spec.router.routing_strategy_args;
    let mut member = Member::from(deployment);
    member.limits = money::limits(&one.limits);
    member.budget = one.budget.as_ref().map(money::budget);
    member.accounts = quotas.chain(provider).collect();
    member.health = health(one, &spec.router);
    member.price = rates(one, facts).price();
    member.latency_ttl = args.ttl.unwrap_or(member.latency_ttl);
    member.mirrors.clone_from(&one.silent_models);
    member.info = info(one, facts);
    member.probe = probe(one, facts);
    if member.price.is_none() && spec.router.routing_strategy == "cost-based-routing" {
        let id = &member.deployment.id;
        let message = format!("`{id}` has no known price: cost-based-routing ranks it last");
        findings.push(Finding::new(one.at, Grade::Approximate, message));
    }
    if member.price.is_none() {
        refused_payers(one, spec, findings);
    }
    Some(member)
}

/// Whoever calls with a budget cannot be told what a deployment without a price costs them.
fn refused_payers(one: &DeploymentSpec, spec: &Spec, findings: &mut Vec<Finding>) {
    let tags = spec.tag_budgets.keys().map(|tag| format!("tag:{tag}"));
    let callers = spec.server.keys.iter().filter(|caller| caller.budget.is_some());
    let payers: Vec<_> = tags.chain(callers.map(|caller| format!("key:{}", caller.name))).collect();
    if !payers.is_empty() {
        let message = format!(
            "`{}` has no known price: calls that are paid from a budget ({}) do not go there",
            one.deployment.id,
            payers.join(", ")
        );
        findings.push(Finding::new(one.model_at, Grade::Approximate, message));
    }
}

/// What the price book knows of the model.
fn facts<'a>(one: &DeploymentSpec, book: &'a Book) -> Option<&'a ModelFacts> {
    let vendor = one.deployment.vendor.as_str();
    match &one.info.base_model {
        Some(base) => {
            let (of, model) = base.split_once('/').unwrap_or((vendor, base));
            book.lookup(of, model).or_else(|| book.lookup(vendor, base))
        }
        None => book.lookup(vendor, &one.deployment.model),
    }
}

/// The rates of the file, over those of the book.
fn rates(one: &DeploymentSpec, facts: Option<&ModelFacts>) -> Rates {
    let own = money::rates(&one.price);
    let mut rates = facts.map_or_else(|| own.clone(), |facts| facts.rates.overridden_by(&own));
    rates.inclusive |= inclusive(&one.deployment.vendor);
    // Answers of these have no tokens, so that their price need not be told.
    let mode = one.info.mode.as_deref().unwrap_or_default();
    let silent = matches!(mode, "embedding" | "rerank" | "moderation");
    if silent && rates.get(PriceClass::Output).is_none() {
        rates.set(PriceClass::Output, Decimal::ZERO);
    }
    rates
}

/// What the file says of the model, and where it says nothing, the book.
fn info(one: &DeploymentSpec, facts: Option<&ModelFacts>) -> Info {
    let supports = |name: &str, what: Capability| {
        // The book lists what a model can do; that it lists nothing says nothing.
        let known = facts.filter(|facts| facts.supports != Supports::default());
        let own = one.info.supports.get(name).copied();
        own.or_else(|| known.map(|facts| facts.supports.has(what)))
    };
    Info {
        max_input_tokens: one.info.max_input_tokens.or(facts.and_then(|one| one.max_input_tokens)),
        max_output_tokens: one
            .info
            .max_output_tokens
            .or(facts.and_then(|one| one.max_output_tokens)),
        region: one.region.clone(),
        vision: supports("vision", Capability::Vision),
        tools: supports("function_calling", Capability::FunctionCalling),
    }
}

/// How the deployment is asked whether it is well, by what its model is for.
fn probe(one: &DeploymentSpec, facts: Option<&ModelFacts>) -> Probe {
    let named = one.info.mode.as_deref().and_then(Mode::named);
    let operation = match named.or(facts.and_then(|facts| facts.mode)) {
        Some(Mode::Completion) => Operation::Completions,
        Some(Mode::Responses) => Operation::Responses,
        Some(Mode::Embedding) => Operation::Embeddings,
        Some(Mode::ImageGeneration) => Operation::Images,
        Some(Mode::AudioSpeech) => Operation::Speech,
        Some(Mode::AudioTranscription) => Operation::Transcription,
        Some(Mode::Rerank) => Operation::Rerank,
        Some(Mode::Moderation) => Operation::Moderations,
        // Most models are for chat, and few say so.
        _ => Operation::Chat,
    };
    Probe {
        background: one.health_check.enabled,
        operation,
        model: one.health_check.model.clone(),
        timeout: one.health_check.timeout,
        max_tokens: one.health_check.max_tokens,
    }
}

fn with_environment(
    one: &DeploymentSpec,
    with: &Context<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Deployment> {
    if let Some(why) = unserved::of(&one.deployment.vendor, with.spec, with.vendors) {
        findings.push(unserved::finding(why, one, with.spec, with.vendors));
        return None;
    }
    let env = with.env;
    let mut deployment = one.deployment.clone();
    let first =
        |names: &[&str]| names.iter().find_map(|name| env(name)).filter(|value| !value.is_empty());
    for (setting, names) in with.settings {
        if !deployment.settings.contains_key(*setting)
            && let Some(value) = first(names)
        {
            deployment.settings.insert((*setting).to_owned(), value);
        }
    }
    if let Some(vendor) = with.vendors.iter().find(|vendor| vendor.name == deployment.vendor) {
        deployment.api_base = deployment
            .api_base
            .or_else(|| first(vendor.base_env))
            .or_else(|| own_base(vendor.base?, env));
        deployment.api_key = deployment.api_key.or_else(|| first(vendor.key_env).map(Into::into));
        if vendor.needs_key && deployment.api_key.is_none() && deployment.api_base.is_none() {
            let names = vendor.key_env.join(" or ");
            let message = format!("{LEFT_OUT}it has no key; set `api_key`, or {names}");
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

/// An address with something of the user's own in it, where the environment says what.
fn own_base(base: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (before, rest) = base.split_once('{')?;
    let (name, behind) = rest.split_once('}')?;
    Some(format!("{before}{}{behind}", env(name).filter(|value| !value.is_empty())?))
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
