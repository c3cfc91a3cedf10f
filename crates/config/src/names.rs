//! The names that a call may be for.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Alias, Grade, RoutingGroup, fallbacks,
    model_list::ModelList,
    read::{Field, Fields, Given, Reading, short},
    strategy,
};

/// Groups, wildcards, sets of groups and aliases.
#[derive(Default)]
pub(crate) struct Names {
    /// The names of all groups, also of those whose deployments are left out.
    pub(crate) groups: BTreeSet<String>,
    /// Those with a `*`.
    patterns: Vec<String>,
    /// The ids of all deployments that serve.
    ids: BTreeSet<String>,
    /// The groups that have a deployment.
    alive: BTreeSet<String>,
    /// The groups of each routing group.
    routing: BTreeMap<String, Vec<String>>,
    aliases: BTreeMap<String, Alias>,
}

impl Names {
    /// Reads `routing_groups` and `model_group_alias`, whose names count like groups'.
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        router: &Fields<'_>,
        list: &ModelList,
    ) -> (Self, Vec<RoutingGroup>) {
        let alive = list.deployments.iter().map(|one| one.deployment.group.to_string());
        let mut names = Self {
            groups: list.names.clone(),
            patterns: list.names.iter().filter(|name| name.contains('*')).cloned().collect(),
            ids: list.deployments.iter().map(|one| one.deployment.id.to_string()).collect(),
            alive: alive.collect(),
            ..Self::default()
        };
        let mut groups = strategy::routing_groups(reading, router, &names);
        names.routing =
            groups.iter().map(|group| (group.name.clone(), group.models.clone())).collect();
        names.aliases = fallbacks::aliases(reading, router, &names);
        for group in &mut groups {
            group.models.retain(|model| names.served(model));
        }
        groups.retain(|group| !group.models.is_empty());
        (names, groups)
    }

    /// Whether a group, a wildcard or a routing group has the name.
    pub(crate) fn group(&self, name: &str) -> bool {
        self.groups.contains(name)
            || self.routing.contains_key(name)
            || self.patterns.iter().any(|group| matches(group, name))
    }

    /// Whether a call may be for the name.
    pub(crate) fn any(&self, name: &str) -> bool {
        self.aliases.contains_key(name) || self.group(name)
    }

    /// Whether fallbacks or retries may be said of the name: also of a deployment's id, and of what
    /// a wildcard covers once a vendor stands before it.
    pub(crate) fn is_key(&self, name: &str) -> bool {
        let covers = |pattern: &String| {
            let vendor = pattern.split_once('/').map_or("", |(vendor, _)| vendor);
            matches(pattern, &format!("{vendor}/{name}"))
        };
        self.any(name) || self.is_id(name) || self.patterns.iter().any(covers)
    }

    /// Whether it is the id of a deployment that serves.
    pub(crate) fn is_id(&self, name: &str) -> bool {
        self.ids.contains(name)
    }

    /// Whether a call for the name can be served: not when all its deployments are left out.
    pub(crate) fn served(&self, name: &str) -> bool {
        let name = self.aliases.get(name).map_or(name, |alias| alias.model.as_str());
        let alive = |name: &str| {
            let alive = |group: &&String| self.alive.contains(*group);
            self.alive.contains(name)
                || self.patterns.iter().filter(alive).any(|group| matches(group, name))
        };
        alive(name)
            || self.routing.get(name).is_some_and(|models| models.iter().any(|one| alive(one)))
    }

    /// The aliases that lead somewhere.
    pub(crate) fn served_aliases(&self) -> BTreeMap<String, Alias> {
        let served = self.aliases.iter().filter(|(name, _)| self.served(name));
        served.map(|(name, alias)| (name.clone(), alias.clone())).collect()
    }

    /// The end of a message about a name that is none of these.
    pub(crate) fn near(&self, reading: &mut Reading<'_>, name: &str) -> String {
        let names = self.groups.iter().chain(self.routing.keys()).chain(self.aliases.keys());
        reading.near(name, names.map(String::as_str))
    }

    /// Notes that what is said of a group is for nobody.
    pub(crate) fn never(&self, reading: &mut Reading<'_>, field: Field<'_>, group: &str) {
        let (name, near) = (field.name(), self.near(reading, group));
        let message = format!("{name}: {} names no group, so it never applies{near}", short(group));
        reading.note(field.at, Grade::Approximate, message);
    }

    /// The error of a name that is none of these; whether there is one.
    pub(crate) fn unknown(&self, reading: &mut Reading<'_>, field: &str, name: &Given) -> bool {
        if self.any(&name.text) {
            return false;
        }
        let (shown, near) = (name.shown(), self.near(reading, &name.text));
        reading.error(name.at, format!("{field}: {shown} names no group{near}"));
        true
    }

    /// The group, or routing group, that a name stands for itself or as an alias: what is said of
    /// a group as a whole cannot be said of a name that a wildcard covers.
    pub(crate) fn owner<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        let exact = |name: &str| self.groups.contains(name) || self.routing.contains_key(name);
        if exact(name) {
            return Some(name);
        }
        let model = self.aliases.get(name)?.model.as_str();
        exact(model).then_some(model)
    }

    /// A list of groups, aliases resolved, each once. Those that cannot be served are left out.
    pub(crate) fn list(&self, reading: &mut Reading<'_>, field: Field<'_>) -> Option<Vec<String>> {
        let read = reading.texts(field)?;
        let mut kept: Vec<String> = Vec::with_capacity(read.len());
        for name in read {
            let Some(group) = self.owner(&name.text) else {
                let (shown, near) = (name.shown(), self.near(reading, &name.text));
                let message = format!("{}: {shown} names no group{near}", field.name());
                reading.error(name.at, message);
                continue;
            };
            if self.served(group) && !kept.iter().any(|one| one == group) {
                kept.push(group.to_owned());
            }
        }
        Some(kept)
    }
}

/// Whether a pattern (`openai/*`, `*`) covers a name.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    pattern.split_once('*').is_some_and(|(start, end)| {
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    })
}
