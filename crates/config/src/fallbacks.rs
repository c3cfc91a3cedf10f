//! Other names of groups, and where calls go when a group fails.

use std::collections::BTreeMap;

use crate::{
    Alias, Fallback, Grade, Place, Target, keys,
    names::Names,
    read::{Field, Fields, Given, Reading, short},
};

/// `model_group_alias`: `alias: group` or `alias: {model: group, hidden: bool}`.
pub(crate) fn aliases(
    reading: &mut Reading<'_>,
    router: &Fields<'_>,
    names: &Names,
) -> BTreeMap<String, Alias> {
    let read = reading.take(router, "model_group_alias", |reading, field| {
        let Some(entries) = field.node.entries() else {
            reading.wrong(field, "a mapping of aliases to groups");
            return None;
        };
        let mut read = BTreeMap::new();
        for entry in entries {
            let Some((model, hidden)) = alias(reading, field.part(&entry.node)) else { continue };
            // The aliases are not among the names yet: an alias is for a group.
            names.unknown(reading, &field.name(), &model);
            if names.groups.contains(&*entry.key) {
                let message =
                    format!("{}: {} is a group, which wins", field.name(), short(&entry.key));
                reading.note(entry.at, Grade::Approximate, message);
                continue;
            }
            read.insert(entry.key.to_string(), Alias { model: model.text, hidden });
        }
        Some(read)
    });
    read.unwrap_or_default()
}

fn alias(reading: &mut Reading<'_>, field: Field<'_>) -> Option<(Given, bool)> {
    if field.node.entries().is_none() {
        return Some((reading.text(field)?, false));
    }
    let path = "router_settings.model_group_alias.";
    let fields = reading.fields(field.node, path, &keys::ALIAS)?;
    let hidden = reading.take(&fields, "hidden", Reading::flag).unwrap_or(false);
    if fields.get("model").is_none() {
        reading.error(field.node.at, format!("{path}model is missing"));
    }
    Some((reading.take(&fields, "model", Reading::text)?, hidden))
}

/// `[{group: [target, …]}, …]`.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    field: Field<'_>,
    names: &Names,
) -> Option<Vec<Fallback>> {
    let items = reading.list(field, "mappings, like {group: [other-group]}")?;
    let mut read: Vec<Fallback> = Vec::new();
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items {
        let Some(entries) = item.node.entries() else {
            reading.wrong(item, "a mapping, like {group: [other-group]}");
            continue;
        };
        for entry in entries {
            let Place { line, .. } = entry.at;
            let (name, group) = (field.name(), &*entry.key);
            if let Some(first) = lines.insert(group, line) {
                let message =
                    format!("{name}: {} stands on line {first} and on line {line}", short(group));
                reading.error(entry.at, message);
                continue;
            }
            if group != "*" && !names.is_key(group) {
                names.never(reading, field.entry(entry), group);
            }
            let Some(targets) = targets(reading, field.part(&entry.node), names) else { continue };
            if !targets.is_empty() {
                read.push(Fallback { group: group.to_owned(), targets });
            }
        }
    }
    Some(read)
}

/// A list of groups; a target may be a mapping with `model` and what changes in the request.
pub(crate) fn targets(
    reading: &mut Reading<'_>,
    field: Field<'_>,
    names: &Names,
) -> Option<Vec<Target>> {
    let mut read = Vec::new();
    for item in reading.list(field, "groups")? {
        let Some((model, overrides)) = target(reading, item) else { continue };
        let is_id = names.is_id(&model.text);
        if is_id || !names.unknown(reading, &field.name(), &model) && names.served(&model.text) {
            read.push(Target { model: model.text, overrides });
        }
    }
    Some(read)
}

fn target(reading: &mut Reading<'_>, item: Field<'_>) -> Option<(Given, Vec<(String, String)>)> {
    let Some(entries) = item.node.entries() else {
        return Some((reading.text(item)?, Vec::new()));
    };
    let mut model = None;
    let mut overrides = Vec::new();
    for entry in entries {
        let part = item.part(&entry.node);
        if &*entry.key == "model" {
            model = Some(reading.text(part)?);
        } else if let Some(json) = reading.json(part) {
            overrides.push((entry.key.to_string(), json));
        }
    }
    if model.is_none() {
        reading.error(item.node.at, format!("{}: a target needs a model", item.name()));
    }
    Some((model?, overrides))
}
