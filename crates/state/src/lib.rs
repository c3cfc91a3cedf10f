//! The live state of deployments: health, limits and what is in flight, behind one port.
//!
//! Capacity is a [`Lease`]. Claiming it is the only linearisation point; dropping it settles, so a
//! cancelled call, a panic and a client that hangs up all give back what they took, exactly once.
//!
//! ```
//! use std::sync::Arc;
//! use pointsman_clock::{Clock, ManualClock};
//! use pointsman_state::*;
//! use pointsman_types::{DeploymentId, Outcome, Verdict};
//! # futures_lite(async {
//! let clock = Arc::new(ManualClock::default());
//! let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(1));
//! let slots = store.bind(&[MemberSpec::new(DeploymentId::from("a"), "chat".into())], &[], clock.now()).slots;
//! let lease = Lease::claim(&store, clock.clone(), slots[0], &Demand::default(), GrantId(1)).await.unwrap();
//! assert_eq!(store.report(slots[0], clock.now()).in_flight, 1);
//! lease.settle(&Outcome::bare(Verdict::Success, std::time::Duration::ZERO));
//! assert_eq!(store.report(slots[0], clock.now()).in_flight, 0);
//! # });
//! # fn futures_lite(work: impl Future<Output = ()>) {
//! #     let mut work = std::pin::pin!(work);
//! #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
//! #     assert!(work.as_mut().poll(&mut cx).is_ready());
//! # }
//! ```

mod account;
mod allowance;
mod cell;
mod cover;
mod lease;
mod memory;
mod port;
mod sight;
mod spec;
mod spread;
mod table;
mod waiting;

pub(crate) use account::Claim;
pub use allowance::{Allowance, Allowances, Denied, Drawn};
pub use lease::Lease;
pub use memory::MemoryStore;
pub use pointsman_cost::{BudgetLimit, Price};
pub use pointsman_health::{AllowedFails, Cooldown, Policy as HealthPolicy, Standing};
pub use pointsman_limits::{Limit, Limits, Take};
pub use port::{
    Bound, Demand, Entry, Freed, Grant, GrantId, Journal, Progress, Slot, StateStore, Turn,
};
pub use sight::{
    AccountReport, Refusal, Report, Row, Sight, SpendReport, Until, Whose, Why, WindowReport,
};
pub use spec::{AccountId, AccountIx, AccountSpec, MemberSpec};
pub use waiting::Waiting;
