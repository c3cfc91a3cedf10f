//! All deployments and groups at one time, replaced whole.

use std::{collections::HashMap, sync::Arc};

use pointsman_cost::Price;
use pointsman_provider::{Provider, Target};
use pointsman_state::Slot;
use pointsman_strategy::Pick;
use pointsman_types::{Deployment, DeploymentId, GroupName, Ix};

use crate::Settings;

/// All deployments and groups at one time.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) settings: Settings,
    pub(crate) nodes: Vec<Node>,
    pub(crate) groups: Vec<Group>,
    pub(crate) by_name: HashMap<GroupName, usize>,
    pub(crate) by_id: HashMap<DeploymentId, Ix>,
}

/// One deployment, ready to be called.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) deployment: Deployment,
    pub(crate) hash: u64,
    pub(crate) rpm: Option<u32>,
    pub(crate) tpm: Option<u64>,
    pub(crate) price: Option<Price>,
    pub(crate) target: Target,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) slot: Slot,
}

/// The deployments that share a name.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: GroupName,
    pub(crate) members: Vec<Ix>,
    /// Where the state of each member is, in the same order.
    pub(crate) slots: Vec<Slot>,
    pub(crate) pick: Arc<dyn Pick>,
}

impl Topology {
    pub(crate) fn node(&self, ix: Ix) -> &Node {
        &self.nodes[ix.at()]
    }

    pub(crate) fn id(&self, ix: Ix) -> &DeploymentId {
        &self.node(ix).deployment.id
    }
}
