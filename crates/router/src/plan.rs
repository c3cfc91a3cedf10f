//! Which group a name means.

use pointsman_types::{Error, ErrorKind, GroupName, Ix};

use crate::topology::Topology;

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) group: usize,
    /// The one deployment that the name means, if it is a deployment's id.
    pub(crate) only: Option<Ix>,
}

impl Topology {
    /// Exact group, then alias, then deployment id, then the default fallbacks.
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
        let exact = |name: &str| self.by_name.get(name).copied();
        let alias = || self.settings.aliases.get(name).and_then(|(group, _)| exact(group));
        if let Some(group) = exact(name).or_else(alias) {
            return Some(Place { group, only: None });
        }
        let ix = *self.by_id.get(name)?;
        let group = exact(self.node(ix).deployment.group.as_str())?;
        Some(Place { group, only: Some(ix) })
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
