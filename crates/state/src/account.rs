//! One account: what may be asked of it and what it may cost, taken together.

use std::sync::Arc;

use pointsman_clock::Instant;
use pointsman_cost::{Budget, BudgetCause, BudgetHold, BudgetLimit};
use pointsman_limits::{Gate, Hold, Limit, Limits, Reading, Settled, Take};
use pointsman_types::{Charge, Decimal};
use rust_decimal::prelude::ToPrimitive;

use crate::{
    AccountReport, Allowance, Allowances, Denied, Drawn, Entry, Refusal, SpendReport, Until, Whose,
    Why, WindowReport, allowance, cover::Cover,
};

/// The limit of a budget that was taken out of the configuration while calls were under way.
const FORGOTTEN: BudgetLimit = BudgetLimit { max: Decimal::MAX, window: None };

/// What one attempt claimed of one account.
#[derive(Debug)]
pub(crate) struct Claim {
    hold: Hold,
    money: Option<BudgetHold>,
    /// What was drawn of a shared allowance, and whose that is, over a reload.
    drawn: Option<(Arc<dyn Allowance>, Drawn)>,
}

/// The live state of one account.
#[derive(Debug)]
pub(crate) struct Account {
    id: Arc<str>,
    limits: Limits,
    budget: Option<BudgetLimit>,
    gate: Gate,
    purse: Budget,
    cover: Cover,
    /// What keeps the limits and the budget in place of the two above, where they are shared.
    shared: Option<Arc<dyn Allowance>>,
}

impl Account {
    pub(crate) fn new(id: Arc<str>, written: Option<&Entry>) -> Self {
        Self {
            id,
            limits: Limits::default(),
            budget: None,
            gate: Gate::default(),
            purse: Budget::default(),
            cover: Cover::new(written),
            shared: None,
        }
    }

