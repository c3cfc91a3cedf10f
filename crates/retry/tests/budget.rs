//! What a budget promises over any order of calls, retries, refunds and moments.

use std::time::Duration;

use pointsman_clock::Instant;
use pointsman_retry::{BudgetPolicy, HedgeClock, RetryBudget};
use proptest::{collection::vec, prelude::*};

const TEN: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(u64),
    First(u32),
    Take(u32),
    Refund,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let wait = prop_oneof![4 => 0_u64..900, 2 => 900_u64..4_000, 1 => 9_000_u64..12_000];
    let one = prop_oneof![
        4 => wait.prop_map(Op::Wait),
        4 => (1_u32..40).prop_map(Op::First),
        6 => (1_u32..50).prop_map(Op::Take),
        1 => Just(Op::Refund),
    ];
    vec(one, 1..60)
}

fn policy() -> impl Strategy<Value = BudgetPolicy> {
    let ratio = prop_oneof![Just(0.0), Just(0.2), 0.0..2.0_f64];
    let per_second = prop_oneof![Just(0.0), Just(3.0), 0.0..20.0_f64];
    let burst = prop_oneof![Just(0_u32), Just(30), 0_u32..60];
    (ratio, per_second, burst).prop_map(|(ratio, per_second, burst)| BudgetPolicy {
        ratio,
        per_second,
        burst,
    })
}

/// Everything that happened: when, first attempts, and retries less what was given back.
#[derive(Default)]
struct Log(Vec<(Instant, u32, i64)>);

impl Log {
    fn within(&self, from: Instant, to: Instant) -> impl Iterator<Item = &(Instant, u32, i64)> {
        self.0.iter().filter(move |(at, ..)| (from..=to).contains(at))
    }

    /// No window of ten seconds or less, from any event to any later one, holds too many.
    #[expect(clippy::cast_precision_loss, reason = "counts of a test")]
    fn check(&self, policy: &BudgetPolicy) -> Result<(), TestCaseError> {
        let firsts = |to| self.within(to - TEN, to).map(|(_, firsts, _)| firsts).sum::<u32>();
        for &(to, ..) in &self.0 {
            let starts = self.0.iter().filter(|(from, ..)| *from <= to && to - *from <= TEN);
            for &(from, ..) in starts {
                let most = self.within(from, to).map(|&(at, ..)| firsts(at)).max();
                let shared = policy.ratio * f64::from(most.unwrap_or(0));
                let taken: i64 = self.within(from, to).map(|(.., taken)| taken).sum();
                let gained = policy.per_second * (to - from).as_secs_f64();
                let most = shared + f64::from(policy.burst) + gained + 1e-6;
                prop_assert!(taken as f64 <= most, "{} of {}", taken, most);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_window_holds_more_than_is_afforded(policy in policy(), ops in ops()) {
        let (mut budget, mut log) = (RetryBudget::default(), Log::default());
        let mut now = Instant::from_secs(1_767_225_600);
        let mut taken = 0_u32;
        for op in ops {
            match op {
                Op::Wait(ms) => now += Duration::from_millis(ms),
                Op::First(calls) => {
                    (0..calls).for_each(|_| budget.first_attempt(now));
                    log.0.push((now, calls, 0));
                }
                Op::Take(tries) => {
                    let got = (0..tries).filter(|_| budget.take(&policy, now)).count();
                    taken += u32::try_from(got).unwrap_or(u32::MAX);
                    log.0.push((now, 0, i64::try_from(got).unwrap_or(i64::MAX)));
                }
                Op::Refund if taken > 0 => {
                    taken -= 1;
                    budget.refund(now);
                    log.0.push((now, 0, -1));
                }
                Op::Refund => {}
            }
        }
        log.check(&policy)?;
        // And it never dries up: what comes on top has come back by then.
        if policy.per_second > 0.1 {
            now += Duration::from_mins(15);
            let got = (0..100).filter(|_| budget.take(&policy, now)).count();
            prop_assert_eq!(got, policy.burst as usize);
        }
    }

    #[test]
    fn any_moment_does_no_harm(moments in vec((any::<u64>(), any::<bool>()), 1..50)) {
        let (mut budget, policy) = (RetryBudget::default(), BudgetPolicy::default());
        for (nanos, first) in moments {
            let now = Instant::from_nanos(nanos);
            if first {
                budget.first_attempt(now);
            } else {
                budget.take(&policy, now);
            }
        }
    }

    #[test]
    fn a_hedge_waits_for_the_smaller_of_p95_and_three_medians(
        samples in vec(prop_oneof![3 => 0_u64..5_000_000, 1 => 900_000_u64..900_100], 20..700),
    ) {
        let mut clock = HedgeClock::default();
        for &micros in &samples {
            clock.observe(Duration::from_micros(micros));
        }
        // The delay may be a twentieth of the samples old.
        let exact = |old: usize| {
            let until = samples.len() - old;
            let mut kept = samples[until.saturating_sub(500)..until].to_vec();
            kept.sort_unstable();
            let rank = |of: usize, parts: usize| kept[(kept.len() * of).div_ceil(parts) - 1];
            Duration::from_micros(rank(19, 20).min(3 * rank(1, 2)))
        };
        let oldest = (samples.len() - 20).min(samples.len().min(500) / 20);
        let delay = clock.delay();
        prop_assert!((0..=oldest).any(|old| delay == Some(exact(old))), "{:?}", delay);
    }
}
