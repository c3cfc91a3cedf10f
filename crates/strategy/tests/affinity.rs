//! What affinity promises, whatever it wraps.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use pointsman_clock::{Dice, Entropy};
use pointsman_strategy::{Affinity, Ask, Candidate, NAMES, Pick, builtin};
use proptest::{collection::vec, prelude::*};

fn sticky(bound: f64) -> Affinity {
    Affinity::new(builtin("simple-shuffle").unwrap(), bound)
}

fn of_key(key: u64) -> Ask {
    Ask { key: Some(key), ..Ask::default() }
}

/// The id of the member that takes the key.
fn home(key: u64, among: &[Candidate]) -> u64 {
    // Whatever chance says.
    let chance = &mut Dice::new(key ^ among.len() as u64);
    among[sticky(f64::INFINITY).pick(&of_key(key), among, chance).unwrap()].id
}

/// The ids of all members in the order in which the key asks for them.
fn order(key: u64, mut among: Vec<Candidate>) -> Vec<u64> {
    let mut order = Vec::new();
    while !among.is_empty() {
        let next = home(key, &among);
        among.retain(|member| member.id != next);
        order.push(next);
    }
    order
}

fn members() -> impl Strategy<Value = Vec<Candidate>> {
    let weight =
        prop_oneof![1 => Just(None), 4 => (1_u32..9).prop_map(Some), 1 => Just(Some(u32::MAX))];
    let ids = proptest::collection::btree_set(any::<u64>(), 1..9);
    let loads = prop_oneof![Just(0_u32), 0_u32..12, Just(u32::MAX)];
    (ids, vec((weight, loads), 9), any::<bool>()).prop_map(|(ids, settings, weighted)| {
        let member = |((ix, id), (weight, in_flight)): ((u32, u64), (Option<u32>, u32))| {
            let weight = if weighted { weight } else { None };
            Candidate { id, weight, in_flight, ..Candidate::of(ix) }
        };
        (0..).zip(ids).zip(settings).map(member).collect()
    })
}

/// The most that a member may have in flight, by the rule.
fn room(bound: f64, among: &[Candidate]) -> f64 {
    let load: f64 = among.iter().map(|member| f64::from(member.in_flight)).sum();
    (bound * (load + 1.0) / f64::from(u32::try_from(among.len()).unwrap())).ceil()
}

proptest! {
    #[test]
    fn only_the_ids_count(among in members(), key: u64, turn in 0_usize..9) {
        let mut reloaded = among.clone();
        reloaded.rotate_left(turn % among.len());
        for (ix, member) in (70..).zip(&mut reloaded) {
            *member = Candidate { weight: member.weight, id: member.id, ..Candidate::of(ix) };
        }
        prop_assert_eq!(home(key, &among), home(key, &reloaded));
    }

    #[test]
    fn one_that_leaves_moves_its_own_keys_only(among in members(), keys in vec(any::<u64>(), 64)) {
        for gone in &among {
            let left: Vec<_> = among.iter().filter(|one| one.id != gone.id).cloned().collect();
            for &key in keys.iter().filter(|_| !left.is_empty()) {
                let was = home(key, &among);
                prop_assert!(was == gone.id || was == home(key, &left));
            }
        }
    }

    /// So a key that spilled returns as soon as there is room, and spills the same way again.
    #[test]
    fn a_key_goes_to_the_first_in_its_order_that_has_room(
        among in members(), key: u64, bound in prop_oneof![Just(1.0), Just(1.25), 1.0_f64..3.0],
    ) {
        let weighs = |member: &Candidate| member.weight != Some(0) && member.weight.is_some();
        let any = among.iter().any(weighs);
        let among: Vec<_> = among.into_iter().filter(|member| !any || weighs(member)).collect();
        let room = room(bound, &among);
        let fits = |id: &u64| {
            let member = among.iter().find(|member| member.id == *id).unwrap();
            f64::from(member.in_flight) + 1.0 <= room
        };
        let first = order(key, among.clone()).into_iter().find(fits);
        let picked = sticky(bound).pick(&of_key(key), &among, &mut Dice::new(1)).unwrap();
        prop_assert_eq!(first, Some(among[picked].id));
    }

    #[test]
    fn a_call_without_a_key_is_the_inner_strategys(among in members(), seed: u64) {
        for name in NAMES {
            let inner = builtin(name).unwrap();
            let ask = Ask::default();
            let plain = inner.pick(&ask, &among, &mut Dice::new(seed));
            let wrapped = Affinity::new(inner.clone(), 1.0);
            prop_assert_eq!(wrapped.pick(&ask, &among, &mut Dice::new(seed)), plain);
            prop_assert_eq!(wrapped.score(&ask, &among, 0), inner.score(&ask, &among, 0));
        }
    }
}

#[test]
fn a_crowd_with_one_key_never_exceeds_the_bound() {
    let mut among: Vec<Candidate> = (0..4).map(Candidate::of).collect();
    for call in 1..=100 {
        let room = room(Affinity::BOUND, &among);
        let at = sticky(Affinity::BOUND).pick(&of_key(7), &among, &mut Dice::new(call)).unwrap();
        among[at].in_flight += 1;
        assert!(f64::from(among[at].in_flight) <= room, "call {call}: {among:?}");
    }
    let mut loads: Vec<u32> = among.iter().map(|member| member.in_flight).collect();
    loads.sort_unstable();
    assert!(loads[3] <= 32 && loads[0] > 0, "{loads:?}");
}

#[test]
fn a_newcomer_takes_its_part_of_the_keys_from_all() {
    let before: Vec<Candidate> = (0..4).map(Candidate::of).collect();
    let after: Vec<Candidate> = (0..5).map(Candidate::of).collect();
    let mut dice = Dice::new(1);
    let mut moved = [0_u32; 4];
    for _ in 0..5_000 {
        let key = dice.next();
        let (was, is) = (home(key, &before), home(key, &after));
        assert!(was == is || is == 4);
        if was != is {
            moved[usize::try_from(was).unwrap()] += 1;
        }
    }
    // A fifth of each one's 1,250, give or take five standard deviations.
    assert!(moved.iter().all(|n| n.abs_diff(250) < 75), "{moved:?}");
}

#[test]
fn a_member_of_weight_0_takes_no_keys_and_no_part_in_the_bound() {
    let heir = Candidate::of(1).weight(1);
    let idle = Candidate::of(2).weight(0);
    for in_flight in [0, 9] {
        let among = [idle.clone(), heir.clone().in_flight(in_flight)];
        assert!(
            (0..200)
                .all(|key| sticky(1.0).pick(&of_key(key), &among, &mut Dice::new(1)) == Some(1))
        );
    }
}

#[test]
fn a_bound_that_cannot_be_is_1() {
    for bound in [0.5, 0.0, -3.0, f64::NAN] {
        let among = [Candidate::of(1).in_flight(4), Candidate::of(2).in_flight(5)];
        let at = |key| sticky(bound).pick(&of_key(key), &among, &mut Dice::new(1));
        assert!((0..100).any(|key| at(key) == Some(0)) && (0..100).all(|key| at(key).is_some()));
    }
}
