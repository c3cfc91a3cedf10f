//! The router: one topology, one state, and calls through them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use pointsman_clock::{Clock, Instant};
use pointsman_provider::Call;
use pointsman_state::{Report, StateStore};
use pointsman_types::{DeploymentId, GroupName};

use crate::{Answer, BuildError, Failure, RouterBuilder, journey::Journey, topology::Topology};

/// Routes calls to deployments. Cheap to clone; clones are the same router.
#[derive(Clone, Debug)]
pub struct Router {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    topology: ArcSwap<Topology>,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
    tickets: AtomicU64,
    grants: AtomicU64,
}

impl Shared {
    /// A new grant's number.
    pub(crate) fn grant(&self) -> u64 {
        self.grants.fetch_add(1, Ordering::Relaxed)
    }
}

/// How the members of a group stand, for people.
#[derive(Clone, Debug)]
pub struct GroupState {
    /// The group.
    pub name: GroupName,
    /// Its members.
    pub members: Vec<MemberState>,
}

/// How one member stands, for people.
#[derive(Clone, Debug)]
pub struct MemberState {
    /// The deployment.
    pub id: DeploymentId,
    /// How it stands.
    pub report: Report,
}

impl Router {
    /// Begins a router.
    pub fn builder() -> RouterBuilder {
        RouterBuilder::default()
    }

    pub(crate) fn new(
        topology: Topology,
        store: Arc<dyn StateStore>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                topology: ArcSwap::from_pointee(topology),
                store,
                clock,
                seed,
                tickets: AtomicU64::new(0),
                grants: AtomicU64::new(0),
            }),
        }
    }

    /// Takes a call to whichever deployment can answer it.
    ///
    /// Dropping the future, or the stream of the answer, gives back all that the call took.
    ///
    /// # Errors
    ///
    /// The failure of the first group, after every retry and fallback that the rules allow.
    pub async fn call(&self, call: Call) -> Result<Answer, Failure> {
        let topology = self.shared.topology.load_full();
        let start =
            topology.resolve(&call.head.model).map_err(|error| Failure { error, trace: None })?;
        let ticket = self.shared.tickets.fetch_add(1, Ordering::Relaxed);
        Journey::new(&self.shared, topology, Arc::new(call), ticket).run(start).await
    }

    /// Replaces deployments and settings whole. What stays keeps its health, its limits and what
    /// is in flight; calls under way end as they began.
    ///
    /// # Errors
    ///
    /// Every fault at once; then nothing changes. The store, clock and seed of the builder are not
    /// used.
    pub fn reload(&self, with: RouterBuilder) -> Result<(), BuildError> {
        let topology = with.topology(self.shared.store.as_ref(), self.shared.clock.as_ref())?;
        self.shared.topology.store(Arc::new(topology));
        Ok(())
    }

    /// The names that callers may use, in order.
    pub fn models(&self) -> Vec<GroupName> {
        self.shared.topology.load().names()
    }

    /// How everything stands, for people.
    pub fn state(&self) -> Vec<GroupState> {
        let (topology, now) = (self.shared.topology.load(), self.now());
        let member = |ix: &pointsman_types::Ix| {
            let node = topology.node(*ix);
            let report = self.shared.store.report(node.slot, now);
            MemberState { id: node.deployment.id.clone(), report }
        };
        let group = |group: &crate::topology::Group| GroupState {
            name: group.name.clone(),
            members: group.members.iter().map(member).collect(),
        };
        topology.groups.iter().map(group).collect()
    }

    /// This moment, by the router's clock.
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }
}
