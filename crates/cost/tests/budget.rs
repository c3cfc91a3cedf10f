//! A budget against a model that keeps every payment with its moment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use pointsman_clock::Instant;
use pointsman_cost::{Budget, BudgetCause, BudgetHold, BudgetLimit};
use pointsman_types::Decimal;
use proptest::{collection::vec, prelude::*};

const NANO: Duration = Duration::from_nanos(1);
const DAY: u64 = 86_400;

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(Duration),
    Reserve(Decimal),
    /// Settles the n-th call in flight, at a moment that lies this far back.
    Settle(usize, Decimal, Duration),
    Charge(Decimal),
}

fn wait() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => (0_u64..2_500).prop_map(Duration::from_millis),
        2 => (0_u64..120).prop_map(Duration::from_secs),
        2 => Just(NANO),
        2 => (20_u64..30).prop_map(|hours| Duration::from_secs(hours * 3_600)),
        1 => (5_u64..40).prop_map(|days| Duration::from_secs(days * DAY)),
    ]
}

/// From a pico-dollar to more than any budget here allows.
fn money() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        1 => Just(Decimal::ZERO),
        1 => (0_i64..10).prop_map(|pico| Decimal::new(pico, 12)),
        5 => (0_i64..400_000_000).prop_map(|nano| Decimal::new(nano, 9)),
        1 => (0_i64..2_000_000_000_000).prop_map(|pico| Decimal::new(pico, 12)),
        1 => Just(Decimal::ONE),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let late =
        prop_oneof![4 => Just(Duration::ZERO), 1 => (0_u64..3_000).prop_map(Duration::from_millis)];
    prop_oneof![
        3 => wait().prop_map(Op::Wait),
        4 => money().prop_map(Op::Reserve),
        4 => (any::<usize>(), money(), late).prop_map(|(n, m, late)| Op::Settle(n, m, late)),
        1 => money().prop_map(Op::Charge),
    ]
}

fn window() -> impl Strategy<Value = Option<&'static str>> {
    const TEXTS: [&str; 7] = ["1s", "30s", "2m", "1h", "1d", "1w", "1mo"];
    prop_oneof![1 => Just(None), 7 => proptest::sample::select(&TEXTS[..]).prop_map(Some)]
}

/// The number of the day, week or month in which a moment lies, without a calendar library.
fn place(window: &str, at: Instant) -> u64 {
    let day = at.as_secs() / DAY;
    match window {
        "1d" => day,
        // The first of January 1970 was a Thursday.
        "1w" => (day + 3) / 7,
        _ => {
            let (mut left, mut month) = (day, 0);
            loop {
                let year = 1970 + month / 12;
                let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                let length = match month % 12 {
                    1 => 28 + u64::from(leap),
                    3 | 5 | 8 | 10 => 30,
                    _ => 31,
                };
                if left < length {
                    return month;
                }
                left -= length;
                month += 1;
            }
        }
    }
}

/// One payment: its moment, what it cost, and what had been reserved for it.
type Payment = (Instant, Decimal, Decimal);

/// The payments by window, in order.
fn windows(window: Option<&str>, paid: &[Payment]) -> Vec<Vec<Payment>> {
    let mut all: Vec<Vec<Payment>> = Vec::new();
    for &payment in paid {
        match all.last_mut() {
            Some(last) if same(window, last[0].0, payment.0) => last.push(payment),
            _ => all.push(vec![payment]),
        }
    }
    all
}

/// Whether `at` lies in the window whose first payment was at `first`.
fn same(window: Option<&str>, first: Instant, at: Instant) -> bool {
    match window {
        None => true,
        Some("1s") => at < first + Duration::from_secs(1),
        Some("30s") => at < first + Duration::from_secs(30),
        Some("2m") => at < first + Duration::from_mins(2),
        Some("1h") => at < first + Duration::from_hours(1),
        Some(calendar) => place(calendar, first) == place(calendar, at),
    }
}

struct World {
    limit: BudgetLimit,
    window: Option<&'static str>,
    budget: Budget,
    now: Instant,
    /// What is in flight, and since when.
    holds: Vec<(BudgetHold, Instant)>,
    paid: Vec<Payment>,
}

impl World {
    fn new(window: Option<&'static str>, start: u64) -> Self {
        let limit = BudgetLimit { max: Decimal::ONE, window: window.map(|w| w.parse().unwrap()) };
        let now = Instant::from_secs(start);
        Self { limit, window, budget: Budget::default(), now, holds: vec![], paid: vec![] }
    }

