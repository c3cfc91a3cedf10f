//! How many retries and hedges a group affords.

use pointsman_clock::Instant;

/// Seconds over which retries are compared with first attempts.
const SPAN: u64 = 10;
/// Buckets of a second: the span, and the one that it has left in part.
const BUCKETS: u64 = SPAN + 1;

/// What a group affords, as configured (`retry_budget`).
///
/// ```
/// use pointsman_retry::BudgetPolicy;
/// let policy = BudgetPolicy::default();
/// assert_eq!((policy.ratio, policy.per_second, policy.burst), (0.2, 3.0, 30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetPolicy {
    /// Retries and hedges for each first attempt of the last ten seconds. 0.2.
    pub ratio: f64,
    /// What comes on top of that every second. 3.
    pub per_second: f64,
    /// How much of what comes on top may be saved up. 30.
    pub burst: u32,
}

impl Default for BudgetPolicy {
    fn default() -> Self {
        Self { ratio: 0.2, per_second: 3.0, burst: 30 }
    }
}

/// The retries and hedges of one group.
///
/// Each is paid from the share of first attempts, or, when that is used up, from a reserve that
/// holds `burst` at first and gains `per_second`. So whatever fails, no window of ten seconds or
/// less holds more of them than `ratio` times the first attempts of some ten seconds that end in
/// it, plus `burst`, plus `per_second` times the window's length.
///
/// Moments may come in slightly out of order: a late one counts as the newest.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_retry::{BudgetPolicy, RetryBudget};
/// let policy = BudgetPolicy { ratio: 0.5, per_second: 1.0, burst: 1 };
/// let (mut budget, now) = (RetryBudget::default(), Instant::from_secs(100));
/// (0..4).for_each(|_| budget.first_attempt(now));
/// // Two for the four, and one saved up.
/// assert_eq!([(); 4].map(|()| budget.take(&policy, now)), [true, true, true, false]);
/// // A second later one has come on top.
/// assert!(budget.take(&policy, Instant::from_secs(101)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryBudget {
    newest: u64,
    seconds: [Second; 11],
    /// What was taken of the reserve and has not come back yet, as of `since`.
    spent: f64,
    since: Instant,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Second {
    firsts: u32,
    /// Retries and hedges that the share of first attempts paid for.
    taken: u32,
}

impl RetryBudget {
    /// Counts the first attempt of a call in this group.
    pub fn first_attempt(&mut self, now: Instant) {
        let second = self.second(now);
        second.firsts = second.firsts.saturating_add(1);
    }

    /// Takes one retry or hedge, if that is afforded.
    pub fn take(&mut self, policy: &BudgetPolicy, now: Instant) -> bool {
        self.second(now);
        // The present second has just begun and the first is leaving: fewer first attempts and
        // more retries than in ten seconds, so that the promise holds in any.
        let firsts: u64 = (0..SPAN).map(|ago| u64::from(self.ago(ago).firsts)).sum();
        let taken: u64 = (0..BUCKETS).map(|ago| u64::from(self.ago(ago).taken)).sum();
        #[expect(clippy::cast_precision_loss, reason = "counts of ten seconds")]
        let afforded = taken as f64 + 1.0 <= policy.ratio.max(0.0) * firsts as f64;
        if afforded {
            let second = self.second(now);
            second.taken = second.taken.saturating_add(1);
            return true;
        }
        let gained = now.since(self.since).as_secs_f64() * policy.per_second.max(0.0);
        self.spent = (self.spent - gained).max(0.0);
        self.since = self.since.max(now);
        let left = self.spent + 1.0 <= f64::from(policy.burst);
        if left {
            self.spent += 1.0;
        }
        left
    }

    /// Gives back one that was taken and not sent after all.
    pub fn refund(&mut self, now: Instant) {
        let second = self.second(now);
        if second.taken > 0 {
            second.taken -= 1;
        } else {
            self.spent = (self.spent - 1.0).max(0.0);
        }
    }

    /// What the second of so long ago holds.
    fn ago(&self, seconds: u64) -> Second {
        self.newest.checked_sub(seconds).map_or_else(Second::default, |at| self.seconds[place(at)])
    }

    /// The bucket of the moment, after the passed ones were emptied.
    fn second(&mut self, now: Instant) -> &mut Second {
        let tick = now.as_secs().max(self.newest);
        for passed in 0..(tick - self.newest).min(BUCKETS) {
            self.seconds[place(tick - passed)] = Second::default();
        }
        self.newest = tick;
        &mut self.seconds[place(tick)]
    }
}

fn place(tick: u64) -> usize {
    usize::try_from(tick % BUCKETS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_secs(1_000) + Duration::from_millis(ms)
    }

    fn take_all(budget: &mut RetryBudget, policy: &BudgetPolicy, now: Instant) -> usize {
        (0..10_000).take_while(|_| budget.take(policy, now)).count()
    }

    #[test]
    fn a_fifth_of_the_first_attempts_and_three_a_second() {
        let (mut budget, policy) = (RetryBudget::default(), BudgetPolicy::default());
        (0..1_000).for_each(|_| budget.first_attempt(at(0)));
        assert_eq!(take_all(&mut budget, &policy, at(0)), 230);
        assert_eq!(take_all(&mut budget, &policy, at(500)), 1);
        assert_eq!(take_all(&mut budget, &policy, at(2_000)), 5);
        // The first attempts have left, and what they paid for with them.
        assert_eq!(take_all(&mut budget, &policy, at(11_000)), 27);
        assert_eq!(take_all(&mut budget, &policy, at(100_000)), 30, "no more are saved up");
    }

    #[test]
    fn nothing_is_afforded_where_nothing_is_configured() {
        let mut budget = RetryBudget::default();
        (0..100).for_each(|_| budget.first_attempt(at(0)));
        for ratio in [0.0, -1.0, f64::NAN] {
            let policy = BudgetPolicy { ratio, per_second: f64::NAN, burst: 0 };
            assert_eq!(take_all(&mut budget, &policy, at(9)), 0);
        }
        let all = BudgetPolicy { ratio: f64::INFINITY, per_second: 0.0, burst: 0 };
        assert_eq!(take_all(&mut budget, &all, at(9)), 10_000);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (mut budget, policy) = (RetryBudget::default(), BudgetPolicy::default());
        (0..10).for_each(|_| budget.first_attempt(at(0)));
        assert_eq!(take_all(&mut budget, &policy, at(0)), 32);
        for _ in 0..5 {
            budget.refund(at(0));
        }
        assert_eq!(take_all(&mut budget, &policy, at(0)), 5);
        let mut fresh = RetryBudget::default();
        fresh.refund(at(0));
        assert_eq!(take_all(&mut fresh, &policy, at(0)), 30, "nothing was taken");
    }
}
