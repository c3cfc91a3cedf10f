//! `routing_strategy` and its arguments, for the router and for routing groups.

use std::collections::BTreeMap;

use crate::{
    Grade, GroupStrategy, Place, RoutingGroup, StrategyArgs, keys,
    names::Names,
    read::{Field, Fields, Reading, short},
};

/// LiteLLM's strategies; those that are not built fall back to the first.
const LITELLM: [&str; 8] = [
    "simple-shuffle",
    "least-busy",
    "latency-based-routing",
    "cost-based-routing",
    "usage-based-routing",
    "usage-based-routing-v2",
    "provider-budget-routing",
    "lar1",
];

/// The strategy of groups that are tried in a fixed order; for routing groups alone.
const PRIORITY: &str = "priority";

/// A strategy's name.
pub(crate) fn name(reading: &mut Reading<'_>, field: Field<'_>) -> Option<String> {
    let name = reading.text(field)?;
    if pointsman_strategy::builtin(&name.text).is_some() {
        return Some(name.text);
    }
    if LITELLM.contains(&name.text.as_str()) {
        let message =
            format!("{}: {} is not built: simple-shuffle is used", field.name(), name.text);
        reading.note(field.node.at, Grade::Approximate, message);
        return None;
    }
    if name.text == PRIORITY {
        let message = format!("{}: `priority` is for a routing group alone", field.name());
        reading.error(field.node.at, message);
        return None;
    }
    let mut valid: Vec<&str> = pointsman_strategy::NAMES.to_vec();
    valid.extend(LITELLM.iter().filter(|name| !pointsman_strategy::NAMES.contains(name)));
    let near = reading.near(&name.text, valid.iter().copied());
    let (key, shown, valid) = (field.name(), name.shown(), valid.join(", "));
    let message = format!("{key}: {shown} is not one of {valid}{near}");
    reading.error(field.node.at, message);
    None
}

/// A `routing_strategy_args`.
pub(crate) fn args(
    reading: &mut Reading<'_>,
    section: &Fields<'_>,
    path: &'static str,
) -> StrategyArgs {
    let read = reading.take(section, "routing_strategy_args", |reading, field| {
        let fields = reading.fields(field.node, path, &keys::STRATEGY_ARGS)?;
        let buffer = |reading: &mut Reading<'_>, field: Field<'_>| {
            reading.real(field, (0, 1_000_000), "a share that is not negative, like 0.5")
        };
        Some(StrategyArgs {
            ttl: reading.take(&fields, "ttl", Reading::timeout),
            lowest_latency_buffer: reading.take(&fields, "lowest_latency_buffer", buffer),
        })
    });
    read.unwrap_or_default()
}

/// `routing_groups`.
pub(crate) fn routing_groups(
    reading: &mut Reading<'_>,
    router: &Fields<'_>,
    names: &Names,
) -> Vec<RoutingGroup> {
    let read = reading.take(router, "routing_groups", |reading, field| {
        let mut read = Vec::new();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let mut members: BTreeMap<String, String> = BTreeMap::new();
        for item in reading.list(field, "routing groups")? {
            let Some(group) = routing_group(reading, item, names, &mut lines) else { continue };
            if !matches!(group.strategy, GroupStrategy::Priority(_)) {
                disjoint(reading, item, &group, &mut members);
            }
            read.push(group);
        }
        Some(read)
    });
    read.unwrap_or_default()
}

/// The error of a model that another routing group has, too.
fn disjoint(
    reading: &mut Reading<'_>,
    item: Field<'_>,
    group: &RoutingGroup,
    members: &mut BTreeMap<String, String>,
) {
    for model in &group.models {
        let Some(other) = members.insert(model.clone(), group.name.clone()) else { continue };
        let (model, other, own) = (short(model), short(&other), short(&group.name));
        let message = format!("{}: {model} is in both {other} and {own}", item.name());
        reading.error(item.node.at, message);
    }
}

