//! Which group a name means.

use std::sync::Arc;

use pointsman_provider::{CallOptions, FallbackTarget};
use pointsman_types::{Error, ErrorKind, GroupName, Ix};

use crate::{pattern::Pattern, topology::Topology};

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) group: usize,
    /// The one deployment that the name means, if it is a deployment's id.
    pub(crate) only: Option<Ix>,
    /// What the stars of the group's name stand for in it, if it is a pattern.
    pub(crate) taken: Option<Arc<[String]>>,
}

impl Place {
    fn group(group: usize) -> Self {
        Self { group, only: None, taken: None }
    }
}

impl Topology {
    /// Exact group, then alias, deployment id, the most specific wildcard, the default fallbacks.
    pub(crate) fn resolve(&self, name: &str) -> Result<Place, Error> {
        if let Some(place) = self.find(name) {
            return Ok(place);
        }
        let fallback =
            self.settings.fallbacks.default.iter().find_map(|target| self.find(&target.model));
        fallback.ok_or_else(|| self.unknown(name))
    }

    /// The same without the defaults.
    pub(crate) fn find(&self, name: &str) -> Option<Place> {
        if let Some(place) = self.direct(name) {
            return Some(place);
        }
        if let Some((group, _)) = self.settings.aliases.get(name)
            && let Some(place) = self.direct(group).or_else(|| self.wild(group))
        {
            return Some(place);
        }
        if let Some(ix) = self.by_id.get(name) {
            let group = *self.by_name.get(self.node(*ix).deployment.group.as_str())?;
            return Some(Place { only: Some(*ix), ..Place::group(group) });
        }
        self.wild(name)
    }

    /// The fallbacks of a group after a failure of that kind, and how many a call may use.
    pub(crate) fn targets<'a>(
        &'a self,
        options: &'a CallOptions,
        group: usize,
        kind: ErrorKind,
    ) -> (usize, Vec<&'a FallbackTarget>) {
        let settings = &self.settings.fallbacks;
        let most = options.max_fallbacks.unwrap_or(settings.most).min(settings.most) as usize;
        if options.disable_fallbacks {
            return (most, Vec::new());
        }
        let targets = match options.fallbacks_after(kind) {
            Some(own) => own.iter().collect(),
            None => settings.after(self.groups[group].name.as_str(), kind),
        };
        (most, targets)
    }

    /// Whether a filtered answer of the group is a failure: where there are fallbacks for it.
    pub(crate) fn minds_filters(&self, options: &CallOptions, group: usize) -> bool {
        let of = &self.settings.fallbacks.content_policy;
        let own = options.content_policy_fallbacks.is_some();
        let any = own || !of.is_empty();
        let named = || of.contains_key(self.groups[group].name.as_str()) || of.contains_key("*");
        any && !options.disable_fallbacks && (own || named())
    }

    fn direct(&self, name: &str) -> Option<Place> {
        self.by_name.get(name).copied().filter(|_| !name.contains('*')).map(Place::group)
    }

    fn wild(&self, name: &str) -> Option<Place> {
        self.patterns.iter().find_map(|(pattern, group)| {
            let taken = pattern.matches(name)?.into();
            Some(Place { taken: Some(taken), ..Place::group(*group) })
        })
    }

    /// The names that callers may use, in order.
    pub(crate) fn names(&self) -> Vec<GroupName> {
        let shown = self.settings.aliases.iter().filter(|(_, (_, hidden))| !hidden);
        let aliases = shown.map(|(alias, _)| GroupName::from(alias.as_str()));
        self.groups.iter().map(|group| group.name.clone()).chain(aliases).collect()
    }

    fn unknown(&self, name: &str) -> Error {
        let mut known: Vec<String> =
            self.names().iter().take(10).map(|name| format!("`{name}`")).collect();
        if self.names().len() > known.len() {
            known.push("…".into());
        }
        let message = format!("the model `{name}` does not exist; there is {}", known.join(", "));
        Error::new(ErrorKind::NotFound, message).with_code("model_not_found").with_param("model")
    }
}

/// The groups whose name is a pattern, the most specific first.
pub(crate) fn patterns<'a>(
    names: impl Iterator<Item = (&'a GroupName, usize)>,
) -> Vec<(Pattern, usize)> {
    let mut all: Vec<(Pattern, usize)> =
        names.filter_map(|(name, at)| Some((Pattern::of(name.as_str())?, at))).collect();
    all.sort_by_key(|(pattern, _)| pattern.rank());
    all
}
