//! From a configuration to a router.

mod member;
mod money;
mod settings;
mod unserved;

use std::{collections::HashSet, sync::Arc};

use pointsman_config::{DeploymentSpec, Finding, Grade, ServerSpec, Spec, StoreSpec};
use pointsman_provider::{Provider, Vendor};
use pointsman_router::{Router, RouterBuilder};
use pointsman_types::ExposeSecret;

use self::unserved::Unserved;

/// A configuration that was read: what can be built of it, and all that was found.
#[derive(Debug)]
pub struct Configured {
    /// Builds the router; `None` when any finding is an error.
    pub builder: Option<RouterBuilder>,
    /// What concerns the gateway alone.
    pub server: ServerSpec,
    /// What outlives the process, or is shared with others.
    pub store: StoreSpec,
    /// All findings, in the order of the text.
    pub findings: Vec<Finding>,
}

impl Configured {
    /// Nothing but findings.
    pub fn refused(findings: Vec<Finding>) -> Self {
        let (server, store) = (ServerSpec::default(), StoreSpec::default());
        Self { builder: None, server, store, findings }
    }
}

/// What a configuration may ask of the machine that it is read on.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Looks a variable of the environment up: for `os.environ/NAME`, and for the keys and
    /// addresses of vendors where the file has none.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file that the configuration names: its text, or why it cannot be read.
    pub file: &'a dyn Fn(&str) -> Result<String, String>,
}

impl Surroundings<'_> {
    /// An empty environment without files.
    pub const NONE: Surroundings<'static> =
        Surroundings { env: &|_| None, file: &|_| Err("there are no files".to_owned()) };
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// Reads a LiteLLM `config.yaml` for these providers.
///
/// ```
/// use pointsman::{Configured, Surroundings, configure};
/// use std::sync::Arc;
/// # use pointsman::{clock::SystemClock, simulated::Simulated};
/// let text = "model_list: [{model_name: chat, litellm_params: {model: simulated/fast}}]";
/// let clock = Arc::new(SystemClock::new());
/// let Configured { builder, findings, .. } = configure(text, Surroundings::NONE, &[Arc::new(Simulated::new(clock))]);
/// let router = builder.expect("no finding is an error").build()?;
/// assert_eq!(router.models()[0].as_str(), "chat");
/// # Ok::<(), pointsman::router::BuildError>(())
/// ```
pub fn configure(
    text: &str,
    around: Surroundings<'_>,
    providers: &[Arc<dyn Provider>],
) -> Configured {
    let loaded = pointsman_config::load(text, around.env);
    let mut findings = loaded.findings;
    let Some(spec) = loaded.spec else { return Configured::refused(findings) };
    let own = |name: &str| spec.variables.get(name).map(|text| text.expose_secret().to_owned());
    let env = |name: &str| own(name).or_else(|| (around.env)(name));
    let book = money::book(&spec, around, &mut findings);
    let mut builder = Router::builder();
    for provider in providers {
        builder = builder.provider(Arc::clone(provider));
    }
    let vendors = builder.vendors();
    let mut kept: Vec<&DeploymentSpec> = Vec::new();
    for one in &spec.deployments {
        let of = |provider: &&Arc<dyn Provider>| provider.vendor().name == one.deployment.vendor;
        let settings = providers.iter().rev().find(of).map(|one| one.settings_env());
        let context = member::Context {
            spec: &spec,
            vendors: &vendors,
            settings: settings.unwrap_or_default(),
            env: &env,
            book: &book,
        };
        if let Some(member) = member::member(one, &context, &mut findings) {
            kept.push(one);
            builder = builder.deployment(member);
        }
    }
    empty_groups(&spec, &kept, &vendors, &mut findings);
    builder = money::accounts(builder, &spec).settings(settings::settings(&spec.router));
    for fault in builder.check() {
        let at = fault.member.and_then(|at| kept.get(at)).map(|one| one.model_at);
        if let Some(at) = at {
            findings.push(Finding::new(at, Grade::Error, fault.message));
        }
    }
    findings.sort();
    let faulty = findings.iter().any(|finding| finding.grade == Grade::Error);
    let builder = (!faulty).then_some(builder);
    Configured { builder, server: spec.server, store: spec.store, findings }
}

/// A group that has lost all its deployments cannot be served. Others can, where only vendors that
/// nobody here serves were behind it.
fn empty_groups(
    spec: &Spec,
    kept: &[&DeploymentSpec],
    vendors: &[Vendor],
    findings: &mut Vec<Finding>,
) {
    let served: HashSet<_> = kept.iter().map(|one| &one.deployment.group).collect();
    let mut told = HashSet::new();
    for one in &spec.deployments {
        let group = &one.deployment.group;
        if served.contains(group) || !told.insert(group) {
            continue;
        }
        let members = || spec.deployments.iter().filter(|one| one.deployment.group == *group);
        let vendor = |one: &DeploymentSpec| unserved::of(&one.deployment.vendor, vendors);
        // A name that nobody knows was told of.
        if members().any(|one| vendor(one) == Some(Unserved::Unknown)) {
            continue;
        }
        let elsewhere = members().all(|one| vendor(one) == Some(Unserved::Known));
        let grade = if elsewhere && !kept.is_empty() { Grade::Ignored } else { Grade::Error };
        let message = format!("the group `{group}` has no deployment left");
        findings.push(Finding::new(one.at, grade, message));
    }
}
