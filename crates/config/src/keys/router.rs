//! `router_settings`, and what lies in it.

use super::{
    Keys, NOBODY_READS, Rows,
    Says::{Approximate, Ignored, Served},
    Table,
};

const ROUTER_ROWS: Rows = &[
    (
        Served,
        "routing_strategy num_retries retry_after timeout stream_timeout cooldown_time
        allowed_fails disable_cooldowns model_group_alias fallbacks default_fallbacks
        context_window_fallbacks content_policy_fallbacks max_fallbacks enable_tag_filtering
        tag_filtering_match_any retry_policy model_group_retry_policy pointsman
        routing_strategy_args routing_groups allowed_fails_policy provider_budget_config
        redis_url redis_host redis_port redis_password redis_db cache_kwargs caching_groups
        enable_pre_call_checks default_max_parallel_requests default_priority",
    ),
    (Approximate("answers are kept by each process"), "cache_responses"),
    (
        Approximate(
            "its request parameters, timeouts and retries hold; set the rest per deployment",
        ),
        "default_litellm_params",
    ),
    (Approximate("read as num_retries, which wins where both are set"), "max_retries"),
    (
        Ignored(
            "limits and budgets are always kept; for affinity set it in router_settings.pointsman",
        ),
        "optional_pre_call_checks",
    ),
    (Ignored("a call that waits is woken, never polled for"), "polling_interval"),
    (Ignored("HTTP connections are kept for as long as they live"), "client_ttl"),
    (Ignored("the log's level is set by RUST_LOG"), "set_verbose debug_level"),
    (Ignored("every tag routes"), "tag_routing_prefix"),
    (Ignored("there are no Python plugins"), "plugins fallback_access_check fallback_budget_check"),
    (Ignored("nobody is alerted; watch the metrics"), "alerting_config"),
    (
        Ignored("a parameter that is refused upstream is the caller's fault: no fallback is asked"),
        "fallback_on_unsupported_params",
    ),
    (
        Ignored("set `affinity` in router_settings.pointsman"),
        "deployment_affinity_ttl_seconds model_group_affinity_config
        session_affinity_repin_on_failover",
    ),
    (Ignored("a deployment that is wrong stops the start"), "ignore_invalid_deployments"),
    (
        Ignored("set background_health_checks in general_settings"),
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
        Ignored(NOBODY_READS),
        "enable_cooldowns enable_fallbacks enable_load_balancing enable_retries
        enable_retry_on_timeout fallback_strategy health_check_enabled health_check_timeout
        retries retry_delay",
    ),
    (
        Ignored("the gateway has no such surface"),
        "assistants_config search_tools guardrail_list model_list",
    ),
];

const POINTSMAN_ROWS: Rows = &[(
    Served,
    "ramp_time ttft_timeout stall_timeout max_attempts retry_budget hedge affinity on_exhausted
    quotas mirror state_dir strict_limits keys prices",
)];

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

const ALLOWED_FAILS_ROWS: Rows = &[
    (
        Served,
        "AuthenticationErrorAllowedFails TimeoutErrorAllowedFails RateLimitErrorAllowedFails
        InternalServerErrorAllowedFails ServiceUnavailableErrorAllowedFails
        NotFoundErrorAllowedFails",
    ),
    (
        Approximate("for connections that fail; a 502 of the upstream is an InternalServerError"),
        "BadGatewayErrorAllowedFails",
    ),
    (
        Approximate("a caller's fault never cools a deployment"),
        "BadRequestErrorAllowedFails ContentPolicyViolationErrorAllowedFails",
    ),
];

const ALIAS_ROWS: Rows = &[(Served, "model hidden")];

const STRATEGY_ARGS_ROWS: Rows = &[
    (Served, "ttl lowest_latency_buffer"),
    (Ignored("a mean is of the last ten samples"), "max_latency_list_size"),
    (Ignored("means are compared"), "ttft_percentile"),
];

const ROUTING_GROUP_ROWS: Rows =
    &[(Served, "group_name models routing_strategy routing_strategy_args model_priorities")];

/// `router_settings`.
pub(crate) static ROUTER: Table = Table::new(|| Keys::new(ROUTER_ROWS).of_litellm());
/// `router_settings.pointsman`.
pub(crate) static POINTSMAN: Table = Table::new(|| Keys::new(POINTSMAN_ROWS));
/// `router_settings.retry_policy`, and an entry of `model_group_retry_policy`.
pub(crate) static RETRY: Table = Table::new(|| Keys::new(RETRY_ROWS));
/// An `allowed_fails_policy`.
pub(crate) static ALLOWED_FAILS: Table = Table::new(|| Keys::new(ALLOWED_FAILS_ROWS));
/// A `routing_strategy_args`.
pub(crate) static STRATEGY_ARGS: Table = Table::new(|| Keys::new(STRATEGY_ARGS_ROWS));
/// An entry of `router_settings.routing_groups`.
pub(crate) static ROUTING_GROUP: Table = Table::new(|| Keys::new(ROUTING_GROUP_ROWS));
/// An entry of `router_settings.model_group_alias`.
pub(crate) static ALIAS: Table = Table::new(|| Keys::new(ALIAS_ROWS));

#[cfg(test)]
pub(super) const ALL: &[Rows] = &[
    ROUTER_ROWS,
    POINTSMAN_ROWS,
    RETRY_ROWS,
    ALLOWED_FAILS_ROWS,
    ALIAS_ROWS,
    STRATEGY_ARGS_ROWS,
    ROUTING_GROUP_ROWS,
];
