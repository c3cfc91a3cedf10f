//! How calls spread over members whose state they change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{cmp::Reverse, collections::BinaryHeap};

use pointsman_clock::Dice;
use pointsman_strategy::{Ask, Candidate, NAMES, Pick, builtin};

/// What each call is expected to use.
const TOKENS: u16 = 100;
/// The strategies that go by latency.
const LATENCY: [&str; 3] = ["latency-based-routing", "peak-ewma", "drain-time"];

fn start(member: &mut Candidate) {
    member.in_flight += 1;
    member.tokens_in_flight += u64::from(TOKENS);
    member.served += 1;
    member.used.requests += 1;
    member.used.tokens += u64::from(TOKENS);
    member.headroom -= 0.01;
}

/// How many of so many calls that start together each member gets.
fn burst(name: &str, seed: u64, calls: u32, mut among: Vec<Candidate>) -> Vec<u64> {
    let (strategy, ask, mut dice) = (builtin(name).unwrap(), streamed(), Dice::new(seed));
    for _ in 0..calls {
        let at = strategy.pick(&ask, &among, &mut dice).unwrap();
        start(&mut among[at]);
    }
    among.iter().map(|member| member.served).collect()
}

fn streamed() -> Ask {
    Ask { stream: true, ..Ask::default() }
}

fn sampled(ix: u32) -> Candidate {
    Candidate::of(ix).ttft(0.1).per_token(0.01).draining(0, 1_000.0)
}

#[test]
fn a_burst_over_equal_members_spreads() {
    for seed in 0..20 {
        for name in NAMES {
            let spread = burst(name, seed, 100, (0..4).map(sampled).collect());
            let most = match name {
                // At random: within five standard deviations.
                "simple-shuffle"
                | "provider-budget-routing"
                | "latency-based-routing"
                | "cost-based-routing" => 21,
                "peak-ewma" => 6,
                _ => 0,
            };
            assert!(spread.iter().all(|n| n.abs_diff(25) <= most), "{name}: {spread:?}");
        }
    }
}

#[test]
fn a_burst_before_any_sample_spreads() {
    for name in LATENCY {
        assert_eq!(burst(name, 1, 100, (0..4).map(Candidate::of).collect()), [25; 4], "{name}");
    }
}

#[test]
fn a_member_without_a_sample_gets_one_call_of_a_burst() {
    for name in LATENCY {
        for seed in 0..20 {
            let spread = burst(name, seed, 200, vec![sampled(0), Candidate::of(1), sampled(2)]);
            assert_eq!(spread[1], 1, "{name}: {spread:?}");
        }
    }
}

/// How many calls each member gets in half a minute while so many are always under way, where an
/// answer takes those milliseconds.
fn closed_loop(
    strategy: &dyn Pick,
    concurrent: u32,
    mut among: Vec<Candidate>,
    millis: &[u32],
) -> Vec<u64> {
    let (ask, mut dice) = (streamed(), Dice::new(3));
    let mut ends: BinaryHeap<Reverse<(u32, usize)>> = BinaryHeap::new();
    let mut now = 0;
    for call in 0.. {
        if call >= concurrent {
            let Reverse((end, at)) = ends.pop().unwrap();
            let seconds = f64::from(millis[at]) / 1e3;
            let member = &mut among[at];
            let rate = f64::from(member.in_flight) * f64::from(TOKENS) / seconds;
            member.in_flight -= 1;
            let tokens = member.tokens_in_flight - u64::from(TOKENS);
            *member = member.clone().ttft(seconds).draining(tokens, rate);
            now = end;
        }
        if now >= 30_000 {
            break;
        }
        let at = strategy.pick(&ask, &among, &mut dice).unwrap();
        start(&mut among[at]);
        ends.push(Reverse((now + millis[at], at)));
    }
    among.iter().map(|member| member.served).collect()
}

#[test]
fn a_slow_newcomer_gets_a_handful() {
    for name in LATENCY {
        let among = vec![sampled(0), Candidate::of(1), sampled(2)];
        let spread = closed_loop(&*builtin(name).unwrap(), 200, among, &[100, 20_000, 100]);
        let even = |n: u64| (25_000..35_000).contains(&n);
        assert!(even(spread[0]) && even(spread[2]) && spread[1] <= 5, "{name}: {spread:?}");
    }
}
