//! `router_settings`, and what lies in it.

use super::{
    Keys, Rows,
    Says::{Approximate, Ignored, Served},
    Table,
};

const ROUTER_ROWS: Rows = &[
    (
        Served,
        "routing_strategy num_retries retry_after timeout stream_timeout cooldown_time
        allowed_fails disable_cooldowns model_group_alias fallbacks default_fallbacks
        context_window_fallbacks content_policy_fallbacks max_fallbacks enable_tag_filtering
        tag_filtering_match_any retry_policy
        model_group_retry_policy pointsman",
    ),
    (Approximate("read as num_retries, which wins where both are set"), "max_retries"),
    (Ignored("no strategy that is built takes arguments"), "routing_strategy_args"),
    (Ignored("allowed_fails alone counts"), "allowed_fails_policy"),
    (Ignored("every group uses routing_strategy"), "routing_groups"),
    (Ignored("budgets are not kept yet: calls are not limited by it"), "provider_budget_config"),
    (
        Ignored("limits and cooldowns are kept by each process alone"),
        "redis_url redis_host redis_port redis_password redis_db cache_kwargs",
    ),
    (Ignored("answers are not cached: every call goes upstream"), "cache_responses caching_groups"),
    (
        Ignored(
            "prompts are not measured before the send: a prompt that is too long fails upstream",
        ),
        "enable_pre_call_checks",
    ),
    (Ignored("no such check runs before the send"), "optional_pre_call_checks"),
    (
        Ignored("a deployment is limited by its own max_parallel_requests alone"),
        "default_max_parallel_requests",
    ),
    (
        Ignored("calls do not queue: what finds no member is refused at once"),
        "default_priority polling_interval",
    ),
    (Ignored("HTTP connections are kept for as long as they live"), "client_ttl"),
    (Ignored("set the parameters in litellm_params"), "default_litellm_params"),
    (Ignored("the log's level is set by RUST_LOG"), "set_verbose debug_level"),
    (Ignored("every tag routes"), "tag_routing_prefix"),
    (Ignored("there are no Python plugins"), "plugins fallback_access_check fallback_budget_check"),
    (Ignored("nobody is alerted; watch the metrics"), "alerting_config"),
    (
        Ignored("parameters that a model does not take go upstream as they are"),
        "fallback_on_unsupported_params",
    ),
    (
        Ignored("no call is pinned to a deployment"),
        "deployment_affinity_ttl_seconds model_group_affinity_config
        session_affinity_repin_on_failover",
    ),
    (Ignored("a deployment that is wrong stops the start"), "ignore_invalid_deployments"),
    (
        Ignored("deployments are not probed: failed calls alone cool them"),
        "enable_health_check_routing health_check_staleness_threshold
        health_check_ignore_transient_errors background_health_check_model_groups",
    ),
    (Ignored("a failed call is always retried on another member"), "enable_weighted_failover"),
    (
        Ignored("a stream that was cut ends with an error"),
        "enable_mid_stream_fallback_continuation",
    ),
    (
        Ignored("the model list is the whole list"),
        "router_general_settings auto_router_capability_limit",
    ),
    (Ignored("set `weight` in litellm_params"), "weights"),
    (
        Ignored("the gateway has no such surface"),
        "assistants_config search_tools guardrail_list model_list",
    ),
];

const POINTSMAN_ROWS: Rows = &[
    (Served, "ramp_time ttft_timeout stall_timeout max_attempts"),
    (Ignored("retries are bounded by num_retries and max_attempts alone"), "retry_budget"),
    (Ignored("one copy of a call is sent at a time"), "hedge"),
    (Ignored("no call is pinned to a deployment"), "affinity"),
    (Ignored("a call that finds no willing member is refused"), "on_exhausted"),
    (Ignored("quotas are not kept yet: calls are not limited by them"), "quotas"),
    (Ignored("calls are not mirrored"), "mirror"),
    (Ignored("nothing outlives the process"), "state_dir"),
    (Ignored("limits are kept by each process alone, and exactly"), "strict_limits"),
    (Ignored("callers have no keys of their own: master_key alone opens the gateway"), "keys"),
];

const RETRY_ROWS: Rows = &[
    (
        Served,
        "AuthenticationErrorRetries TimeoutErrorRetries RateLimitErrorRetries
        InternalServerErrorRetries ServiceUnavailableErrorRetries NotFoundErrorRetries
        DefaultRetries",
    ),
    (
        Approximate(
            "such a failure goes to a fallback, if there is one: the group is not asked again",
        ),
        "ContentPolicyViolationErrorRetries",
    ),
    (
        Approximate("a bad request is bad everywhere: it is not sent again"),
        "BadRequestErrorRetries",
    ),
];

const ALIAS_ROWS: Rows = &[(Served, "model hidden")];

/// `router_settings`.
pub(crate) static ROUTER: Table = Table::new(|| Keys::new(ROUTER_ROWS));
/// `router_settings.pointsman`.
pub(crate) static POINTSMAN: Table = Table::new(|| Keys::new(POINTSMAN_ROWS));
/// `router_settings.retry_policy`, and an entry of `model_group_retry_policy`.
pub(crate) static RETRY: Table = Table::new(|| Keys::new(RETRY_ROWS));
/// An entry of `router_settings.model_group_alias`.
pub(crate) static ALIAS: Table = Table::new(|| Keys::new(ALIAS_ROWS));

#[cfg(test)]
pub(super) const ALL: &[Rows] = &[ROUTER_ROWS, POINTSMAN_ROWS, RETRY_ROWS, ALIAS_ROWS];
