//! When a further copy of a call is due.

use std::time::Duration;

use pointsman_clock::Instant;

use crate::{Policy, Willing};

/// Samples that are looked at.
const KEPT: usize = 500;
/// Fewer samples tell nothing.
const LEAST: usize = 20;
/// Copies of a call at a time: where a tenth of the calls is late, one in a thousand is three times.
const MOST_COPIES: usize = 3;

/// How long to wait for the first content before a further copy goes out (`hedge.after`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HedgeAfter {
    /// As long as the group's own times say, see [`HedgeClock`].
    #[default]
    Auto,
    /// Always as long.
    Fixed(Duration),
}

impl HedgeAfter {
    /// The moment at which a further copy of a call that was sent at `sent` is due; `None` while
    /// too little is known, and when the call would be over by then.
    ///
    /// ```
    /// use pointsman_clock::Instant;
    /// use pointsman_retry::{HedgeAfter, HedgeClock};
    /// use std::time::Duration;
    /// let (clock, at) = (HedgeClock::default(), Instant::from_secs);
    /// let two = HedgeAfter::Fixed(Duration::from_secs(2));
    /// assert_eq!(two.due(&clock, at(100), at(160)), Some(at(102)));
    /// assert_eq!(two.due(&clock, at(100), at(102)), None);
    /// assert_eq!(HedgeAfter::Auto.due(&clock, at(100), at(160)), None);
    /// ```
    pub fn due(&self, clock: &HedgeClock, sent: Instant, deadline: Instant) -> Option<Instant> {
        let after = match *self {
            Self::Auto => clock.delay()?,
            Self::Fixed(after) => after,
        };
        Some(sent + after).filter(|due| *due < deadline)
    }
}

/// Whether a further copy may go out beside those under way, all of which are late: the call has
/// attempts left, and a member that it was not sent to is willing. Where two copies are late and
/// nobody else is willing, a third goes to one that has a copy; there are three at most.
/// It still has to be paid from the [`crate::RetryBudget`].
///
/// `attempts` counts what the call has sent, what is under way too.
pub const fn may_hedge(
    policy: &Policy,
    attempts: usize,
    under_way: usize,
    willing: Willing,
) -> bool {
    let someone = match willing {
        Willing::Other => true,
        Willing::Same => under_way > 1,
        Willing::None => false,
    };
    attempts < policy.max_attempts as usize && under_way < MOST_COPIES && someone
}

/// The times to first content of a group's last 500 calls, and what they say of hedging.
///
/// A second copy is due after the smaller of the 95th percentile and three times the median: one
/// call in twenty is hedged at most while all is well, and fewer slow ones do not raise the wait
/// for all. Keep one for streams (time to first token) and one for whole answers (whole time).
///
/// ```
/// use pointsman_retry::HedgeClock;
/// use std::time::Duration;
/// let mut clock = HedgeClock::default();
/// for ms in 1..=20 {
///     clock.observe(Duration::from_millis(ms));
/// }
/// assert_eq!(clock.delay(), Some(Duration::from_millis(19)));
/// ```
#[derive(Clone, Debug)]
pub struct HedgeClock {
    /// Microseconds: an hour is the longest that a call may take, and fits.
    samples: [u32; KEPT],
    len: usize,
    next: usize,
    /// Samples since `delay` was computed.
    unseen: usize,
    delay: Option<Duration>,
}

impl Default for HedgeClock {
    fn default() -> Self {
        Self { samples: [0; KEPT], len: 0, next: 0, unseen: 0, delay: None }
    }
}

impl HedgeClock {
    /// Takes in how long an attempt that was answered took to its first content.
    ///
    /// The delay is computed anew when a twentieth of the samples is new.
    pub fn observe(&mut self, first: Duration) {
        self.samples[self.next] = u32::try_from(first.as_micros()).unwrap_or(u32::MAX);
        self.next = (self.next + 1) % KEPT;
        self.len = (self.len + 1).min(KEPT);
        self.unseen += 1;
        if self.len >= LEAST && self.unseen * LEAST >= self.len {
            self.unseen = 0;
            self.delay = self.compute();
        }
    }

