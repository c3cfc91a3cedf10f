//! The whole file: its sections, and what must agree between them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    BudgetSpec, Finding, Grade, Place, Spec,
    credentials::Credentials,
    defaults::Defaults,
    keys::{self, Keys},
    limits,
    model_list::{ModelList, Refers},
    names::Names,
    read::{Fields, Reading, short},
    router::{self, Both},
    server, store,
    tree::{self, Node},
};

/// Reads and validates a text. The spec may be there in spite of errors.
pub(crate) fn check(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> (Option<Spec>, Vec<Finding>) {
    let mut reading = Reading::new(env);
    let Some(root) = tree::parse(text, &mut reading.findings) else {
        if reading.findings.is_empty() {
            empty(&mut reading);
        }
        return (None, reading.findings);
    };
    let spec = whole(&mut reading, &root);
    (spec, reading.findings)
}

fn empty(reading: &mut Reading<'_>) {
    let at = Place { line: 1, column: 1 };
    reading.error(at, "the file is empty: it needs a model_list with one deployment at least");
}

fn whole(reading: &mut Reading<'_>, root: &Node) -> Option<Spec> {
    if root.is_null() {
        empty(reading);
        return None;
    }
    let top = reading.fields(root, "", &keys::TOP)?;
    variables(reading, &top);
    if top.get("model_list").is_none() {
        let key = top.iter().find(|field| field.key == "model_list");
        let at = key.map_or(Place { line: 1, column: 1 }, |field| field.at);
        reading.error(at, "there is no model_list: it needs one deployment at least");
    }
    let litellm = section(reading, &top, "litellm_settings", "litellm_settings.", &keys::LITELLM);
    let general = section(reading, &top, "general_settings", "general_settings.", &keys::GENERAL);
    let settings = section(reading, &top, "router_settings", "router_settings.", &keys::ROUTER);
    let path = "router_settings.pointsman.";
    let pointsman = section(reading, &settings, "pointsman", path, &keys::POINTSMAN);
    let quotas = limits::quotas(reading, &pointsman);
    let mut credentials = Credentials::read(reading, &top);
    let mut refers = Refers { quotas: &quotas, credentials: &mut credentials };
    let mut list = reading
        .take(&top, "model_list", |reading, field| {
            Some(ModelList::read(reading, field, &mut refers))
        })
        .unwrap_or_default();
    credentials.unused(reading);
    let (names, routing_groups) = Names::read(reading, &settings, &list);
    let defaults = Defaults::read(reading, &settings, &litellm);
    let (redis, cache) = store::redis_and_cache(reading, &settings, &litellm, &names);
    let known = router::Known { names: &names, routing_groups, defaults: &defaults, cache };
    let both = Both { router: &settings, litellm: &litellm };
    let router = router::read(reading, &both, &pointsman, known);
    defaults.apply(reading, &mut list, &names);
    let provider_budgets = provider_budgets(reading, &settings, &list);
    let own_vendors = own_vendors(reading, &litellm);
    let tag_budgets = reading.take(&litellm, "tag_budget_config", |reading, field| {
        limits::budgets(reading, field, "litellm_settings.tag_budget_config.", |_, _, _| ())
    });
    Some(Spec {
        groups: list.groups(),
        deployments: list.deployments,
        router,
        own_vendors,
        quotas,
        provider_budgets,
        tag_budgets: tag_budgets.unwrap_or_default(),
        store: store::read(reading, &pointsman, redis),
        prices: store::prices(reading, &pointsman),
        server: server::read(reading, [&general, &litellm], &pointsman, &names),
        variables: reading
            .variables
            .iter()
            .map(|(name, text)| (name.clone(), text.clone().into()))
            .collect(),
    })
}

/// `custom_provider_map`: the vendors whose calls Python handlers of the file's writer take.
fn own_vendors(reading: &mut Reading<'_>, litellm: &Fields<'_>) -> BTreeSet<String> {
    let read = reading.take(litellm, "custom_provider_map", |reading, field| {
        let mut read = BTreeSet::new();
        for item in reading.list(field, "mappings with a provider")? {
            let provider = item
                .node
                .entries()
                .and_then(|entries| entries.iter().find(|entry| &*entry.key == "provider"));
            if let Some(provider) = provider {
                read.extend(reading.text(item.part(&provider.node)).map(|one| one.text));
            }
        }
        Some(read)
    });
    read.unwrap_or_default()
}

fn provider_budgets(
    reading: &mut Reading<'_>,
    settings: &Fields<'_>,
    list: &ModelList,
) -> BTreeMap<String, BudgetSpec> {
    let vendors: BTreeSet<&str> =
        list.deployments.iter().map(|one| one.deployment.vendor.as_str()).collect();
    let read = reading.take(settings, "provider_budget_config", |reading, field| {
        let path = "router_settings.provider_budget_config.";
        limits::budgets(reading, field, path, |reading, entry, vendor| {
            if !vendors.contains(vendor) {
                let near = reading.near(vendor, vendors.iter().copied());
                let (name, vendor) = (entry.name(), short(vendor));
                let message =
                    format!("{name}: no deployment is {vendor}'s, so it never applies{near}");
                reading.note(entry.at, Grade::Approximate, message);
            }
        })
    });
    read.unwrap_or_default()
}

fn section<'t>(
    reading: &mut Reading<'_>,
    top: &Fields<'t>,
    key: &str,
    path: &'static str,
    keys: &Keys,
) -> Fields<'t> {
    reading
        .take(top, key, |reading, field| reading.fields(field.node, path, keys))
        .unwrap_or_default()
}

