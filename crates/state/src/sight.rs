//! What a decision sees of the state, and what people see of it.

use std::fmt;

use pointsman_clock::Instant;
use pointsman_health::Standing;
use pointsman_limits::Limit;
use pointsman_types::{Decimal, ErrorKind};
use smallvec::SmallVec;

use crate::AccountIx;

/// What a decision sees of a group.
#[derive(Debug, Default)]
pub struct Sight {
    /// The willing members.
    pub rows: Vec<Row>,
    /// The others: their place in `among`, and why.
    pub refused: Vec<(usize, Refusal)>,
    /// The hash of the set of candidates that the turns in `rows` were taken by.
    pub set: u64,
    /// The turns that set has taken.
    pub total: u64,
}

/// A willing member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Its place in `among`.
    pub at: usize,
    /// Requests in flight.
    pub in_flight: u32,
    /// Tokens reserved by requests in flight.
    pub tokens_in_flight: u64,
    /// Requests of the last 60 seconds.
    pub requests: u64,
    /// Tokens of the last 60 seconds.
    pub tokens: u64,
    /// Seconds to the first token, mean of the last samples.
    pub ttft: Option<f64>,
    /// Seconds per output token, mean of the last samples.
    pub per_token: Option<f64>,
    /// Peak-EWMA of the time to first token, in seconds, at this moment.
    pub ewma: Option<f64>,
    /// Observed throughput in tokens a second.
    pub tokens_per_s: Option<f64>,
    /// What the call is expected to cost here; `None` when unknown.
    pub price: Option<Decimal>,
    /// Whether the demand takes most of what is left of a limit or budget, so that an estimate is
    /// not good enough.
    pub near: bool,
    /// Free share of what binds first, from 0 to 1.
    pub headroom: f32,
    /// Its chance of staying in a call while it ramps.
    pub ramp: Option<f32>,
    /// Whether the call would be its probe.
    pub probe: bool,
    /// Turns it has taken in [`Sight::set`].
    pub served: u64,
}

/// Why a member is not willing, and until when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refusal {
    /// Why.
    pub why: Why,
    /// When this reason ends.
    pub until: Until,
}

impl Refusal {
    /// Two reasons at once: the demand fits when both have ended. What has no moment says nothing
    /// against a moment; the reason told is the one that ends last, a cooldown or probe before all
    /// that ends.
    #[must_use]
    pub fn and(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let (first, last) =
            if self.until.rank() <= other.until.rank() { (self, other) } else { (other, self) };
        let of_health = |one: &Self| matches!(one.why, Why::Cooling { .. } | Why::Probing);
        let health = [first, last].into_iter().find(of_health);
        match health {
            Some(health) if last.until != Until::Never => Self { until: last.until, ..health },
            _ => last,
        }
    }
}

/// When a refusal ends, if nothing else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At this moment, exactly.
    At(Instant),
    /// With an event that has no moment: a slot that frees, a probe that ends.
    Event,
    /// Not for this demand: it is more than the whole limit.
    Never,
}

impl Until {
    const fn rank(self) -> (u8, Instant) {
        match self {
            Self::Event => (0, Instant::EPOCH),
            Self::At(at) => (1, at),
            Self::Never => (2, Instant::EPOCH),
        }
    }

    /// The moment, where there is one.
    pub const fn moment(self) -> Option<Instant> {
        match self {
            Self::At(at) => Some(at),
            Self::Event | Self::Never => None,
        }
    }
}

/// Whose limit or budget it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The deployment's own.
    Own,
    /// A shared account's.
    Account(AccountIx),
}

/// Why a member is not willing.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// It cools down after this.
    Cooling {
        /// The failure behind it.
        kind: ErrorKind,
        /// Whether that failure cools at once.
        hard: bool,
    },
    /// Its probe is under way.
    Probing,
    /// Its upstream says that nothing is left for now.
    Headroom,
    /// The demand does not fit into what is left of a limit.
    Limit {
        /// Whose.
        whose: Whose,
        /// Which.
        limit: Limit,
        /// Used.
        used: u64,
        /// The limit.
        value: u64,
        /// The demand.
        asked: u64,
    },
    /// The demand does not fit into what is left of a budget.
    Budget {
        /// Whose.
        whose: Whose,
        /// Spent or reserved, in US dollars.
        used: Decimal,
        /// The budget.
        max: Decimal,
        /// What the call is expected to cost.
        asked: Decimal,
    },
    /// The call draws on a budget, and what it costs here is not known.
    Unpriced {
        /// Whose budget.
        whose: Whose,
    },
    /// Another call took the turn that this one was picked for: look again.
    Raced,
}

impl Why {
    /// The reason's name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cooling { .. } => "cooling",
            Self::Probing => "probing",
            Self::Headroom => "headroom",
            Self::Limit { limit, .. } => limit.name(),
            Self::Budget { .. } => "budget",
            Self::Unpriced { .. } => "unpriced",
            Self::Raced => "raced",
        }
    }

    /// Whose limit or budget refuses, where one does.
    pub const fn whose(&self) -> Option<Whose> {
        match self {
            Self::Limit { whose, .. } | Self::Budget { whose, .. } | Self::Unpriced { whose } => {
                Some(*whose)
            }
            Self::Cooling { .. } | Self::Probing | Self::Headroom | Self::Raced => None,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cooling { kind, .. } => write!(f, "cooling after {kind}"),
            Self::Probing => f.write_str("its probe is under way"),
            Self::Headroom => f.write_str("its upstream says that nothing is left"),
            Self::Limit { limit: Limit::Slots, used, value, .. } => {
                write!(f, "{used} of {value} parallel requests under way")
            }
            Self::Limit { limit, used, value, asked, .. } => {
                write!(f, "{used} of {value} {} used", limit.name())?;
                // Of requests it is one.
                if *asked > 1 && used < value {
                    write!(f, ", and the call may take {asked}")?;
                }
                Ok(())
            }
            Self::Budget { used, max, asked, .. } => {
                write!(f, "${} of ${} spent or reserved", used.normalize(), max.normalize())?;
                if !asked.is_zero() && used < max {
                    write!(f, ", and the call may cost ${}", asked.normalize())?;
                }
                Ok(())
            }
            Self::Unpriced { .. } => f.write_str("it has no price, and the call draws on a budget"),
            Self::Raced => f.write_str("another call took the turn"),
        }
    }
}

/// How one member stands, for people.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its health.
    pub standing: Standing,
    /// Requests in flight.
    pub in_flight: u32,
    /// Why it would refuse a call of one request now.
    pub refusal: Option<Refusal>,
    /// Seconds to the first token, mean of the last samples.
    pub ttft: Option<f64>,
    /// Seconds per output token, mean of the last samples.
    pub per_token: Option<f64>,
    /// Its own account.
    pub account: AccountReport,
}

/// How one account stands, for people.
#[derive(Clone, Debug, Default)]
pub struct AccountReport {
    /// Its limits.
    pub windows: SmallVec<[WindowReport; 4]>,
    /// Its budget.
    pub spend: Option<SpendReport>,
}

/// How one limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowReport {
    /// Which.
    pub limit: Limit,
    /// Used.
    pub used: u64,
    /// The limit.
    pub value: u64,
    /// When the next use falls out of the window.
    pub frees_at: Option<Instant>,
}

/// How one budget stands, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpendReport {
    /// Spent.
    pub spent: Decimal,
    /// Reserved by calls under way.
    pub reserved: Decimal,
    /// The budget.
    pub max: Decimal,
    /// When it starts anew.
    pub resets_at: Option<Instant>,
}
