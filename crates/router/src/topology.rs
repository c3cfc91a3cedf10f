//! All deployments and groups at one time, replaced whole.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use pointsman_cost::Price;
use pointsman_provider::{Provider, Target};
use pointsman_retry::HedgeAfter;
use pointsman_state::{AccountId, AccountIx, Slot, Whose};
use pointsman_strategy::Pick;
use pointsman_types::{Deployment, DeploymentId, GroupName, Ix};

use crate::{Info, Probe, Settings, live::GroupLive, pattern::Pattern};

/// All deployments and groups at one time.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) settings: Settings,
    pub(crate) nodes: Vec<Node>,
    pub(crate) groups: Vec<Group>,
    pub(crate) by_name: HashMap<GroupName, usize>,
    /// Groups whose name is a pattern, the most specific first.
    pub(crate) patterns: Vec<(Pattern, usize)>,
    pub(crate) by_id: HashMap<DeploymentId, Ix>,
    pub(crate) accounts: Accounts,
}

/// The shared accounts.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    /// Each account's name, in the order of the configuration.
    pub(crate) all: Vec<(AccountId, AccountIx)>,
    pub(crate) of_tag: BTreeMap<String, AccountIx>,
    pub(crate) of_caller: BTreeMap<String, AccountIx>,
}

/// One deployment, ready to be called.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) deployment: Deployment,
    pub(crate) hash: u64,
    pub(crate) rpm: Option<u32>,
    pub(crate) tpm: Option<u64>,
    pub(crate) price: Option<Price>,
    pub(crate) info: Info,
    pub(crate) probe: Probe,
    /// Groups that get a copy of every call that is sent here.
    pub(crate) mirrors: Vec<String>,
    pub(crate) target: Target,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) slot: Slot,
    /// The longest answer that it asks for where a request does not say.
    pub(crate) max_output: Option<u64>,
    /// Tokens that its limits have room for, when nothing was used: of a call, and of its answer.
    pub(crate) most: Option<u64>,
    pub(crate) most_output: Option<u64>,
    /// Whether it has a limit of tokens or a budget, so that the size of a call matters.
    pub(crate) weighs: bool,
}

/// The deployments that share a name.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: GroupName,
    /// A hash of the name.
    pub(crate) hash: u64,
    pub(crate) members: Vec<Ix>,
    /// Where the state of each member is, in the same order.
    pub(crate) slots: Vec<Slot>,
    pub(crate) pick: Arc<dyn Pick>,
    /// The tier of each member, where it differs from the member's own.
    pub(crate) tiers: Option<Vec<i64>>,
    /// Whether its decisions hang on what a prompt weighs.
    pub(crate) weighs: bool,
    /// When a second copy of a late call is sent.
    pub(crate) hedge: Option<HedgeAfter>,
    pub(crate) live: Arc<GroupLive>,
}

impl Node {
    /// The target, with what a wildcard in the name took put into the model.
    pub(crate) fn target(&self, taken: Option<&[String]>) -> Cow<'_, Target> {
        let Some(taken) = taken.filter(|_| self.target.model.contains('*')) else {
            return Cow::Borrowed(&self.target);
        };
        Cow::Owned(self.target.with_model(&crate::pattern::fill(&self.target.model, taken)))
    }
}

impl Group {
    /// The tier of the member at that place: lower ones first, one without is in the last.
    pub(crate) fn tier(&self, topology: &Topology, at: usize) -> (i64, i64) {
        let own = topology.node(self.members[at]).deployment.order.unwrap_or(i64::MAX);
        let set = self.tiers.as_ref().and_then(|tiers| tiers.get(at).copied());
        (set.unwrap_or(0), own)
    }
}

impl Topology {
    pub(crate) fn node(&self, ix: Ix) -> &Node {
        &self.nodes[ix.at()]
    }

    pub(crate) fn id(&self, ix: Ix) -> &DeploymentId {
        &self.node(ix).deployment.id
    }

    /// Whose limit it is, for people; nothing for the deployment's own.
    pub(crate) fn owner(&self, whose: Whose) -> Option<&AccountId> {
        let Whose::Account(at) = whose else { return None };
        self.accounts.all.iter().find(|(_, ix)| *ix == at).map(|(id, _)| id)
    }
}
