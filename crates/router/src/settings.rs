//! How a router behaves, beyond its deployments.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use pointsman_provider::{Call, FallbackTarget};
use pointsman_retry as retry;
use pointsman_strategy::{Pick, SimpleShuffle};
use pointsman_types::{ErrorKind, stable_hash};

/// So many bytes of a prompt are its beginning.
const PREFIX: usize = 4 << 10;

/// How a router behaves; the defaults are LiteLLM's where it has the key.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Picks the member, where a group has no strategy of its own.
    pub strategy: Arc<dyn Pick>,
    /// Groups with a strategy of their own.
    pub group_strategies: HashMap<String, Arc<dyn Pick>>,
    /// Retries and waits.
    pub retry: retry::Policy,
    /// Retries by the kind of the failure.
    pub retries_by_kind: RetriesByKind,
    /// The same for single groups; an entry replaces the general one.
    pub group_retries_by_kind: HashMap<String, RetriesByKind>,
    /// The whole call's deadline, until the first content. 600 s.
    pub timeout: Duration,
    /// One attempt's wait for the first content of a stream.
    pub stream_timeout: Option<Duration>,
    /// The same by another name; the smaller wins.
    pub ttft_timeout: Option<Duration>,
    /// The longest silence within a stream. 60 s.
    pub stall_timeout: Option<Duration>,
    /// Other names for groups, and whether the list of models hides them.
    pub aliases: BTreeMap<String, (String, bool)>,
    /// Where a call goes when its group is exhausted.
    pub fallbacks: Fallbacks,
    /// Whether and how tags choose members.
    pub tags: Option<TagRule>,
    /// Sets of groups that may be called by a name of their own.
    pub sets: Vec<GroupSet>,
    /// Whether members that are known not to take a call (context window, region, capability) are
    /// left out.
    pub pre_call_checks: bool,
    /// Which of a call's marks keep it with a member, by group; `*` stands for every group.
    pub affinity: HashMap<String, Affinity>,
    /// When a second copy of a late call is sent, by group; `*` stands for every group.
    pub hedge: HashMap<String, retry::HedgeAfter>,
    /// Retries and hedges beside the first attempts of a group.
    pub retry_budget: retry::BudgetPolicy,
    /// What becomes of a call when no member is willing, and no fallback either.
    pub on_exhausted: OnExhausted,
    /// The place in a waiting line of calls that name none; lower ones first. 0.
    pub default_priority: i64,
    /// Groups of whose calls copies go to another group.
    pub mirror: HashMap<String, Mirror>,
    /// Whether and how answers are kept for later calls.
    pub cache: Option<CacheSettings>,
}

/// Where copies of a group's calls go; their answers are dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// A group or an alias.
    pub to: String,
    /// The share of the calls that is copied, from 0 to 1.
    pub share: f64,
}

/// How answers are kept for later calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheSettings {
    /// How long an answer is good; `None`: until there is no room.
    pub ttl: Option<Duration>,
    /// Groups that share their answers.
    pub groups: Vec<Vec<String>>,
    /// Only calls that ask for it are answered so.
    pub on_request: bool,
}

/// Several groups under one name.
#[derive(Clone, Debug)]
pub struct GroupSet {
    /// The name.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Picks among all their members.
    pub strategy: Arc<dyn Pick>,
    /// The tier of each group's members, where it decides before their own; lowest first.
    pub tiers: Option<Vec<i64>>,
}

/// What keeps calls with a member.
#[derive(Clone, Debug, PartialEq)]
pub struct Affinity {
    /// What makes calls belong together.
    pub key: AffinityKey,
    /// How much more than its share of the calls in flight a member may have; at least 1.
    pub bound: f64,
}

/// What makes calls belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AffinityKey {
    /// The request's `user`.
    User,
    /// The request's `prompt_cache_key`.
    PromptCacheKey,
    /// The beginning of the prompt.
    Prefix,
    /// A header of the request, in lower case.
    Header(String),
}

/// What becomes of a call when no member is willing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExhausted {
    /// It is refused, and told when to come back.
    #[default]
    Refuse,
    /// The softly cooled member that is due soonest gets it.
    LastResort,
    /// It waits for a member.
    Wait {
        /// How long at most.
        most: Duration,
        /// How many calls of a group may wait.
        queue: usize,
    },
}

/// Retries by the kind of the failure, and for kinds without an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetriesByKind {
    /// Retries after failures of a kind.
    pub kinds: BTreeMap<ErrorKind, u32>,
    /// Retries after failures of any other kind.
    pub others: Option<u32>,
}

