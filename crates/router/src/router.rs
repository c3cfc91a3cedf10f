//! The router: one topology, one state, and calls through them.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use pointsman_clock::{Clock, Instant};
use pointsman_cost::Price;
use pointsman_provider::Call;
use pointsman_state::{AccountReport, Freed, Report, Slot, StateStore};
use pointsman_types::{DeploymentId, Error, GroupName, Operation};

use crate::{
    Answer, BuildError, Failure, Info, Observer, RouterBuilder, cache::Answers, journey::Journey,
    live::Lives, mirror::Beside, pins::Pins, topology::Topology,
};

/// Routes calls to deployments. Cheap to clone; clones are the same router.
#[derive(Clone, Debug)]
pub struct Router {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) topology: ArcSwap<Topology>,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) lives: Lives,
    pub(crate) pins: Pins,
    pub(crate) answers: Answers,
    pub(crate) beside: Beside,
    pub(crate) seed: u64,
    pub(crate) tickets: AtomicU64,
    grants: AtomicU64,
}

impl Shared {
    /// A new grant's number.
    pub(crate) fn grant(&self) -> u64 {
        self.grants.fetch_add(1, Ordering::Relaxed)
    }
}

impl Shared {
    /// Lets whoever waits look, in each group.
    fn wake(&self) {
        for group in &self.topology.load().groups {
            group.live.room.wake();
        }
    }
}

impl Freed for Shared {
    /// What frees at one member may free another's quota or a caller's as well, so all may look.
    fn freed(&self, _: Slot) {
        self.wake();
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

/// What is known of a deployment, however it stands.
#[derive(Clone, Debug)]
pub struct Described {
    /// The deployment.
    pub id: DeploymentId,
    /// Its group.
    pub group: GroupName,
    /// Its vendor's prefix.
    pub vendor: String,
    /// The model's name at the upstream.
    pub model: String,
    /// What its model is for.
    pub operation: Operation,
    /// What its model can do.
    pub info: Info,
    /// What its tokens cost, if that is known.
    pub price: Option<Price>,
}

/// How a shared account stands, for people.
#[derive(Clone, Debug)]
pub struct AccountState {
    /// Kind and name, as in `quota:team`.
    pub name: String,
    /// How it stands.
    pub report: AccountReport,
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
        observer: Option<Arc<dyn Observer>>,
        lives: Lives,
        seed: u64,
    ) -> Self {
        let shared = Arc::new(Shared {
            topology: ArcSwap::from_pointee(topology),
            store,
            clock,
            observer,
            lives,
            pins: Pins::default(),
            answers: Answers::default(),
            beside: Beside::default(),
            seed,
            tickets: AtomicU64::new(0),
            // Grants of several instances, or of two lives of one, must not share a name.
            grants: AtomicU64::new(seed.rotate_left(17)),
        });
        let listener: Arc<dyn Freed> = Arc::clone(&shared) as Arc<dyn Freed>;
        let listener: Weak<dyn Freed> = Arc::downgrade(&listener);
        shared.store.on_free(listener);
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Takes a call to whichever deployment can answer it.
    ///
    /// Dropping the future, or the stream of the answer, gives back all that the call took.
    ///
    /// # Errors
    ///
    /// The failure of the first group, after every retry and fallback that the rules allow.
    pub async fn call(&self, call: Call) -> Result<Answer, Failure> {
        if call.options.fastest_response && call.head.model.contains(',') {
            // It is rare, and every call would have room for it.
            return Box::pin(self.race(call)).await;
        }
        self.one(Arc::new(call), 1).await
    }

    /// Takes a call to the group that it names, where it is one of so many that share its sends.
    pub(crate) async fn one(&self, call: Arc<Call>, of: u32) -> Result<Answer, Failure> {
        let topology = self.shared.topology.load_full();
        let place = topology.resolve(&call).map_err(|error| Failure { error, trace: None })?;
        let ticket = self.shared.tickets.fetch_add(1, Ordering::Relaxed);
        let mut journey = Journey::new(&self.shared, topology, call, ticket);
        journey.retry.max_attempts = (journey.retry.max_attempts / of.max(1)).max(1);
        // The way of a call is long, and so is its future.
        Box::pin(journey.run(place)).await
    }

    /// Replaces deployments and settings whole. What stays keeps its health, its limits and what
    /// is in flight; calls under way end as they began.
    ///
    /// # Errors
    ///
    /// Every fault at once; then nothing changes. The store, clock and seed of the builder are not
    /// used.
    pub fn reload(&self, with: RouterBuilder) -> Result<(), BuildError> {
        let shared = &self.shared;
        let topology =
            with.topology(shared.store.as_ref(), shared.clock.as_ref(), &shared.lives)?;
        shared.topology.store(Arc::new(topology));
        // A limit may have been raised.
        shared.wake();
        Ok(())
    }

    /// Writes down what must survive a restart; to be called every second, and with `end` when no
    /// call is under way any more.
    ///
    /// # Errors
    ///
    /// What could not be written, and why.
    pub async fn flush(&self, end: bool) -> Result<(), Error> {
        self.shared.store.flush(end, self.now()).await
    }

    /// Ends what goes on beside calls and waits for it; calls themselves are their callers'.
    pub async fn close(&self) {
        self.shared.beside.close().await;
    }

    /// The names that callers may use, in order.
    pub fn models(&self) -> Vec<GroupName> {
        self.shared.topology.load().names()
    }

    /// All deployments, in order, and what is known of each.
    pub fn described(&self) -> Vec<Described> {
        let topology = self.shared.topology.load();
        let one = |node: &crate::topology::Node| Described {
            id: node.deployment.id.clone(),
            group: node.deployment.group.clone(),
            vendor: node.deployment.vendor.clone(),
            model: node.deployment.model.clone(),
            operation: node.probe.operation,
            info: node.info.clone(),
            price: node.price.clone(),
        };
        topology.nodes.iter().map(one).collect()
    }

    /// Hands over the header that some group's affinity goes by, if one does: whoever has the
    /// request puts its value into the options' `mark`.
    pub fn affinity_header(&self, found: impl FnOnce(&str)) {
        if let Some(name) = self.shared.topology.load().settings.affinity_header() {
            found(name);
        }
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

    /// How the shared accounts stand, for people.
    pub fn accounts(&self) -> Vec<AccountState> {
        let (topology, now) = (self.shared.topology.load(), self.now());
        let all = topology.accounts.all.iter();
        all.map(|(id, ix)| AccountState {
            name: id.to_string(),
            report: self.shared.store.account(*ix, now),
        })
        .collect()
    }

    /// This moment, by the router's clock.
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }
}
