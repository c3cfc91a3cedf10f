//! `router_settings` and the parts of `litellm_settings` that mean the same.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Alias, Fallback, Grade, Place, RouterSpec, Target,
    check::outdone,
    keys,
    model_list::ModelList,
    read::{Field, Fields, Given, Reading, short},
    retry_policy,
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

/// The names that a call may be for.
struct Names<'a> {
    list: &'a ModelList,
    aliases: BTreeMap<String, Alias>,
}

impl Names<'_> {
    fn group(&self, name: &str) -> bool {
        self.list.names.iter().any(|group| group == name || matches(group, name))
    }

    fn any(&self, name: &str) -> bool {
        self.aliases.contains_key(name) || self.group(name)
    }

    fn near(&self, reading: &mut Reading<'_>, name: &str) -> String {
        let names = self.list.names.iter().chain(self.aliases.keys()).map(String::as_str);
        reading.near(name, names)
    }

    /// Notes that what is said of a group is for nobody.
    fn never(&self, reading: &mut Reading<'_>, field: Field<'_>, group: &str) {
        let (name, near) = (field.name(), self.near(reading, group));
        let message = format!("{name}: {} names no group, so it never applies{near}", short(group));
        reading.note(field.at, Grade::Approximate, message);
    }

    /// Whether a call for the name can be served: not when all its deployments are left out.
    fn served(&self, name: &str) -> bool {
        let name = self.aliases.get(name).map_or(name, |alias| alias.model.as_str());
        let each = self.list.deployments.iter().map(|one| one.deployment.group.as_str());
        each.into_iter().any(|group| group == name || matches(group, name))
    }
}

/// Whether a pattern (`openai/*`, `*`) covers a name.
fn matches(pattern: &str, name: &str) -> bool {
    pattern.split_once('*').is_some_and(|(start, end)| {
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    })
}

/// Reads the router's settings.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    router: &Fields<'_>,
    litellm: &Fields<'_>,
    list: &ModelList,
) -> RouterSpec {
    let both = Both { router, litellm };
    let plain = RouterSpec::default();
    let mut names = Names { list, aliases: BTreeMap::new() };
    names.aliases = aliases(reading, router, &names);
    let old_retries = reading.take(router, "max_retries", Reading::whole);
    let retries = both.take(reading, "num_retries", "num_retries", Reading::whole);
    let mut spec = RouterSpec {
        routing_strategy: reading
            .take(router, "routing_strategy", strategy)
            .unwrap_or(plain.routing_strategy),
        num_retries: retries.or(old_retries).unwrap_or(plain.num_retries),
        retry_after: reading.take(router, "retry_after", Reading::duration).unwrap_or_default(),
        timeout: both
            .take(reading, "timeout", "request_timeout", Reading::timeout)
            .unwrap_or(plain.timeout),
        stream_timeout: reading.take(router, "stream_timeout", Reading::timeout),
        cooldown_time: reading
            .take(router, "cooldown_time", cooldown)
            .unwrap_or(plain.cooldown_time),
        allowed_fails: both.take(reading, "allowed_fails", "allowed_fails", Reading::whole),
        disable_cooldowns: flag(reading, router, "disable_cooldowns", false),
        fallbacks: both.fallbacks(reading, "fallbacks", &names),
        default_fallbacks: both
            .take(reading, "default_fallbacks", "default_fallbacks", |reading, field| {
                targets(reading, field, &names)
            })
            .unwrap_or_default(),
        context_window_fallbacks: both.fallbacks(reading, "context_window_fallbacks", &names),
        content_policy_fallbacks: both.fallbacks(reading, "content_policy_fallbacks", &names),
        max_fallbacks: both
            .take(reading, "max_fallbacks", "max_fallbacks", Reading::whole)
            .unwrap_or(plain.max_fallbacks),
        enable_tag_filtering: flag(reading, router, "enable_tag_filtering", false),
        tag_filtering_match_any: flag(reading, router, "tag_filtering_match_any", true),
        ..plain
    };
    spec.retry_policy = retry_policy::read(reading, router);
    spec.model_group_retry_policy =
        retry_policy::read_groups(reading, router, |reading, field, group| {
            if !names.group(group) {
                names.never(reading, field, group);
            }
        });
    pointsman(reading, router, &mut spec);
    let (kept, _): (BTreeMap<_, _>, BTreeMap<_, _>) =
        names.aliases.clone().into_iter().partition(|(name, _)| names.served(name));
    spec.model_group_alias = kept;
    spec
}

/// The two sections that may say the same; the router's own wins.
struct Both<'a, 't> {
    router: &'a Fields<'t>,
    litellm: &'a Fields<'t>,
}

