//! Limits and budgets, as the file says them.

use std::{fmt, time::Duration};

use pointsman_types::Decimal;

use crate::Place;

/// Limits of one account: a deployment, a quota or a caller. `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSpec {
    /// Requests in any 60 seconds.
    pub rpm: Option<u32>,
    /// Tokens, prompt and answer, in any 60 seconds.
    pub tpm: Option<u64>,
    /// Prompt tokens in any 60 seconds.
    pub itpm: Option<u64>,
    /// Answer tokens in any 60 seconds.
    pub otpm: Option<u64>,
    /// Requests a day.
    pub rpd: Option<u64>,
    /// Tokens a day.
    pub tpd: Option<u64>,
    /// When the day of `rpd` and `tpd` begins: the time since midnight, UTC; below 24 hours.
    pub daily_reset_time: Duration,
    /// Calls at once.
    pub max_parallel_requests: Option<u32>,
}

/// A sum of money that may be spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetSpec {
    /// US dollars; 0 allows nothing.
    pub max: Decimal,
    /// After what it starts anew; `None`: never.
    pub duration: Option<BudgetDuration>,
    /// Where the sum stands: the place of a finding about this budget.
    pub at: Place,
}

/// How long a budget lasts. Days, weeks and months are those of the calendar, in UTC.
///
/// ```
/// use pointsman_config::{BudgetDuration, BudgetUnit};
/// let month = BudgetDuration { amount: 1, unit: BudgetUnit::Month };
/// assert_eq!(month.to_string(), "1mo");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetDuration {
    /// How many of the unit; above zero.
    pub amount: u32,
    /// The unit.
    pub unit: BudgetUnit,
}

/// The unit of a budget's duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetUnit {
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
    /// `w`
    Week,
    /// `mo`
    Month,
}

impl BudgetUnit {
    /// The unit as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
            Self::Week => "w",
            Self::Month => "mo",
        }
    }
}

impl fmt::Display for BudgetDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.amount, self.unit.as_str())
    }
}

/// An account that several deployments draw on: `router_settings.pointsman.quotas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaSpec {
    /// Where its name stands.
    pub at: Place,
    /// Its limits, common to all that draw on it.
    pub limits: LimitSpec,
    /// Its money.
    pub budget: Option<BudgetSpec>,
}

/// A caller with a key of its own: `router_settings.pointsman.keys`.
#[derive(Clone, PartialEq, Eq)]
pub struct CallerSpec {
    /// Unique in the file.
    pub name: String,
    /// Where its entry starts.
    pub at: Place,
    /// SHA-256 of the key's bytes; unique in the file.
    pub hash: [u8; 32],
    /// The model names that it may ask for: groups, aliases, names that a wildcard covers, or
    /// patterns with a `*`. Empty: all.
    pub models: Vec<String>,
    /// Its limits.
    pub limits: LimitSpec,
    /// Its money.
    pub budget: Option<BudgetSpec>,
}

// By hand: a hash may be that of a key that is easily guessed.
impl fmt::Debug for CallerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerSpec")
            .field("name", &self.name)
            .field("at", &self.at)
            .field("models", &self.models)
            .field("limits", &self.limits)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
