//! The port: where the live state is.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use pointsman_clock::Instant;
use pointsman_health::{Cooldown, Pass, Policy};
use pointsman_limits::{Hold, Limits};
use pointsman_types::{DeploymentId, GroupName, Outcome};

use crate::{Refusal, Report, Sight};

/// What the state must know of a deployment.
#[derive(Clone, Debug)]
pub struct MemberSpec {
    /// State is bound to this, across reloads.
    pub id: DeploymentId,
    /// The group it serves.
    pub group: GroupName,
    /// What it may be asked.
    pub limits: Limits,
    /// How it cools and recovers.
    pub health: Policy,
}

impl MemberSpec {
    /// A member without limits and with the default health policy.
    pub fn new(id: DeploymentId, group: GroupName) -> Self {
        Self { id, group, limits: Limits::default(), health: Policy::default() }
    }
}

/// The place of one deployment's state in a store. Slots are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub u32);

/// Names one grant: unique among all instances that share a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrantId(pub u64);

/// What a call needs of a member.
#[derive(Clone, Copy, Debug, Default)]
pub struct Demand {
    /// The turn that a first attempt takes; `None` for retries, which take none.
    pub turn: Option<Turn>,
}

/// The turn of a group that a pick was made for.
///
/// A pick sees how often each member was served; if another call took a turn meanwhile, that view
/// is old, and the claim is refused so that the caller looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// A hash of the set of candidates.
    pub set: u64,
    /// Turns taken by that set, as seen.
    pub total: u64,
}

/// Claimed capacity. It is not `Clone`, so it settles once; hold it in a [`crate::Lease`].
#[derive(Debug)]
pub struct Grant {
    /// Its name.
    pub id: GrantId,
    /// Whose capacity it is.
    pub slot: Slot,
    pub(crate) pass: Pass,
    pub(crate) hold: Hold,
}

impl Grant {
    /// Whether the attempt is the member's probe.
    pub fn is_probe(&self) -> bool {
        self.pass.is_probe()
    }
}

/// Where the live state of deployments is.
///
/// `view` never blocks or changes anything and takes no chance; `reserve` is the linearisation
/// point; `settle` is called from `Drop`. Time is an argument everywhere.
///
/// ```
/// use async_trait::async_trait;
/// use pointsman_clock::Instant;
/// use pointsman_state::*;
/// use pointsman_types::Outcome;
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
///
/// /// Counts what is reserved, and leaves the rest to the store in memory.
/// #[derive(Debug)]
/// struct Counting(MemoryStore, AtomicU64);
///
/// #[async_trait]
/// impl StateStore for Counting {
///     fn bind(&self, members: &[MemberSpec], now: Instant) -> Arc<[Slot]> {
///         self.0.bind(members, now)
///     }
///     fn view(&self, among: &[Slot], now: Instant, out: &mut Sight) {
///         self.0.view(among, now, out);
///     }
///     async fn reserve(&self, at: Slot, need: &Demand, id: GrantId, now: Instant) -> Result<Grant, Refusal> {
///         self.1.fetch_add(1, Ordering::Relaxed);
///         self.0.reserve(at, need, id, now).await
///     }
///     fn first_content(&self, grant: &Grant, now: Instant) {
///         self.0.first_content(grant, now);
///     }
///     fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown> {
///         self.0.settle(grant, outcome, now)
///     }
///     fn report(&self, at: Slot, now: Instant) -> Report {
///         self.0.report(at, now)
///     }
/// }
/// ```
#[async_trait]
pub trait StateStore: Debug + Send + Sync + 'static {
    /// Binds all members of a topology to their state, by id: known ones keep it, and take the new
    /// settings. A member that joins a group which already serves ramps.
    fn bind(&self, members: &[MemberSpec], now: Instant) -> Arc<[Slot]>;

    /// What a decision among the members of one group sees: a row for each willing one, a refusal
    /// for each other. `out` is cleared first and its memory reused.
    fn view(&self, among: &[Slot], now: Instant, out: &mut Sight);

    /// Claims the capacity for one attempt: all of it, or nothing. The in-flight count is up
    /// before this returns.
    ///
    /// # Errors
    ///
    /// Why not, and until when.
    async fn reserve(
        &self,
        at: Slot,
        need: &Demand,
        id: GrantId,
        now: Instant,
    ) -> Result<Grant, Refusal>;

    /// The attempt's first content has come: frees a probe.
    fn first_content(&self, grant: &Grant, now: Instant);

    /// Gives the capacity back and learns from the outcome; queues and never blocks. Returns the
    /// cooldown that this began or prolonged.
    fn settle(&self, grant: Grant, outcome: &Outcome, now: Instant) -> Option<Cooldown>;

    /// How one member stands, for people.
    fn report(&self, at: Slot, now: Instant) -> Report;
}

const _: fn(&dyn StateStore) = |_| ();
