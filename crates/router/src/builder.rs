//! From deployments, settings and ports to a router.

use std::{collections::HashMap, fmt, sync::Arc};

use pointsman_clock::{Clock, SystemClock};
use pointsman_cost::Price;
use pointsman_provider::{Provider, Target, Vendor};
use pointsman_state::{HealthPolicy, Limits, MemberSpec, MemoryStore, StateStore};
use pointsman_strategy::Pick;
use pointsman_types::{Deployment, Ix};

use crate::{
    Router, Settings,
    topology::{Group, Node, Topology},
};

/// A deployment with all that is decided by.
#[derive(Clone, Debug)]
pub struct Member {
    /// The endpoint.
    pub deployment: Deployment,
    /// What it may be asked.
    pub limits: Limits,
    /// Tokens a minute, as a share of the traffic for weighted strategies.
    pub tpm: Option<u64>,
    /// How it cools and recovers.
    pub health: HealthPolicy,
    /// What its tokens cost; `None` when unknown.
    pub price: Option<Price>,
}

impl From<Deployment> for Member {
    fn from(deployment: Deployment) -> Self {
        let (limits, health) = (Limits::default(), HealthPolicy::default());
        Self { deployment, limits, tpm: None, health, price: None }
    }
}

/// Why a router cannot be built: every fault at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// The faults.
    pub faults: Vec<Fault>,
}

/// One fault of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which one, in the order they were given; `None` for a fault of the whole.
    pub member: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.faults.iter().map(|fault| fault.message.as_str()).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for BuildError {}

/// Builds a [`Router`].
#[derive(Clone, Debug, Default)]
pub struct RouterBuilder {
    providers: Vec<Arc<dyn Provider>>,
    members: Vec<Member>,
    settings: Settings,
    store: Option<Arc<dyn StateStore>>,
    clock: Option<Arc<dyn Clock>>,
    seed: u64,
}

impl RouterBuilder {
    /// Serves the deployments of this provider's vendor; a later one of the same name wins.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Adds a deployment, or a [`Member`] with limits, health policy and price.
    #[must_use]
    pub fn deployment(mut self, member: impl Into<Member>) -> Self {
        self.members.push(member.into());
        self
    }

    /// Picks by this strategy, where a group has none of its own.
    #[must_use]
    pub fn strategy(mut self, pick: Arc<dyn Pick>) -> Self {
        self.settings.strategy = pick;
        self
    }

    /// Behaves like this; replaces all settings.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Keeps the live state here. Default: in memory.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn StateStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Tells the time by this clock. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Seeds all chance. Two routers of one seed that see the same decide the same.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Builds the router.
    ///
    /// # Errors
    ///
    /// Every fault at once: a vendor without provider, an address that is none, an id used twice.
    pub fn build(self) -> Result<Router, BuildError> {
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock::new()));
        let store = self.store.clone().unwrap_or_else(|| Arc::new(MemoryStore::new(self.seed)));
        let seed = self.seed;
        let topology = self.topology(store.as_ref(), clock.as_ref())?;
        Ok(Router::new(topology, store, clock, seed))
    }

    /// Every fault there is; [`build`](Self::build) succeeds when there is none.
    pub fn check(&self) -> Vec<Fault> {
        let mut faults = self.twins();
        for (at, member) in self.members.iter().enumerate() {
            if let Err(message) = self.address(member) {
                faults.push(Fault { member: Some(at), message });
            }
        }
        if self.members.is_empty() {
            faults.push(Fault { member: None, message: "there is no deployment".into() });
        }
        faults
    }

    /// Checks everything, then binds it to the state of a store.
    pub(crate) fn topology(
        self,
        store: &dyn StateStore,
        clock: &dyn Clock,
    ) -> Result<Topology, BuildError> {
        let faults = self.check();
        if !faults.is_empty() {
            return Err(BuildError { faults });
        }
        let ready: Vec<_> =
            self.members.iter().filter_map(|member| self.address(member).ok()).collect();
        let spec = |member: &Member| MemberSpec {
            id: member.deployment.id.clone(),
            group: member.deployment.group.clone(),
            limits: member.limits,
            health: member.health,
        };
        let specs: Vec<MemberSpec> = self.members.iter().map(spec).collect();
        let slots = store.bind(&specs, clock.now());
        let nodes = self.members.into_iter().zip(ready).zip(slots.iter());
        let nodes = nodes.map(|((member, (provider, target)), slot)| Node {
            hash: member.deployment.id.stable_hash(),
            rpm: member.limits.rpm,
            tpm: member.tpm,
            price: member.price,
            deployment: member.deployment,
            target,
            provider,
            slot: *slot,
        });
        Ok(group(nodes.collect(), self.settings))
    }

    /// The vendors that the providers serve.
    pub fn vendors(&self) -> Vec<Vendor> {
        self.providers.iter().map(|one| one.vendor()).collect()
    }

    fn address(&self, member: &Member) -> Result<(Arc<dyn Provider>, Target), String> {
        let vendor = member.deployment.vendor.as_str();
        let provider = self.providers.iter().rev().find(|one| one.vendor().name == vendor);
        let provider = provider.ok_or_else(|| {
            let mut known: Vec<&str> = self.providers.iter().map(|one| one.vendor().name).collect();
            known.sort_unstable();
            format!("no provider serves the vendor `{vendor}`; there is {}", known.join(", "))
        })?;
        Ok((Arc::clone(provider), provider.target(&member.deployment)?))
    }

    fn twins(&self) -> Vec<Fault> {
        let mut first: HashMap<&str, usize> = HashMap::new();
        let mut faults = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            let id = member.deployment.id.as_str();
            if let Some(before) = first.insert(id, at) {
                let message = format!("deployments {before} and {at} have the same id `{id}`");
                faults.push(Fault { member: Some(at), message });
            }
        }
        faults
    }
}

fn group(nodes: Vec<Node>, settings: Settings) -> Topology {
    let mut topology = Topology {
        settings,
        by_id: HashMap::with_capacity(nodes.len()),
        by_name: HashMap::new(),
        groups: Vec::new(),
        nodes: Vec::new(),
    };
    for (ix, node) in (0..).map(Ix).zip(&nodes) {
        let name = &node.deployment.group;
        let at = *topology.by_name.entry(name.clone()).or_insert_with(|| {
            let own = topology.settings.group_strategies.get(name.as_str());
            topology.groups.push(Group {
                name: name.clone(),
                members: Vec::new(),
                slots: Vec::new(),
                pick: Arc::clone(own.unwrap_or(&topology.settings.strategy)),
            });
            topology.groups.len() - 1
        });
        topology.groups[at].members.push(ix);
        topology.groups[at].slots.push(node.slot);
        topology.by_id.insert(node.deployment.id.clone(), ix);
    }
    topology.nodes = nodes;
    topology
}
