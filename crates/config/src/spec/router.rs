//! How calls are routed.

use std::{collections::BTreeMap, fmt, time::Duration};

use pointsman_types::ErrorKind;

/// `router_settings` and the parts of `litellm_settings` that mean the same; the former win.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are LiteLLM's switches, each its own key")]
pub struct RouterSpec {
    /// A name that `pointsman_strategy::builtin` knows.
    pub routing_strategy: String,
    /// What the strategy is told.
    pub routing_strategy_args: StrategyArgs,
    /// Sets of groups with a strategy of their own, in the order of the file.
    pub routing_groups: Vec<RoutingGroup>,
    /// Retries per call and group.
    pub num_retries: u32,
    /// Retries by what went wrong, before `num_retries` is asked.
    pub retry_policy: Option<RetryPolicy>,
    /// Policies of single groups; such a group's stands in place of `retry_policy`.
    pub model_group_retry_policy: BTreeMap<String, RetryPolicy>,
    /// Shortest wait before a retry.
    pub retry_after: Duration,
    /// The whole call's deadline until the first content.
    pub timeout: Duration,
    /// One attempt's wait for the first content of a stream.
    pub stream_timeout: Option<Duration>,
    /// The base of cooldowns.
    pub cooldown_time: Duration,
    /// Failures in a minute that do not cool a deployment yet; `None`: decided by share.
    pub allowed_fails: Option<u32>,
    /// The same by what went wrong, before `allowed_fails` is asked.
    pub allowed_fails_policy: BTreeMap<ErrorKind, u32>,
    /// No deployment is ever cooled.
    pub disable_cooldowns: bool,
    /// Further names of groups.
    pub model_group_alias: BTreeMap<String, Alias>,
    /// Where a call goes when its group failed, in the order of the file.
    pub fallbacks: Vec<Fallback>,
    /// Where a call goes when nothing else says so.
    pub default_fallbacks: Vec<Target>,
    /// Where a call goes whose prompt is too long.
    pub context_window_fallbacks: Vec<Fallback>,
    /// Where a call goes whose content was filtered.
    pub content_policy_fallbacks: Vec<Fallback>,
    /// Fallbacks per call, at most.
    pub max_fallbacks: u32,
    /// Whether prompts are measured against `max_input_tokens` before the send.
    pub enable_pre_call_checks: bool,
    /// Whether tags of deployments and requests are compared.
    pub enable_tag_filtering: bool,
    /// Whether one common tag is enough; else the deployment must have all of the request's.
    pub tag_filtering_match_any: bool,
    /// The priority of a call that names none; 0 is the highest.
    pub default_priority: Option<i64>,
    /// Whether and how answers are kept for later calls.
    pub cache: Option<ResponseCache>,
    /// Time for which a recovered or added member takes less than its share.
    pub ramp_time: Duration,
    /// Any attempt's wait for the first content.
    pub ttft_timeout: Option<Duration>,
    /// The longest gap in a stream after its first content.
    pub stall_timeout: Duration,
    /// Sends per call in all groups, at most.
    pub max_attempts: u32,
    /// How many retries and hedges a group may send beside its first attempts.
    pub retry_budget: RetryBudget,
    /// Second copies of calls that take long.
    pub hedge: Option<Hedge>,
    /// Calls that belong together stay together.
    pub affinity: Option<Affinity>,
    /// What becomes of a call when no member is willing.
    pub on_exhausted: OnExhausted,
    /// Groups whose calls are copied to another group, by group; aliases are resolved.
    pub mirror: BTreeMap<String, Mirror>,
}

impl Default for RouterSpec {
    fn default() -> Self {
        Self {
            routing_strategy: "simple-shuffle".into(),
            routing_strategy_args: StrategyArgs::default(),
            routing_groups: Vec::new(),
            num_retries: 2,
            retry_policy: None,
            model_group_retry_policy: BTreeMap::new(),
            retry_after: Duration::ZERO,
            timeout: Duration::from_mins(10),
            stream_timeout: None,
            cooldown_time: Duration::from_secs(5),
            allowed_fails: None,
            allowed_fails_policy: BTreeMap::new(),
            disable_cooldowns: false,
            model_group_alias: BTreeMap::new(),
            fallbacks: Vec::new(),
            default_fallbacks: Vec::new(),
            context_window_fallbacks: Vec::new(),
            content_policy_fallbacks: Vec::new(),
            max_fallbacks: 5,
            enable_pre_call_checks: false,
            enable_tag_filtering: false,
            tag_filtering_match_any: true,
            default_priority: None,
            cache: None,
            ramp_time: Duration::from_secs(10),
            ttft_timeout: None,
            stall_timeout: Duration::from_mins(1),
            max_attempts: 16,
            retry_budget: RetryBudget::default(),
            hedge: None,
            affinity: None,
            on_exhausted: OnExhausted::default(),
            mirror: BTreeMap::new(),
        }
    }
}

