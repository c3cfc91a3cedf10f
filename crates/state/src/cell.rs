//! The state of one deployment, and the turns of one group: values, each behind a small lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pointsman_clock::{Dice, Instant};
use pointsman_cost::Terms;
use pointsman_health::{
    Cooldown, Failure, Headroom, Health, Latency, Pass, Policy, Sample, Standing,
};
use pointsman_limits::{Limit, Take};
use pointsman_types::{Decimal, ErrorKind, Outcome, Penalty, RateHeaders, Verdict};
use smallvec::SmallVec;

use crate::{
    AccountIx, Demand, Grant, MemberSpec, Refusal, Report, Row, Slot, Turn, Until, Whose, Why,
    account::{Account, Claim},
};

/// Locks; a panic elsewhere leaves values here whole, since no step between is fallible.
pub(crate) fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The turns of a group: which set of candidates takes them, and how many each has taken.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    pub(crate) set: u64,
    pub(crate) total: u64,
    pub(crate) served: Served,
}

/// How many turns each member has taken, in the order of slots; one that is not listed has taken
/// none.
pub(crate) type Served = SmallVec<[(Slot, u64); 8]>;

/// How many turns a member has taken.
pub(crate) fn turns_of(served: &Served, slot: Slot) -> u64 {
    served.binary_search_by_key(&slot, |(by, _)| *by).map_or(0, |at| served[at].1)
}

impl Turns {
    /// Whether a pick for `turn` still holds.
    pub(crate) fn allows(&self, turn: Turn) -> bool {
        turn.set != self.set || turn.total == self.total
    }

    /// A member takes the turn; with another set of candidates all begin anew.
    pub(crate) fn take(&mut self, turn: Turn, by: Slot) {
        if turn.set != self.set {
            *self = Self { set: turn.set, ..Self::default() };
        }
        self.total += 1;
        match self.served.binary_search_by_key(&by, |(slot, _)| *slot) {
            Ok(at) => self.served[at].1 += 1,
            Err(at) => self.served.insert(at, (by, 1)),
        }
    }
}

/// The state of one deployment.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) spec: MemberSpec,
    /// The shared accounts that each of its calls draws on, in the order of their locks.
    pub(crate) accounts: SmallVec<[AccountIx; 4]>,
    /// The only member of its group.
    pub(crate) lone: bool,
    pub(crate) health: Health,
    pub(crate) own: Account,
    latency: Latency,
    upstream: Headroom,
}

impl Cell {
    pub(crate) fn new(spec: MemberSpec, own: Account, health: Health) -> Self {
        Self {
            spec,
            accounts: SmallVec::new(),
            lone: true,
            health,
            own,
            latency: Latency::default(),
            upstream: Headroom::default(),
        }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.spec.health
    }

    /// What the demand is expected to cost here.
    pub(crate) fn money(&self, need: &Demand) -> Option<Decimal> {
        let terms = Terms::from(need.units.tier.unwrap_or_default());
        self.spec.price.as_ref().map(|price| {
            let mut usage = need.expected();
            let money = price.of(&usage, &terms);
            if usage.images_made == 0 {
                return money;
            }
            // Whether images are billed by token or by the piece is told by the answer.
            usage.output = 0;
            money.max(price.of(&usage, &terms))
        })
    }

    pub(crate) fn row(
        &self,
        at: usize,
        served: u64,
        need: &Demand,
        now: Instant,
    ) -> Result<Row, Refusal> {
        let standing = self.health.standing(self.policy(), now);
        let price = self.money(need);
        if let Some(refusal) = self.refusal(standing, need, price, now) {
            return Err(refusal);
        }
        Ok(self.seen(at, served, need, now))
    }

    /// How it stands to a decision, willing or not.
    pub(crate) fn seen(&self, at: usize, served: u64, need: &Demand, now: Instant) -> Row {
        let standing = self.health.standing(self.policy(), now);
        let price = self.money(need);
        let ramp = match standing {
            Standing::Ramping { share } => Some(share),
            _ => None,
        };
        let (gate, ttl) = (self.own.gate(), self.spec.latency_ttl);
        Row {
            at,
            in_flight: gate.in_flight(),
            tokens_in_flight: gate.tokens_in_flight(),
            requests: gate.used(Limit::Rpm, now),
            tokens: gate.used(Limit::Tpm, now),
            ttft: self.latency.ttft(ttl, now),
            per_token: self.latency.per_token(ttl, now),
            ewma: self.latency.ewma(need.stream, now),
            tokens_per_s: self.latency.tokens_per_s(ttl, now),
            price,
            near: self.own.is_near(&need.take, price, now),
            headroom: self.own.headroom(now).min(self.upstream.share(now)),
            ramp,
            probe: standing == Standing::Due,
            served,
        }
    }

