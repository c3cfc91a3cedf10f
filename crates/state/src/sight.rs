//! What a decision sees of the state, and what people see of it.

use std::fmt;

use pointsman_clock::Instant;
use pointsman_health::Standing;
use pointsman_types::ErrorKind;

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
    /// Requests of the last 60 seconds; counted while it has an `rpm`.
    pub requests: u64,
    /// Its chance of staying in a call while it ramps.
    pub ramp: Option<f32>,
    /// Whether the call would be its probe.
    pub probe: bool,
    /// Turns it has taken in [`Sight::set`].
    pub served: u64,
}

/// Why a member is not willing, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Why,
    /// The moment at which this reason ends, if it is known.
    pub until: Option<Instant>,
}

/// Why a member is not willing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// So many requests of the limit were sent in the last 60 seconds.
    Rpm {
        /// Used.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// So many of its slots are taken.
    Slots {
        /// Taken.
        used: u64,
        /// The limit.
        limit: u64,
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
            Self::Rpm { .. } => "rpm",
            Self::Slots { .. } => "slots",
            Self::Raced => "raced",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cooling { kind, .. } => write!(f, "cooling after {kind}"),
            Self::Probing => f.write_str("its probe is under way"),
            Self::Rpm { used, limit } => write!(f, "{used} of {limit} requests a minute used"),
            Self::Slots { used, limit } => {
                write!(f, "{used} of {limit} parallel requests under way")
            }
            Self::Raced => f.write_str("another call took the turn"),
        }
    }
}

/// How one member stands, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Its health.
    pub standing: Standing,
    /// Requests in flight.
    pub in_flight: u32,
    /// Why it would refuse a call now.
    pub refusal: Option<Refusal>,
    /// Requests of the last 60 seconds, and the limit, if it has one.
    pub rpm: Option<(u64, u64)>,
}
