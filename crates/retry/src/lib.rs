//! What to do after a failure: again, elsewhere, fallback, stop.
//!
//! One pure table:
//!
//! | the failure | who is willing | decision |
//! |---|---|---|
//! | nobody would answer it differently | – | stop |
//! | only another group may answer it | – | fallback |
//! | retries or attempts are used up, or nobody is willing | – | fallback |
//! | any other | a member that was not tried | elsewhere, at once |
//! | may pass with time (rate, timeout, connection, overload, server) | only tried members | again, after a wait |
//! | will not pass (key, permission, model, quota, window) | only tried members | fallback |
//!
//! The wait is the upstream's `retry-after` if it is at most 60 s (else: fallback), or
//! `0.5 s × 2^n` up to 8 s, plus up to 0.75 s of jitter; at least the configured `retry_after`.
//! One that would reach the deadline is not begun.
//!
//! ```
//! use pointsman_clock::{Dice, Instant};
//! use pointsman_retry::{Decision, Policy, Situation, Willing, decide};
//! use pointsman_types::ErrorKind;
//!
//! let now = Instant::from_secs(100);
//! let failed = Situation {
//!     kind: ErrorKind::Server,
//!     retry_after: None,
//!     retries: 0,
//!     attempts: 1,
//!     willing: Willing::Other,
//!     now,
//!     deadline: Instant::from_secs(160),
//! };
//! assert_eq!(decide(&Policy::default(), &failed, &mut Dice::new(1)), Decision::Elsewhere);
//! ```

use std::time::Duration;

use pointsman_clock::{Entropy, EntropyExt, Instant};
use pointsman_types::{ErrorKind, Scope};

/// The first wait without a word of the upstream's.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// The most that chance adds to it.
const JITTER: Duration = Duration::from_millis(750);
/// A longer `retry-after` is not waited for.
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

/// What to do after a failure; draws from `chance` only for a wait.
pub fn decide(policy: &Policy, what: &Situation, chance: &mut dyn Entropy) -> Decision {
    match what.kind.scope() {
        Scope::Nowhere => return Decision::Stop,
        Scope::OtherGroup => return Decision::Fallback,
        Scope::OtherDeployment | Scope::LargerWindow => {}
    }
    if what.now >= what.deadline {
        return Decision::Stop;
    }
    let used_up = what.retries >= policy.num_retries || what.attempts >= policy.max_attempts;
    match what.willing {
        Willing::Other if !used_up => Decision::Elsewhere,
        Willing::Same if !used_up && may_pass(what.kind) => again(policy, what, chance),
        Willing::Other | Willing::Same | Willing::None => Decision::Fallback,
    }
}

fn again(policy: &Policy, what: &Situation, chance: &mut dyn Entropy) -> Decision {
    if what.retry_after.is_some_and(|asked| asked > LONGEST_ASKED) {
        return Decision::Fallback;
    }
    let wait = what.retry_after.unwrap_or_else(|| {
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
        | ErrorKind::Unsupported
        | ErrorKind::Cancelled
        | ErrorKind::Refused => false,
    }
}
