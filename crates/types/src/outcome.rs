//! How one attempt ended, as its lease settles it.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::{DeploymentId, ErrorKind, Usage};

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// The true usage, where the upstream said it.
    pub usage: Option<Usage>,
    /// What it cost in US dollars, where usage and price are known.
    pub money: Option<Decimal>,
    /// From the send to the first content.
    pub first_content: Option<Duration>,
    /// From the send to the end.
    pub total: Duration,
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
    /// It never left this process; everything is given back.
    Unsent,
}

impl Outcome {
    /// An outcome that knows only how it ended.
    pub fn bare(verdict: Verdict, total: Duration) -> Self {
        Self { verdict, usage: None, money: None, first_content: None, total }
    }
}

/// One send of a call, as its caller may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// To whom.
    pub deployment: DeploymentId,
    /// How it failed; `None` if it answered.
    pub failure: Option<ErrorKind>,
    /// How long it took: to the first content of a stream, else to the end.
    pub took: Duration,
}
