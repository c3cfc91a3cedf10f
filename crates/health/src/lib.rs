//! How a deployment fares: cooldown, probe and ramp, latency, and what its upstream says is left.
//!
//! | value | of | knows |
//! |---|---|---|
//! | [`Health`] | a deployment | whether it takes calls: cooling, probing, ramping |
//! | [`Latency`] | a deployment | how soon it answers and how fast it writes |
//! | [`Headroom`] | a deployment | how much its upstream's own rate limits leave |
//! | [`HostWatch`] | a host | whether it is the host that cannot be reached |
//!
//! All of them are values of fixed size: callers put them behind a lock, hand them the time and
//! the chance, and tell them what happened. They know nothing of each other; what joins them is
//! - samples count only while [`Health::is_current`] says so, and a [`Cooldown`] that begins
//!   drops them ([`Latency::clear`]): the probe's is the new first one;
//! - a failure whose blame is a credential's cools all that share it at that host, and a host that
//!   [`HostWatch`] gives up cools all its deployments, by [`Health::spread`];
//! - [`Headroom::out_until`] keeps a deployment out without a cooldown, but never the last one
//!   that is willing: only who sees all members can tell.
//!
//! # The state machine
//!
//! Every attempt claims a [`Pass`] first and settles with it, so
//! a result that arrives late is known to be late: it cannot end a cooldown that began after it
//! was sent, nor free a probe that is somebody else's.
//!
//! ```text
//!             enough failures                 the deadline passes, then one claim
//!   Serving ────────────────────► Cooling ─────────────────────► Probing
//!      ▲                             ▲                           │    │
//!      │ ramp_time                   └────── failure, longer ────┘    │
//!      └───────────── Ramping ◄──────────── first content, success ───┘
//! ```
//!
//! ```
//! use pointsman_health::{
//!     Failure, Health, Policy, Standing,
//!     clock::{Dice, Instant},
//!     types::ErrorKind,
//! };
//! use std::time::Duration;
//!
//! let (policy, mut dice) = (Policy::default(), Dice::new(7));
//! let (mut health, mut now) = (Health::new(), Instant::from_secs(1_000));
//!
//! // A 429 that asks for half a minute: out at once, for at least that long.
//! let pass = health.claim(&policy, now).unwrap();
//! let what = Failure {
//!     kind: ErrorKind::RateLimited,
//!     retry_after: Some(Duration::from_secs(30)),
//!     lone: false,
//! };
//! let cooldown = health.failure(pass, what, &policy, &mut dice, now).unwrap();
//! assert_eq!(cooldown.until, now + Duration::from_secs(30));
//! assert!(health.claim(&policy, now).is_err());
//!
//! // When it is over, exactly one call goes out to see whether the deployment answers again.
//! now = cooldown.until;
//! assert_eq!(health.standing(&policy, now), Standing::Due);
//! let probe = health.claim(&policy, now).unwrap();
//! assert!(probe.is_probe());
//! assert_eq!(health.claim(&policy, now), Err(Standing::Probing));
//!
//! // It does: a tenth of the calls at first, all of them ten seconds later.
//! health.success(probe, now);
//! assert_eq!(health.standing(&policy, now), Standing::Ramping { share: 0.1 });
//! now += Duration::from_secs(10);
//! assert_eq!(health.standing(&policy, now), Standing::Serving);
//! ```

mod allowed;
mod headroom;
mod host;
mod latency;
mod machine;
mod policy;
mod tally;

/// Time and chance, as this crate is handed them.
pub use pointsman_clock as clock;
/// The words that all crates share.
pub use pointsman_types as types;

pub use allowed::AllowedFails;
pub use headroom::Headroom;
pub use host::HostWatch;
pub use latency::{Latency, Sample};
pub use machine::{Health, Pass, Standing};
pub use policy::{Cooldown, Failure, Policy};
