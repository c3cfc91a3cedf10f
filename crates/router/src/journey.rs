//! One call on its way: group by group, attempt by attempt.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use http::HeaderMap;
use pointsman_clock::{Dice, Instant};
use pointsman_provider::Call;
use pointsman_retry::{self as retry, Decision as Next, Situation, Willing};
use pointsman_state::{Lease, Sight};
use pointsman_types::{Attempt, Error, ErrorKind, Ix, Scope, Usage};
use smallvec::SmallVec;

use crate::{
    Answer, Event, Failure, Payload, Trace,
    attempt::{Bound, Sending, Sent},
    candidates::Known,
    claim::How,
    fit::Outgrown,
    ledger::Ledger,
    need::{Weight, search_context},
    plan::Place,
    router::Shared,
    topology::Topology,
    waiting::Ticket,
};

/// A group that is still to be asked, and the call as it is sent there.
struct Leg {
    place: Place,
    call: Arc<Call>,
}

/// Who answered, and what.
pub(crate) type Done = (Ix, HeaderMap, Payload);

/// One call on its way.
pub(crate) struct Journey<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) topology: Arc<Topology>,
    /// The call as it is sent now; a fallback may change its body.
    pub(crate) call: Arc<Call>,
    pub(crate) weight: Weight,
    /// What the call is billed for, as last estimated.
    pub(crate) estimate: Usage,
    pub(crate) dice: Dice,
    pub(crate) began: Instant,
    pub(crate) deadline: Instant,
    /// How often the call is sent at most: a race shares that out among its groups.
    pub(crate) retry: retry::Policy,
    pub(crate) sight: Sight,
    pub(crate) trace: Trace,
    /// Its place in the line for a member, until it has one.
    pub(crate) ticket: Option<Ticket>,
    /// Whether it is a copy, whose answer is dropped.
    pub(crate) is_copy: bool,
    /// Whether the prompt is weighed even where no decision hangs on it.
    pub(crate) weighs: bool,
}

