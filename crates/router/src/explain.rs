//! What would happen to a call, without sending it.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use pointsman_clock::Instant;
use pointsman_provider::Call;
use pointsman_types::{Decimal, DeploymentId, Error, ErrorKind, GroupName};

use crate::{
    Router, Verdict, candidates::Known, journey::Journey, plan::Place, topology::Topology,
};

/// What would happen to a call.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The group its name means.
    pub group: GroupName,
    /// The groups it would fall back to after a failure of an upstream, in order.
    pub fallbacks: Vec<GroupName>,
    /// The group's members.
    pub members: Vec<ExplainedMember>,
    /// Who would get it; `None` if nobody is willing.
    pub pick: Option<DeploymentId>,
    /// The instance's seed.
    pub seed: u64,
    /// The ticket that it was decided with: the next call's.
    pub ticket: u64,
    /// Tokens of the prompt, and of the answer.
    pub estimate: (u64, u64),
    /// What it would cost with whom it was picked, in US dollars; `None` when unknown.
    pub cost: Option<Decimal>,
}

/// What a member would be found to be.
#[derive(Clone, Debug)]
pub struct ExplainedMember {
    /// The member.
    pub id: DeploymentId,
    /// What it was found to be.
    pub verdict: Verdict,
    /// Whose limit refuses it, where that is a shared one.
    pub owner: Option<String>,
    /// What the strategy goes by, in its own unit.
    pub score: Option<f64>,
}

impl ExplainedMember {
    /// When a refusal ends.
    pub fn until(&self) -> Option<Instant> {
        match &self.verdict {
            Verdict::Refused(refusal) => refusal.until.moment(),
            _ => None,
        }
    }

    /// Why it is out, for people.
    pub fn reason(&self) -> Option<String> {
        Some(match &self.verdict {
            Verdict::Taken | Verdict::Eligible => return None,
            Verdict::Refused(refusal) => match &self.owner {
                Some(owner) => format!("{} ({owner})", refusal.why),
                None => refusal.why.to_string(),
            },
            Verdict::Unfit(unfit) => unfit.to_string(),
            Verdict::Thinned => "it ramps, and chance left it out".to_owned(),
            Verdict::Tried => "it was tried".to_owned(),
            Verdict::OtherTier => "a lower tier has a willing member".to_owned(),
            Verdict::NotPinned => "the session is pinned to another member".to_owned(),
        })
    }
}

impl Router {
    /// Says what would happen to a call, by the same rules and chance as the next call; sends
    /// nothing, takes nothing and counts nothing.
    ///
    /// # Errors
    ///
    /// The name means nothing.
    pub fn explain(&self, call: Call) -> Result<Explanation, Error> {
        let shared = self.shared();
        let topology = shared.topology.load_full();
        let place = topology.resolve(&call)?;
        let ticket = shared.tickets.load(Ordering::Relaxed);
        let kind = ErrorKind::Server;
        let fallbacks = all_fallbacks(&topology, &call, &place, kind);
        let mut journey = Journey::new(shared, Arc::clone(&topology), Arc::new(call), ticket);
        journey.weighs = true;
        let (mut need, now) = (journey.need(&place), journey.began);
        let known = Known { pinned: journey.pinned(&place), ..Known::default() };
        let mut choice = journey.look(&place, &known, &need, now);
        if choice.near && journey.weight.is_rough() {
            let first = choice.candidates.first().map(|one| topology.node(one.ix));
            let model = first.map_or("", |node| node.deployment.model.as_str()).to_owned();
            let call = Arc::clone(&journey.call);
            journey.weight.count_here(&call, &model);
            need.take = journey.need(&place).take;
            choice = journey.look(&place, &known, &need, now);
        }
        let ask = journey.ask(&place, &need, now);
        let group = &topology.groups[place.group];
        let strategy = journey.strategy(&place);
        let pick = strategy.pick(&ask, &choice.candidates, &mut journey.dice);
        let picked = pick.and_then(|at| choice.candidates.get(at)).or(choice.candidates.first());
        let member = |(ix, verdict): (pointsman_types::Ix, Verdict)| {
            let at = choice.candidates.iter().position(|candidate| candidate.ix == ix);
            let taken = picked.is_some_and(|picked| picked.ix == ix);
            let owner = match &verdict {
                Verdict::Refused(refusal) => refusal.why.whose(),
                _ => None,
            };
            ExplainedMember {
                id: topology.id(ix).clone(),
                verdict: if taken { Verdict::Taken } else { verdict },
                owner: owner.and_then(|whose| topology.owner(whose)).map(ToString::to_string),
                score: at.and_then(|at| strategy.score(&ask, &choice.candidates, at)),
            }
        };
        Ok(Explanation {
            group: group.name.clone(),
            fallbacks,
            pick: picked.map(|candidate| topology.id(candidate.ix).clone()),
            cost: picked.and_then(|candidate| candidate.price),
            members: choice.verdicts.iter().cloned().map(member).collect(),
            seed: shared.seed,
            ticket,
            estimate: (need.take.input, need.take.output),
        })
    }
}

/// The groups that a call would fall back to if everybody failed so, in order.
fn all_fallbacks(
    topology: &Topology,
    call: &Call,
    start: &Place,
    kind: ErrorKind,
) -> Vec<GroupName> {
    let mut names = Vec::new();
    let mut seen = vec![start.clone()];
    let mut line = VecDeque::from([start.clone()]);
    while let Some(failed) = line.pop_front() {
        let (most, targets) = topology.targets(&call.options, &failed, kind);
        for place in targets.iter().filter_map(|target| topology.find(&target.model)) {
            if seen.len() <= most && !seen.iter().any(|one| one.is(&place)) {
                let group = &topology.groups[place.group].name;
                // A wildcard's own name does not tell which of its models is meant.
                let asked = place.asked.as_deref().filter(|_| place.taken.is_some());
                names.push(asked.map_or_else(|| group.clone(), GroupName::from));
                seen.push(place.clone());
                line.push_back(place);
            }
        }
    }
    names
}
