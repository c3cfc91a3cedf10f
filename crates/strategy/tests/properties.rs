//! What every built-in strategy promises, over biased candidates.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use pointsman_clock::{Dice, Entropy, Instant};
use pointsman_strategy::{
    Affinity, Ask, Candidate, NAMES, Pick, StrategyArgs, Used, builtin, builtin_with,
};
use pointsman_types::Decimal;
use proptest::{collection::vec, option, prelude::*, sample::Index};

/// How many chances there are in [`Chance`].
const CHANCES: u32 = 720;

/// Chance number `k` of 720. All of them together try every way that up to five members can be
/// chosen from, in one draw or in two, equally often: a share is counted exactly.
struct Chance {
    k: u32,
    draws: u32,
}

impl Entropy for Chance {
    fn next(&mut self) -> u64 {
        self.draws += 1;
        let (k, of) = if self.draws == 1 { (self.k, CHANCES) } else { (self.k % 12, 12) };
        // In the middle of its part, so that no rounding matters.
        (u64::MAX / u64::from(2 * of)) * u64::from(2 * k + 1)
    }
}

/// Every built-in strategy, and affinity around each.
fn all() -> Vec<(String, Arc<dyn Pick>)> {
    let args = StrategyArgs { lowest_latency_buffer: 0.5 };
    let mut all: Vec<(String, Arc<dyn Pick>)> =
        NAMES.iter().map(|name| ((*name).to_owned(), builtin(name).unwrap())).collect();
    all.push(("buffered".to_owned(), builtin_with("latency-based-routing", &args).unwrap()));
    let sticky = |(name, inner): &(String, Arc<dyn Pick>)| {
        let affinity: Arc<dyn Pick> = Arc::new(Affinity::new(Arc::clone(inner), Affinity::BOUND));
        (format!("affinity around {name}"), affinity)
    };
    let around: Vec<_> = all.iter().map(sticky).collect();
    all.extend(around);
    all
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 4 => 1_u64..50, 1 => Just(u64::MAX)]
}

fn small() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(0), 4 => 1_u32..20, 1 => Just(u32::MAX)]
}

fn float() -> impl Strategy<Value = f64> {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300, 1e-300];
    prop_oneof![
        1 => Just(0.0),
        2 => proptest::sample::select(vec![0.5, 1.0, 1.5, 2.0]),
        2 => 0.01_f64..60.0,
        1 => proptest::sample::select(odd.to_vec()),
    ]
}

fn price() -> impl Strategy<Value = Option<Decimal>> {
    prop_oneof![
        Just(None),
        Just(Some(Decimal::ZERO)),
        Just(Some(Decimal::MAX)),
        (0_i64..4, 0_u32..28).prop_map(|(units, scale)| Some(Decimal::new(units, scale))),
    ]
}

fn member() -> impl Strategy<Value = Candidate> {
    let shares = (option::of(small()), option::of(small()), option::of(count()));
    let load = (small(), count(), count(), count(), count());
    let latency =
        (option::of(float()), option::of(float()), option::of(float()), option::of(float()));
    let room = prop_oneof![
        Just(0.0_f32),
        Just(1.0),
        0.0_f32..1.0,
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(-1.0)
    ];
    (shares, load, latency, room, price()).prop_map(|(shares, load, latency, headroom, price)| {
        let (in_flight, tokens_in_flight, requests, tokens, served) = load;
        Candidate {
            weight: shares.0,
            rpm: shares.1,
            tpm: shares.2,
            in_flight,
            tokens_in_flight,
            used: Used { requests, tokens },
            served,
            ttft: latency.0,
            per_token: latency.1,
            ewma: latency.2,
            tokens_per_s: latency.3,
            headroom,
            price,
            ..Candidate::of(0)
        }
    })
}

fn numbered(members: Vec<Candidate>) -> Vec<Candidate> {
    let number =
        |(ix, member)| Candidate { id: Candidate::of(ix).id, ix: Candidate::of(ix).ix, ..member };
    (0..).zip(members).map(number).collect()
}

