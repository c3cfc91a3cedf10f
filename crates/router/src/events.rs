//! What observers are told.

use std::{fmt::Debug, time::Duration};

use pointsman_clock::Instant;
use pointsman_state::Cooldown;
use pointsman_types::{DeploymentId, Error, GroupName, Outcome};

use crate::Trace;

/// Is told what happens to calls, as it happens; for metrics and logs.
///
/// It is called on the way of calls: it must be quick and never block.
///
/// ```
/// use pointsman_router::{Event, Observer};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// /// Counts the sends.
/// #[derive(Debug, Default)]
/// struct Sends(AtomicU64);
///
/// impl Observer for Sends {
///     fn observe(&self, event: &Event<'_>) {
///         if let Event::Attempt { outcome, .. } = event {
///             self.0.fetch_add(u64::from(outcome.sent), Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Debug + Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

const _: fn(&dyn Observer) = |_| ();

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An attempt was settled: a stream when it ended, anything else when it was answered.
    Attempt {
        /// The group it was for.
        group: &'a GroupName,
        /// Where it was sent.
        deployment: &'a DeploymentId,
        /// What it came to.
        outcome: &'a Outcome,
    },
    /// A deployment cools, or cools for longer.
    Cooled {
        /// The deployment.
        deployment: &'a DeploymentId,
        /// For how long, and why.
        cooldown: &'a Cooldown,
        /// This moment.
        now: Instant,
    },
    /// A call ended, or its answer began to stream.
    Call {
        /// The group it was first for.
        group: &'a GroupName,
        /// The one that answered; `None` if none did.
        answered: Option<&'a DeploymentId>,
        /// Why none did.
        error: Option<&'a Error>,
        /// Why it went the way it went.
        trace: &'a Trace,
        /// From the call to here.
        total: Duration,
    },
}