/// Retries by what went wrong.
///
/// ```
/// use pointsman_config::RetryPolicy;
/// use pointsman_types::ErrorKind;
///
/// let policy = RetryPolicy { by_kind: [(ErrorKind::Timeout, 3)].into(), default: None };
/// assert_eq!(policy.retries(ErrorKind::Timeout), Some(3));
/// assert_eq!(policy.retries(ErrorKind::Server), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Retries after failures of these kinds.
    pub by_kind: BTreeMap<ErrorKind, u32>,
    /// Retries after any other failure.
    pub default: Option<u32>,
}

impl RetryPolicy {
    /// Retries after a failure of this kind; `None` when the policy says nothing of it.
    pub fn retries(&self, kind: ErrorKind) -> Option<u32> {
        self.by_kind.get(&kind).copied().or(self.default)
    }
}

/// What another name of a group stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The group.
    pub model: String,
    /// Whether the name is left out of `GET /v1/models`.
    pub hidden: bool,
}

/// The fallbacks of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// The group that failed; `*` is any.
    pub group: String,
    /// Where to go, in order.
    pub targets: Vec<Target>,
}

/// One fallback.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// A group or an alias.
    pub model: String,
    /// What changes in the request: name and JSON text.
    pub overrides: Vec<(String, String)>,
}

// By hand: an override may carry what nobody should print.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.overrides.iter().map(|(name, _)| name).collect();
        f.debug_struct("Target").field("model", &self.model).field("overrides", &names).finish()
    }
}

/// What a strategy is told; `None` is the strategy's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StrategyArgs {
    /// How long a sample or a count is good (`ttl`).
    pub ttl: Option<Duration>,
    /// How much slower than the fastest still counts as equal, as a share of its latency: 0.5 is
    /// half as slow again (`lowest_latency_buffer`).
    pub lowest_latency_buffer: Option<f64>,
}

/// Groups that share a strategy; its name may be called like a group's, for any of them.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutingGroup {
    /// Unique in the file, and never `default`.
    pub name: String,
    /// The model groups, each once; all exist.
    pub models: Vec<String>,
    /// How the members are chosen.
    pub strategy: GroupStrategy,
}

/// How a [`RoutingGroup`] chooses.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupStrategy {
    /// A strategy that `pointsman_strategy::builtin` knows, over all members.
    Named {
        /// Its name.
        name: String,
        /// What it is told.
        args: StrategyArgs,
    },
    /// One model group after the other, each with its number: the lowest first, the next one when
    /// it fails.
    Priority(Vec<(String, u32)>),
}

/// How answers are kept for later calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseCache {
    /// How long an answer is good; `None`: until there is no room.
    pub ttl: Option<Duration>,
    /// Groups that share their answers (`caching_groups`).
    pub groups: Vec<Vec<String>>,
    /// Only calls that ask for it are answered from the cache (`mode: default_off`).
    pub on_request: bool,
}

/// How many retries and hedges a group may send beside its first attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudget {
    /// Their share of the first attempts of the last 10 s, from 0 to 1.
    pub ratio: f64,
    /// So many a second beside that share.
    pub per_second: f64,
    /// The most of those that gather while none is needed.
    pub burst: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { ratio: 0.2, per_second: 3.0, burst: 30 }
    }
}

/// Second copies of calls that take long; the first content wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// The groups it is for, aliases resolved; `None`: every group.
    pub groups: Option<Vec<String>>,
    /// When the copy is sent.
    pub after: HedgeAfter,
}

/// When a second copy is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// When the group's own times say that the call is late.
    Auto,
    /// After so long without content; above zero.
    Fixed(Duration),
}

/// Calls with the same key go to the same member while its load allows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Affinity {
    /// What makes calls belong together.
    pub key: AffinityKey,
    /// The groups it is for, aliases resolved; `None`: every group.
    pub groups: Option<Vec<String>>,
    /// How much more than its share of the calls in flight a member may have; at least 1.
    pub bound: f64,
}

/// What makes calls belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AffinityKey {
    /// The request's `user`.
    User,
    /// The request's `prompt_cache_key`.
    PromptCacheKey,
    /// The beginning of the prompt.
    Prefix,
    /// A header of the request, in lower case.
    Header(String),
}

/// What becomes of a call when no member is willing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExhausted {
    /// It is refused, and told when to come back.
    #[default]
    Refuse,
    /// The softly cooled member that is due soonest gets it.
    LastResort,
    /// It waits for a member.
    Wait {
        /// How long at most; above zero.
        max: Duration,
        /// How many calls of a group may wait; above zero.
        queue: usize,
    },
}

/// Where copies of a group's calls go; their answers are dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// A group or an alias.
    pub to: String,
    /// The share of the calls that is copied, above 0 up to 1.
    pub share: f64,
}