/// Up to five members, some of them alike.
fn members(least: usize) -> impl Strategy<Value = Vec<Candidate>> {
    (vec(member(), least..6), vec(any::<Index>(), 5), any::<bool>()).prop_map(
        |(mut members, from, alike)| {
            if alike && !members.is_empty() {
                for at in 0..members.len() {
                    let same = from[at].index(members.len());
                    members[at] = members[same].clone();
                }
            }
            numbered(members)
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    (any::<u64>(), any::<bool>(), option::of(any::<u64>())).prop_map(|(ticket, stream, key)| Ask {
        ticket,
        key,
        stream,
        ..Ask::at(Instant::from_secs(1))
    })
}

/// How often each member is picked, over all chances; with a key, over as many keys.
fn shares(pick: &dyn Pick, ask: &Ask, among: &[Candidate]) -> Vec<u32> {
    let mut seen = vec![0; among.len()];
    for k in 0..CHANCES {
        let key = ask.key.map(|key| Dice::of_call(key, u64::from(k)).next());
        let ask = Ask { key, ..ask.clone() };
        seen[pick.pick(&ask, among, &mut Chance { k, draws: 0 }).unwrap()] += 1;
    }
    seen
}

/// How a member may get worse.
#[derive(Clone, Copy, Debug)]
enum Worse {
    Share,
    Requests,
    Tokens,
    Latency,
    Throughput,
    Used,
    Price,
    Headroom,
    Served,
    All,
}

impl Worse {
    const EACH: [Self; 9] = [
        Self::Share,
        Self::Requests,
        Self::Tokens,
        Self::Latency,
        Self::Throughput,
        Self::Used,
        Self::Price,
        Self::Headroom,
        Self::Served,
    ];

    /// By a little, or (`far`) as far as it goes.
    fn make(self, member: &mut Candidate, far: bool) {
        let up = |n: u64| if far { u64::MAX } else { n.saturating_add(1) };
        let longer = |s: f64| match (s.is_nan(), far) {
            (true, _) => s,
            (_, true) => f64::INFINITY,
            _ => s.max(0.0) * 1.5 + 0.1,
        };
        match self {
            Self::Share => {
                let down = |n: u64| if far { 0 } else { n / 2 };
                let small = |n: u32| u32::try_from(down(u64::from(n))).unwrap();
                member.weight = member.weight.map(small);
                member.rpm = member.rpm.map(small);
                member.tpm = member.tpm.map(down);
            }
            Self::Requests => {
                let more = up(u64::from(member.in_flight));
                member.in_flight = u32::try_from(more).unwrap_or(u32::MAX);
            }
            Self::Tokens => member.tokens_in_flight = up(member.tokens_in_flight),
            Self::Latency => {
                member.ttft = member.ttft.map(longer);
                member.per_token = member.per_token.map(longer);
                member.ewma = member.ewma.map(longer);
            }
            Self::Throughput => {
                let down = |rate: f64| if far { f64::NAN } else { rate / 2.0 };
                member.tokens_per_s = member.tokens_per_s.map(down);
            }
            Self::Used => {
                member.used.requests = up(member.used.requests);
                member.used.tokens = up(member.used.tokens);
            }
            Self::Price => {
                let dearer = |price: Decimal| price.checked_add(Decimal::ONE);
                member.price = if far { None } else { member.price.and_then(dearer) };
            }
            Self::Headroom => {
                member.headroom = if far { f32::NAN } else { member.headroom / 2.0 };
            }
            Self::Served => member.served = up(member.served),
            Self::All => Self::EACH.iter().for_each(|one| one.make(member, far)),
        }
    }
}

fn worse() -> impl Strategy<Value = Worse> {
    prop_oneof![4 => proptest::sample::select(Worse::EACH.to_vec()), 1 => Just(Worse::All)]
}

/// What the strategies go by that pick by their score alone, and whether more of it is better.
const BY_SCORE: [(&str, bool); 8] = [
    ("least-busy", false),
    ("latency-based-routing", false),
    ("cost-based-routing", false),
    ("usage-based-routing", false),
    ("usage-based-routing-v2", false),
    ("drain-time", false),
    ("headroom", true),
    ("round-robin", true),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn total_in_range_and_deterministic(among in members(0), ask in ask(), seed: u64) {
        for (name, strategy) in all() {
            let picked = strategy.pick(&ask, &among, &mut Dice::new(seed));
            prop_assert_eq!(picked.is_none(), among.is_empty(), "{}", name);
            prop_assert!(picked.is_none_or(|at| at < among.len()), "{}", name);
            prop_assert_eq!(picked, strategy.pick(&ask, &among, &mut Dice::new(seed)), "{}", name);
        }
    }

    #[test]
    fn a_score_is_a_number_of_a_member(among in members(0), ask in ask()) {
        for (name, strategy) in all() {
            for at in 0..among.len() {
                let score = strategy.score(&ask, &among, at);
                prop_assert!(score.is_none_or(|score| !score.is_nan()), "{}", name);
            }
            prop_assert_eq!(strategy.score(&ask, &among, among.len()), None, "{}", name);
        }
    }

    #[test]
    fn what_is_picked_has_the_best_score(among in members(1), ask in ask(), seed: u64) {
        for (name, more_is_better) in BY_SCORE {
            let strategy = builtin(name).unwrap();
            let scores: Option<Vec<f64>> =
                (0..among.len()).map(|at| strategy.score(&ask, &among, at)).collect();
            let Some(scores) = scores else { continue };
            let picked = scores[strategy.pick(&ask, &among, &mut Dice::new(seed)).unwrap()];
            let beaten = |score: f64| if more_is_better { score > picked } else { score < picked };
            prop_assert!(!scores.iter().copied().any(beaten), "{}: {:?}, {}", name, scores, picked);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Round robin takes the first of equals; that its cycles are exact is shown below.
    #[test]
    fn ties_are_fair(member in member(), count in 1_usize..6, ask in ask()) {
        let among = numbered(vec![member; count]);
        for (name, strategy) in all().into_iter().filter(|(name, _)| name != "round-robin") {
            let seen = shares(&*strategy, &ask, &among);
            if !name.starts_with("affinity") || ask.key.is_none() {
                let even = CHANCES / u32::try_from(count).unwrap();
                let turns = name.ends_with("round-robin");
                prop_assert!(turns || seen.iter().all(|n| *n == even), "{}: {:?}", name, seen);
                continue;
            }
            for seen in seen {
                let p = 1.0 / f64::from(u32::try_from(count).unwrap());
                let (mean, spread) = of_binomial(CHANCES, p);
                prop_assert!((f64::from(seen) - mean).abs() <= 6.0 * spread, "{}: {}", name, seen);
            }
        }
    }

    #[test]
    fn a_worse_member_never_gains(
        among in members(1), at: Index, worse in worse(), far: bool, ask in ask(),
    ) {
        let at = at.index(among.len());
        let mut after = among.clone();
        worse.make(&mut after[at], far);
        for (name, strategy) in all() {
            let was = shares(&*strategy, &ask, &among)[at];
            let is = shares(&*strategy, &ask, &after)[at];
            // The end of a share may be rounded once at either side.
            prop_assert!(is <= was + 2, "{}: {} > {}", name, is, was);
        }
    }
}

fn of_binomial(tries: u32, p: f64) -> (f64, f64) {
    (f64::from(tries) * p, (f64::from(tries) * p * (1.0 - p)).sqrt())
}

fn weighted(weights: &[u32]) -> Vec<Candidate> {
    (0..).zip(weights).map(|(ix, &weight)| Candidate::of(ix).weight(weight)).collect()
}

proptest! {
    #[test]
    fn round_robin_is_exact_in_cycles_and_close_in_prefixes(
        weights in vec(prop_oneof![Just(0_u32), 1_u32..9], 1..7),
    ) {
        let strategy = builtin("round-robin").unwrap();
        let mut among = weighted(&weights);
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
    fn by_weight_means_in_proportion(weights in vec(prop_oneof![Just(0_u32), 1_u32..9], 2..6)) {
        let shuffle = builtin("simple-shuffle").unwrap();
        let sticky = Affinity::new(builtin("least-busy").unwrap(), Affinity::BOUND);
        let among = weighted(&weights);
        let all_zero = weights.iter().all(|&weight| weight == 0);
        let total: f64 = weights.iter().map(|&w| if all_zero { 1.0 } else { f64::from(w) }).sum();
        let (calls, mut dice) = (4_000_u32, Dice::new(5));
        let mut seen = vec![[0_u32; 2]; among.len()];
        for _ in 0..calls {
            let ask = Ask { key: Some(dice.next()), ..Ask::default() };
            seen[shuffle.pick(&ask, &among, &mut dice).unwrap()][0] += 1;
            seen[sticky.pick(&ask, &among, &mut dice).unwrap()][1] += 1;
        }
        for (seen, &weight) in seen.iter().zip(&weights) {
            let p = if all_zero { 1.0 } else { f64::from(weight) } / total;
            let (mean, spread) = of_binomial(calls, p);
            for seen in seen {
                prop_assert!((f64::from(*seen) - mean).abs() <= 6.0 * spread, "{:?}", weights);
            }
        }
    }
}

#[test]
fn huge_shares_are_told_apart() {
    let shuffle = builtin("simple-shuffle").unwrap();
    let of = |tpm| Candidate { tpm: Some(tpm), ..Candidate::of(0) };
    let among = [of(u64::MAX), of(u64::MAX / 2), of(u64::MAX / 2), of(0)];
    assert_eq!(shares(&*shuffle, &Ask::default(), &among), [360, 180, 180, 0]);
}

#[test]
fn every_name_builds_and_no_other_does() {
    assert!(NAMES.iter().all(|name| builtin(name).is_some()));
    assert!(builtin("least_busy").is_none() && builtin("").is_none());
}
