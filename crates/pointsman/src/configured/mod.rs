//! From a configuration to a router.

mod any_vendor;
mod member;
mod money;
mod settings;
mod unserved;

use std::{collections::HashSet, sync::Arc};

use pointsman_config::{DeploymentSpec, Finding, Grade, Loaded, ServerSpec, Spec, StoreSpec};
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

/// Looks a variable up.
type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a configuration may ask of the machine that it is read on.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Looks a variable of the environment up: for `os.environ/NAME`, and for the keys and
    /// addresses of vendors where the file has none.
    pub env: Env<'a>,
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
    let (spec, mut findings) = match pointsman_config::load(text, around.env) {
        Loaded { spec: Some(spec), findings, .. } => (spec, findings),
        faulty => return refused(faulty, providers),
    };
    let own = |name: &str| spec.variables.get(name).map(|text| text.expose_secret().to_owned());
    let env = |name: &str| own(name).or_else(|| (around.env)(name));
    let book = money::book(&spec, around, &mut findings);
    let mut builder = Router::builder();
    for provider in providers {
        builder = builder.provider(Arc::clone(provider));
    }
    let vendors = builder.vendors();
    let deployments = any_vendor::spelt_out(&spec, providers, &env);
    let mut kept: Vec<&DeploymentSpec> = Vec::new();
    for one in &deployments {
        let of = |provider: &&Arc<dyn Provider>| provider.vendor().name == one.deployment.vendor;
        let provider = providers.iter().rev().find(of);
        let settings = provider.map(|one| one.settings_env());
        let context = member::Context {
            spec: &spec,
            vendors: &vendors,
            settings: settings.unwrap_or_default(),
            env: &env,
            book: &book,
        };
        let mut said = Vec::new();
        let member = member::member(one, &context, &mut said);
        if one.any_vendor {
            // One that cannot be reached is not meant.
            let target = member.as_ref().zip(provider).map(|(it, of)| of.target(&it.deployment));
            if !matches!(target, Some(Ok(_))) {
                continue;
            }
        }
        findings.append(&mut said);
        if let Some(member) = member {
            kept.push(one);
            builder = builder.deployment(member);
        }
    }
    findings.extend(any_vendor::told(&spec, &kept));
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

/// Everything that is wrong, said at once.
fn refused(loaded: Loaded, providers: &[Arc<dyn Provider>]) -> Configured {
    let mut findings = loaded.findings;
    if let Some(partly) = &loaded.partly {
        unserved::unknown(partly, providers, &mut findings);
    }
    Configured::refused(findings)
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
        if any_vendor::is_everything(one) || served.contains(group) || !told.insert(group) {
            continue;
        }
        let members = || spec.deployments.iter().filter(|one| one.deployment.group == *group);
        let vendor = |one: &DeploymentSpec| unserved::of(&one.deployment.vendor, spec, vendors);
        // A name that nobody knows was told of.
        if members().any(|one| vendor(one) == Some(Unserved::Unknown)) {
            continue;
        }
        let elsewhere = members().all(|one| vendor(one) == Some(Unserved::Known));
        let grade = if elsewhere && !kept.is_empty() { Grade::Ignored } else { Grade::Error };
        let mut message = format!("the group `{group}` has no deployment left");
        if let Some(why) = reason(members(), findings) {
            message = format!("{message}: {why}");
        }
        findings.push(Finding::new(one.at, grade, message));
    }
}

/// Why all of these were left out, if for one reason: it is then told once, of the group.
fn reason<'a>(
    members: impl Iterator<Item = &'a DeploymentSpec>,
    findings: &mut Vec<Finding>,
) -> Option<String> {
    let places: HashSet<_> = members.flat_map(|one| [one.at, one.model_at]).collect();
    let why = |one: &Finding| {
        let here = one.grade == Grade::Ignored && places.contains(&one.at);
        one.message.strip_prefix(LEFT_OUT).filter(|_| here).map(str::to_owned)
    };
    let first = findings.iter().find_map(why)?;
    if findings.iter().filter_map(why).any(|other| other != first) {
        return None;
    }
    findings.retain(|one| why(one).is_none());
    Some(first)
}

/// How the line of a deployment that is left out begins.
const LEFT_OUT: &str = "left out: ";
