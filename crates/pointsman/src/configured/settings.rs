//! From `router_settings` to how the router behaves.

use std::collections::HashMap;

use pointsman_config as config;
use pointsman_config::{GroupStrategy, RetryPolicy, RouterSpec};
use pointsman_provider::FallbackTarget;
use pointsman_retry as retry;
use pointsman_router::{
    Affinity, AffinityKey, CacheSettings, Fallbacks, GroupSet, Mirror, OnExhausted, RetriesByKind,
    Settings, TagRule,
};
use pointsman_strategy::{SimpleShuffle, StrategyArgs, builtin_with};

pub(super) fn settings(from: &RouterSpec) -> Settings {
    let rule = if from.tag_filtering_match_any { TagRule::Any } else { TagRule::All };
    let aliases = from.model_group_alias.iter();
    let default = Settings::default();
    let args = args(from.routing_strategy_args);
    Settings {
        strategy: builtin_with(&from.routing_strategy, &args).unwrap_or(default.strategy),
        group_strategies: HashMap::new(),
        sets: from.routing_groups.iter().map(set).collect(),
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
        fallbacks: fallbacks(from),
        tags: from.enable_tag_filtering.then_some(rule),
        pre_call_checks: from.enable_pre_call_checks,
        affinity: from.affinity.as_ref().map(affinity).unwrap_or_default(),
        hedge: from.hedge.as_ref().map(hedge).unwrap_or_default(),
        retry_budget: retry::BudgetPolicy {
            ratio: from.retry_budget.ratio,
            per_second: from.retry_budget.per_second,
            burst: from.retry_budget.burst,
        },
        on_exhausted: match from.on_exhausted {
            config::OnExhausted::Refuse => OnExhausted::Refuse,
            config::OnExhausted::LastResort => OnExhausted::LastResort,
            config::OnExhausted::Wait { max, queue } => OnExhausted::Wait { most: max, queue },
        },
        default_priority: from.default_priority.unwrap_or(0),
        mirror: from
            .mirror
            .iter()
            .map(|(group, to)| (group.clone(), Mirror { to: to.to.clone(), share: to.share }))
            .collect(),
        cache: from.cache.as_ref().map(|cache| CacheSettings {
            ttl: cache.ttl,
            groups: cache.groups.clone(),
            on_request: cache.on_request,
        }),
    }
}

fn args(of: config::StrategyArgs) -> StrategyArgs {
    StrategyArgs { lowest_latency_buffer: of.lowest_latency_buffer.unwrap_or(0.0) }
}

fn set(of: &config::RoutingGroup) -> GroupSet {
    let (strategy, tiers) = match &of.strategy {
        GroupStrategy::Named { name, args: own } => (builtin_with(name, &args(*own)), None),
        GroupStrategy::Priority(order) => {
            let tier = |group: &String| {
                let own = order.iter().find(|(name, _)| name == group);
                own.map_or(i64::MAX, |(_, tier)| i64::from(*tier))
            };
            (None, Some(of.models.iter().map(tier).collect()))
        }
    };
    GroupSet {
        name: of.name.clone(),
        groups: of.models.clone(),
        strategy: strategy.unwrap_or_else(|| std::sync::Arc::new(SimpleShuffle)),
        tiers,
    }
}

fn fallbacks(from: &RouterSpec) -> Fallbacks {
    let map = |list: &[config::Fallback]| {
        list.iter().map(|one| (one.group.clone(), targets(&one.targets))).collect()
    };
    Fallbacks {
        general: map(&from.fallbacks),
        default: targets(&from.default_fallbacks),
        context_window: map(&from.context_window_fallbacks),
        content_policy: map(&from.content_policy_fallbacks),
        most: from.max_fallbacks,
    }
}

fn targets(of: &[config::Target]) -> Vec<FallbackTarget> {
    let target = |one: &config::Target| FallbackTarget {
        of: None,
        model: one.model.clone(),
        overrides: one.overrides.clone(),
    };
    of.iter().map(target).collect()
}

fn by_kind(of: &RetryPolicy) -> RetriesByKind {
    RetriesByKind { kinds: of.by_kind.clone(), others: of.default }
}

/// One entry for each group that is named, or one for every group.
fn for_groups<T: Clone>(groups: Option<&Vec<String>>, what: &T) -> HashMap<String, T> {
    match groups {
        Some(groups) => groups.iter().map(|group| (group.clone(), what.clone())).collect(),
        None => [("*".to_owned(), what.clone())].into(),
    }
}

fn affinity(of: &config::Affinity) -> HashMap<String, Affinity> {
    let key = match &of.key {
        config::AffinityKey::User => AffinityKey::User,
        config::AffinityKey::PromptCacheKey => AffinityKey::PromptCacheKey,
        config::AffinityKey::Prefix => AffinityKey::Prefix,
        config::AffinityKey::Header(name) => AffinityKey::Header(name.clone()),
    };
    for_groups(of.groups.as_ref(), &Affinity { key, bound: of.bound })
}

fn hedge(of: &config::Hedge) -> HashMap<String, retry::HedgeAfter> {
    let after = match of.after {
        config::HedgeAfter::Auto => retry::HedgeAfter::Auto,
        config::HedgeAfter::Fixed(after) => retry::HedgeAfter::Fixed(after),
    };
    for_groups(of.groups.as_ref(), &after)
}
