//! A deployment as a strategy sees it, and what the call asks for.

use pointsman_clock::Instant;
use pointsman_types::{Decimal, Ix};

/// What a call asks of a strategy.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The moment of the decision.
    pub now: Instant,
    /// The number of the call in this instance.
    pub ticket: u64,
    /// A hash of the caller's affinity key.
    pub key: Option<u64>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// What the call is expected to use.
    pub estimate: Estimate,
}

/// What a call is expected to use, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
}

/// What a deployment used in the last 60 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Requests sent.
    pub requests: u64,
    /// Tokens, in and out.
    pub tokens: u64,
}

/// A willing deployment, seen at one instant.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Stable hash of the deployment's id.
    pub id: u64,
    /// Its index in the topology.
    pub ix: Ix,
    /// Configured share.
    pub weight: Option<u32>,
    /// Configured requests per minute.
    pub rpm: Option<u32>,
    /// Configured tokens per minute.
    pub tpm: Option<u64>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Tokens reserved by requests in flight.
    pub tokens_in_flight: u64,
    /// Estimated seconds to the first token.
    pub ttft: Option<f64>,
    /// Estimated seconds per output token.
    pub per_token: Option<f64>,
    /// Observed throughput in tokens a second.
    pub tokens_per_s: Option<f64>,
    /// Use of the last 60 seconds.
    pub used: Used,
    /// Price of this call in US dollars; `None` when unknown.
    pub price: Option<Decimal>,
    /// First attempts since the group's set of candidates last changed.
    pub served: u64,
    /// Free share of what binds first, from 0 to 1.
    pub headroom: f32,
    /// Its chance of staying in a call while it ramps.
    pub ramp: Option<f32>,
    /// Whether the call would be its probe.
    pub probe: bool,
}

impl Candidate {
    /// An idle candidate without limits, for tests and examples.
    pub fn of(ix: u32) -> Self {
        Self {
            id: u64::from(ix),
            ix: Ix(ix),
            weight: None,
            rpm: None,
            tpm: None,
            in_flight: 0,
            tokens_in_flight: 0,
            ttft: None,
            per_token: None,
            tokens_per_s: None,
            used: Used::default(),
            price: None,
            served: 0,
            headroom: 1.0,
            ramp: None,
            probe: false,
        }
    }

    /// The same candidate with a weight.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// The same candidate with first attempts behind it.
    #[must_use]
    pub fn served(mut self, served: u64) -> Self {
        self.served = served;
        self
    }
}

impl Ask {
    /// A plain call at that moment.
    pub fn at(now: Instant) -> Self {
        Self { now, ..Self::default() }
    }
}

/// What members are weighed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Weight,
    Rpm,
    Tpm,
    Even,
}

impl Share {
    /// `weight`, else `rpm`, else `tpm`, the first that any member sets; even where none is set or
    /// all are zero.
    pub(crate) fn among(members: &[Candidate]) -> Self {
        let set = |is_set: fn(&Candidate) -> bool| members.iter().any(is_set);
        let share = if set(|member| member.weight.is_some()) {
            Self::Weight
        } else if set(|member| member.rpm.is_some()) {
            Self::Rpm
        } else if set(|member| member.tpm.is_some()) {
            Self::Tpm
        } else {
            Self::Even
        };
        if members.iter().any(|member| share.of(member) > 0) { share } else { Self::Even }
    }

    /// The member's share; a member without the setting counts 0.
    pub(crate) fn of(self, member: &Candidate) -> u64 {
        match self {
            Self::Weight => member.weight.map_or(0, u64::from),
            Self::Rpm => member.rpm.map_or(0, u64::from),
            Self::Tpm => member.tpm.unwrap_or(0),
            Self::Even => 1,
        }
    }
}
