//! LiteLLM's `config.yaml` to a validated [`Spec`], with every fault at its place.
//!
//! Every key that LiteLLM reads is known. A [`Finding`] says of each key in the file whether it is
//! served as LiteLLM has it (`exact`), served with a difference (`approximate`) or not served
//! (`ignored`, with what happens instead); anything else is an `error` that names the nearest key.
//! All findings come at once, and none shows a secret.
//!
//! ```
//! let text = "
//! model_list:
//!   - model_name: chat
//!     litellm_params:
//!       model: openai/gpt-4o-mini
//!       api_key: os.environ/OPENAI_API_KEY
//! router_settings:
//!   num_retrys: 3
//! ";
//! let env = |name: &str| (name == "OPENAI_API_KEY").then(|| "sk-1".to_owned());
//!
//! let loaded = pointsman_config::load(text, &env);
//! assert!(loaded.spec.is_none());
//! let lines: Vec<String> =
//!     loaded.findings.iter().map(|one| one.render("config.yaml").to_string()).collect();
//! assert_eq!(
//!     lines.last().unwrap(),
//!     "config.yaml:8:3: error: router_settings.num_retrys is not a known key; \
//!      did you mean num_retries?",
//! );
//!
//! let spec = pointsman_config::load(&text.replace("retrys", "retries"), &env).spec.unwrap();
//! assert_eq!(spec.router.num_retries, 3);
//! assert_eq!(spec.deployments[0].deployment.vendor, "openai");
//! ```
//!
//! The crate never touches the environment or a file: the caller brings the text and a lookup.

mod check;
mod credentials;
mod defaults;
mod durations;
mod fallbacks;
mod finding;
mod info;
mod keys;
mod limits;
mod model_list;
mod names;
mod numbers;
mod own;
mod params;
mod prices;
mod read;
mod retry_policy;
mod router;
mod server;
mod spec;
mod store;
mod strategy;
mod tree;
mod words;

pub use finding::{Finding, Grade, Place, folded};
pub use keys::nearest;
pub use spec::{
    Affinity, AffinityKey, Alias, BudgetDuration, BudgetSpec, BudgetUnit, CallerSpec,
    DeploymentSpec, Fallback, GroupStrategy, HealthCheck, HealthChecks, Hedge, HedgeAfter,
    LimitSpec, Mirror, ModelInfo, Node, OnExhausted, PriceSpec, PriceTier, QuotaSpec, RedisSpec,
    ResponseCache, RetryBudget, RetryPolicy, RouterSpec, RoutingGroup, ServerSpec, Spec, StoreSpec,
    StrategyArgs, Target,
};

/// What a configuration was read into.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration; `None` when any finding is an error.
    pub spec: Option<Spec>,
    /// What could be read in spite of errors: good for finding more of them, and for nothing else.
    pub partly: Option<Spec>,
    /// All findings, in the order of the text.
    pub findings: Vec<Finding>,
}

/// Reads a LiteLLM configuration.
///
/// `env` looks a variable up for `os.environ/NAME`; what the file's own `environment_variables`
/// say wins over it. Never fails: what is wrong is among the findings, and then there is no spec.
pub fn load(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Loaded {
    let (spec, mut findings) = check::check(text, env);
    findings.sort();
    findings.dedup();
    let faulty = findings.iter().any(|finding| finding.grade == Grade::Error);
    let (spec, partly) = if faulty { (None, spec) } else { (spec, None) };
    Loaded { spec, partly, findings }
}