    fn pay(&mut self, at: Instant, cost: Decimal, reserved: Decimal) {
        if !cost.is_zero() {
            let newest = self.paid.last().map_or(at, |last| last.0.max(at));
            self.paid.push((newest, cost, reserved));
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Wait(time) => self.now += time,
            Op::Reserve(need) => match self.budget.reserve(&self.limit, need, self.now) {
                Ok(hold) => {
                    assert_eq!(hold.amount(), need);
                    assert!(self.spent() + self.reserved() + need <= self.limit.max);
                    self.holds.push((hold, self.now));
                }
                Err(_) => assert!(self.spent() + self.reserved() + need > self.limit.max),
            },
            Op::Settle(n, cost, late) if !self.holds.is_empty() => {
                let (hold, since) = self.holds.swap_remove(n % self.holds.len());
                let at = self.now - late;
                self.pay(at.max(since), cost, hold.amount());
                self.budget.settle(&self.limit, hold, cost, at);
            }
            Op::Settle(..) => {}
            Op::Charge(cost) => {
                self.pay(self.now, cost, Decimal::ZERO);
                self.budget.charge(&self.limit, cost, self.now);
            }
        }
    }

    /// By the model.
    fn spent(&self) -> Decimal {
        let all = windows(self.window, &self.paid);
        let running = all.last().filter(|last| same(self.window, last[0].0, self.now));
        running.map_or(Decimal::ZERO, |last| last.iter().map(|payment| payment.1).sum())
    }

    fn reserved(&self) -> Decimal {
        self.holds.iter().map(|(hold, _)| hold.amount()).sum()
    }

    fn check(&self) {
        assert_eq!(self.budget.spent(&self.limit, self.now), self.spent());
        assert_eq!(self.budget.reserved(), self.reserved());
        let recent = self.budget.recent(self.now);
        let sum = |span: Duration| -> Decimal {
            self.paid.iter().filter(|p| p.0 + span > self.now).map(|p| p.1).sum()
        };
        assert!(recent >= sum(Duration::from_secs(1)) && recent <= sum(Duration::from_secs(2)));
    }

