//! A gate against a model that keeps everything that ever happened, over any order of reserve,
//! settle, cancel, reload and time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod model;

use std::time::Duration;

use model::{Model, NANO, SPAN};
use pointsman_clock::Instant;
use pointsman_limits::{Gate, Hold, Limit, Limits, Settled, Take, Until};
use proptest::{collection::vec, prelude::*};

const DAY: Duration = Duration::from_hours(24);

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(Duration),
    /// Reserves at a moment that lies this far back.
    Reserve(Take, Duration),
    /// Settles one of those held, at a moment that lies this far back.
    Settle(usize, Settled, Duration),
    Reload(Limits),
}

fn wait() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => Just(Duration::ZERO),
        3 => (0_u64..1_500).prop_map(Duration::from_millis),
        2 => (0_u64..20).prop_map(Duration::from_secs),
        2 => (57_000_000_000_u64..63_000_000_000).prop_map(Duration::from_nanos),
        1 => Just(SPAN),
        1 => Just(SPAN.saturating_sub(NANO)),
        1 => Just(NANO),
        1 => (60_u64..100_000).prop_map(Duration::from_secs),
    ]
}

fn late() -> impl Strategy<Value = Duration> {
    prop_oneof![4 => Just(Duration::ZERO), 1 => (0_u64..1_900).prop_map(Duration::from_millis)]
}

/// Few enough of the huge ones fit a run for every sum to stay below `u64::MAX`.
fn tokens() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 2 => Just(1), 8 => 0_u64..30, 1 => Just(u64::MAX / 2_048)]
}

fn take() -> impl Strategy<Value = Take> {
    let requests = prop_oneof![8 => Just(1), 1 => Just(0), 1 => 0_u32..4];
    (requests, tokens(), tokens()).prop_map(|(requests, input, output)| Take {
        requests,
        input,
        output,
    })
}

fn settled() -> impl Strategy<Value = Settled> {
    let sent = (tokens(), tokens()).prop_map(|(input, output)| Settled::Sent { input, output });
    prop_oneof![1 => Just(Settled::Unsent), 3 => sent]
}

fn count(most: u32) -> impl Strategy<Value = Option<u32>> {
    prop_oneof![4 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(u32::MAX)), 6 => (1..most).prop_map(Some)]
}

fn amount() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![4 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(u64::MAX)), 6 => (20_u64..90).prop_map(Some)]
}

fn limits() -> impl Strategy<Value = Limits> {
    let tokens = (amount(), amount(), amount(), amount());
    (count(8), tokens, count(12), count(6)).prop_map(|(rpm, (tpm, itpm, otpm, tpd), rpd, slots)| {
        Limits {
            rpm,
            tpm,
            itpm,
            otpm,
            rpd: rpd.map(u64::from),
            tpd: tpd.map(|tpd| tpd.saturating_mul(3)),
            max_parallel_requests: slots,
            daily_reset_time: Duration::ZERO,
        }
    })
}

fn ops(reloads: u32) -> impl Strategy<Value = Vec<Op>> {
    let one = prop_oneof![
        4 => wait().prop_map(Op::Wait),
        8 => (take(), late()).prop_map(|(take, late)| Op::Reserve(take, late)),
        5 => (0_usize..6, settled(), late())
            .prop_map(|(which, how, late)| Op::Settle(which, how, late)),
        reloads => limits().prop_map(Op::Reload),
    ];
    vec(one, 1..100)
}

fn start() -> impl Strategy<Value = Instant> {
    prop_oneof![
        1 => (2_000_000_000_u64..70_000_000_000).prop_map(Instant::from_nanos),
        // Around a midnight.
        3 => (0_u64..1_000_000_000)
            .prop_map(|n| Instant::from_nanos(1_767_225_599_500_000_000 + n)),
    ]
}

fn reset() -> impl Strategy<Value = Duration> {
    prop_oneof![2 => Just(Duration::ZERO), 1 => (0_u64..200_000).prop_map(Duration::from_secs)]
}

struct Run {
    gate: Gate,
    model: Model,
    limits: Limits,
    now: Instant,
    held: Vec<(Hold, model::Claim)>,
}

impl Run {
    fn new(limits: Limits, now: Instant) -> Self {
        let (gate, model) = (Gate::default(), Model::default());
        Self { gate, model, limits, now, held: Vec::new() }
    }

    fn all(mut self, ops: impl IntoIterator<Item = Op>) -> Result<Self, TestCaseError> {
        for op in ops {
            match op {
                Op::Wait(by) => self.now += by,
                Op::Reserve(take, late) => self.reserve(&take, self.now - late)?,
                Op::Settle(which, how, late) => self.settle(which, how, self.now - late),
                Op::Reload(limits) => {
                    self.limits =
                        Limits { daily_reset_time: self.limits.daily_reset_time, ..limits };
                }
            }
            self.compare()?;
        }
        Ok(self)
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let (gate, model) = (&self.gate, &self.model);
        prop_assert_eq!(gate.in_flight() as usize, self.held.len());
        let reserved: u64 = self.held.iter().map(|(_, claim)| claim.take.tokens()).sum();
        prop_assert_eq!(gate.tokens_in_flight(), reserved);
        for now in [self.now, self.now - Duration::from_millis(1_900)] {
            for reading in gate.report(&self.limits, now) {
                let used = model.used(reading.limit, &self.limits, now);
                prop_assert_eq!(u128::from(reading.used), used, "{:?}", reading.limit);
                prop_assert_eq!(reading.frees_at, model.frees_at(reading.limit, &self.limits, now));
            }
            let least = model.headroom(&self.limits, now);
            prop_assert!((f64::from(gate.headroom(&self.limits, now)) - least).abs() < 1e-6);
        }
        Ok(())
    }

