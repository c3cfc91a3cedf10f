//! The real clock: monotonic, anchored to the wall clock at start and slewed towards it.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use crate::{Clock, Instant};

/// How often the wall clock is compared.
const LOOK_NANOS: u64 = 1_000_000_000;
/// How much of a difference is made up per look: 1 ms a second.
const STEP_NANOS: i64 = 1_000_000;

/// The machine's clock as nanoseconds since 1970.
///
/// It runs on the monotonic clock and is slewed towards the wall clock by at most 1 ms a second,
/// so a step of the wall clock neither fires timers nor stalls them.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
    anchor: u64,
    offset: AtomicI64,
    looked: AtomicU64,
    last: AtomicU64,
}

impl SystemClock {
    /// A clock anchored to the wall clock now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn new() -> Self {
        Self {
            start: std::time::Instant::now(),
            anchor: wall_nanos(),
            offset: AtomicI64::new(0),
            looked: AtomicU64::new(0),
            last: AtomicU64::new(0),
        }
    }

    fn slew(&self, elapsed: u64) {
        let looked = self.looked.load(Ordering::Relaxed);
        if elapsed.saturating_sub(looked) < LOOK_NANOS {
            return;
        }
        let mine =
            self.looked.compare_exchange(looked, elapsed, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_ok() {
            let ours = (self.anchor + elapsed).cast_signed() + self.offset.load(Ordering::Relaxed);
            let behind = wall_nanos().cast_signed() - ours;
            self.offset.fetch_add(behind.clamp(-STEP_NANOS, STEP_NANOS), Ordering::Relaxed);
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let elapsed = nanos(self.start.elapsed());
        self.slew(elapsed);
        let offset = self.offset.load(Ordering::Relaxed);
        let now = (self.anchor + elapsed).saturating_add_signed(offset);
        // Slewing back must not be seen as time going back.
        Instant::from_nanos(self.last.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn wall_nanos() -> u64 {
    nanos(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_back_and_agrees_with_the_wall() {
        let clock = SystemClock::new();
        let mut last = clock.now();
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
        let apart = wall_nanos().abs_diff(clock.now().as_nanos());
        assert!(apart < 1_000_000_000, "{apart} ns from the wall clock");
    }
}