/// `environment_variables`: what `os.environ/NAME` finds first, as in LiteLLM.
fn variables(reading: &mut Reading<'_>, top: &Fields<'_>) {
    let read = reading.take(top, "environment_variables", |reading, field| {
        let Some(entries) = field.node.entries() else {
            // A list or a single value may be a secret: say its kind alone.
            let message = "environment_variables: wanted a mapping of names to values";
            reading.error(field.node.at, message);
            return None;
        };
        let mut read = BTreeMap::new();
        for entry in entries {
            // As good as absent.
            if entry.node.is_null() {
                continue;
            }
            if let Some(value) = reading.value(field.part(&entry.node)) {
                read.insert(entry.key.to_string(), value.text);
            }
        }
        Some(read)
    });
    reading.variables = read.unwrap_or_default();
}

/// Notes that a key is not read because another one of the same meaning is.
pub(crate) fn outdone(reading: &mut Reading<'_>, at: Place, key: &str, by: &str) {
    reading.note(at, Grade::Ignored, format!("{key}: {by} is used"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Says, Table, price_base};

    /// Every table, its section's path, and a file in which one key of it has the value 1 (at the
    /// `@`); where the section is not of the router, the whole file.
    const SECTIONS: [(&Table, &str, &str); 26] = [
        (&keys::TOP, "", "{@}"),
        (&keys::ENTRY, "", "model_list: [{@}]"),
        (&keys::PARAMS, "litellm_params.", "model_list: [{litellm_params: {MODEL@}}]"),
        (&keys::INFO, "model_info.", "model_list: [{litellm_params: {MODEL}, model_info: {@}}]"),
        (
            &keys::PRICE_TIER,
            "tiered_pricing.",
            "model_list: [{litellm_params: {MODEL tiered_pricing: [{@}]}}]",
        ),
        (
            &keys::SEARCH_PRICES,
            "search_context_cost_per_query.",
            "model_list: [{litellm_params: {MODEL search_context_cost_per_query: {@}}}]",
        ),
        (&keys::CREDENTIAL, "credential_list.", "credential_list: [{@}]"),
        (&keys::LITELLM, "litellm_settings.", "litellm_settings: {@}"),
        (
            &keys::CACHE_PARAMS,
            "litellm_settings.cache_params.",
            "litellm_settings: {cache_params: {@}}",
        ),
        (&keys::GENERAL, "general_settings.", "general_settings: {@}"),
        (&keys::ROUTER, "router_settings.", "{@}"),
        (&keys::ALIAS, "router_settings.model_group_alias.", "{model_group_alias: {a: {@}}}"),
        (&keys::RETRY, "router_settings.retry_policy.", "{retry_policy: {@}}"),
        (
            &keys::ALLOWED_FAILS,
            "router_settings.allowed_fails_policy.",
            "{allowed_fails_policy: {@}}",
        ),
        (
            &keys::STRATEGY_ARGS,
            "router_settings.routing_strategy_args.",
            "{routing_strategy_args: {@}}",
        ),
        (&keys::ROUTING_GROUP, "router_settings.routing_groups.", "{routing_groups: [{@}]}"),
        (
            &keys::BUDGET,
            "router_settings.provider_budget_config.",
            "{provider_budget_config: {openai: {@}}}",
        ),
        (&keys::CACHE_KWARGS, "router_settings.cache_kwargs.", "{cache_kwargs: {@}}"),
        (&keys::POINTSMAN, "router_settings.pointsman.", "{pointsman: {@}}"),
        (&keys::QUOTA, "router_settings.pointsman.quotas.", "{pointsman: {quotas: {a: {@}}}}"),
        (&keys::CALLER, "router_settings.pointsman.keys.", "{pointsman: {keys: [{@}]}}"),
        (
            &keys::RETRY_BUDGET,
            "router_settings.pointsman.retry_budget.",
            "{pointsman: {retry_budget: {@}}}",
        ),
        (&keys::HEDGE, "router_settings.pointsman.hedge.", "{pointsman: {hedge: {@}}}"),
        (&keys::AFFINITY, "router_settings.pointsman.affinity.", "{pointsman: {affinity: {@}}}"),
        (
            &keys::WAIT,
            "router_settings.pointsman.on_exhausted.wait.",
            "{pointsman: {on_exhausted: {wait: {@}}}}",
        ),
        (&keys::MIRROR, "router_settings.pointsman.mirror.", "{pointsman: {mirror: {g: {@}}}}"),
    ];

    fn file(section: &str, whole: &str, key: &str) -> String {
        let own = whole.replace('@', &format!("{key}: 1"));
        let own = own.replace("MODEL", if key == "model" { "" } else { "model: simulated/m, " });
        match section {
            _ if section.starts_with("router_settings.") => format!("router_settings: {own}"),
            _ => own,
        }
    }

    #[test]
    fn every_served_key_is_in_the_page_for_users() {
        let page = include_str!("../../../docs/config.md");
        let words: BTreeSet<&str> =
            page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        for (table, section, _) in SECTIONS {
            for key in table.names().filter(|key| table.says(key) == Some(Says::Served)) {
                let key = if key.starts_with("supports_") { "supports_" } else { key };
                let key = price_base(key).unwrap_or(key);
                assert!(words.contains(key), "{section}{key}");
            }
        }
    }

    #[test]
    fn every_known_key_is_read_or_says_why_not() {
        for (table, section, whole) in SECTIONS {
            for key in table.names() {
                let text = file(section, whole, key);
                let (_, findings) = check(&text, &|_| None);
                let name = format!("{section}{key}");
                let about = |one: &Finding| {
                    let rest = one.message.strip_prefix(&name);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' ']))
                };
                let said = findings.iter().any(about);
                assert!(said, "{name}\n{text}\n{findings:#?}");
                let unknown = findings.iter().any(|one| one.message.contains("not a known key"));
                assert!(!unknown, "{name}\n{text}\n{findings:#?}");
            }
        }
    }

    #[test]
    fn a_price_with_suffixes_is_a_key_and_a_slip_is_not() {
        let known = "output_cost_per_token_above_272k_tokens_flex";
        assert_eq!(price_base(known), Some("output_cost_per_token"));
        assert_eq!(keys::INFO.says(known), Some(Says::Served));
        assert_eq!(keys::INFO.says("output_cost_per_token_above_272_tokens"), None);
    }
}
