//! When failures are too many: the state machine against a list of everything that happened.

use std::time::Duration;

use pointsman_clock::{Dice, Instant};
use pointsman_health::{AllowedFails, Failure, Health, Policy};
use pointsman_types::{ErrorKind, Penalty};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// Seconds since the start, and the failure; none for a success.
type Event = (u64, Option<ErrorKind>);

/// A policy, and its classes as they were written down.
fn policy() -> impl Strategy<Value = (Policy, Vec<(ErrorKind, u32)>)> {
    let kinds = vec![ErrorKind::Timeout, ErrorKind::Server, ErrorKind::RateLimited];
    let classes = vec((select(kinds), 0_u32..4), 0..3);
    (option::of(0_u32..5), classes).prop_map(|(allowed_fails, classes)| {
        let none = AllowedFails::default();
        let by_kind = classes.iter().fold(none, |all, (kind, most)| all.with(&[*kind], *most));
        (Policy { allowed_fails, allowed_fails_by_kind: by_kind, ..Policy::default() }, classes)
    })
}

fn kind() -> impl Strategy<Value = Option<ErrorKind>> {
    prop_oneof![
        3 => Just(None),
        5 => select(vec![ErrorKind::Timeout, ErrorKind::Server, ErrorKind::Connection]).prop_map(Some),
        2 => select(&ErrorKind::ALL[..]).prop_map(Some),
    ]
}

/// The rule, word by word.
fn should_cool(
    policy: &Policy,
    classes: &[(ErrorKind, u32)],
    past: &[Event],
    now: u64,
    kind: ErrorKind,
) -> bool {
    // The last number written for a kind is the one that counts.
    let own = |kind| classes.iter().rev().find(|(of, _)| *of == kind).map(|(_, most)| *most);
    // Ten buckets of six seconds, that of the moment included.
    let window = past.iter().filter(|(at, _)| at / 6 + 10 > now / 6);
    let fails = |same: &dyn Fn(ErrorKind) -> bool| {
        let counted = |kind: ErrorKind| kind.penalty() != Penalty::None && same(kind);
        window.clone().filter(|(_, kind)| kind.is_some_and(counted)).count()
    };
    if let Some(most) = own(kind) {
        return fails(&|other| other == kind) > most as usize;
    }
    match kind.penalty() {
        Penalty::None => false,
        Penalty::Hard => true,
        Penalty::Soft => {
            let failures = fails(&|other| own(other).is_none());
            if let Some(most) = policy.allowed_fails {
                return failures > most as usize;
            }
            let successes = window.clone().filter(|(_, kind)| kind.is_none()).count();
            wilson(failures, failures + successes) > 0.5
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "few")]
fn wilson(failures: usize, total: usize) -> f64 {
    let (z, n) = (1.64_f64, total as f64);
    let p = failures as f64 / n;
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (p + z * z / (2.0 * n) - spread) / (1.0 + z * z / n)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn it_cools_exactly_when_the_rule_says_so(
        (policy, classes) in policy(),
        events in vec((prop_oneof![4 => 0_u64..5, 1 => 0_u64..50], kind()), 1..60),
    ) {
        let (mut health, mut dice, mut past) = (Health::new(), Dice::new(1), Vec::new());
        let mut now = 1_767_225_600;
        for (wait, kind) in events {
            now += wait;
            let at = Instant::from_secs(now);
            let pass = health.claim(&policy, at).map_err(|_| TestCaseError::fail("cooling"))?;
            past.push((now, kind));
            let Some(kind) = kind else {
                health.success(pass, at);
                continue;
            };
            let what = Failure { kind, retry_after: None, lone: false };
            let cooled = health.failure(pass, what, &policy, &mut dice, at).is_some();
            prop_assert_eq!(cooled, should_cool(&policy, &classes, &past, now, kind), "{}", kind);
            if cooled {
                // A cooldown empties the window; the probe's success is the first that counts.
                let later = at + Duration::from_hours(1);
                now = later.as_secs();
                let probe = health.claim(&policy, later);
                health.success(probe.map_err(|_| TestCaseError::fail("not due"))?, later);
                past = vec![(now, None)];
            }
        }
    }
}
