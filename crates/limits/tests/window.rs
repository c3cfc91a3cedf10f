//! A window against a model that keeps every addition with its moment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use pointsman_clock::Instant;
use pointsman_limits::{Stamp, Until, Window};
use proptest::{collection::vec, prelude::*};

const SPAN: Duration = Duration::from_mins(1);
const NANO: Duration = Duration::from_nanos(1);

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(Duration),
    /// Takes at a moment that lies this far back.
    Take(u64, Duration),
    /// Gives back part of the n-th stamp held.
    GiveBack(usize, u64),
    Charge(u64, Duration),
}

fn wait() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => (0_u64..1_500).prop_map(Duration::from_millis),
        2 => (0_u64..20).prop_map(Duration::from_secs),
        2 => (57_000_000_000_u64..63_000_000_000).prop_map(Duration::from_nanos),
        1 => Just(SPAN),
        1 => Just(SPAN.saturating_sub(NANO)),
        1 => Just(NANO),
        1 => (60_u64..200).prop_map(Duration::from_secs),
    ]
}

fn late() -> impl Strategy<Value = Duration> {
    prop_oneof![5 => Just(Duration::ZERO), 1 => (0_u64..2_000).prop_map(Duration::from_millis)]
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(1), 3 => 0_u64..12, 1 => Just(u64::MAX)]
}

fn ops(charges: bool) -> impl Strategy<Value = Vec<Op>> {
    let one = prop_oneof![
        4 => wait().prop_map(Op::Wait),
        8 => (amount(), late()).prop_map(|(amount, late)| Op::Take(amount, late)),
        2 => (0_usize..8, amount()).prop_map(|(which, amount)| Op::GiveBack(which, amount)),
        u32::from(charges) => (amount(), late()).prop_map(|(amount, late)| Op::Charge(amount, late)),
    ];
    vec(one, 1..120)
}

fn start() -> impl Strategy<Value = Instant> {
    prop_oneof![
        1 => (0_u64..70_000_000_000).prop_map(Instant::from_nanos),
        3 => (0_u64..1_000_000_000).prop_map(|n| Instant::from_nanos(1_767_225_600_000_000_000 + n)),
    ]
}

fn limit() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0), 2 => Just(1), 6 => 2_u64..12, 1 => Just(u64::MAX)]
}

/// Everything that was ever added, with its moment.
#[derive(Default)]
struct Model {
    events: Vec<(Instant, u64)>,
    /// The moments that the callers told, of which some were late.
    told: Vec<Instant>,
}

impl Model {
    fn clamp(&self, now: Instant) -> Instant {
        self.events.last().map_or(now, |&(newest, _)| newest.max(now))
    }

    fn sum(&self, counts: impl Fn(Instant) -> bool) -> u128 {
        let counted = self.events.iter().filter(|&&(at, _)| counts(at));
        counted.map(|&(_, amount)| u128::from(amount)).sum()
    }

    /// What was added less than 60 seconds ago.
    fn truly(&self, now: Instant) -> u128 {
        self.sum(|at| at + SPAN > now)
    }

    /// The moment from which on no more than `room` was added less than 60 seconds ago.
    fn true_moment(&self, room: u64) -> Instant {
        let moments = self.events.iter().map(|&(at, _)| at + SPAN);
        moments.filter(|&at| self.truly(at) <= u128::from(room)).min().unwrap()
    }

    /// By the rule a second counts as a whole until 60 s after its last addition.
    fn falls(&self, at: Instant) -> Instant {
        let same = self.events.iter().filter(|(other, _)| other.as_secs() == at.as_secs());
        same.map(|&(at, _)| at).max().unwrap() + SPAN
    }

    fn used(&self, now: Instant) -> u128 {
        self.sum(|at| self.falls(at) > now)
    }

    fn frees_at(&self, now: Instant) -> Option<Instant> {
        let held = self.events.iter().filter(|&&(_, amount)| amount > 0);
        held.map(|&(at, _)| self.falls(at)).filter(|&falls| falls > now).min()
    }
}

