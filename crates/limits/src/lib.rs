//! Request windows and parallel slots of one deployment, exact to the moment.
//!
//! Everything is a value that takes the time as an argument: callers put it behind a lock. A
//! [`Gate`] holds what one deployment is limited by; a [`Window`] alone serves anything that is
//! counted per minute, such as tokens.
//!
//! ```
//! use pointsman_clock::Instant;
//! use pointsman_limits::{Gate, Limit, Limits};
//! use std::time::Duration;
//!
//! let limits = Limits { rpm: Some(2), max_parallel_requests: None };
//! let (mut gate, start) = (Gate::default(), Instant::from_secs(1_000));
//!
//! let first = gate.reserve(&limits, start).unwrap();
//! let second = gate.reserve(&limits, start + Duration::from_millis(1_500)).unwrap();
//!
//! // Two in any 60 seconds: the third fits exactly 60 seconds after the first.
//! let refusal = gate.reserve(&limits, start + Duration::from_secs(2)).unwrap_err();
//! assert_eq!((refusal.limit, refusal.used, refusal.value), (Limit::Rpm, 2, 2));
//! assert_eq!(refusal.until, Some(start + Duration::from_secs(60)));
//!
//! // The second was never sent, so it gives its request back.
//! gate.settle(second, true);
//! gate.settle(first, false);
//! assert_eq!(gate.in_flight(), 0);
//! assert_eq!(gate.view(&limits, start + Duration::from_secs(2)), None);
//! ```

mod gate;
mod slots;
mod window;

pub use gate::{Gate, Hold, Limit, Limits, Refusal};
pub use slots::Slots;
pub use window::{Stamp, Until, Window};
