//! What every built-in strategy promises, over biased candidates.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pointsman_clock::{Dice, Instant};
use pointsman_strategy::{Ask, Candidate, NAMES, builtin};
use proptest::{collection::vec, prelude::*};

fn weight() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![
        3 => Just(None),
        2 => Just(Some(0)),
        1 => Just(Some(u32::MAX)),
        4 => (1_u32..20).prop_map(Some),
    ]
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (weight(), weight(), prop_oneof![Just(0), 0_u64..50, Just(u64::MAX)]);
    vec(one, 0..8).prop_map(|members| {
        let member = |(ix, (weight, rpm, served)): (usize, (_, _, u64))| {
            let mut one = Candidate::of(u32::try_from(ix).unwrap()).served(served);
            one.weight = weight;
            one.rpm = rpm;
            one
        };
        members.into_iter().enumerate().map(member).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn total_in_range_and_deterministic(among in candidates(), seed: u64, ticket: u64) {
        for name in NAMES {
            let strategy = builtin(name).unwrap();
            let ask = Ask { ticket, ..Ask::at(Instant::from_secs(1)) };
            let picked = strategy.pick(&ask, &among, &mut Dice::new(seed));
            prop_assert_eq!(picked.is_none(), among.is_empty(), "{}", name);
            prop_assert!(picked.is_none_or(|at| at < among.len()), "{}", name);
            prop_assert_eq!(picked, strategy.pick(&ask, &among, &mut Dice::new(seed)), "{}", name);
        }
    }

    #[test]
    fn round_robin_is_exact_in_cycles_and_close_in_prefixes(
        weights in vec(prop_oneof![Just(0_u32), 1_u32..9], 1..7),
    ) {
        let strategy = builtin("round-robin").unwrap();
        let mut among: Vec<Candidate> = (0..).zip(&weights)
            .map(|(ix, &weight)| Candidate::of(ix).weight(weight)).collect();
        let all_zero = weights.iter().all(|&weight| weight == 0);
        let share = |weight: u32| if all_zero { 1 } else { u64::from(weight) };
        let cycle: u64 = weights.iter().map(|&weight| share(weight)).sum();
        for turn in 1..=cycle * 3 {
            let ask = Ask::at(Instant::from_secs(turn));
            let at = strategy.pick(&ask, &among, &mut Dice::new(0)).unwrap();
            among[at].served += 1;
            for (member, &weight) in among.iter().zip(&weights) {
                let (owed, got) = (turn * share(weight), member.served * cycle);
                prop_assert!(owed.abs_diff(got) < 2 * cycle, "turn {}: {:?}", turn, weights);
                prop_assert!(turn % cycle != 0 || owed == got, "cycle {}: {:?}", turn, weights);
            }
        }
    }

    #[test]
    fn simple_shuffle_is_proportional(weights in vec(prop_oneof![Just(0_u32), 1_u32..9], 2..6)) {
        let strategy = builtin("simple-shuffle").unwrap();
        let among: Vec<Candidate> = (0..).zip(&weights)
            .map(|(ix, &weight)| Candidate::of(ix).weight(weight)).collect();
        let all_zero = weights.iter().all(|&weight| weight == 0);
        let total: f64 = weights.iter().map(|&w| if all_zero { 1.0 } else { f64::from(w) }).sum();
        let (calls, mut seen, mut dice) = (4_000_u32, vec![0_u32; among.len()], Dice::new(5));
        for _ in 0..calls {
            seen[strategy.pick(&Ask::default(), &among, &mut dice).unwrap()] += 1;
        }
        for (&seen, &weight) in seen.iter().zip(&weights) {
            let p = if all_zero { 1.0 } else { f64::from(weight) } / total;
            let (mean, spread) = (f64::from(calls) * p, (f64::from(calls) * p * (1.0 - p)).sqrt());
            prop_assert!((f64::from(seen) - mean).abs() <= 5.0 * spread, "{:?}", weights);
        }
    }
}
