//! The limits of an account, exact to the moment: requests, tokens and calls under way.
//!
//! An *account* is whatever has limits: a deployment, a named quota, a provider, a tag, a caller.
//! Its [`Limits`] are configuration, its [`Gate`] is what it has used. Everything is a value that
//! takes the time as an argument; the caller puts it behind a lock.
//!
//! **Reserve, then settle.** Before a call is sent, [`Gate::reserve`] takes a request, the tokens
//! it is expected to use and a slot: of all limits, or nothing. [`Gate::settle`] makes the estimate
//! into what was used. Less is given back in the second of the reserve; more is charged in the
//! second of the settle and may put the account into debt, which blocks and is never forgotten.
//!
//! **The promise.** Any span of 60 seconds, wherever it begins, holds at most `rpm` requests, and
//! at most `tpm` (`itpm`, `otpm`) tokens and what calls used above their estimates. A day holds at
//! most `rpd` and `tpd`, likewise. At no time are more than `max_parallel_requests` under way.
//!
//! **Refusals have a moment.** Each says which limit refuses and [`Until`] when: refused at every
//! earlier moment, accepted at it, if nothing else is taken or settled. A demand above a whole
//! limit is told [`Until::Never`]. Slots free by an event: [`Until::OnRelease`].
//!
//! **Rates without refunds.** What only happens or does not, such as a caller's requests at the
//! gateway or probes, has a [`Pace`].
//!
//! ```
//! use pointsman_limits::{Gate, Limit, Limits, Settled, Take, Until, clock::Instant};
//! use std::time::Duration;
//!
//! let limits = Limits { rpm: Some(2), ..Limits::default() };
//! let (mut gate, start) = (Gate::default(), Instant::from_secs(1_000));
//! let want = Take { requests: 1, input: 20, output: 100 };
//!
//! let first = gate.reserve(&limits, &want, start).unwrap();
//! let second = gate.reserve(&limits, &want, start + Duration::from_millis(1_500)).unwrap();
//!
//! // Two in any 60 seconds: the third fits exactly 60 seconds after the first.
//! let now = start + Duration::from_secs(2);
//! let refusal = gate.reserve(&limits, &want, now).unwrap_err();
//! assert_eq!((refusal.limit, refusal.used, refusal.value), (Limit::Rpm, 2, 2));
//! assert_eq!(refusal.until, Until::At(start + Duration::from_secs(60)));
//!
//! // The second was never sent, so it gives its request back.
//! gate.settle(second, Settled::Unsent, now);
//! gate.settle(first, Settled::Sent { input: 21, output: 64 }, now);
//! assert_eq!((gate.in_flight(), gate.tokens_in_flight()), (0, 0));
//! assert_eq!(gate.used(Limit::Tpm, now), 85);
//! assert_eq!(gate.view(&limits, &want, now), None);
//! ```

mod day;
mod gate;
mod limit;
mod pace;
mod slots;
mod window;

/// Time, as this crate is handed it.
pub use pointsman_clock as clock;

pub use gate::{Gate, Hold, Reading, Refusal, Settled};
pub use limit::{Limit, Limits, Take};
pub use pace::Pace;
pub use slots::Slots;
pub use window::{Stamp, Until, Window};
