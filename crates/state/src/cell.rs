//! The state of one deployment, and the turns of one group: values, each behind a small lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pointsman_clock::{Dice, Instant};
use pointsman_health::{Cooldown, Failure, Health, Policy, Standing};
use pointsman_limits::{Gate, Limit, Limits, Settled, Take};
use pointsman_types::{Outcome, Verdict};

use crate::{Demand, Grant, GrantId, Refusal, Report, Row, Slot, Turn, Why};

/// What every call takes.
const REQUEST: Take = Take { requests: 1, input: 0, output: 0 };

/// Locks; a panic elsewhere leaves values here whole, since no step between is fallible.
pub(crate) fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The turns of a group: which set of candidates takes them, and how many it has taken.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    pub(crate) set: u64,
    pub(crate) total: u64,
    /// Counts the sets there were, so that what members remember of an earlier one is void.
    pub(crate) epoch: u64,
}

impl Turns {
    /// Whether a pick for `turn` still holds.
    fn allows(&self, turn: Turn) -> bool {
        turn.set != self.set || turn.total == self.total
    }

    /// Takes the turn; returns the epoch it belongs to.
    fn take(&mut self, turn: Turn) -> u64 {
        if turn.set != self.set {
            *self = Self { set: turn.set, total: 0, epoch: self.epoch + 1 };
        }
        self.total += 1;
        self.epoch
    }
}

/// The state of one deployment.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    /// The only member of its group.
    pub(crate) lone: bool,
    pub(crate) health: Health,
    gate: Gate,
    /// The epoch of its group's turns that it was last served in, and how often.
    served: (u64, u64),
}

impl Cell {
    pub(crate) fn new(health: Health) -> Self {
        Self {
            limits: Limits::default(),
            policy: Policy::default(),
            lone: true,
            health,
            gate: Gate::default(),
            served: (0, 0),
        }
    }

    pub(crate) fn row(&self, at: usize, epoch: u64, now: Instant) -> Result<Row, Refusal> {
        let standing = self.health.standing(&self.policy, now);
        if let Some(refusal) = self.refusal(standing, now) {
            return Err(refusal);
        }
        let ramp = match standing {
            Standing::Ramping { share } => Some(share),
            _ => None,
        };
        Ok(Row {
            at,
            in_flight: self.gate.in_flight(),
            requests: self.gate.used(Limit::Rpm, now),
            ramp,
            probe: standing == Standing::Due,
            served: if self.served.0 == epoch { self.served.1 } else { 0 },
        })
    }

    fn refusal(&self, standing: Standing, now: Instant) -> Option<Refusal> {
        match standing {
            Standing::Cooling { until, kind, hard } => {
                Some(Refusal { why: Why::Cooling { kind, hard }, until: Some(until) })
            }
            Standing::Probing => Some(Refusal { why: Why::Probing, until: None }),
            _ => self.gate.view(&self.limits, &REQUEST, now).as_ref().map(limited),
        }
    }

    pub(crate) fn reserve(
        &mut self,
        slot: Slot,
        id: GrantId,
        need: &Demand,
        turns: &mut Turns,
        now: Instant,
    ) -> Result<Grant, Refusal> {
        if need.turn.is_some_and(|turn| !turns.allows(turn)) {
            return Err(Refusal { why: Why::Raced, until: None });
        }
        let standing = self.health.standing(&self.policy, now);
        if let Some(refusal) = self.refusal(standing, now) {
            return Err(refusal);
        }
        let hold =
            self.gate.reserve(&self.limits, &REQUEST, now).map_err(|refusal| limited(&refusal))?;
        let Ok(pass) = self.health.claim(&self.policy, now) else {
            self.gate.settle(hold, Settled::Unsent, now);
            return Err(Refusal { why: Why::Probing, until: None });
        };
        if let Some(turn) = need.turn {
            let epoch = turns.take(turn);
            let before = if self.served.0 == epoch { self.served.1 } else { 0 };
            self.served = (epoch, before + 1);
        }
        Ok(Grant { id, slot, pass, hold })
    }

    pub(crate) fn settle(
        &mut self,
        grant: Grant,
        outcome: &Outcome,
        seed: u64,
        now: Instant,
    ) -> Option<Cooldown> {
        let Grant { id, pass, hold, .. } = grant;
        let how = match outcome.verdict {
            Verdict::Unsent => Settled::Unsent,
            _ => Settled::Sent { input: 0, output: 0 },
        };
        self.gate.settle(hold, how, now);
        match outcome.verdict {
            Verdict::Success => self.health.success(pass, now),
            Verdict::Dropped | Verdict::Unsent => self.health.dropped(pass),
            Verdict::Failure { kind, retry_after } => {
                let what = Failure { kind, retry_after, lone: self.lone };
                let mut dice = Dice::of_call(seed, id.0);
                return self.health.failure(pass, what, &self.policy, &mut dice, now);
            }
        }
        None
    }

    pub(crate) fn report(&self, now: Instant) -> Report {
        let standing = self.health.standing(&self.policy, now);
        Report {
            standing,
            in_flight: self.gate.in_flight(),
            refusal: self.refusal(standing, now),
            rpm: self.limits.rpm.map(|rpm| (self.gate.used(Limit::Rpm, now), u64::from(rpm))),
        }
    }

    pub(crate) fn first_content(&mut self, grant: &Grant, now: Instant) {
        self.health.first_content(grant.pass, now);
    }
}

fn limited(refusal: &pointsman_limits::Refusal) -> Refusal {
    let (used, limit) = (refusal.used, refusal.value);
    let why = match refusal.limit {
        Limit::Slots => Why::Slots { used, limit },
        _ => Why::Rpm { used, limit },
    };
    Refusal { why, until: refusal.until.moment() }
}