    /// Takes in a copy that was dropped after `took`, since another one answered.
    ///
    /// It would have taken longer still. One that was late, which is after `late`, counts with
    /// the time it had: without it the quick ones alone would say what late is, and one in twenty
    /// of them would be. Of one that was not late nothing is known.
    pub fn lost(&mut self, took: Duration, late: Duration) {
        if took >= late {
            self.observe(took);
        }
    }

    /// How long to wait before a further copy; `None` before there are twenty samples.
    pub const fn delay(&self) -> Option<Duration> {
        self.delay
    }

    fn compute(&self) -> Option<Duration> {
        let mut sorted = self.samples;
        let samples = &mut sorted[..self.len];
        let p95 = nearest(samples, 19, 20)?;
        let median = nearest(samples, 1, 2)?;
        Some(Duration::from_micros(p95.min(3 * median)))
    }
}

/// The smallest sample that `of / parts` of all are not above.
fn nearest(samples: &mut [u32], of: usize, parts: usize) -> Option<u64> {
    let rank = (samples.len() * of).div_ceil(parts).checked_sub(1)?;
    Some(u64::from(*samples.select_nth_unstable(rank).1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_takes_twenty_samples() {
        let mut clock = HedgeClock::default();
        (0..19).for_each(|_| clock.observe(ms(100)));
        assert_eq!(clock.delay(), None);
        clock.observe(ms(100));
        assert_eq!(clock.delay(), Some(ms(100)));
    }

    #[test]
    fn a_copy_that_lost_counts_if_it_was_late() {
        let ms = Duration::from_millis;
        let mut clock = HedgeClock::default();
        for nth in 0..500 {
            clock.observe(ms(50));
            if nth % 10 == 0 {
                clock.lost(ms(110), ms(60));
                clock.lost(ms(3), ms(60));
            }
        }
        assert_eq!(clock.delay(), Some(ms(110)));
    }

    #[test]
    fn the_smaller_of_p95_and_three_medians() {
        let mut clock = HedgeClock::default();
        // One in ten is slow: p95 is, too, and three medians are not.
        for n in 0..100 {
            clock.observe(ms(if n % 10 == 0 { 9_000 } else { 100 }));
        }
        assert_eq!(clock.delay(), Some(ms(300)));
        let mut clock = HedgeClock::default();
        for n in 0..100 {
            clock.observe(ms(if n % 50 == 0 { 9_000 } else { 100 }));
        }
        assert_eq!(clock.delay(), Some(ms(100)));
    }

    #[test]
    fn the_last_five_hundred_count() {
        let mut clock = HedgeClock::default();
        (0..500).for_each(|_| clock.observe(ms(9_000)));
        (0..500).for_each(|_| clock.observe(ms(10)));
        assert_eq!(clock.delay(), Some(ms(10)));
        clock.observe(Duration::MAX);
        assert!(clock.delay().is_some());
    }

    #[test]
    fn a_hedge_needs_an_attempt_and_somebody_else() {
        let policy = Policy { max_attempts: 2, ..Policy::default() };
        assert!(may_hedge(&policy, 1, 1, Willing::Other));
        assert!(!may_hedge(&policy, 2, 1, Willing::Other));
        assert!(!may_hedge(&policy, 1, 1, Willing::Same));
        assert!(!may_hedge(&policy, 1, 1, Willing::None));
    }

    #[test]
    fn a_third_copy_may_go_where_one_went() {
        let policy = Policy::default();
        assert!(
            may_hedge(&policy, 2, 2, Willing::Other) && may_hedge(&policy, 2, 2, Willing::Same)
        );
        assert!(!may_hedge(&policy, 2, 2, Willing::None));
        assert!(!may_hedge(&policy, 3, 3, Willing::Other));
    }
}