struct Run {
    window: Window,
    model: Model,
    limit: u64,
    now: Instant,
    /// Stamps with the index of their event.
    held: Vec<(Stamp, Option<usize>)>,
}

impl Run {
    fn step(&mut self, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Wait(by) => self.now += by,
            Op::Take(amount, late) => self.take(amount, self.now - late)?,
            Op::GiveBack(which, amount) => {
                if which < self.held.len() {
                    let (stamp, event) = self.held.swap_remove(which);
                    self.window.give_back(stamp, amount);
                    if let Some(event) = event {
                        let taken = &mut self.model.events[event].1;
                        *taken -= amount.min(*taken);
                    }
                }
            }
            Op::Charge(amount, late) => {
                self.window.charge(amount, self.now - late);
                self.record(amount, self.now - late);
            }
        }
        for now in [self.now, self.now - Duration::from_millis(1_900)] {
            prop_assert_eq!(u128::from(self.window.used(now)), self.model.used(now));
            prop_assert_eq!(self.window.frees_at(now), self.model.frees_at(now));
        }
        Ok(())
    }

    fn record(&mut self, amount: u64, now: Instant) -> Option<usize> {
        if amount == 0 {
            return None;
        }
        let at = self.model.clamp(now);
        // Buckets add up to `u64::MAX` at most; those already reused are no part of that.
        let kept = self.model.sum(|old| old.as_secs() + 63 >= at.as_secs());
        let room = u64::MAX - u64::try_from(kept).unwrap();
        self.model.events.push((at, amount.min(room)));
        self.model.told.push(now);
        Some(self.model.events.len() - 1)
    }

    fn take(&mut self, amount: u64, now: Instant) -> Result<(), TestCaseError> {
        let (limit, at) = (self.limit, self.model.clamp(now));
        let foretold = self.window.fits_at(amount, limit, now);
        match self.window.take(amount, limit, now) {
            Ok(stamp) => {
                prop_assert_eq!(foretold, Ok(()));
                let event = self.record(amount, now);
                self.held.push((stamp, event));
                prop_assert!(
                    self.model.truly(at) <= u128::from(limit),
                    "over the limit at {:?}",
                    at
                );
            }
            Err(Until::Never) => prop_assert!(amount > limit),
            Err(Until::OnRelease) => prop_assert!(false, "a window frees by time"),
            Err(Until::At(moment)) => {
                prop_assert_eq!(foretold, Err(Until::At(moment)));
                prop_assert!(amount <= limit && moment > now);
                for share in 0..=8_u32 {
                    let between = now + (moment - NANO - now) / 8 * share;
                    let refused = self.window.fits_at(amount, limit, between);
                    prop_assert_eq!(refused, Err(Until::At(moment)));
                }
                let before = self.window.fits_at(amount, limit, moment - NANO);
                prop_assert_eq!(before, Err(Until::At(moment)));
                prop_assert_eq!(self.window.fits_at(amount, limit, moment), Ok(()));
                let truth = self.model.true_moment(limit - amount);
                prop_assert!(truth <= moment && moment - truth < Duration::from_secs(1));
            }
        }
        Ok(())
    }
}

