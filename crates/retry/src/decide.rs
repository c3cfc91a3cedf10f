//! The decision after a failure.

use std::time::Duration;

use pointsman_clock::{Entropy, EntropyExt, Instant};
use pointsman_types::{ErrorKind, Scope};

/// The first wait without a word of the upstream's.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// The most that chance adds to it.
const JITTER: Duration = Duration::from_millis(750);
/// A longer `retry-after` is not kept to, since nobody would wait so long.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// How often and how soon to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Retries in each group (`num_retries`). 2.
    pub num_retries: u32,
    /// The least wait before the same member is asked again (`retry_after`). 0.
    pub retry_after: Duration,
    /// Sends of one call in all groups together. 16.
    pub max_attempts: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { num_retries: 2, retry_after: Duration::ZERO, max_attempts: 16 }
    }
}

/// Which members of the group would take the call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Willing {
    /// One that this call has not tried.
    Other,
    /// Only such as it has tried.
    Same,
    /// None.
    None,
}

/// Where a call stands after a failure.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// What failed.
    pub kind: ErrorKind,
    /// How long the upstream asked to wait.
    pub retry_after: Option<Duration>,
    /// Retries already made in this group.
    pub retries: u32,
    /// Sends already made in all groups.
    pub attempts: u32,
    /// Who would take it now.
    pub willing: Willing,
    /// This moment.
    pub now: Instant,
    /// When the call must have an answer.
    pub deadline: Instant,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Ask another member, now.
    Elsewhere,
    /// Ask a member that failed, after a wait.
    Again {
        /// The wait.
        after: Duration,
    },
    /// Leave this group.
    Fallback,
    /// Tell the caller.
    Stop,
}

impl Decision {
    /// Whether it sends again within the group, which the group's [`crate::RetryBudget`] has to
    /// allow. If it does not, the decision is to fall back.
    pub const fn is_retry(self) -> bool {
        matches!(self, Self::Elsewhere | Self::Again { .. })
    }
}

/// What to do after a failure; draws from `chance` only for a wait.
pub fn decide(policy: &Policy, what: &Situation, chance: &mut dyn Entropy) -> Decision {
    let scope = what.kind.scope();
    if scope == Scope::Nowhere || what.now >= what.deadline || what.attempts >= policy.max_attempts
    {
        return Decision::Stop;
    }
    if scope == Scope::OtherGroup || what.retries >= policy.num_retries {
        return Decision::Fallback;
    }
    match what.willing {
        Willing::Other => Decision::Elsewhere,
        Willing::Same if may_pass(what.kind) => again(policy, what, chance),
        Willing::Same | Willing::None => Decision::Fallback,
    }
}

fn again(policy: &Policy, what: &Situation, chance: &mut dyn Entropy) -> Decision {
    let asked = what.retry_after.filter(|asked| *asked <= LONGEST_ASKED);
    let wait = asked.unwrap_or_else(|| {
        let doubled = FIRST_WAIT.saturating_mul(1 << what.retries.min(16));
        doubled.min(LONGEST_WAIT) + JITTER.mul_f64(chance.unit())
    });
    let after = wait.max(policy.retry_after);
    if what.now + after >= what.deadline { Decision::Fallback } else { Decision::Again { after } }
}

/// Whether the same deployment may answer the same call later.
const fn may_pass(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::RateLimited
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::Overloaded
        | ErrorKind::Server => true,
        ErrorKind::QuotaExhausted
        | ErrorKind::Authentication
        | ErrorKind::Permission
        | ErrorKind::NotFound
        | ErrorKind::ContextWindow
        | ErrorKind::ContentPolicy
        | ErrorKind::BadRequest
        | ErrorKind::Cancelled
        | ErrorKind::Unsupported
        | ErrorKind::Refused => false,
    }
}
