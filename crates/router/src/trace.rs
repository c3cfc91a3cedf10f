//! Why a call went the way it went.

use std::{sync::Arc, time::Duration};

use pointsman_state::Refusal;
use pointsman_types::{Attempt, DeploymentId, GroupName, Ix};
use smallvec::SmallVec;

use crate::topology::Topology;

/// Why a call went the way it went: every decision with its members, and every attempt.
///
/// Seed and ticket replay the chance of the call.
#[derive(Clone, Debug)]
pub struct Trace {
    pub(crate) topology: Arc<Topology>,
    /// The instance's seed.
    pub seed: u64,
    /// The call's number in this instance.
    pub ticket: u64,
    /// The decisions, in order.
    pub decisions: Vec<Decision>,
    /// The sends, in order.
    pub attempts: SmallVec<[Attempt; 2]>,
    /// Groups that failed before the one that answered, or all that failed.
    pub fallbacks: u32,
    /// Retries: attempts after the first in their group.
    pub retries: u32,
    /// The part of the call that was spent in upstreams and waits.
    pub elsewhere: Duration,
}

/// One decision among the members of a group.
#[derive(Clone, Debug)]
pub struct Decision {
    pub(crate) group: usize,
    /// What each member was found to be.
    pub members: SmallVec<[(Ix, Verdict); 4]>,
}

/// What a member was found to be in a decision.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It was picked and its capacity claimed.
    Taken,
    /// It could have been.
    Eligible,
    /// It is not willing.
    Refused(Refusal),
    /// It cannot be asked this, or the request's tags rule it out.
    Unfit,
    /// It ramps, and chance left it out.
    Thinned,
    /// It failed in this call already.
    Tried,
    /// A lower tier still has members.
    OtherTier,
}

impl Trace {
    /// The group a decision was made in.
    pub fn group(&self, decision: &Decision) -> &GroupName {
        &self.topology.groups[decision.group].name
    }

    /// The id of a member that a decision names.
    pub fn id(&self, member: Ix) -> &DeploymentId {
        self.topology.id(member)
    }
}
