//! What the tests are built from: faulty upstreams, a raw client, the gateway as a child process.
//!
//! - [`upstream`]: an OpenAI-shaped HTTP server on a real loopback socket that fails on demand;
//! - [`wire`]: an HTTP/1.1 client that can misbehave, and sees when each piece arrives;
//! - [`gateway`]: the built gateway, started on a configuration and stopped on drop;
//! - [`contract`]: what every implementation of a port must do, to be run on one's own;
//! - [`recorded`]: exchanges with real vendors, where there are some, and checks for their codecs;
//! - [`world`] (feature `world`): the router on paused time before scripted upstreams, and its laws;
//! - [`Scratch`]: a directory of one's own, removed on drop.
//!
//! Everything else here runs in real time on the caller's tokio runtime, which must drive I/O and time:
//! never pause its clock. Moments are read from one clock for the whole process ([`now`]), so those
//! an upstream saw and those a client saw can be compared.

use std::sync::LazyLock;

use pointsman_clock::{Clock, Instant, SystemClock};

pub mod contract;
pub mod event_stream;
pub mod gateway;
mod machine;
pub mod recorded;
pub mod redis;
mod scratch;
mod signals;
mod slow_link;
pub mod upstream;
pub mod wire;
#[cfg(feature = "world")]
pub mod world;

pub use gateway::Gateway;
pub use machine::FakeMachine;
pub use redis::RedisServer;
pub use scratch::Scratch;
pub use slow_link::SlowLink;
pub use upstream::{Behaviour, Upstream};
pub use wire::Wire;

static CLOCK: LazyLock<SystemClock> = LazyLock::new(SystemClock::new);

/// This moment, on the clock that everything in this crate reads.
pub fn now() -> Instant {
    CLOCK.now()
}