    /// What a refusal says is true: refused until its moment, and never after when it has none.
    fn check_refusal(&self, need: Decimal) {
        let view = |at| self.budget.view(&self.limit, need, at);
        let Some(refusal) = view(self.now) else { return };
        let far = [40, 400].map(|days| self.now + Duration::from_secs(days * DAY));
        if let Some(until) = refusal.until {
            assert_eq!(refusal.cause, BudgetCause::Spent);
            assert!(until > self.now);
            assert_eq!(view(until), None);
            let halfway = self.now + (until - self.now) / 2;
            assert_eq!(view(until - NANO), Some(refusal));
            assert_eq!(view(halfway), Some(refusal));
        } else {
            assert!(far.iter().all(|&at| view(at).is_some()));
            let never = need > self.limit.max;
            assert_eq!(refusal.cause == BudgetCause::TooLarge, never);
            let for_good = !never && self.window.is_none() && refusal.spent + need > refusal.max;
            assert_eq!(refusal.cause == BudgetCause::SpentForGood, for_good);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn any_run_keeps_the_promise(
        window in window(),
        start in 1_700_000_000_u64..1_900_000_000,
        ops in vec((op(), money()), 1..80),
    ) {
        let mut world = World::new(window, start);
        for (op, need) in ops {
            world.step(op);
            world.check();
            world.check_refusal(need);
        }
        while !world.holds.is_empty() {
            world.step(Op::Settle(0, Decimal::ZERO, Duration::ZERO));
        }
        assert!(world.budget.reserved().is_zero());
        for payments in windows(window, &world.paid) {
            let spent: Decimal = payments.iter().map(|p| p.1).sum();
            let debt: Decimal = payments.iter().map(|p| (p.1 - p.2).max(Decimal::ZERO)).sum();
            prop_assert!(spent <= world.limit.max + debt, "{spent} with a debt of {debt}");
        }
    }

    #[test]
    fn a_restart_changes_nothing(
        window in window(),
        start in 1_700_000_000_u64..1_900_000_000,
        before in vec(op(), 1..30),
        after in vec(op(), 1..30),
    ) {
        let mut world = World::new(window, start);
        for op in before {
            world.step(op);
        }
        // All in flight are lost and cost nothing.
        while !world.holds.is_empty() {
            world.step(Op::Settle(0, Decimal::ZERO, Duration::ZERO));
        }
        let kept = world.budget.snapshot();
        prop_assert!(kept.reserved.is_zero());
        if let Some(started) = kept.window_started {
            world.budget = Budget::restore(kept.spent, started);
        }
        prop_assert_eq!(world.budget.spent(&world.limit, world.now), world.spent());
        for op in after {
            if !matches!(op, Op::Settle(_, _, late) if !late.is_zero()) {
                world.step(op);
                prop_assert_eq!(world.budget.spent(&world.limit, world.now), world.spent());
            }
        }
    }

    #[test]
    fn nothing_overflows(
        amounts in vec(
            (0_u32..=28, any::<u64>(), any::<bool>()).prop_map(|(scale, low, huge)| {
                let most = if huge { Decimal::MAX } else { Decimal::from(low) };
                most / Decimal::from(10_u64.pow(scale.min(18)))
            }),
            1..20,
        ),
        nanos in any::<u64>(),
        window in window(),
    ) {
        let limit =
            BudgetLimit { max: Decimal::MAX, window: window.map(|w| w.parse().unwrap()) };
        let (mut budget, now) = (Budget::default(), Instant::from_nanos(nanos));
        let mut holds = Vec::new();
        for &amount in &amounts {
            holds.extend(budget.reserve(&limit, amount, now));
            budget.charge(&limit, amount, now);
            budget.resets_at(&limit, now);
        }
        for (hold, &amount) in holds.into_iter().zip(&amounts) {
            budget.settle(&limit, hold, amount, now);
        }
        prop_assert!(budget.reserved().is_zero());
        prop_assert!(budget.recent(now) >= budget.spent(&limit, now));
    }
}

#[test]
fn a_call_over_midnight_is_paid_by_the_day_it_ends_in() {
    let limit = BudgetLimit { max: Decimal::ONE, window: Some("1d".parse().unwrap()) };
    let midnight = Instant::from_secs(20_000 * DAY);
    let mut budget = Budget::default();
    let hold = budget.reserve(&limit, Decimal::new(6, 1), midnight - NANO).unwrap();
    // The new day knows of it.
    let refused = budget.view(&limit, Decimal::new(5, 1), midnight).unwrap();
    assert_eq!((refused.cause, refused.until), (BudgetCause::Reserved, None));
    budget.settle(&limit, hold, Decimal::new(7, 1), midnight);
    assert_eq!(budget.spent(&limit, midnight), Decimal::new(7, 1));
    let next = midnight + Duration::from_secs(DAY);
    assert_eq!(budget.resets_at(&limit, midnight), Some(next));
    assert_eq!(budget.spent(&limit, next - NANO), Decimal::new(7, 1));
    assert!(budget.spent(&limit, next).is_zero());
}

#[test]
fn a_budget_of_zero_admits_what_is_free_and_nothing_else() {
    let limit = BudgetLimit { max: Decimal::ZERO, window: None };
    let (mut budget, now) = (Budget::default(), Instant::from_secs(1));
    let refused = budget.reserve(&limit, Decimal::new(1, 18), now).unwrap_err();
    assert_eq!(refused.cause, BudgetCause::TooLarge);
    let hold = budget.reserve(&limit, Decimal::ZERO, now).unwrap();
    budget.settle(&limit, hold, Decimal::ZERO, now);
    assert!(budget.snapshot().window_started.is_none());
}

#[test]
fn a_changed_window_counts_from_the_same_first_spend() {
    let start = Instant::from_secs(20_000 * DAY + 3_600);
    let hour = BudgetLimit { max: Decimal::ONE, window: Some("1h".parse().unwrap()) };
    let day = BudgetLimit { window: Some("1d".parse().unwrap()), ..hour };
    let mut budget = Budget::default();
    budget.charge(&hour, Decimal::ONE, start);
    let later = start + Duration::from_hours(2);
    assert!(budget.spent(&hour, later).is_zero());
    assert_eq!(budget.spent(&day, later), Decimal::ONE);
    budget.charge(&day, Decimal::ONE, later);
    assert_eq!(budget.spent(&day, later), Decimal::TWO);
    assert_eq!(budget.resets_at(&day, later), Some(Instant::from_secs(20_001 * DAY)));
}
