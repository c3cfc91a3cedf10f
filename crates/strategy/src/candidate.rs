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
    /// Mean seconds to the first token of the last ten samples.
    pub ttft: Option<f64>,
    /// Mean seconds per output token of the last ten samples.
    pub per_token: Option<f64>,
    /// Peak-EWMA of the seconds to the first token, decayed to this instant.
    pub ewma: Option<f64>,
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
            ewma: None,
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

    /// The same candidate with requests in flight.
    #[must_use]
    pub fn in_flight(mut self, requests: u32) -> Self {
        self.in_flight = requests;
        self
    }

    /// The same candidate with that many seconds to the first token, as mean and as peak-EWMA.
    #[must_use]
    pub fn ttft(mut self, seconds: f64) -> Self {
        self.ttft = Some(seconds);
        self.ewma = Some(seconds);
        self
    }

    /// The same candidate with that many seconds per output token.
    #[must_use]
    pub fn per_token(mut self, seconds: f64) -> Self {
        self.per_token = Some(seconds);
        self
    }

    /// The same candidate with tokens in flight, and how many of them it does a second.
    #[must_use]
    pub fn draining(mut self, tokens: u64, per_second: f64) -> Self {
        self.tokens_in_flight = tokens;
        self.tokens_per_s = Some(per_second);
        self
    }

    /// The same candidate with requests and tokens of the last 60 seconds.
    #[must_use]
    pub fn used(mut self, requests: u64, tokens: u64) -> Self {
        self.used = Used { requests, tokens };
        self
    }

    /// The same candidate with a price for this call.
    #[must_use]
    pub fn price(mut self, dollars: Decimal) -> Self {
        self.price = Some(dollars);
        self
    }

    /// The same candidate with a free share.
    #[must_use]
    pub fn headroom(mut self, share: f32) -> Self {
        self.headroom = share;
        self
    }
}

impl Ask {
    /// A plain call at that moment.
    pub fn at(now: Instant) -> Self {
        Self { now, ..Self::default() }
    }
}
