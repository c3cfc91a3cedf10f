//! What the table promises, over all kinds and all situations.

use std::time::Duration;

use pointsman_clock::{Dice, Instant};
use pointsman_retry::{Decision, Policy, Situation, Willing, decide};
use pointsman_types::{ErrorKind, Scope};
use proptest::prelude::*;

fn situation() -> impl Strategy<Value = Situation> {
    (
        prop::sample::select(ErrorKind::ALL.to_vec()),
        prop::option::of(prop_oneof![0_u64..5, 55_u64..65, Just(u64::MAX)]),
        prop_oneof![0_u32..4, Just(u32::MAX)],
        prop_oneof![0_u32..20, Just(u32::MAX)],
        prop::sample::select(vec![Willing::Other, Willing::Same, Willing::None]),
        prop_oneof![0_u64..3, 0_u64..100],
    )
        .prop_map(|(kind, after, retries, attempts, willing, left)| Situation {
            kind,
            retry_after: after.map(Duration::from_secs),
            retries,
            attempts,
            willing,
            now: Instant::from_secs(1_000),
            deadline: Instant::from_secs(1_000 + left),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn never_past_a_bound(what in situation(), num_retries in 0_u32..4, least in 0_u64..10, seed: u64) {
        let least = Duration::from_secs(least);
        let policy = Policy { num_retries, retry_after: least, ..Policy::default() };
        let decision = decide(&policy, &what, &mut Dice::new(seed));
        let goes_on = matches!(decision, Decision::Elsewhere | Decision::Again { .. });
        prop_assert!(!goes_on || (what.retries < num_retries && what.attempts < policy.max_attempts));
        prop_assert!(!goes_on || what.now < what.deadline);
        prop_assert!(!goes_on || what.willing != Willing::None);
        if let Decision::Again { after } = decision {
            prop_assert!(what.now + after < what.deadline);
            prop_assert!(after >= least);
            let asked = what.retry_after.filter(|asked| *asked <= Duration::from_mins(1));
            if let Some(asked) = asked {
                prop_assert_eq!(after, asked.max(least));
            } else {
                let own = Duration::from_millis(500).max(least)..Duration::from_secs(10);
                prop_assert!(own.contains(&after), "{:?}", after);
            }
        }
        let over = what.now >= what.deadline || what.attempts >= policy.max_attempts;
        let nowhere = what.kind.scope() == Scope::Nowhere;
        prop_assert_eq!(decision == Decision::Stop, over || nowhere);
        prop_assert!(!decision.is_retry() || what.kind.scope() != Scope::OtherGroup);
    }

    #[test]
    fn a_willing_sibling_is_asked_at_once(what in situation(), seed: u64) {
        let fresh = Situation {
            willing: Willing::Other,
            retries: 0,
            attempts: 1,
            deadline: Instant::from_secs(2_000),
            ..what
        };
        let decision = decide(&Policy::default(), &fresh, &mut Dice::new(seed));
        let other = matches!(fresh.kind.scope(), Scope::OtherDeployment | Scope::LargerWindow);
        prop_assert_eq!(decision == Decision::Elsewhere, other);
    }
}

#[test]
fn waits_double_up_to_eight_seconds() {
    let policy = Policy { num_retries: 100, max_attempts: 100, ..Policy::default() };
    for (retries, base) in [(0, 0.5), (1, 1.0), (2, 2.0), (4, 8.0), (40, 8.0)] {
        let what = Situation {
            kind: ErrorKind::Overloaded,
            retry_after: None,
            retries,
            attempts: 1,
            willing: Willing::Same,
            now: Instant::from_secs(0),
            deadline: Instant::from_secs(600),
        };
        for seed in 0..50 {
            let decision = decide(&policy, &what, &mut Dice::new(seed));
            let Decision::Again { after } = decision else { panic!("{decision:?}") };
            assert!((base..base + 0.75).contains(&after.as_secs_f64()), "{retries}: {after:?}");
        }
    }
}
