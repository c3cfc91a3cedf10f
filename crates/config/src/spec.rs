//! What a valid configuration says, as plain data.

use std::{collections::BTreeMap, fmt, time::Duration};

use pointsman_types::{Decimal, Deployment, ErrorKind, GroupName, Secret};

use crate::Place;

/// A validated configuration.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The deployments, in the order of the file; ids are unique.
    pub deployments: Vec<DeploymentSpec>,
    /// The names of the model groups, each once, in the order of the file.
    pub groups: Vec<GroupName>,
    /// How calls are routed.
    pub router: RouterSpec,
    /// How the gateway serves.
    pub server: ServerSpec,
}

/// One deployment and what belongs to it.
#[derive(Clone)]
pub struct DeploymentSpec {
    /// The deployment itself.
    pub deployment: Deployment,
    /// Where its entry of `model_list` starts.
    pub at: Place,
    /// Where its `model` stands: the place of a finding about its vendor or model.
    pub model_at: Place,
    /// Requests a minute; `None` is no limit.
    pub rpm: Option<u32>,
    /// Tokens a minute; `None` is no limit.
    pub tpm: Option<u64>,
    /// Calls at once; `None` is no limit.
    pub max_parallel_requests: Option<u32>,
    /// Prices that the configuration sets.
    pub price: PriceSpec,
    /// The base of its cooldowns, where it differs from the router's.
    pub cooldown_time: Option<Duration>,
    /// Failures in a minute that do not cool it yet, where it differs from the router's.
    pub allowed_fails: Option<u32>,
}

// By hand: the settings hold secrets of the vendors (`aws_secret_access_key`), and an address or
// a default parameter may carry one too.
impl fmt::Debug for DeploymentSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Deployment { id, group, vendor, model, .. } = &self.deployment;
        f.debug_struct("DeploymentSpec")
            .field("id", id)
            .field("group", group)
            .field("vendor", vendor)
            .field("model", model)
            .field("at", &self.at)
            .field("rpm", &self.rpm)
            .field("tpm", &self.tpm)
            .field("max_parallel_requests", &self.max_parallel_requests)
            .field("price", &self.price)
            .field("cooldown_time", &self.cooldown_time)
            .field("allowed_fails", &self.allowed_fails)
            .finish_non_exhaustive()
    }
}

/// Prices in US dollars, exact, named as LiteLLM names them. `None`: the price book's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PriceSpec {
    /// Of one input token.
    pub input_cost_per_token: Option<Decimal>,
    /// Of one output token.
    pub output_cost_per_token: Option<Decimal>,
    /// Of one input token read from the vendor's cache.
    pub cache_read_input_token_cost: Option<Decimal>,
    /// Of one input token written to the vendor's cache.
    pub cache_creation_input_token_cost: Option<Decimal>,
    /// Of one input token written to the vendor's cache for an hour.
    pub cache_creation_input_token_cost_above_1hr: Option<Decimal>,
    /// Of one reasoning token.
    pub output_cost_per_reasoning_token: Option<Decimal>,
    /// Of one audio token heard.
    pub input_cost_per_audio_token: Option<Decimal>,
    /// Of one audio token spoken.
    pub output_cost_per_audio_token: Option<Decimal>,
}

/// `router_settings` and the parts of `litellm_settings` that mean the same; the former win.
#[derive(Clone, Debug, PartialEq)]
pub struct RouterSpec {
    /// A name that `pointsman_strategy::builtin` knows.
    pub routing_strategy: String,
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
    /// Whether tags of deployments and requests are compared.
    pub enable_tag_filtering: bool,
    /// Whether one common tag is enough; else the deployment must have all of the request's.
    pub tag_filtering_match_any: bool,
    /// Time for which a recovered or added member takes less than its share.
    pub ramp_time: Duration,
    /// Any attempt's wait for the first content.
    pub ttft_timeout: Option<Duration>,
    /// The longest gap in a stream after its first content.
    pub stall_timeout: Duration,
    /// Sends per call in all groups, at most.
    pub max_attempts: u32,
}

impl Default for RouterSpec {
    fn default() -> Self {
        Self {
            routing_strategy: "simple-shuffle".into(),
            num_retries: 2,
            retry_policy: None,
            model_group_retry_policy: BTreeMap::new(),
            retry_after: Duration::ZERO,
            timeout: Duration::from_mins(10),
            stream_timeout: None,
            cooldown_time: Duration::from_secs(5),
            allowed_fails: None,
            disable_cooldowns: false,
            model_group_alias: BTreeMap::new(),
            fallbacks: Vec::new(),
            default_fallbacks: Vec::new(),
            context_window_fallbacks: Vec::new(),
            content_policy_fallbacks: Vec::new(),
            max_fallbacks: 5,
            enable_tag_filtering: false,
            tag_filtering_match_any: true,
            ramp_time: Duration::from_secs(10),
            ttft_timeout: None,
            stall_timeout: Duration::from_mins(1),
            max_attempts: 16,
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

/// What concerns the gateway alone.
#[derive(Clone, Debug, Default)]
pub struct ServerSpec {
    /// `general_settings.master_key`: who has it may do everything. `None`: the gateway is open.
    pub master_key: Option<Secret>,
}
