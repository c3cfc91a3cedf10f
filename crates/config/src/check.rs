//! The whole file: its sections, and what must agree between them.

use std::collections::BTreeMap;

use pointsman_types::GroupName;

use crate::{
    Finding, Grade, Place, ServerSpec, Spec,
    keys::{self, Keys},
    model_list::ModelList,
    read::{Fields, Reading},
    router,
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
    if top.iter().all(|field| field.key != "model_list") {
        let start = Place { line: 1, column: 1 };
        reading.error(start, "there is no model_list: it needs one deployment at least");
    }
    let list = reading
        .take(&top, "model_list", |reading, field| Some(ModelList::read(reading, field)))
        .unwrap_or_default();
    let router_fields =
        section(reading, &top, "router_settings", "router_settings.", &keys::ROUTER);
    let litellm = section(reading, &top, "litellm_settings", "litellm_settings.", &keys::LITELLM);
    let general = section(reading, &top, "general_settings", "general_settings.", &keys::GENERAL);
    let router = router::read(reading, &router_fields, &litellm, &list);
    let master_key = reading.take(&general, "master_key", |reading, field| {
        reading.text(field).map(|key| key.text.into())
    });
    let groups: Vec<GroupName> = list.groups();
    Some(Spec { deployments: list.deployments, groups, router, server: ServerSpec { master_key } })
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
