//! One call on its way: group by group, attempt by attempt.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use http::HeaderMap;
use pointsman_clock::{Dice, Instant};
use pointsman_provider::Call;
use pointsman_retry::{self as retry, Decision as Next, Situation, Willing};
use pointsman_state::{Demand, GrantId, Lease, Sight, Why};
use pointsman_strategy::{Ask, Estimate};
use pointsman_types::{Attempt, Error, ErrorKind, Ix, Scope, stable_hash};
use smallvec::SmallVec;

use crate::{
    Answer, Decision, Failure, Payload, Trace, Verdict,
    attempt::{Bound, attempt},
    candidates::{Choice, Known, choose},
    plan::Place,
    refused::refused,
    router::Shared,
    topology::Topology,
};

/// A group that is still to be asked, and the call as it is sent there.
struct Leg {
    place: Place,
    call: Arc<Call>,
}

/// One call on its way.
pub(crate) struct Journey<'a> {
    shared: &'a Shared,
    topology: Arc<Topology>,
    /// The call as it is sent now; a fallback may change its body.
    call: Arc<Call>,
    dice: Dice,
    deadline: Instant,
    sight: Sight,
    trace: Trace,
}

impl<'a> Journey<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        topology: Arc<Topology>,
        call: Arc<Call>,
        ticket: u64,
    ) -> Self {
        let timeout = call.options.timeout.unwrap_or(topology.settings.timeout);
        let trace = Trace {
            topology: Arc::clone(&topology),
            seed: shared.seed,
            ticket,
            decisions: Vec::new(),
            attempts: SmallVec::new(),
            fallbacks: 0,
            retries: 0,
            elsewhere: Duration::ZERO,
        };
        Self {
            shared,
            call,
            dice: Dice::of_call(shared.seed, ticket),
            deadline: shared.clock.now() + timeout,
            sight: Sight::default(),
            trace,
            topology,
        }
    }

    /// Goes from group to group until one answers.
    pub(crate) async fn run(mut self, start: Place) -> Result<Answer, Failure> {
        let original = Arc::clone(&self.call);
        let mut line = VecDeque::from([Leg { place: start, call: Arc::clone(&original) }]);
        let mut seen: SmallVec<[usize; 4]> = SmallVec::from_slice(&[start.group]);
        let mut first: Option<Error> = None;
        while let Some(Leg { place, call }) = line.pop_front() {
            self.call = call;
            let error = match self.group(place).await {
                Ok((ix, headers, payload)) => return Ok(self.answer(ix, headers, payload)),
                Err(error) => error,
            };
            self.trace.fallbacks += 1;
            let over = error.kind.scope() == Scope::Nowhere || self.left().is_zero();
            if !over {
                self.enqueue(&original, place.group, error.kind, &mut line, &mut seen);
            }
            first.get_or_insert(error);
            if over {
                break;
            }
        }
        let error = first.unwrap_or_else(|| Error::new(ErrorKind::Refused, "nothing was tried"));
        Err(Failure { error, trace: Some(Box::new(self.trace)) })
    }

    /// Puts the fallbacks of a failed group in line: each once, and not too many.
    fn enqueue(
        &self,
        original: &Arc<Call>,
        group: usize,
        kind: ErrorKind,
        line: &mut VecDeque<Leg>,
        seen: &mut SmallVec<[usize; 4]>,
    ) {
        let options = &original.options;
        if options.disable_fallbacks {
            return;
        }
        let settings = &self.topology.settings.fallbacks;
        let name = self.topology.groups[group].name.as_str();
        let most = options.max_fallbacks.unwrap_or(settings.most).min(settings.most) as usize;
        let targets = match &options.fallbacks {
            Some(own) => own.iter().collect(),
            None => settings.after(name, kind),
        };
        for target in targets {
            let Some(place) = self.topology.find(&target.model) else { continue };
            let call = if target.overrides.is_empty() {
                Ok(Arc::clone(original))
            } else {
                original.with_members(&target.overrides).map(Arc::new)
            };
            let Ok(call) = call else { continue };
            if seen.len() <= most && !seen.contains(&place.group) {
                seen.push(place.group);
                line.push_back(Leg { place, call });
            }
        }
    }

    fn answer(self, ix: Ix, headers: HeaderMap, payload: Payload) -> Answer {
        let deployment = &self.topology.node(ix).deployment;
        Answer {
            deployment: deployment.id.clone(),
            group: deployment.group.clone(),
            headers,
            payload,
            trace: self.trace,
        }
    }

    /// Tries the members of one group until one answers or the rules say stop.
    async fn group(&mut self, place: Place) -> Result<(Ix, HeaderMap, Payload), Error> {
        let mut known = Known::default();
        let mut retries = 0;
        let mut last: Option<Error> = None;
        loop {
            let (ix, lease) = match self.claim(place, &mut known, last.is_none()).await {
                Ok(claimed) => claimed,
                // What the upstreams said is worth more than that nobody is left to ask.
                Err(refusal) => return Err(last.unwrap_or(refusal)),
            };
            let error = match self.send(ix, lease).await {
                Ok((headers, payload)) => return Ok((ix, headers, payload)),
                Err(error) => error,
            };
            known.tried.push(ix);
            match self.next(place, ix, &known, &error, retries) {
                Next::Elsewhere => {}
                Next::Again { after } => {
                    tokio::time::sleep(after).await;
                    self.trace.elsewhere += after;
                }
                Next::Fallback | Next::Stop => return Err(error),
            }
            retries += 1;
            self.trace.retries += 1;
            last = Some(error);
        }
    }

    /// Picks a member and claims its capacity; a member that refuses is dropped from the decision.
    async fn claim(
        &mut self,
        place: Place,
        known: &mut Known,
        first: bool,
    ) -> Result<(Ix, Lease), Error> {
        known.refused.clear();
        loop {
            let now = self.shared.clock.now();
            let mut choice = self.look(place, known, now);
            let topology = Arc::clone(&self.topology);
            let group = &topology.groups[place.group];
            let ask = self.ask(now);
            let pick = group.pick.pick(&ask, &choice.candidates, &mut self.dice);
            // A strategy of a user's own may point nowhere: the first candidate then.
            let picked = pick.and_then(|at| choice.candidates.get(at));
            let Some(ix) = picked.or(choice.candidates.first()).map(|candidate| candidate.ix)
            else {
                let error = refused(&topology, group, &choice.verdicts, now);
                self.note(place, choice);
                return Err(error);
            };
            let need = Demand { turn: first.then_some(choice.turn) };
            let (store, clock) = (&self.shared.store, Arc::clone(&self.shared.clock));
            let id = GrantId(self.shared.grant());
            match Lease::claim(store, clock, topology.node(ix).slot, &need, id).await {
                Ok(lease) => {
                    for (member, verdict) in &mut choice.verdicts {
                        if *member == ix {
                            *verdict = Verdict::Taken;
                        }
                    }
                    self.note(place, choice);
                    return Ok((ix, lease));
                }
                Err(refusal) if refusal.why == Why::Raced => {}
                Err(refusal) => known.refused.push((ix, refusal)),
            }
        }
    }

    fn ask(&self, now: Instant) -> Ask {
        Ask {
            now,
            ticket: self.trace.ticket,
            key: self.call.options.key.as_ref().map(|key| stable_hash(key.as_bytes())),
            stream: self.call.head.stream,
            estimate: Estimate::default(),
        }
    }

    fn look(&mut self, place: Place, known: &Known, now: Instant) -> Choice {
        let group = &self.topology.groups[place.group];
        self.shared.store.view(&group.slots, now, &mut self.sight);
        choose(&self.topology, place, &self.call, &self.sight, known, &mut self.dice)
    }

    fn note(&mut self, place: Place, choice: Choice) {
        self.trace.decisions.push(Decision { group: place.group, members: choice.verdicts });
    }

    /// Makes one send, within what is left of the call's time.
    async fn send(&mut self, ix: Ix, lease: Lease) -> Result<(HeaderMap, Payload), Error> {
        let topology = Arc::clone(&self.topology);
        let (node, settings) = (topology.node(ix), &topology.settings);
        let own = self.call.options.timeout.is_some_and(|timeout| timeout < settings.timeout);
        let left = Bound { after: self.left(), what: "the call's deadline", own };
        let bound = Bound::of(node, settings, &self.call, left);
        let began = self.shared.clock.now();
        let result = attempt(node, &self.call, lease, bound, settings.stall_timeout).await;
        let took = self.shared.clock.now() - began;
        self.trace.elsewhere += took;
        let failure = result.as_ref().err().map(|error| error.kind);
        self.trace.attempts.push(Attempt { deployment: node.deployment.id.clone(), failure, took });
        result
    }

    /// What to do after a failure.
    fn next(
        &mut self,
        place: Place,
        failed: Ix,
        known: &Known,
        error: &Error,
        retries: u32,
    ) -> Next {
        let now = self.shared.clock.now();
        let mut policy = self.topology.settings.retry;
        let settings = &self.topology.settings;
        let group = self.topology.groups[place.group].name.as_str();
        let by_kind = settings.retries_after(group, error.kind);
        let of_deployment = self.topology.node(failed).deployment.num_retries;
        let asked = self.call.options.num_retries;
        policy.num_retries = asked.or(by_kind).or(of_deployment).unwrap_or(policy.num_retries);
        let willing = if error.kind.scope() == Scope::LargerWindow {
            // No window is known to be larger.
            Willing::None
        } else {
            match self.look(place, known, now).candidates.first() {
                None => Willing::None,
                Some(candidate) if known.tried.contains(&candidate.ix) => Willing::Same,
                Some(_) => Willing::Other,
            }
        };
        let situation = Situation {
            kind: error.kind,
            retry_after: error.detail.retry_after,
            retries,
            attempts: u32::try_from(self.trace.attempts.len()).unwrap_or(u32::MAX),
            willing,
            now,
            deadline: self.deadline,
        };
        retry::decide(&policy, &situation, &mut self.dice)
    }

    fn left(&self) -> Duration {
        self.deadline - self.shared.clock.now()
    }
}
