//! How one attempt ended, as its lease settles it.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::{DeploymentId, ErrorKind, Usage};

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// Whether it left this process; one that did not gives everything back.
    pub sent: bool,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The true usage, where the upstream said it.
    pub usage: Option<Usage>,
    /// What it is charged.
    pub charged: Charge,
    /// From the send to the first content of a stream.
    pub first_content: Option<Duration>,
    /// From the send to the end.
    pub total: Duration,
}

/// What an attempt is charged: the true usage where it is known, else what is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// US dollars; `None` when the price is unknown.
    pub money: Option<Decimal>,
}

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was answered.
    Success,
    /// It failed, and this is what the upstream said of waiting.
    Failure {
        /// The kind of the failure.
        kind: ErrorKind,
        /// How long the upstream asked to wait.
        retry_after: Option<Duration>,
    },
    /// The caller left; health learns nothing.
    Dropped,
}

impl Outcome {
    /// An outcome of an attempt that was sent, used nothing, and knows only how it ended.
    pub fn bare(verdict: Verdict, total: Duration) -> Self {
        Self {
            verdict,
            sent: true,
            stream: false,
            usage: None,
            charged: Charge::default(),
            first_content: None,
            total,
        }
    }
}

/// One send of a call, as its caller may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// To whom.
    pub deployment: DeploymentId,
    /// How it failed; `None` if it answered.
    pub failure: Option<ErrorKind>,
    /// From the beginning of the call to the send.
    pub after: Duration,
    /// How long it took: to the first content of a stream, else to the end.
    pub took: Duration,
}