    /// Why its upstream leaves nothing for now.
    pub(crate) fn dry(&self, now: Instant) -> Option<Refusal> {
        let until = self.upstream.out_until(now)?;
        Some(Refusal { why: Why::Headroom, until: Until::At(until) })
    }

    fn refusal(
        &self,
        standing: Standing,
        need: &Demand,
        price: Option<Decimal>,
        now: Instant,
    ) -> Option<Refusal> {
        let own = self.own.view(Whose::Own, &need.take, price, now);
        let health = match standing {
            Standing::Cooling { hard: false, .. } if need.last_resort => return own,
            Standing::Cooling { until, kind, hard } => {
                Refusal { why: Why::Cooling { kind, hard }, until: Until::At(until) }
            }
            Standing::Probing => Refusal { why: Why::Probing, until: Until::Event },
            _ => return own,
        };
        Some(health.and(own))
    }

    /// Whether this very demand may be claimed now.
    pub(crate) fn check(
        &self,
        need: &Demand,
        price: Option<Decimal>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let standing = self.health.standing(self.policy(), now);
        self.refusal(standing, need, price, now).map_or(Ok(()), Err)
    }

    /// The right to the attempt that [`check`](Self::check) just found to be due, under the same
    /// lock.
    pub(crate) fn pass(&mut self, need: &Demand, now: Instant) -> Option<Pass> {
        let policy = &self.spec.health;
        let pass = if need.last_resort {
            self.health.last_resort(policy, now)
        } else {
            self.health.claim(policy, now)
        };
        pass.ok()
    }

    /// Cools until a moment that was decided elsewhere.
    pub(crate) fn cool(&mut self, until: Instant, kind: ErrorKind, now: Instant) {
        let cooled = self.health.cool(until, kind, &self.spec.health, now).is_some();
        self.forget_if(cooled);
    }

    /// Settles all but the shared accounts.
    pub(crate) fn settle(
        &mut self,
        pass: Pass,
        own: Claim,
        outcome: &Outcome,
        dice: &mut Dice,
        now: Instant,
    ) -> Option<Cooldown> {
        self.own.settle(own, outcome.sent, &outcome.charged, now);
        if self.health.is_current(pass)
            && let Some(sample) = sample(outcome)
        {
            self.latency.observe(sample, now);
        }
        match outcome.verdict {
            Verdict::Success => self.health.success(pass, now),
            Verdict::Dropped => self.health.dropped(pass),
            Verdict::Failure { kind, retry_after } => {
                let what = Failure { kind, retry_after, lone: self.lone };
                let cooldown = self.health.failure(pass, what, &self.spec.health, dice, now);
                self.forget_if(cooldown.is_some());
                return cooldown;
            }
        }
        None
    }

    /// Cools for a failure of another deployment that spreads to this one.
    pub(crate) fn spread(
        &mut self,
        what: Failure,
        dice: &mut Dice,
        now: Instant,
    ) -> Option<Cooldown> {
        let what = Failure { lone: self.lone, ..what };
        let cooldown = self.health.spread(what, &self.spec.health, dice, now);
        self.forget_if(cooldown.is_some());
        cooldown
    }

    /// A cooldown drops the samples: the probe is the new first one.
    fn forget_if(&mut self, cooled: bool) {
        if cooled {
            self.latency.clear();
        }
    }

    pub(crate) fn first_content(&mut self, grant: &Grant, now: Instant) {
        self.health.first_content(grant.pass, now);
    }

    pub(crate) fn headers(&mut self, rate: &RateHeaders, now: Instant) {
        self.upstream.observe(rate, now);
    }

    pub(crate) fn report(&self, now: Instant) -> Report {
        let standing = self.health.standing(self.policy(), now);
        let take = Take { requests: 1, ..Take::default() };
        let need = Demand { take, ..Demand::default() };
        let ttl = self.spec.latency_ttl;
        // A lone member is asked all the same.
        let dry = || self.dry(now).filter(|_| !self.lone && standing.is_willing());
        Report {
            standing,
            in_flight: self.own.gate().in_flight(),
            refusal: self.refusal(standing, &need, Some(Decimal::ZERO), now).or_else(dry),
            ttft: self.latency.ttft(ttl, now),
            per_token: self.latency.per_token(ttl, now),
            account: self.own.report(now),
        }
    }
}

/// What an attempt tells of its deployment's latency.
fn sample(of: &Outcome) -> Option<Sample> {
    let output = of.usage.map(|usage| usage.output);
    match of.verdict {
        Verdict::Success => Some(match of.first_content {
            Some(first) => Sample::Stream { first, total: of.total, output },
            None => Sample::Whole { total: of.total, output },
        }),
        Verdict::Failure { kind: ErrorKind::Timeout, .. } => {
            Some(Sample::Timeout { stream: of.stream, waited: of.total })
        }
        Verdict::Failure { kind, retry_after } => {
            (kind.penalty() != Penalty::None).then_some(Sample::Failure { retry_after })
        }
        Verdict::Dropped => None,
    }
}
