//! Why a call went the way it went.

use std::{sync::Arc, time::Duration};

use pointsman_clock::Dice;
use pointsman_state::Refusal;
use pointsman_strategy::{Ask, Candidate, Pick};
use pointsman_types::{Attempt, Deployment, DeploymentId, GroupName, Ix};
use smallvec::SmallVec;

use crate::{Unfit, topology::Topology};

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
    /// Groups that failed before the one that answered or, where none did, before the last.
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
    /// What the strategy chose among.
    pub candidates: Vec<Candidate>,
    /// What it was asked.
    pub ask: Ask,
    /// The chance it was given.
    pub dice: Dice,
    /// The strategy.
    pub pick: Arc<dyn Pick>,
}

/// What a member was found to be in a decision.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It was picked and its capacity claimed.
    Taken,
    /// It could have been.
    Eligible,
    /// It is not willing.
    Refused(Refusal),
    /// It cannot take the call, whatever its state.
    Unfit(Unfit),
    /// It ramps, and chance left it out.
    Thinned,
    /// It failed in this call already.
    Tried,
    /// A lower tier still has members.
    OtherTier,
    /// The call's session is pinned to another member.
    NotPinned,
}

impl Verdict {
    /// The verdict's name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Eligible => "eligible",
            Self::Refused(_) | Self::Unfit(_) => "refused",
            Self::Thinned => "thinned",
            Self::Tried => "tried",
            Self::OtherTier | Self::NotPinned => "other_tier",
        }
    }
}

impl Trace {
    /// The group a decision was made in.
    pub fn group(&self, decision: &Decision) -> &GroupName {
        &self.topology.groups[decision.group].name
    }

    /// Makes a decision once more, from what it was made of: the same member, always.
    pub fn replay(&self, decision: &Decision) -> Option<Ix> {
        let at =
            decision.pick.pick(&decision.ask, &decision.candidates, &mut decision.dice.clone());
        at.and_then(|at| decision.candidates.get(at)).map(|candidate| candidate.ix)
    }

    /// A deployment that an attempt was sent to.
    pub fn deployment(&self, id: &DeploymentId) -> Option<&Deployment> {
        let ix = self.topology.by_id.get(id)?;
        Some(&self.topology.node(*ix).deployment)
    }

    /// The id of a member that a decision names.
    pub fn id(&self, member: Ix) -> &DeploymentId {
        self.topology.id(member)
    }
}
