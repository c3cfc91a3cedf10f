//! The time of a world: tokio's, which is paused, as everybody's clock.

use pointsman_clock::{Clock, Instant};

/// When worlds begin: the first of January 2026, 00:00 UTC.
pub(crate) const DAWN: Instant = Instant::from_secs(1_767_225_600);

/// A clock that is tokio's, so that timers and policy agree.
#[derive(Debug)]
pub(crate) struct PausedClock {
    start: tokio::time::Instant,
}

impl PausedClock {
    /// Begins at [`DAWN`]; to be called within a runtime whose time is paused.
    pub(crate) fn new() -> Self {
        Self { start: tokio::time::Instant::now() }
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Instant {
        DAWN + (tokio::time::Instant::now() - self.start)
    }
}