impl<'a> Journey<'a> {
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
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
        let began = shared.clock.now();
        let retry = topology.settings.retry;
        Self {
            shared,
            call,
            weight: Weight::default(),
            estimate: Usage::default(),
            dice: Dice::of_call(shared.seed, ticket),
            began,
            deadline: began + timeout,
            retry,
            sight: Sight::default(),
            trace,
            topology,
            ticket: None,
            is_copy: false,
            weighs: false,
        }
    }

    /// Goes from group to group until one answers.
    pub(crate) async fn run(mut self, start: Place) -> Result<Answer, Failure> {
        let original = Arc::clone(&self.call);
        if let Some(text) = &original.options.mock_response {
            return self.mocked(&start, text);
        }
        let key = if self.is_copy { None } else { self.cache_key(&start) };
        if let Some(kept) = key.as_ref().and_then(|key| self.kept(key)) {
            return Ok(kept);
        }
        let result = {
            let mut underway = Underway { journey: &mut self, group: start.group, over: false };
            let journey = &mut *underway.journey;
            let result = match journey.legs(&original, start.clone()).await {
                Err(error) => journey.exhausted(&original, &start, error).await,
                answered => answered,
            };
            underway.over = true;
            result
        };
        self.ended(start.group, result.as_ref().map(|(ix, ..)| *ix));
        match result {
            Ok((ix, headers, payload)) => {
                let shared = self.shared;
                let answer = self.answer(ix, headers, payload);
                if let Some(key) = key {
                    Self::keep(shared, &original, key, &answer);
                }
                Ok(answer)
            }
            Err(error) => Err(Failure { error, trace: Some(Box::new(self.trace)) }),
        }
    }

    /// Tells how it ended.
    fn ended(&self, group: usize, how: Result<Ix, &Error>) {
        if let Some(observer) = &self.shared.observer {
            observer.observe(&Event::Call {
                group: &self.topology.groups[group].name,
                answered: how.ok().map(|ix| self.topology.id(ix)),
                error: how.err(),
                trace: &self.trace,
                total: self.shared.clock.now() - self.began,
            });
        }
    }

    /// The group that is meant, then its fallbacks; the error is the first group's.
    async fn legs(&mut self, original: &Arc<Call>, start: Place) -> Result<Done, Error> {
        let mut seen = vec![start.clone()];
        let mut line = VecDeque::from([Leg { place: start, call: Arc::clone(original) }]);
        let mut first: Option<Error> = None;
        let mut moved = 0..;
        while let Some(Leg { place, call }) = line.pop_front() {
            self.trace.fallbacks = moved.next().unwrap_or(u32::MAX);
            self.travel_as(call);
            let error = match self.group(&place).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let spent = self.trace.attempts.len() >= self.retry.max_attempts as usize;
            let over = error.kind.scope() == Scope::Nowhere
                || self.left().is_zero()
                || spent
                || self.is_copy;
            if !over {
                self.enqueue(original, &place, error.kind, &mut line, &mut seen);
            }
            first.get_or_insert(error);
            if over {
                break;
            }
        }
        Err(first.unwrap_or_else(|| Error::new(ErrorKind::Refused, "nothing was tried")))
    }

    /// From here on the call is this one; another body weighs anew.
    pub(crate) fn travel_as(&mut self, call: Arc<Call>) {
        if !Arc::ptr_eq(&self.call, &call) {
            self.weight = Weight::default();
            self.call = call;
        }
    }

    /// Puts the fallbacks of a failed place in line: each once, and not too many.
    fn enqueue(
        &self,
        original: &Arc<Call>,
        failed: &Place,
        kind: ErrorKind,
        line: &mut VecDeque<Leg>,
        seen: &mut Vec<Place>,
    ) {
        let options = &original.options;
        let (most, targets) = self.topology.targets(options, failed, kind);
        for target in targets {
            if seen.len() > most {
                break;
            }
            let Some(place) = self.topology.find(&target.model) else { continue };
            if seen.iter().any(|one| one.is(&place)) {
                continue;
            }
            seen.push(place.clone());
            let call = if target.overrides.is_empty() {
                Ok(Arc::clone(original))
            } else {
                original.with_members(&target.overrides).map(Arc::new)
            };
            if let Ok(call) = call {
                line.push_back(Leg { place, call });
            }
        }
    }

    pub(crate) fn answer(self, ix: Ix, headers: HeaderMap, payload: Payload) -> Answer {
        let deployment = &self.topology.node(ix).deployment;
        Answer {
            deployment: deployment.id.clone(),
            group: deployment.group.clone(),
            headers,
            payload,
            trace: self.trace,
            cached: false,
        }
    }

    /// Tries the members of one group until one answers or the rules say stop.
    pub(crate) async fn group(&mut self, place: &Place) -> Result<Done, Error> {
        self.mind_the_line(place)?;
        let mut known = Known { pinned: self.pinned(place), ..Known::default() };
        let mut retries = 0;
        let mut last: Option<Error> = None;
        loop {
            let how = How { first: last.is_none(), ..How::default() };
            let (ix, lease) = match self.claim(place, &mut known, how).await {
                Ok(claimed) => claimed,
                // What the upstreams said is worth more than that nobody is left to ask.
                Err(refusal) => return Err(last.unwrap_or(refusal)),
            };
            // Its place in line is the next one's now.
            self.ticket = None;
            if how.first {
                let live = &self.topology.groups[place.group].live;
                live.first_attempt(self.shared.clock.now());
                self.mirror(place, ix);
            }
            let (ix, error) = match self.send(place, ix, lease, &mut known).await {
                (ix, Ok((headers, payload))) => {
                    self.pin(place, ix);
                    return Ok((ix, headers, payload));
                }
                (ix, Err(error)) => (ix, error),
            };
            self.unpin(place, ix);
            match self.next(place, ix, &mut known, &error, retries) {
                Next::Elsewhere => {}
                Next::Again { after } => {
                    tokio::time::sleep(after).await;
                    self.trace.elsewhere += after;
                }
                Next::Fallback | Next::Stop => return Err(error),
            }
            if error.kind != ErrorKind::Unsupported {
                retries += 1;
                self.trace.retries += 1;
            }
            last = Some(error);
        }
    }

    /// A send to a member whose capacity is claimed, within what is left of the call's time.
    pub(crate) fn sending(&self, place: &Place, ix: Ix, lease: Lease) -> Sending {
        let settings = &self.topology.settings;
        let after = self.left();
        // A member that got but the rest of a call's time, or the little that the caller gave, has
        // not failed.
        let own = self.call.options.timeout.is_some_and(|timeout| timeout < settings.timeout)
            || after < settings.timeout / 2;
        let left = Bound { after, what: "the call's deadline", own };
        Sending {
            bound: Bound::of(self.topology.node(ix), settings, &self.call, left),
            stall_timeout: settings.stall_timeout,
            taken: place.taken.clone(),
            minds_filters: self.topology.minds_filters(&self.call.options, place),
            call: Arc::clone(&self.call),
            lease,
            ledger: self.ledger(place, ix),
        }
    }

    /// Where an attempt of this call at that member is settled.
    pub(crate) fn ledger(&self, place: &Place, ix: Ix) -> Ledger {
        Ledger {
            topology: Arc::clone(&self.topology),
            group: place.group,
            ix,
            stream: self.call.head.stream,
            is_probe: false,
            estimate: self.estimate,
            search: search_context(&self.call, self.topology.node(ix)),
            observer: self.shared.observer.clone(),
        }
    }

    /// Makes one send; a second copy may overtake it where the group hedges.
    async fn send(
        &mut self,
        place: &Place,
        ix: Ix,
        lease: Lease,
        known: &mut Known,
    ) -> (Ix, Result<(HeaderMap, Payload), Error>) {
        let began = self.shared.clock.now();
        let sending = self.sending(place, ix, lease);
        let sent = match self.hedge_after(place) {
            None => sending.run().await,
            // It holds two sends, and every call would have room for them.
            Some(after) => Box::pin(self.hedged(place, sending, after, known)).await,
        };
        self.trace.elsewhere += self.shared.clock.now() - began;
        let Sent { ix, attempt, result } = sent;
        self.made(attempt);
        known.tried.push(ix);
        (ix, result)
    }

    /// An attempt has just ended, or its answer begun to stream.
    pub(crate) fn made(&mut self, mut attempt: Attempt) {
        attempt.after = (self.shared.clock.now() - self.began).saturating_sub(attempt.took);
        self.trace.attempts.push(attempt);
    }

    /// What to do after a failure. A copy is sent once: nobody waits for its answer.
    fn next(
        &mut self,
        place: &Place,
        failed: Ix,
        known: &mut Known,
        error: &Error,
        retries: u32,
    ) -> Next {
        if self.is_copy {
            return Next::Stop;
        }
        let topology = Arc::clone(&self.topology);
        let (settings, group) = (&topology.settings, &topology.groups[place.group]);
        let mut policy = self.retry;
        let by_kind = settings.retries_after(&topology.names_of(place), error.kind);
        let of_deployment = topology.node(failed).deployment.num_retries;
        let asked = self.call.options.num_retries;
        policy.num_retries = asked.or(by_kind).or(of_deployment).unwrap_or(policy.num_retries);
        if error.kind.scope() == Scope::LargerWindow {
            known.outgrown = Outgrown::by(topology.node(failed).info.max_input_tokens);
        }
        let now = self.shared.clock.now();
        let willing = self.willing(place, known, now);
        // Nothing was sent, so that whoever has not been asked is asked at no cost.
        if error.kind == ErrorKind::Unsupported && matches!(willing, Willing::Other) {
            return Next::Elsewhere;
        }
        let situation = Situation {
            kind: error.kind,
            retry_after: error.detail.retry_after,
            retries,
            attempts: u32::try_from(self.trace.attempts.len()).unwrap_or(u32::MAX),
            willing,
            now,
            deadline: self.deadline,
        };
        let next = retry::decide(&policy, &situation, &mut self.dice);
        if next.is_retry() && !group.live.take_retry(&settings.retry_budget, now) {
            return Next::Fallback;
        }
        next
    }

    /// Who would take the call now.
    fn willing(&mut self, place: &Place, known: &Known, now: Instant) -> Willing {
        let need = self.need(place);
        match self.look(place, known, &need, now).candidates.first() {
            None => Willing::None,
            Some(candidate) if known.tried.contains(&candidate.ix) => Willing::Same,
            Some(_) => Willing::Other,
        }
    }

    pub(crate) fn left(&self) -> Duration {
        self.deadline - self.shared.clock.now()
    }
}

/// A journey that its caller may leave, which is told of then.
struct Underway<'j, 'a> {
    journey: &'j mut Journey<'a>,
    /// The group that was asked for.
    group: usize,
    over: bool,
}

impl Drop for Underway<'_, '_> {
    fn drop(&mut self) {
        if !self.over {
            let left = Error::new(ErrorKind::Cancelled, "the caller left");
            self.journey.ended(self.group, Err(&left));
        }
    }
}
