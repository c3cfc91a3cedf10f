//! The seam for limits that several instances share: what of them may be spent here.

use std::{fmt::Debug, sync::Arc};

use pointsman_clock::Instant;
use pointsman_cost::BudgetLimit;
use pointsman_limits::{Limits, Take};
use pointsman_types::{Charge, Decimal};
use rust_decimal::prelude::ToPrimitive;

use crate::{AccountReport, Refusal, Whose, account::of_tokens};

/// What was drawn from an [`Allowance`]; settle it there, exactly once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what was drawn is lost unless it is settled"]
pub struct Drawn {
    /// Requests and tokens.
    pub take: Take,
    /// US dollars; `None` when the price is unknown.
    pub money: Option<Decimal>,
    /// What the allowance knows the moment of drawing by.
    pub mark: (u64, u64),
}

/// Why nothing was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Denied {
    /// The limit is used up, as far as it is known here.
    Refused(Refusal),
    /// There may be some left, but not here: it has to be fetched first. The refusal is what to say
    /// if it cannot be had.
    Short(Refusal),
}

impl Denied {
    /// What to say of it.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) | Self::Short(refusal) => refusal,
        }
    }
}

/// What one account may spend here of limits that are shared with other instances.
///
/// It stands in for the account's own limits and budget. Nothing here waits: what it does not have
/// is [`Denied::Short`], and whoever can wait fetches it. It is asked under the account's lock, and
/// locks for itself, since it is refilled from elsewhere.
pub trait Allowance: Debug + Send + Sync {
    /// Why the demand would be refused, as far as it is known here.
    fn view(
        &self,
        whose: Whose,
        take: &Take,
        money: Option<Decimal>,
        now: Instant,
    ) -> Option<Refusal>;

    /// Draws all of the demand, or nothing.
    ///
    /// # Errors
    ///
    /// Why not.
    fn draw(
        &self,
        whose: Whose,
        take: &Take,
        money: Option<Decimal>,
        now: Instant,
    ) -> Result<Drawn, Denied>;

    /// Somebody waits for so much, until [`unwant`](Self::unwant).
    fn want(&self, take: &Take, money: Option<Decimal>);

    /// Whoever waited for so much has it, or waits no more.
    fn unwant(&self, take: &Take, money: Option<Decimal>);

    /// Gives back what was not used, and charges what was used beyond it.
    fn settle(&self, drawn: Drawn, sent: bool, charged: &Charge, now: Instant);

    /// How the shared limits stand.
    fn report(&self, now: Instant) -> AccountReport;
}

const _: fn(&dyn Allowance) = |_| ();

/// Gives accounts their allowances.
pub trait Allowances: Debug + Send + Sync + 'static {
    /// The allowance of an account, which from now on has these limits; the same one for the same
    /// name. `None`: the account keeps its limits by itself.
    fn of(
        &self,
        account: &str,
        limits: &Limits,
        budget: Option<&BudgetLimit>,
    ) -> Option<Arc<dyn Allowance>>;
}

const _: fn(&dyn Allowances) = |_| ();

/// The free share of what binds first.
pub(crate) fn headroom(report: &AccountReport) -> f32 {
    let windows = report.windows.iter().map(|one| {
        let left = one.value.saturating_sub(one.used);
        Decimal::from(left).checked_div(Decimal::from(one.value))
    });
    let spend = report.spend.iter().map(|one| {
        let left = one.max.saturating_sub(one.spent).saturating_sub(one.reserved);
        left.checked_div(one.max)
    });
    let shares = windows.chain(spend);
    let shares = shares.map(|share| share.and_then(|share| share.to_f32()).unwrap_or(0.0));
    shares.fold(1.0, f32::min).max(0.0)
}

/// Whether the demand takes most of what is left.
pub(crate) fn is_near(report: &AccountReport, take: &Take, money: Option<Decimal>) -> bool {
    let tight = report.windows.iter().any(|one| {
        let left = one.value.saturating_sub(one.used);
        take.of(one.limit) > 0 && of_tokens(one.limit) && take.of(one.limit) >= left - left / 5
    });
    let dear = |money: Decimal| {
        report.spend.is_some_and(|one| {
            let left = one.max.saturating_sub(one.spent).saturating_sub(one.reserved);
            money >= left.saturating_mul(Decimal::new(8, 1))
        })
    };
    tight || money.is_some_and(dear)
}