fn run(ops: Vec<Op>, limit: u64, now: Instant) -> Result<Run, TestCaseError> {
    let (window, model) = (Window::default(), Model::default());
    let mut run = Run { window, model, limit, now, held: Vec::new() };
    for op in ops {
        run.step(op)?;
    }
    Ok(run)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn agrees_with_the_model_in_debt_or_not(ops in ops(true), limit in limit(), now in start()) {
        let run = run(ops, limit, now)?;
        // Time alone empties it.
        let end = run.model.clamp(run.now) + SPAN;
        prop_assert_eq!(run.window.used(end), 0);
        prop_assert_eq!(run.window.fits_at(limit, limit, end), Ok(()));
    }

    #[test]
    fn no_span_of_60_seconds_holds_more_than_the_limit(
        ops in ops(false), limit in 0_u64..12, now in start(),
    ) {
        let run = run(ops, limit, now)?;
        for &(from, _) in &run.model.events {
            let held = run.model.sum(|at| at >= from && at < from + SPAN);
            prop_assert!(held <= u128::from(limit), "{} from {:?}", held, from);
        }
        // Nor does any span of the moments that the callers told.
        let told = || run.model.told.iter().zip(&run.model.events);
        for &from in &run.model.told {
            let held: u64 = told()
                .filter(|&(&at, _)| at >= from && at < from + SPAN)
                .map(|(_, &(_, amount))| amount)
                .sum();
            prop_assert!(held <= limit, "{} told from {:?}", held, from);
        }
    }

    #[test]
    fn what_is_given_back_whole_was_never_there(
        takes in vec((amount(), wait()), 1..60), limit in limit(), now in start(),
    ) {
        let (mut window, mut now, mut last) = (Window::default(), now, now);
        for (amount, wait) in takes {
            if let Ok(stamp) = window.take(amount, limit, now) {
                window.give_back(stamp, u64::MAX);
            }
            last = now;
            now += wait;
        }
        prop_assert_eq!(window.used(last), 0);
    }
}

#[test]
fn the_sixty_first_second_still_counts() {
    let at = |nanos: u64| Instant::from_nanos(1_000_000_000_000 + nanos);
    let mut window = Window::default();
    // The last moment of one second, and the first moments of the second 60 later.
    window.take(1, 1, at(999_999_999)).unwrap();
    let free = Err(Until::At(at(60_999_999_999)));
    assert_eq!(window.fits_at(1, 1, at(60_000_000_000)), free);
    assert_eq!(window.fits_at(1, 1, at(60_999_999_998)), free);
    window.charge(1, at(60_000_000_001));
    assert_eq!(window.used(at(60_000_000_001)), 2, "both buckets live at once");
    window.take(1, 2, at(60_999_999_999)).unwrap();
}

#[test]
fn debt_blocks_until_it_slides_out() {
    let at = |secs: u64| Instant::from_secs(1_000 + secs);
    let mut window = Window::default();
    window.take(10, 10, at(0)).unwrap();
    window.charge(25, at(30));
    assert_eq!(window.used(at(30)), 35);
    assert_eq!(window.fits_at(0, 10, at(60)), Err(Until::At(at(90))), "not even nothing fits");
    assert_eq!(window.take(1, 10, at(60)), Err(Until::At(at(90))));
    window.take(10, 10, at(90)).unwrap();
}

#[test]
fn a_refund_counts_in_its_own_second_and_only_once() {
    let at = |secs: u64| Instant::from_secs(1_000 + secs);
    let mut window = Window::default();
    let first = window.take(4, 10, at(0)).unwrap();
    window.take(6, 10, at(1)).unwrap();
    window.give_back(first, 100);
    assert_eq!(window.used(at(1)), 6, "no more than was taken comes back");
    let late = window.take(4, 10, at(2)).unwrap();
    window.take(10, 10, at(63)).unwrap();
    window.give_back(late, 4);
    assert_eq!(window.used(at(63)), 10, "what slid out takes nothing along");
}

#[test]
fn strange_arguments_do_not_panic() {
    let mut window = Window::default();
    let end = Instant::from_nanos(u64::MAX);
    window.charge(u64::MAX, Instant::EPOCH);
    window.charge(u64::MAX, Instant::EPOCH);
    assert_eq!(window.used(Instant::EPOCH), u64::MAX);
    let stamp = Window::default().take(7, 7, Instant::from_secs(9)).unwrap();
    window.give_back(stamp, 7);
    window.charge(1, end);
    let _ = window.take(1, 1, Instant::EPOCH);
    assert!(format!("{window:?}").starts_with("Window"));
}
