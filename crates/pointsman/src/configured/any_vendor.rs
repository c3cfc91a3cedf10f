//! `model: "*"` behind the group `*`: the models of every vendor that the environment knows.

use std::sync::Arc;

use pointsman_config::{DeploymentSpec, Finding, Grade, Spec};
use pointsman_provider::{Provider, Vendor};
use pointsman_types::{Deployment, GroupName};

use super::Env;

/// The vendors of bare names, by their first letters; those of all others are OpenAI's.
const BARE: [(&str, &str); 3] =
    [("claude", "anthropic"), ("gemini", "vertex_ai"), ("command", "cohere")];

/// The deployments of a file: one that is of any vendor stands for one of each vendor whose key, or
/// address, the environment has, unless the file has the vendor's wildcard itself.
pub(super) fn spelt_out(
    spec: &Spec,
    providers: &[Arc<dyn Provider>],
    env: Env<'_>,
) -> Vec<DeploymentSpec> {
    let mut all = spec.deployments.clone();
    for one in &mut all {
        one.any_vendor = is_everything(one);
    }
    let Some(any) = spec.deployments.iter().find(|one| is_everything(one)) else { return all };
    let mut add = |pattern: String, vendor: &str, model: &str| {
        let group = GroupName::from(pattern.as_str());
        if spec.groups.contains(&group) {
            return;
        }
        let mut one = any.clone();
        one.deployment.id = Deployment::default_id(&pattern, vendor, model, None);
        one.deployment.group = group;
        vendor.clone_into(&mut one.deployment.vendor);
        model.clone_into(&mut one.deployment.model);
        all.push(one);
    };
    for provider in providers.iter().filter(|one| is_known(one.as_ref(), env)) {
        let name = provider.vendor().name;
        add(format!("{name}/*"), name, "*");
        for (start, _) in BARE.iter().filter(|(_, vendor)| *vendor == name) {
            let pattern = format!("{start}*");
            add(pattern.clone(), name, &pattern);
        }
    }
    all
}

/// Whether it is for whatever nothing else is for.
pub(super) fn is_everything(one: &DeploymentSpec) -> bool {
    one.any_vendor && one.deployment.group.as_str() == "*"
}

/// Whether the environment says how the vendor is reached.
fn is_known(provider: &dyn Provider, env: Env<'_>) -> bool {
    let Vendor { key_env, base_env, needs_key, .. } = provider.vendor();
    let set =
        |names: &[&str]| names.iter().any(|name| env(name).is_some_and(|one| !one.is_empty()));
    if needs_key {
        return set(key_env);
    }
    // Every machine has that, and it says nothing of a vendor.
    let own = |(setting, names): &(&str, &[&str])| *setting != "HOME" && set(names);
    set(key_env) || set(base_env) || provider.settings_env().iter().any(own)
}

/// What is said of a file's `*`: whom it stands for, or that it stands for nobody.
pub(super) fn told(spec: &Spec, kept: &[&DeploymentSpec]) -> Vec<Finding> {
    let one = |any: &DeploymentSpec| {
        if !is_everything(any) {
            let message = "litellm_params.model: `*` names no vendor: taken for openai";
            return Finding::new(any.model_at, Grade::Approximate, message);
        }
        let stands = kept.iter().filter(|one| one.any_vendor && one.deployment.model == "*");
        let mut names: Vec<&str> = stands.map(|one| one.deployment.vendor.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            let message = "litellm_params.model: `*` is every vendor that the environment has a \
                           key for, and it has none, like OPENAI_API_KEY";
            return Finding::new(any.model_at, Grade::Error, message);
        }
        let message = format!(
            "litellm_params.model: `*` is every vendor that the environment has a key for: {}; a \
             name without a vendor is told by its first letters",
            names.join(", ")
        );
        Finding::new(any.model_at, Grade::Approximate, message)
    };
    spec.deployments.iter().filter(|one| one.any_vendor).map(one).collect()
}
