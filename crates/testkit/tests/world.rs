//! The simulated world holds its laws, and its laws hold the router.

use pointsman_testkit::world::{Mutant, Plan, run};

#[test]
fn worlds_hold_their_laws() {
    for seed in 0..120 {
        let report = run(Plan { seed, calls: 100, mutant: None });
        assert!(report.broken.is_empty(), "{report}");
    }
}

#[test]
fn every_bug_on_purpose_breaks_a_law() {
    for mutant in Mutant::ALL {
        let caught = (0..200).any(|seed| {
            let report = run(Plan { seed, calls: 100, mutant: Some(mutant) });
            !report.broken.is_empty()
        });
        assert!(caught, "nothing notices `{mutant}`");
    }
}

#[test]
fn a_seed_is_one_world() {
    for seed in 0..20 {
        let plan = Plan { seed, calls: 100, mutant: None };
        assert_eq!(run(plan).fingerprint, run(plan).fingerprint, "seed {seed}");
    }
}