    fn reserve(&mut self, take: &Take, now: Instant) -> Result<(), TestCaseError> {
        let seen = self.gate.view(&self.limits, take, now);
        prop_assert_eq!(seen, self.model.refusal(&self.limits, take, now));
        match self.gate.reserve(&self.limits, take, now) {
            Ok(hold) => {
                prop_assert_eq!(seen, None);
                self.held.push((hold, self.model.reserve(take, now)));
            }
            Err(refusal) => {
                prop_assert_eq!(seen, Some(refusal));
                self.check_moment(take, now, refusal.until)?;
            }
        }
        Ok(())
    }

    /// Refused at every earlier moment, accepted at it.
    fn check_moment(&self, take: &Take, now: Instant, until: Until) -> Result<(), TestCaseError> {
        let view = |at| self.gate.view(&self.limits, take, at);
        let Until::At(moment) = until else {
            for later in [now + SPAN, now + DAY, now + DAY * 9] {
                prop_assert_eq!(view(later).map(|refusal| refusal.until), Some(until));
            }
            return Ok(());
        };
        prop_assert!(moment > now);
        for share in 0..=8_u32 {
            prop_assert!(view(now + (moment - NANO - now) / 8 * share).is_some());
        }
        prop_assert_eq!(view(moment - NANO).map(|refusal| refusal.until), Some(until));
        prop_assert_eq!(view(moment), None);
        // The truth, to the nanosecond, is less than the width of a bucket earlier.
        let second = Duration::from_secs(1);
        let surely = self.model.true_refusal(&self.limits, take, now.max(moment - second));
        prop_assert!(surely || moment - now <= second, "{moment:?} is late");
        Ok(())
    }

    fn settle(&mut self, which: usize, how: Settled, now: Instant) {
        if which < self.held.len() {
            let (hold, claim) = self.held.swap_remove(which);
            self.gate.settle(hold, how, now);
            self.model.settle(&claim, how, now);
        }
    }

    /// Settles what is held; nothing stays but what was used, and that slides out.
    fn end(mut self) -> Result<(), TestCaseError> {
        while !self.held.is_empty() {
            self.settle(0, Settled::Sent { input: 1, output: 0 }, self.now);
            self.compare()?;
        }
        prop_assert_eq!((self.gate.in_flight(), self.gate.tokens_in_flight()), (0, 0));
        for limit in [Limit::Rpm, Limit::Tpm, Limit::Itpm, Limit::Otpm] {
            prop_assert_eq!(self.gate.used(limit, self.now + SPAN), 0);
        }
        for limit in Limit::ALL {
            prop_assert_eq!(self.gate.used(limit, self.now + DAY), 0);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn agrees_with_the_model(
        first in limits(), reset in reset(), ops in ops(1), now in start(),
    ) {
        let limits = Limits { daily_reset_time: reset, ..first };
        Run::new(limits, now).all(ops)?.end()?;
    }

    #[test]
    fn no_span_and_no_day_holds_more_than_its_limit(
        first in limits(), reset in reset(), ops in ops(0), now in start(),
    ) {
        let limits = Limits { daily_reset_time: reset, ..first };
        let run = Run::new(limits, now).all(ops)?;
        run.model.check_spans(&limits)?;
        run.end()?;
    }

    #[test]
    fn what_was_never_sent_uses_nothing(calls in vec((take(), wait()), 1..40), limits in limits()) {
        let mut run = Run::new(limits, Instant::from_secs(1_000));
        for (take, wait) in calls {
            if let Ok(hold) = run.gate.reserve(&limits, &take, run.now) {
                run.gate.settle(hold, Settled::Unsent, run.now + wait);
            }
            for limit in Limit::ALL {
                prop_assert_eq!(run.gate.used(limit, run.now), 0);
            }
            run.now += wait;
        }
    }

    #[test]
    fn the_greatest_demands_leave_nothing_behind(
        takes in vec((any::<u64>(), any::<u64>(), any::<bool>()), 1..20),
    ) {
        let (mut gate, now) = (Gate::default(), Instant::from_nanos(u64::MAX - 1));
        let mut holds = Vec::new();
        for (input, output, huge) in takes {
            let input = if huge { u64::MAX } else { input };
            let take = Take { requests: u32::MAX, input, output };
            holds.push(gate.reserve(&Limits::default(), &take, now).unwrap());
        }
        for hold in holds {
            gate.settle(hold, Settled::Unsent, now);
        }
        prop_assert_eq!((gate.in_flight(), gate.tokens_in_flight()), (0, 0));
        for limit in Limit::ALL {
            prop_assert_eq!(gate.used(limit, now), 0);
        }
    }
}
