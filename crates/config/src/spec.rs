//! What a valid configuration says, as plain data.

mod limits;
mod price;
mod router;
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

pub use limits::{BudgetDuration, BudgetSpec, BudgetUnit, CallerSpec, LimitSpec, QuotaSpec};
use pointsman_types::{Deployment, ErrorKind, GroupName, Secret};
pub use price::{PriceSpec, PriceTier};
pub use router::{
    Affinity, AffinityKey, Alias, Fallback, GroupStrategy, Hedge, HedgeAfter, Mirror, OnExhausted,
    ResponseCache, RetryBudget, RetryPolicy, RouterSpec, RoutingGroup, StrategyArgs, Target,
};
pub use server::{HealthChecks, Node, RedisSpec, ServerSpec, StoreSpec};

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
    /// Vendors that the file's writer has handlers of his own for, which nothing here runs.
    pub own_vendors: BTreeSet<String>,
    /// Accounts that deployments draw on, by name.
    pub quotas: BTreeMap<String, QuotaSpec>,
    /// Money for all deployments of a vendor, by the vendor's prefix.
    pub provider_budgets: BTreeMap<String, BudgetSpec>,
    /// Money for all requests with a tag, by tag.
    pub tag_budgets: BTreeMap<String, BudgetSpec>,
    /// What outlives the process or is shared with others.
    pub store: StoreSpec,
    /// A file of prices in LiteLLM's JSON format, and where it is named.
    pub prices: Option<(String, Place)>,
    /// How the gateway serves.
    pub server: ServerSpec,
    /// `environment_variables`: what is looked up there before the environment.
    pub variables: BTreeMap<String, Secret>,
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
    /// Whether the model is `*` alone, without a vendor, a key or an address: whatever vendor's
    /// model is asked for. Its own vendor is then that of bare names.
    pub any_vendor: bool,
    /// Its own limits; `default_max_parallel_requests` is already applied.
    pub limits: LimitSpec,
    /// Its own money.
    pub budget: Option<BudgetSpec>,
    /// The quotas that it draws on, each once; all are in [`Spec::quotas`].
    pub quotas: Vec<String>,
    /// Prices that the configuration sets.
    pub price: PriceSpec,
    /// The base of its cooldowns, where it differs from the router's.
    pub cooldown_time: Option<Duration>,
    /// Failures in a minute that do not cool it yet, where it differs from the router's.
    pub allowed_fails: Option<u32>,
    /// The same by what went wrong, before `allowed_fails` is asked. Empty: the router's.
    pub allowed_fails_policy: BTreeMap<ErrorKind, u32>,
    /// The region it runs in: `region_name`, else the vendor's own region.
    pub region: Option<String>,
    /// What is known of its model.
    pub info: ModelInfo,
    /// Groups that get a copy of every call of this deployment; their answers are dropped.
    pub silent_models: Vec<String>,
    /// Whether parameters that the vendor does not take are left out rather than refused;
    /// `litellm_settings.drop_params` is already applied.
    pub drop_params: bool,
    /// Parameters that are always left out: names, or paths like `tools[*].strict`.
    pub additional_drop_params: Vec<String>,
    /// How it is probed in the background.
    pub health_check: HealthCheck,
}

/// What `model_info` says of a model; what it leaves open the price book may know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// The model's name in the price book, where it differs from `vendor/model`.
    pub base_model: Option<String>,
    /// What it is for: `chat`, `embedding`, `image_generation`, `audio_transcription`, `rerank`…
    pub mode: Option<String>,
    /// The longest prompt, in tokens.
    pub max_input_tokens: Option<u64>,
    /// The longest answer, in tokens (`max_output_tokens`, else `max_tokens`).
    pub max_output_tokens: Option<u64>,
    /// `supports_…`, without that beginning: `vision`, `function_calling`, `response_schema`…
    pub supports: BTreeMap<String, bool>,
}

/// How one deployment is probed in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Whether it is probed at all (`disable_background_health_check` unset).
    pub enabled: bool,
    /// The model to ask for, `vendor/model` or a model of the same vendor, where it differs
    /// (`health_check_model`).
    pub model: Option<String>,
    /// How long a probe may take; `None`: the router's.
    pub timeout: Option<Duration>,
    /// The longest answer to a probe, in tokens.
    pub max_tokens: Option<u32>,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self { enabled: true, model: None, timeout: None, max_tokens: None }
    }
}

// By hand: the settings hold secrets of the vendors (`aws_secret_access_key`), and an address or
// a default parameter may carry one too.
impl fmt::Debug for DeploymentSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeploymentSpec")
            .field("deployment", &self.deployment)
            .field("at", &self.at)
            .field("limits", &self.limits)
            .field("budget", &self.budget)
            .field("quotas", &self.quotas)
            .field("price", &self.price)
            .field("cooldown_time", &self.cooldown_time)
            .field("allowed_fails", &self.allowed_fails)
            .field("allowed_fails_policy", &self.allowed_fails_policy)
            .field("region", &self.region)
            .field("info", &self.info)
            .field("silent_models", &self.silent_models)
            .field("drop_params", &self.drop_params)
            .field("health_check", &self.health_check)
            .finish_non_exhaustive()
    }
}