impl Settings {
    /// A group's own entry, else the one of every group.
    pub(crate) fn of_group<'a, T>(map: &'a HashMap<String, T>, group: &str) -> Option<&'a T> {
        map.get(group).or_else(|| map.get("*"))
    }

    /// A hash of what keeps the call with a member of that group, if the group asks for it and the
    /// call has it.
    pub(crate) fn affinity_key(&self, group: &str, call: &Call) -> Option<u64> {
        let own = || call.options.key.as_ref().map(|key| key.clone().into_bytes());
        let Some(affinity) = Self::of_group(&self.affinity, group) else {
            // For a strategy of a user's own; none of ours looks at it by itself.
            return own().map(|key| stable_hash(&key));
        };
        let key = match &affinity.key {
            AffinityKey::User => own()?,
            AffinityKey::PromptCacheKey => call.text("prompt_cache_key")?.into_bytes(),
            AffinityKey::Prefix => call.prefix(PREFIX)?.to_vec(),
            AffinityKey::Header(_) => call.options.mark.as_ref()?.clone().into_bytes(),
        };
        Some(stable_hash(&key))
    }

    /// The header that some group's affinity goes by.
    pub(crate) fn affinity_header(&self) -> Option<&str> {
        self.affinity.values().find_map(|affinity| match &affinity.key {
            AffinityKey::Header(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The retries that are configured for failures of a kind of what goes by those names.
    pub(crate) fn retries_after(&self, names: &[&str], kind: ErrorKind) -> Option<u32> {
        let own = names.iter().find_map(|name| self.group_retries_by_kind.get(*name));
        let of = own.unwrap_or(&self.retries_by_kind);
        of.kinds.get(&kind).copied().or(of.others)
    }
}

/// How many of a request's tags a member must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagRule {
    /// One is enough.
    Any,
    /// All of them.
    All,
}

/// Where a call goes when its group is exhausted; `*` stands for every group.
#[derive(Clone, Debug)]
pub struct Fallbacks {
    /// After any failure that another group may repair.
    pub general: BTreeMap<String, Vec<FallbackTarget>>,
    /// After those, and for names that resolve to nothing.
    pub default: Vec<FallbackTarget>,
    /// After a prompt that was too long; an entry is used alone.
    pub context_window: BTreeMap<String, Vec<FallbackTarget>>,
    /// After filtered content; an entry is used alone.
    pub content_policy: BTreeMap<String, Vec<FallbackTarget>>,
    /// At most so many groups after the first. 5.
    pub most: u32,
}

/// The entry of the first of the names that has one.
fn named<'a, T>(map: &'a BTreeMap<String, T>, names: &[&str]) -> Option<&'a T> {
    names.iter().find_map(|name| map.get(*name))
}

impl Default for Fallbacks {
    fn default() -> Self {
        Self {
            general: BTreeMap::new(),
            default: Vec::new(),
            context_window: BTreeMap::new(),
            content_policy: BTreeMap::new(),
            most: 5,
        }
    }
}

impl Fallbacks {
    /// The targets after a failure of that kind of what goes by those names, in order.
    pub(crate) fn after(&self, names: &[&str], kind: ErrorKind) -> Vec<&FallbackTarget> {
        let own = match kind {
            ErrorKind::ContextWindow => Some(&self.context_window),
            ErrorKind::ContentPolicy => Some(&self.content_policy),
            _ => None,
        };
        let alone = own.and_then(|map| named(map, names).or_else(|| map.get("*")));
        if let Some(targets) = alone {
            return targets.iter().collect();
        }
        let general = &self.general;
        let lists = [named(general, names), general.get("*"), Some(&self.default)];
        lists.into_iter().flatten().flatten().collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strategy: Arc::new(SimpleShuffle),
            group_strategies: HashMap::new(),
            retry: retry::Policy::default(),
            retries_by_kind: RetriesByKind::default(),
            group_retries_by_kind: HashMap::new(),
            timeout: Duration::from_mins(10),
            stream_timeout: None,
            ttft_timeout: None,
            stall_timeout: Some(Duration::from_mins(1)),
            aliases: BTreeMap::new(),
            fallbacks: Fallbacks::default(),
            tags: None,
            sets: Vec::new(),
            pre_call_checks: false,
            affinity: HashMap::new(),
            hedge: HashMap::new(),
            retry_budget: retry::BudgetPolicy::default(),
            on_exhausted: OnExhausted::Refuse,
            default_priority: 0,
            mirror: HashMap::new(),
            cache: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_own_retry_policy_replaces_the_general_one() {
        let policy = |kind, retries, others| RetriesByKind {
            kinds: BTreeMap::from([(kind, retries)]),
            others,
        };
        let settings = Settings {
            retries_by_kind: policy(ErrorKind::Timeout, 5, Some(1)),
            group_retries_by_kind: [("g".to_owned(), policy(ErrorKind::Server, 0, None))].into(),
            ..Settings::default()
        };
        assert_eq!(settings.retries_after(&["h"], ErrorKind::Timeout), Some(5));
        assert_eq!(settings.retries_after(&["h"], ErrorKind::Server), Some(1));
        assert_eq!(settings.retries_after(&["g"], ErrorKind::Server), Some(0));
        assert_eq!(settings.retries_after(&["g"], ErrorKind::Timeout), None);
    }

    #[test]
    fn a_kinds_own_entry_is_used_alone() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, Vec<FallbackTarget>> {
            pairs.iter().map(|(from, to)| ((*from).into(), vec![(*to).into()])).collect()
        };
        let fallbacks = Fallbacks {
            general: map(&[("g", "a"), ("*", "b")]),
            default: vec!["d".into()],
            context_window: map(&[("g", "long")]),
            content_policy: map(&[("*", "mild")]),
            most: 5,
        };
        let after = |group, kind| -> Vec<&str> {
            fallbacks.after(&[group], kind).iter().map(|target| target.model.as_str()).collect()
        };
        assert_eq!(after("g", ErrorKind::Server), ["a", "b", "d"]);
        assert_eq!(after("h", ErrorKind::Server), ["b", "d"]);
        assert_eq!(after("g", ErrorKind::ContextWindow), ["long"]);
        assert_eq!(after("h", ErrorKind::ContextWindow), ["b", "d"]);
        assert_eq!(after("h", ErrorKind::ContentPolicy), ["mild"]);
    }
}
