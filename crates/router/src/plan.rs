//! Which group a name means.

use std::sync::Arc;

use pointsman_provider::{Call, CallOptions, FallbackTarget};
use pointsman_types::{Error, ErrorKind, GroupName, Ix};
use smallvec::SmallVec;

use crate::{pattern::Pattern, topology::Topology};

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) group: usize,
    /// The one deployment that the name means, if it is a deployment's id.
    pub(crate) only: Option<Ix>,
    /// What the stars of the group's name stand for in it, if it is a pattern.
    pub(crate) taken: Option<Arc<[String]>>,
    /// The name, where it is not the group's own.
    pub(crate) asked: Option<Arc<str>>,
}

impl Place {
    fn group(group: usize) -> Self {
        Self { group, only: None, taken: None, asked: None }
    }

    /// Whether both names mean the same group, and the same model of its.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.group, &self.taken) == (other.group, &other.taken)
    }
}

impl Topology {
    /// Exact group, then alias, deployment id, the most specific wildcard, the default fallbacks.
    pub(crate) fn resolve(&self, call: &Call) -> Result<Place, Error> {
        let name = &call.head.model;
        if let Some(place) = self.find(name) {
            return Ok(place);
        }
        let mut defaults = self.settings.fallbacks.default.iter();
        let fallback = defaults.find_map(|target| self.find(&target.model));
        fallback.filter(|_| !call.options.disable_fallbacks).ok_or_else(|| self.unknown(name))
    }

    /// The same without the defaults.
    pub(crate) fn find(&self, name: &str) -> Option<Place> {
        if let Some(place) = self.direct(name) {
            return Some(place);
        }
        let asked = Some(Arc::from(name));
        if let Some((group, _)) = self.settings.aliases.get(name)
            && let Some(place) = self.direct(group).or_else(|| self.wild(group))
        {
            return Some(Place { asked, ..place });
        }
        if let Some(ix) = self.by_id.get(name) {
            let group = *self.by_name.get(self.node(*ix).deployment.group.as_str())?;
            return Some(Place { only: Some(*ix), asked, ..Place::group(group) });
        }
        self.wild(name).map(|place| Place { asked, ..place })
    }

    /// The names under which settings may speak of a place, the nearest first: as it was asked for,
    /// that without the vendor where a wildcard covers it, the group's own.
    pub(crate) fn names_of<'a>(&'a self, place: &'a Place) -> SmallVec<[&'a str; 3]> {
        let asked = place.asked.as_deref();
        let bare = asked.filter(|_| place.taken.is_some()).and_then(|name| name.split_once('/'));
        let group = self.groups[place.group].name.as_str();
        [asked, bare.map(|(_, model)| model), Some(group)].into_iter().flatten().collect()
    }

    /// The fallbacks of a place after a failure of that kind, and how many a call may use.
    pub(crate) fn targets<'a>(
        &'a self,
        options: &'a CallOptions,
        place: &Place,
        kind: ErrorKind,
    ) -> (usize, Vec<&'a FallbackTarget>) {
        let settings = &self.settings.fallbacks;
        let most = options.max_fallbacks.unwrap_or(settings.most).min(settings.most) as usize;
        if options.disable_fallbacks {
            return (most, Vec::new());
        }
        let names = self.names_of(place);
        let own = options.fallbacks_after(kind, &names);
        (most, own.unwrap_or_else(|| settings.after(&names, kind)))
    }

    /// Whether a filtered answer is a failure there: where there are fallbacks for it.
    pub(crate) fn minds_filters(&self, options: &CallOptions, place: &Place) -> bool {
        let of = &self.settings.fallbacks.content_policy;
        if options.disable_fallbacks || of.is_empty() && options.content_policy_fallbacks.is_none()
        {
            return false;
        }
        let names = self.names_of(place);
        of.contains_key("*")
            || names.iter().any(|name| of.contains_key(*name))
            || options.minds_filters(&names)
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
