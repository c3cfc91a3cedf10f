//! From a group to one member's claimed capacity.

use std::sync::Arc;

use pointsman_clock::{Dice, Instant};
use pointsman_state::{Demand, GrantId, Lease, Why};
use pointsman_strategy::{Ask, Pick, builtin};
use pointsman_types::{Error, Ix};

use crate::{
    Decision, Verdict,
    candidates::{Choice, Known, choose},
    fit::Checks,
    journey::Journey,
    need,
    plan::Place,
    refused::refused,
};

/// How a member is claimed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// Whether this is the group's first attempt, which takes a turn.
    pub(crate) first: bool,
    /// Whether a softly cooling member may be claimed.
    pub(crate) last_resort: bool,
}

impl Journey<'_> {
    /// Picks a member and claims its capacity; a member that refuses is dropped from the decision.
    pub(crate) async fn claim(
        &mut self,
        place: &Place,
        known: &mut Known,
        how: How,
    ) -> Result<(Ix, Lease), Error> {
        known.refused.clear();
        let topology = Arc::clone(&self.topology);
        let group = &topology.groups[place.group];
        let strategy = self.strategy(place);
        let mut need = self.need(place);
        need.last_resort = how.last_resort;
        loop {
            let now = self.shared.clock.now();
            let mut choice = self.look(place, known, &need, now);
            if choice.near && self.weight.is_rough() {
                let model = choice.candidates.first().map(|one| topology.node(one.ix));
                let model = model.map_or("", |node| node.deployment.model.as_str());
                self.weight.count(&self.call, model).await;
                need.take = self.need(place).take;
                continue;
            }
            let (ask, dice) = (self.ask(place, &need, now), self.dice.clone());
            let pick = strategy.pick(&ask, &choice.candidates, &mut self.dice);
            // A strategy of a user's own may point nowhere: the first candidate then.
            let picked = pick.and_then(|at| choice.candidates.get(at));
            let Some(ix) = picked.or(choice.candidates.first()).map(|candidate| candidate.ix)
            else {
                // Others may have claimed since `now`, and the wait is from when it is told.
                let told = self.shared.clock.now();
                let error = refused(&topology, group, &choice.verdicts, told);
                self.note(place, choice, ask, dice, strategy);
                return Err(error);
            };
            need.turn = (how.first && !self.is_copy).then_some(choice.turn);
            let (store, clock) = (&self.shared.store, Arc::clone(&self.shared.clock));
            let id = GrantId(self.shared.grant());
            match Lease::claim(store, clock, topology.node(ix).slot, &need, id).await {
                Ok(lease) => {
                    for (member, verdict) in &mut choice.verdicts {
                        if *member == ix {
                            *verdict = Verdict::Taken;
                        }
                    }
                    self.note(place, choice, ask, dice, strategy);
                    return Ok((ix, lease));
                }
                Err(refusal) if refusal.why == Why::Raced => {}
                Err(refusal) => known.refused.push((ix, refusal)),
            }
        }
    }

    /// What picks: the request's own strategy, else the group's.
    pub(crate) fn strategy(&self, place: &Place) -> Arc<dyn Pick> {
        let group = || Arc::clone(&self.topology.groups[place.group].pick);
        self.own_strategy().unwrap_or_else(group)
    }

    fn own_strategy(&self) -> Option<Arc<dyn Pick>> {
        self.call.options.strategy.as_deref().and_then(builtin)
    }

    /// What the call needs of the group.
    pub(crate) fn need(&mut self, place: &Place) -> Demand {
        let group = &self.topology.groups[place.group];
        // A strategy of the request's own may go by sizes where the group's does not.
        let weighs = self.weighs || self.own_strategy().is_some_and(|own| own.weighs());
        let need = need::demand(&self.topology, group, &self.call, &mut self.weight, weighs);
        self.estimate = need.expected();
        need
    }

    pub(crate) fn ask(&self, place: &Place, need: &Demand, now: Instant) -> Ask {
        let group = self.topology.groups[place.group].name.as_str();
        Ask {
            now,
            ticket: self.trace.ticket,
            key: self.topology.settings.affinity_key(group, &self.call),
            stream: self.call.head.stream,
            estimate: pointsman_strategy::Estimate {
                input: need.take.input,
                output: need.take.output,
            },
        }
    }

    pub(crate) fn look(
        &mut self,
        place: &Place,
        known: &Known,
        need: &Demand,
        now: Instant,
    ) -> Choice {
        let group = &self.topology.groups[place.group];
        self.shared.store.view(&group.slots, need, now, &mut self.sight);
        let prompt = if self.topology.settings.pre_call_checks {
            Some(self.weight.input(&self.call))
        } else {
            None
        };
        let checks = Checks { call: &self.call, prompt, outgrown: known.outgrown };
        choose(&self.topology, place, &checks, &self.sight, known, &mut self.dice)
    }

    fn note(&mut self, place: &Place, choice: Choice, ask: Ask, dice: Dice, pick: Arc<dyn Pick>) {
        self.trace.decisions.push(Decision {
            group: place.group,
            members: choice.verdicts,
            candidates: choice.candidates,
            ask,
            dice,
            pick,
        });
    }
}
