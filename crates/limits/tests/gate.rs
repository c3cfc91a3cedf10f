//! What a gate promises over any order of reserving and settling.

use std::time::Duration;

use pointsman_clock::Instant;
use pointsman_limits::{Gate, Hold, Limit, Limits, Refusal};
use proptest::{collection::vec, prelude::*};

#[derive(Clone, Debug)]
enum Op {
    Wait(Duration),
    Reserve,
    Settle(usize, bool),
    Reload(Limits),
}

fn limits() -> impl Strategy<Value = Limits> {
    let rpm = prop_oneof![2 => Just(None), 1 => Just(Some(0)), 5 => (1_u32..8).prop_map(Some)];
    let slots = prop_oneof![2 => Just(None), 1 => Just(Some(0)), 5 => (1_u32..5).prop_map(Some)];
    (rpm, slots).prop_map(|(rpm, max_parallel_requests)| Limits { rpm, max_parallel_requests })
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let wait = prop_oneof![0_u64..900, 20_000_u64..70_000].prop_map(Duration::from_millis);
    let one = prop_oneof![
        3 => wait.prop_map(Op::Wait),
        8 => Just(Op::Reserve),
        5 => (0_usize..6, any::<bool>()).prop_map(|(which, unsent)| Op::Settle(which, unsent)),
        1 => limits().prop_map(Op::Reload),
    ];
    vec(one, 1..100)
}

struct Run {
    gate: Gate,
    limits: Limits,
    now: Instant,
    held: Vec<Hold>,
}

impl Run {
    fn reserve(&mut self) -> Result<(), TestCaseError> {
        let (seen, requests) =
            (self.gate.view(&self.limits, self.now), self.gate.requests(self.now));
        match self.gate.reserve(&self.limits, self.now) {
            Ok(hold) => {
                prop_assert_eq!(seen, None);
                self.held.push(hold);
                let counted = u64::from(self.limits.rpm.is_some());
                prop_assert_eq!(self.gate.requests(self.now), requests + counted);
                let slots = self.limits.max_parallel_requests.unwrap_or(u32::MAX);
                prop_assert!(self.gate.in_flight() <= slots);
                prop_assert!(self.limits.rpm.is_none_or(|rpm| requests < u64::from(rpm)));
            }
            Err(refusal) => {
                prop_assert_eq!(seen, Some(refusal));
                prop_assert!(refusal.used >= refusal.value);
                prop_assert_eq!(self.gate.requests(self.now), requests, "all or nothing");
                prop_assert_eq!(self.gate.view(&self.limits, self.now), seen);
                self.check_moment(refusal)?;
            }
        }
        Ok(())
    }

    fn check_moment(&self, refusal: Refusal) -> Result<(), TestCaseError> {
        let Some(until) = refusal.until else {
            prop_assert!(refusal.limit == Limit::Slots || refusal.value == 0);
            return Ok(());
        };
        prop_assert_eq!(refusal.limit, Limit::Rpm);
        prop_assert!(until > self.now);
        let rpm_only = Limits { max_parallel_requests: None, ..self.limits };
        prop_assert_eq!(self.gate.view(&rpm_only, until), None);
        prop_assert!(self.gate.view(&rpm_only, until - Duration::from_nanos(1)).is_some());
        Ok(())
    }

    fn settle(&mut self, which: usize, unsent: bool) {
        if which < self.held.len() {
            self.gate.settle(self.held.swap_remove(which), unsent);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn nothing_is_over_a_limit_and_nothing_is_left_at_the_end(limits in limits(), ops in ops()) {
        let (gate, now) = (Gate::default(), Instant::from_secs(1_767_225_600));
        let mut run = Run { gate, limits, now, held: Vec::new() };
        for op in ops {
            match op {
                Op::Wait(by) => run.now += by,
                Op::Reserve => run.reserve()?,
                Op::Settle(which, unsent) => run.settle(which, unsent),
                Op::Reload(limits) => run.limits = limits,
            }
            prop_assert_eq!(run.gate.in_flight(), u32::try_from(run.held.len()).unwrap());
        }
        while !run.held.is_empty() {
            run.settle(0, false);
        }
        prop_assert_eq!(run.gate.in_flight(), 0);
        prop_assert_eq!(run.gate.requests(run.now + Duration::from_mins(1)), 0);
    }

    #[test]
    fn what_was_never_sent_uses_nothing(calls in vec(0_u64..90_000, 1..40), rpm in 1_u32..4) {
        let limits = Limits { rpm: Some(rpm), max_parallel_requests: Some(1) };
        let (mut gate, mut now) = (Gate::default(), Instant::from_secs(1_000));
        for wait in calls {
            let hold = gate.reserve(&limits, now).unwrap();
            gate.settle(hold, true);
            now += Duration::from_millis(wait);
        }
        prop_assert_eq!((gate.requests(now), gate.in_flight()), (0, 0));
    }
}

#[test]
fn the_window_speaks_before_the_slots() {
    let limits = Limits { rpm: Some(1), max_parallel_requests: Some(1) };
    let (mut gate, now) = (Gate::default(), Instant::from_secs(1_000));
    let hold = gate.reserve(&limits, now).unwrap();
    let refusal = gate.view(&limits, now).unwrap();
    assert_eq!((refusal.limit, refusal.until), (Limit::Rpm, Some(now + Duration::from_mins(1))));
    let later = gate.view(&limits, now + Duration::from_mins(1)).unwrap();
    let slots = Refusal { limit: Limit::Slots, used: 1, value: 1, until: None };
    assert_eq!(later, slots);
    gate.settle(hold, false);
    let never = Limits { rpm: Some(0), max_parallel_requests: None };
    assert_eq!(gate.view(&never, now).unwrap().until, None);
}