impl<'t> Both<'_, 't> {
    fn take<'e, T>(
        &self,
        reading: &mut Reading<'e>,
        key: &str,
        litellm_key: &str,
        mut read: impl FnMut(&mut Reading<'e>, Field<'t>) -> Option<T>,
    ) -> Option<T> {
        let first = self.router.get(key).is_some();
        let own = reading.take(self.router, key, &mut read);
        if first {
            if let Some(field) = self.litellm.get(litellm_key) {
                outdone(reading, field.at, &field.name(), &format!("router_settings.{key}"));
            }
            return own;
        }
        reading.take(self.litellm, litellm_key, read)
    }

    fn fallbacks(&self, reading: &mut Reading<'_>, key: &str, names: &Names<'_>) -> Vec<Fallback> {
        self.take(reading, key, key, |reading, field| fallbacks(reading, field, names))
            .unwrap_or_default()
    }
}

fn flag(reading: &mut Reading<'_>, fields: &Fields<'_>, key: &str, default: bool) -> bool {
    reading.take(fields, key, Reading::flag).unwrap_or(default)
}

fn strategy(reading: &mut Reading<'_>, field: Field<'_>) -> Option<String> {
    let name = reading.text(field)?;
    if pointsman_strategy::builtin(&name.text).is_some() {
        return Some(name.text);
    }
    if LITELLM.contains(&name.text.as_str()) {
        let message =
            format!("{}: {} is not built yet: simple-shuffle is used", field.name(), name.text);
        reading.note(field.node.at, Grade::Approximate, message);
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

/// LiteLLM takes a cooldown of 0 for none given.
fn cooldown(reading: &mut Reading<'_>, field: Field<'_>) -> Option<Duration> {
    let time = reading.duration(field)?;
    if time.is_zero() {
        let message = format!("{}: 0 means the default, 5 s", field.name());
        reading.note(field.node.at, Grade::Approximate, message);
        return None;
    }
    Some(time)
}

fn pointsman(reading: &mut Reading<'_>, router: &Fields<'_>, spec: &mut RouterSpec) {
    let path = "router_settings.pointsman.";
    let own = reading
        .take(router, "pointsman", |reading, field| {
            reading.fields(field.node, path, &keys::POINTSMAN)
        })
        .unwrap_or_default();
    if let Some(time) = reading.take(&own, "ramp_time", Reading::duration) {
        spec.ramp_time = time;
    }
    if let Some(time) = reading.take(&own, "stall_timeout", Reading::timeout) {
        spec.stall_timeout = time;
    }
    spec.ttft_timeout = reading.take(&own, "ttft_timeout", Reading::timeout);
    let attempts = reading.take(&own, "max_attempts", |reading, field| {
        let attempts: u32 = reading.whole(field)?;
        if attempts == 0 {
            reading.wrong(field, "a whole number above zero");
            return None;
        }
        Some(attempts)
    });
    spec.max_attempts = attempts.unwrap_or(spec.max_attempts);
}

/// `model_group_alias`: `alias: group` or `alias: {model: group, hidden: bool}`.
fn aliases(
    reading: &mut Reading<'_>,
    router: &Fields<'_>,
    names: &Names<'_>,
) -> BTreeMap<String, Alias> {
    let read = reading.take(router, "model_group_alias", |reading, field| {
        let Some(entries) = field.node.entries() else {
            reading.wrong(field, "a mapping of aliases to groups");
            return None;
        };
        let mut read = BTreeMap::new();
        for entry in entries {
            let Some((model, hidden)) = alias(reading, field.part(&entry.node)) else { continue };
            if !names.group(&model.text) {
                let (shown, near) = (model.shown(), names.near(reading, &model.text));
                let message = format!("{}: {shown} names no group{near}", field.name());
                reading.error(model.at, message);
            }
            if names.list.names.contains(&*entry.key) {
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
    let hidden = flag(reading, &fields, "hidden", false);
    if fields.get("model").is_none() {
        reading.error(field.node.at, format!("{path}model is missing"));
    }
    Some((reading.take(&fields, "model", Reading::text)?, hidden))
}

/// `[{group: [target, …]}, …]`.
fn fallbacks(
    reading: &mut Reading<'_>,
    field: Field<'_>,
    names: &Names<'_>,
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
            if group != "*" && !names.any(group) {
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
fn targets(reading: &mut Reading<'_>, field: Field<'_>, names: &Names<'_>) -> Option<Vec<Target>> {
    let mut read = Vec::new();
    for item in reading.list(field, "groups")? {
        let Some((model, overrides)) = target(reading, item) else { continue };
        if !names.any(&model.text) {
            let (shown, near) = (model.shown(), names.near(reading, &model.text));
            let message = format!("{}: {shown} names no group{near}", field.name());
            reading.error(model.at, message);
        } else if names.served(&model.text) {
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
