//! Successes and failures of the last minute, and when they are too many.

use pointsman_clock::Instant;
use pointsman_types::ErrorKind;

use crate::{
    allowed::{COUNTED, place as place_of},
    policy::Policy,
};

/// Buckets in the window.
const BUCKETS: u64 = 10;
/// Seconds in a bucket: the window spans 60, the bucket of the moment included.
const SECONDS: u64 = 6;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    successes: u32,
    /// By the place of their kind.
    failures: [u32; COUNTED],
}

/// Successes and failures of the last minute, in ten buckets of six seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Number of the newest bucket, counted from 1970.
    newest: u64,
    buckets: [Bucket; 10],
}

impl Tally {
    /// Counts a success.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        let bucket = self.bucket(now);
        bucket.successes = bucket.successes.saturating_add(1);
    }

    /// Counts a failure, unless it is a client's.
    pub(crate) fn failed(&mut self, kind: ErrorKind, now: Instant) {
        if let Some(at) = place_of(kind) {
            let count = &mut self.bucket(now).failures[at];
            *count = count.saturating_add(1);
        }
    }

    /// Whether the failures counted so far of this kind's class are too many: more than is
    /// allowed, where that is set, else a share of them that exceeds one half beyond doubt.
    pub(crate) fn trips(&self, kind: ErrorKind, policy: &Policy) -> bool {
        let same = policy.allowed_fails_by_kind.same_class(kind);
        let failures: u64 = self
            .buckets
            .iter()
            .flat_map(|bucket| bucket.failures.iter().zip(same))
            .map(|(&count, counts)| if counts { u64::from(count) } else { 0 })
            .sum();
        let successes = || self.buckets.iter().map(|bucket| u64::from(bucket.successes)).sum();
        match policy.allowed(kind) {
            Some(allowed) => failures > u64::from(allowed),
            None => beyond_doubt(failures, successes()),
        }
    }

    /// The bucket of the moment, after the passed ones were emptied. A late caller's result
    /// counts in the newest bucket.
    fn bucket(&mut self, now: Instant) -> &mut Bucket {
        let tick = (now.as_secs() / SECONDS).max(self.newest);
        for passed in 0..(tick - self.newest).min(BUCKETS) {
            self.buckets[place(tick - passed)] = Bucket::default();
        }
        self.newest = tick;
        &mut self.buckets[place(tick)]
    }
}

fn place(tick: u64) -> usize {
    usize::try_from(tick % BUCKETS).unwrap_or(0)
}

/// Whether the lower end of Wilson's interval (1927; z = 1.64, one-sided 95 %) for the share of
/// failures lies above one half.
///
/// The interval holds the shares `p` with `(p̂ - p)² ≤ z² p (1 - p) ÷ n`. At `p` = ½ and `p̂` =
/// `failures ÷ n` that is `(failures - successes)² ≤ z² n`, so whole numbers decide exactly.
/// The fewest failures that do it, out of `n`:
///
/// | n | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 20 | 50 | 100 |
/// |---|---|---|---|---|---|---|---|---|---|----|----|----|-----|
/// |   | – | – | 3 | 4 | 5 | 6 | 6 | 7 | 7 | 8  | 14 | 31 | 59  |
fn beyond_doubt(failures: u64, successes: u64) -> bool {
    let ahead = u128::from(failures.saturating_sub(successes));
    // z² = 2.6896.
    10_000 * ahead * ahead > 26_896 * (u128::from(failures) + u128::from(successes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lower end of the interval, as the textbook has it.
    fn lower(failures: u32, total: u32) -> f64 {
        let (z, n) = (1.64_f64, f64::from(total));
        let p = f64::from(failures) / n;
        let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        (p + z * z / (2.0 * n) - spread) / (1.0 + z * z / n)
    }

    #[test]
    fn whole_numbers_agree_with_wilsons_formula() {
        for total in 1..=300_u32 {
            for failures in 0..=total {
                let decided = beyond_doubt(u64::from(failures), u64::from(total - failures));
                assert_eq!(decided, lower(failures, total) > 0.5, "{failures} of {total}");
            }
        }
    }

    #[test]
    fn the_table_is_right() {
        let fewest = |n: u64| (0..=n).find(|&failures| beyond_doubt(failures, n - failures));
        assert_eq!([1, 2].map(fewest), [None, None]);
        let table = [3, 4, 5, 6, 7, 8, 9, 10, 20, 50, 100].map(|n| fewest(n).unwrap());
        assert_eq!(table, [3, 4, 5, 6, 6, 7, 7, 8, 14, 31, 59]);
    }

    #[test]
    fn failures_leave_after_a_minute_and_late_ones_still_count() {
        let at = Instant::from_secs;
        let trips = |tally: &Tally, allowed| {
            let policy = Policy { allowed_fails: Some(allowed), ..Policy::default() };
            tally.trips(ErrorKind::Server, &policy)
        };
        let mut tally = Tally::default();
        tally.failed(ErrorKind::Server, at(600));
        tally.failed(ErrorKind::Timeout, at(659));
        assert!(trips(&tally, 1));
        tally.failed(ErrorKind::Server, at(660));
        assert!(trips(&tally, 1) && !trips(&tally, 2), "that of 600 is out");
        tally.failed(ErrorKind::Server, at(100));
        assert!(trips(&tally, 2), "a late one counts now");
        tally.failed(ErrorKind::BadRequest, at(660));
        assert!(!trips(&tally, 3), "a client's does not");
        tally.succeeded(at(10_000));
        assert!(!trips(&tally, 0), "all are out");
    }
}
