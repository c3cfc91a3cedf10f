//! What to do after a failure, how often, and when to send a second copy.
//!
//! # The decision
//!
//! [`decide`] is one pure table; the first row that applies counts.
//!
//! | the failure | who is willing | decision |
//! |---|---|---|
//! | nobody would answer it differently; the deadline is over; the call's attempts are used up | – | stop |
//! | only another group may answer it; the group's retries are used up | – | fallback |
//! | any other | a member that was not tried | elsewhere, at once |
//! | may pass with time (rate, timeout, connection, overload, server) | only tried members | again, after a wait |
//! | will not pass (key, permission, model, quota, window) | only tried members | fallback |
//! | any other | nobody | fallback |
//!
//! The wait is the upstream's `retry-after` if it is at most 60 s, else `0.5 s × 2^n` up to 8 s
//! plus up to 0.75 s of jitter; at least the configured `retry_after`. One that would reach the
//! deadline is not begun: fallback.
//!
//! A retry has to be paid from the group's [`RetryBudget`], which keeps an outage from being
//! multiplied; a hedge too, and [`HedgeClock`] says when one is due.
//!
//! ```
//! use pointsman_retry::{
//!     BudgetPolicy, Decision, Policy, RetryBudget, Situation, Willing,
//!     clock::{Dice, Instant},
//!     decide,
//!     types::ErrorKind,
//! };
//!
//! let now = Instant::from_secs(100);
//! let mut budget = RetryBudget::default();
//! budget.first_attempt(now);
//! let failed = Situation {
//!     kind: ErrorKind::Server,
//!     retry_after: None,
//!     retries: 0,
//!     attempts: 1,
//!     willing: Willing::Other,
//!     now,
//!     deadline: Instant::from_secs(160),
//! };
//! let decision = decide(&Policy::default(), &failed, &mut Dice::new(1));
//! assert_eq!(decision, Decision::Elsewhere);
//! assert!(decision.is_retry() && budget.take(&BudgetPolicy::default(), now));
//! ```

mod budget;
mod decide;
mod hedge;

/// Time and chance, as this crate is handed them.
pub use pointsman_clock as clock;
/// The words that all crates share.
pub use pointsman_types as types;

pub use budget::{BudgetPolicy, RetryBudget};
pub use decide::{Decision, Policy, Situation, Willing, decide};
pub use hedge::{HedgeAfter, HedgeClock, may_hedge};