    pub(crate) fn configure(
        &mut self,
        limits: Limits,
        budget: Option<BudgetLimit>,
        by: Option<&dyn Allowances>,
        now: Instant,
    ) {
        self.shared = by.and_then(|by| by.of(&self.id, &limits, budget.as_ref()));
        if self.shared.is_some() {
            (self.limits, self.budget) = (Limits::default(), None);
            return;
        }
        (self.limits, self.budget) = (limits, budget);
        if let Some(purse) = budget.and_then(|limit| self.cover.restore(&limit, now)) {
            self.purse = purse;
        }
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Free share of what binds first, the budget included.
    pub(crate) fn headroom(&self, now: Instant) -> f32 {
        if let Some(shared) = &self.shared {
            return allowance::headroom(&shared.report(now));
        }
        let gate = self.gate.headroom(&self.limits, now);
        gate.min(self.budget.as_ref().map_or(1.0, |limit| self.free(limit, now)))
    }

    /// The share of a budget that is neither spent nor reserved.
    fn free(&self, limit: &BudgetLimit, now: Instant) -> f32 {
        let left = self.left(limit, now);
        let share = left.checked_div(limit.max).and_then(|share| share.to_f32());
        share.map_or(0.0, |share| share.clamp(0.0, 1.0))
    }

    /// Whether the demand takes most of what is left, so that an estimate is not good enough: it
    /// differs by at most a fifth from it.
    pub(crate) fn is_near(&self, take: &Take, money: Option<Decimal>, now: Instant) -> bool {
        if let Some(shared) = &self.shared {
            return allowance::is_near(&shared.report(now), take, money);
        }
        let tight = |one: Reading| {
            let left = one.value.saturating_sub(one.used);
            let asked = take.of(one.limit);
            asked > 0 && of_tokens(one.limit) && asked >= left - left / 5
        };
        // Where nobody weighs the prompt there is nothing to read the windows for.
        let weighed = take.input > 0 || take.output > 0;
        if weighed && self.gate.report(&self.limits, now).any(tight) {
            return true;
        }
        let (Some(limit), Some(money)) = (&self.budget, money) else { return false };
        money >= self.left(limit, now).saturating_mul(Decimal::new(8, 1))
    }

    /// What is neither spent nor reserved of a budget; below zero when it is in debt.
    fn left(&self, limit: &BudgetLimit, now: Instant) -> Decimal {
        let used = self.purse.spent(limit, now).saturating_add(self.purse.reserved());
        limit.max.saturating_sub(used)
    }

    /// Why the demand would be refused; `money` is `None` where the price is unknown.
    pub(crate) fn view(
        &self,
        whose: Whose,
        take: &Take,
        money: Option<Decimal>,
        now: Instant,
    ) -> Option<Refusal> {
        if let Some(shared) = &self.shared {
            return shared.view(whose, take, money, now);
        }
        if let Some(refusal) = self.refused(take, now) {
            let pointsman_limits::Refusal { limit, used, value, until } = refusal;
            let until = match until {
                pointsman_limits::Until::At(at) => Until::At(at),
                pointsman_limits::Until::OnRelease => Until::Event,
                pointsman_limits::Until::Never => Until::Never,
            };
            let refusal = Refusal {
                why: Why::Limit { whose, limit, used, value, asked: take.of(limit) },
                until,
            };
            return Some(refusal.and(self.over_budget(whose, money, now)));
        }
        self.over_budget(whose, money, now)
    }

    /// Why the limits would refuse it. A slot may free any time, so where one is missing the moment
    /// is that of the others, if they refuse as well.
    fn refused(&self, take: &Take, now: Instant) -> Option<pointsman_limits::Refusal> {
        let refusal = self.gate.view(&self.limits, take, now)?;
        if refusal.until != pointsman_limits::Until::OnRelease {
            return Some(refusal);
        }
        let others = Limits { max_parallel_requests: None, ..self.limits };
        Some(self.gate.view(&others, take, now).unwrap_or(refusal))
    }

    /// Why the budget would refuse a call that costs so much.
    fn over_budget(&self, whose: Whose, money: Option<Decimal>, now: Instant) -> Option<Refusal> {
        let limit = self.budget.as_ref()?;
        let Some(money) = money else {
            return Some(Refusal { why: Why::Unpriced { whose }, until: Until::Never });
        };
        let refusal = self.purse.view(limit, money, now)?;
        let used = refusal.spent.saturating_add(refusal.reserved);
        let until = match (refusal.cause, refusal.until) {
            (BudgetCause::Spent, Some(at)) => Until::At(at),
            (BudgetCause::Spent | BudgetCause::Reserved, _) => Until::Event,
            (BudgetCause::SpentForGood | BudgetCause::TooLarge, _) => Until::Never,
        };
        Some(Refusal { why: Why::Budget { whose, used, max: limit.max, asked: money }, until })
    }

    /// Claims all of the demand, or nothing.
    ///
    /// # Errors
    ///
    /// Why not: after [`view`](Self::view) has found it to fit, under the same lock, only what is
    /// shared is denied.
    pub(crate) fn claim(
        &mut self,
        whose: Whose,
        take: &Take,
        money: Option<Decimal>,
        now: Instant,
    ) -> Result<Claim, Denied> {
        let drawn = match &self.shared {
            Some(shared) => Some((Arc::clone(shared), shared.draw(whose, take, money, now)?)),
            None => None,
        };
        let raced = Denied::Refused(Refusal { why: Why::Raced, until: Until::Event });
        let hold = self.gate.reserve(&self.limits, take, now).map_err(|_| raced)?;
        let money = match (&self.budget, money) {
            (Some(limit), Some(money)) => {
                let Ok(sum) = self.purse.reserve(limit, money, now) else {
                    self.gate.settle(hold, Settled::Unsent, now);
                    return Err(raced);
                };
                Some(sum)
            }
            _ => None,
        };
        Ok(Claim { hold, money, drawn })
    }

    /// What is shared of it.
    pub(crate) fn shared(&self) -> Option<Arc<dyn Allowance>> {
        self.shared.clone()
    }

    /// Gives back what was not used, and charges what was used beyond the claim.
    pub(crate) fn settle(&mut self, claim: Claim, sent: bool, charged: &Charge, now: Instant) {
        if let Some((shared, drawn)) = claim.drawn {
            shared.settle(drawn, sent, charged, now);
        }
        let how = if sent {
            Settled::Sent { input: charged.input, output: charged.output }
        } else {
            Settled::Unsent
        };
        self.gate.settle(claim.hold, how, now);
        let money = if sent { charged.money } else { Some(Decimal::ZERO) };
        if let Some(held) = claim.money {
            // What it cost is not known: then it cost what was reserved.
            let money = money.unwrap_or(held.amount());
            let limit = self.budget.unwrap_or(FORGOTTEN);
            self.purse.settle(&limit, held, money, now);
        }
    }

    /// The entry that has to be written before what is claimed now may be sent; `None` if the
    /// journal already covers it.
    pub(crate) fn before_send(&mut self, now: Instant) -> Option<Entry> {
        let limit = self.budget?;
        self.cover.before_send(&self.id, &limit, &self.purse, now)
    }

    /// Whether the entry was written. One that was not may be there all the same.
    pub(crate) fn written(&mut self, entry: &Entry, safely: bool) {
        self.cover.written(entry, safely);
    }

    /// The entry that the journal is behind by, if it is; with `end`, nothing is written ahead.
    pub(crate) fn behind(&mut self, end: bool, now: Instant) -> Option<Entry> {
        let limit = self.budget?;
        self.cover.behind(&self.id, &limit, &self.purse, end, now)
    }

    pub(crate) fn report(&self, now: Instant) -> AccountReport {
        if let Some(shared) = &self.shared {
            return shared.report(now);
        }
        let windows = self
            .gate
            .report(&self.limits, now)
            .map(|one| WindowReport {
                limit: one.limit,
                used: one.used,
                value: one.value,
                frees_at: one.frees_at,
            })
            .collect();
        let spend = self.budget.as_ref().map(|limit| SpendReport {
            spent: self.purse.spent(limit, now),
            reserved: self.purse.reserved(),
            max: limit.max,
            resets_at: self.purse.resets_at(limit, now),
        });
        AccountReport { windows, spend }
    }
}

pub(crate) const fn of_tokens(limit: Limit) -> bool {
    match limit {
        Limit::Tpm | Limit::Itpm | Limit::Otpm | Limit::Tpd => true,
        Limit::Rpm | Limit::Rpd | Limit::Slots => false,
    }
}