fn routing_group(
    reading: &mut Reading<'_>,
    item: Field<'_>,
    names: &Names,
    lines: &mut BTreeMap<String, usize>,
) -> Option<RoutingGroup> {
    let path = "router_settings.routing_groups.";
    let fields = reading.fields(item.node, path, &keys::ROUTING_GROUP)?;
    for key in ["group_name", "models", "routing_strategy"] {
        if fields.get(key).is_none() {
            reading.error(item.node.at, format!("{path}{key} is missing"));
        }
    }
    let name = reading.take(&fields, "group_name", |reading, field| {
        let name = reading.text(field)?;
        if name.text == "default" {
            reading.wrong(field, "another name: LiteLLM keeps this one for itself");
            return None;
        }
        let line = name.at.line;
        if let Some(first) = lines.insert(name.text.clone(), line) {
            let shown = name.shown();
            let message =
                format!("{}: {shown} is used on line {first} and on line {line}", field.name());
            reading.error(name.at, message);
        }
        if names.groups.contains(&name.text) {
            let message = format!("{}: {} is a group, which wins", field.name(), name.shown());
            reading.note(name.at, Grade::Approximate, message);
        }
        Some(name)
    });
    let models = reading.take(&fields, "models", |reading, field| models(reading, field, names));
    let strategy = strategy(reading, &fields, path, models.as_deref());
    Some(RoutingGroup { name: name?.text, models: models?, strategy: strategy? })
}

fn models(reading: &mut Reading<'_>, field: Field<'_>, names: &Names) -> Option<Vec<String>> {
    let mut read: Vec<String> = Vec::new();
    for model in reading.texts(field)? {
        if read.contains(&model.text) {
            let message = format!("{}: {} stands twice", field.name(), model.shown());
            reading.error(model.at, message);
        } else if names.group(&model.text) {
            read.push(model.text);
        } else {
            let (name, near) = (field.name(), names.near(reading, &model.text));
            let message = format!("{name}: {} names no group: left out{near}", model.shown());
            reading.note(model.at, Grade::Approximate, message);
        }
    }
    Some(read)
}

fn strategy(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
    path: &'static str,
    models: Option<&[String]>,
) -> Option<GroupStrategy> {
    let priorities = reading.take(fields, "model_priorities", priorities);
    let args = args(reading, fields, "router_settings.routing_groups.routing_strategy_args.");
    let given = fields.get("model_priorities");
    let mut priority = false;
    let read = reading.take(fields, "routing_strategy", |reading, field| {
        if reading.text(field).is_some_and(|name| name.text == PRIORITY) {
            priority = true;
            return None;
        }
        // What is not built is the default's.
        Some(name(reading, field).unwrap_or_else(|| "simple-shuffle".into()))
    });
    if !priority {
        if let Some(given) = given {
            let message =
                format!("{path}model_priorities is for `routing_strategy: priority` alone");
            reading.error(given.at, message);
        }
        return read.map(|name| GroupStrategy::Named { name, args });
    }
    if let Some(given) = fields.get("routing_strategy_args") {
        reading.error(given.at, format!("{path}routing_strategy_args: `priority` takes none"));
    }
    let Some(given) = given else {
        let at = fields.get("routing_strategy").map_or_else(Place::default, |field| field.at);
        reading.error(at, format!("{path}model_priorities is missing"));
        return None;
    };
    let mut priorities = priorities?;
    let models = models?;
    let missing = models.iter().find(|model| !priorities.iter().any(|(name, _)| name == *model));
    if let Some(missing) = missing {
        let message = format!("{path}model_priorities: {} has no number", short(missing));
        reading.error(given.at, message);
    }
    // One that is not in `models` was left out there, or is a slip.
    priorities.retain(|(name, _)| models.contains(name));
    Some(GroupStrategy::Priority(priorities))
}

fn priorities(reading: &mut Reading<'_>, field: Field<'_>) -> Option<Vec<(String, u32)>> {
    let mut read = Vec::new();
    for entry in reading.mapping(field, "groups to numbers")? {
        let number = reading.above_zero(field.entry(entry));
        read.extend(number.map(|number| (entry.key.to_string(), number)));
    }
    Some(read)
}
