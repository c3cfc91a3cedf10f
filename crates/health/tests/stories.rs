//! One story for each rule.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use pointsman_clock::{Dice, Instant};
use pointsman_health::{AllowedFails, Cooldown, Failure, Health, Pass, Policy, Standing};
use pointsman_types::ErrorKind::{self, *};

const SECOND: Duration = Duration::from_secs(1);

fn what(kind: ErrorKind) -> Failure {
    Failure { kind, retry_after: None, lone: false }
}

/// A deployment, its policy, and the time.
struct Story {
    health: Health,
    policy: Policy,
    now: Instant,
    dice: Dice,
}

impl Story {
    fn new(policy: Policy) -> Self {
        let now = Instant::from_secs(1_000);
        Self { health: Health::new(), policy, now, dice: Dice::new(3) }
    }

    fn claim(&mut self) -> Pass {
        self.health.claim(&self.policy, self.now).unwrap()
    }

    fn fail(&mut self, pass: Pass, what: Failure) -> Option<Cooldown> {
        self.health.failure(pass, what, &self.policy, &mut self.dice, self.now)
    }

    fn fails(&mut self, what: Failure) -> Option<Cooldown> {
        let pass = self.claim();
        self.fail(pass, what)
    }

    fn succeeds(&mut self) {
        let pass = self.claim();
        self.health.success(pass, self.now);
    }

    fn standing(&self) -> Standing {
        self.health.standing(&self.policy, self.now)
    }

    /// Cools hard and waits until the probe is due.
    fn due(&mut self) {
        self.now = self.fails(what(RateLimited)).unwrap().until;
        assert_eq!(self.standing(), Standing::Due);
    }
}

#[test]
fn twenty_refusals_of_calls_under_way_are_one_cooldown() {
    let mut story = Story::new(Policy::default());
    let passes: Vec<Pass> = (0..20).map(|_| story.claim()).collect();
    let first = story.fail(passes[0], what(RateLimited)).unwrap();
    story.now += SECOND;
    for &pass in &passes[1..18] {
        assert_eq!(story.fail(pass, what(RateLimited)), None);
    }
    let short = Failure { retry_after: Some(SECOND), ..what(RateLimited) };
    assert_eq!(story.fail(passes[18], short), None, "shorter than what runs");
    let long = Failure { retry_after: Some(SECOND * 40), ..what(RateLimited) };
    let longer = story.fail(passes[19], long).unwrap();
    assert_eq!((longer.until, longer.streak), (story.now + SECOND * 40, first.streak));
    story.now = longer.until;
    assert_eq!(story.fails(what(Server)).unwrap().streak, 1, "the probe's is the second one");
}

#[test]
fn a_cooldown_grows_with_each_failed_probe_and_starts_anew_after_a_success() {
    let mut story = Story::new(Policy::default());
    let mut cooldown = story.fails(what(RateLimited)).unwrap();
    for streak in 1..=4 {
        story.now = cooldown.until;
        // Soft and alone: a failed probe is enough.
        cooldown = story.fails(Failure { lone: true, ..what(Timeout) }).unwrap();
        let seconds = (cooldown.until - story.now).as_secs_f64();
        let base = 5.0 * 2_f64.powi(streak);
        assert!((base * 0.9..base * 1.1).contains(&seconds), "{seconds}");
        assert_eq!((cooldown.streak, cooldown.hard), (streak.cast_unsigned(), false));
    }
    story.now = cooldown.until;
    story.succeeds();
    assert_eq!(story.fails(what(RateLimited)).unwrap().streak, 0);
}

#[test]
fn a_share_of_failures_cools_and_a_few_do_not() {
    let mut story = Story::new(Policy::default());
    assert_eq!([(); 2].map(|()| story.fails(what(Server))), [None; 2]);
    assert!(story.fails(what(Server)).is_some());

    let mut story = Story::new(Policy::default());
    (0..3).for_each(|_| story.succeeds());
    // After three successes it takes nine failures: 9 of 12 are beyond doubt, 8 of 11 are not.
    let until = (1..20).find(|_| story.fails(what(Overloaded)).is_some());
    assert_eq!(until, Some(9));
}

#[test]
fn allowed_fails_counts_and_nothing_else() {
    let mut story = Story::new(Policy { allowed_fails: Some(2), ..Policy::default() });
    (0..100).for_each(|_| story.succeeds());
    assert_eq!([(); 2].map(|()| story.fails(what(Server))), [None; 2]);
    story.now += Duration::from_mins(1);
    assert_eq!([(); 2].map(|()| story.fails(what(Server))), [None; 2], "the first two are out");
    assert!(story.fails(what(Server)).is_some());
    let mut strict = Story::new(Policy { allowed_fails: Some(0), ..Policy::default() });
    assert!(strict.fails(what(Connection)).is_some());
}

#[test]
fn entering_a_cooldown_empties_the_window() {
    let mut story = Story::new(Policy { allowed_fails: Some(1), ..Policy::default() });
    assert_eq!(story.fails(what(Server)), None);
    let cooldown = story.fails(what(Server)).unwrap();
    story.now = cooldown.until;
    story.succeeds();
    assert_eq!(story.fails(what(Server)), None, "the first since");
}

#[test]
fn a_lone_member_keeps_serving_where_waiting_is_in_vain() {
    for kind in [RateLimited, Timeout, Connection, Overloaded, Server] {
        let mut story = Story::new(Policy { allowed_fails: Some(0), ..Policy::default() });
        let alone = Failure { kind, retry_after: Some(SECOND), lone: true };
        assert!((0..20).all(|_| story.fails(alone).is_none()), "{kind}");
    }
    for kind in [Authentication, Permission, QuotaExhausted, NotFound] {
        let mut story = Story::new(Policy::default());
        assert!(story.fails(Failure { lone: true, ..what(kind) }).unwrap().hard, "{kind}");
    }
}

#[test]
fn another_credential_ends_what_the_old_one_was_refused() {
    let mut story = Story::new(Policy::default());
    let old = story.claim();
    story.fails(what(QuotaExhausted)).unwrap();
    story.health.rekeyed(story.now);
    assert_eq!(story.standing(), Standing::Due);
    let probe = story.claim();
    assert!(probe.is_probe());
    assert_eq!(story.fail(old, what(Authentication)), None, "it was sent with the old one");
    assert_eq!(story.standing(), Standing::Probing);
    story.health.success(probe, story.now);
    assert!(matches!(story.standing(), Standing::Ramping { .. }));

    // A probe with the old one says nothing of the new one.
    story.fails(what(Authentication)).unwrap();
    story.health.rekeyed(story.now);
    let probe = story.claim();
    story.health.rekeyed(story.now);
    assert_eq!(story.fail(probe, what(Authentication)), None);
    assert_eq!(story.standing(), Standing::Due);

    // Other cooldowns have nothing to do with it.
    let mut story = Story::new(Policy::default());
    story.fails(what(RateLimited)).unwrap();
    let before = story.standing();
    story.health.rekeyed(story.now);
    assert_eq!(story.standing(), before);
}

#[test]
fn only_its_holder_frees_the_probe() {
    let mut story = Story::new(Policy::default());
    let old = story.claim();
    story.due();
    let gone = story.claim();
    story.health.dropped(gone);
    assert_eq!(story.standing(), Standing::Due, "the caller left: the next one probes");
    let probe = story.claim();
    for other in [old, gone] {
        story.health.dropped(other);
        story.health.first_content(other, story.now);
        story.health.success(other, story.now);
        assert_eq!(story.fail(other, what(BadRequest)), None);
        assert_eq!(story.fail(other, what(Server)), None);
        assert_eq!(story.standing(), Standing::Probing);
    }
    story.health.first_content(probe, story.now);
    assert!(matches!(story.standing(), Standing::Ramping { .. }));
}

#[test]
fn a_probe_that_a_client_spoilt_proves_nothing() {
    let mut story = Story::new(Policy::default());
    story.due();
    for kind in [BadRequest, ContextWindow, ContentPolicy, Cancelled, Refused] {
        let probe = story.claim();
        assert!(probe.is_probe());
        assert_eq!(story.fail(probe, what(kind)), None, "{kind}");
        assert_eq!(story.standing(), Standing::Due, "{kind}");
    }
}

#[test]
fn a_stream_that_breaks_after_its_first_content_is_an_ordinary_failure() {
    let mut story = Story::new(Policy::default());
    story.due();
    let probe = story.claim();
    story.health.first_content(probe, story.now);
    story.now += SECOND;
    assert_eq!(story.fail(probe, what(Timeout)), None, "one of one");
    assert_eq!(story.standing(), Standing::Ramping { share: 0.1 });
}

#[test]
fn what_was_asked_for_while_the_probe_was_under_way_holds_if_it_fails() {
    let mut story = Story::new(Policy::default());
    let old = story.claim();
    story.due();
    let probe = story.claim();
    let asked = Failure { retry_after: Some(SECOND * 100), ..what(RateLimited) };
    let longer = story.fail(old, asked).unwrap();
    assert_eq!(story.standing(), Standing::Probing);
    let cooldown = story.fail(probe, what(Server)).unwrap();
    assert_eq!((cooldown.until, cooldown.streak), (longer.until, 1));
    assert!(cooldown.hard, "a soft failure does not make it soft");
}

#[test]
fn a_late_success_cannot_end_a_cooldown() {
    let mut story = Story::new(Policy::default());
    let old = story.claim();
    story.fails(what(RateLimited));
    let before = story.health.clone();
    story.health.success(old, story.now);
    story.health.first_content(old, story.now);
    assert_eq!(story.health, before);
}

#[test]
fn disabled_cools_nothing_and_frees_what_was_cooling() {
    let mut story = Story::new(Policy::default());
    story.fails(what(QuotaExhausted));
    story.policy.disabled = true;
    assert_eq!(story.standing(), Standing::Serving);
    assert!((0..20).all(|_| story.fails(what(Authentication)).is_none()));
    let later = story.now + SECOND;
    assert_eq!(story.health.cool(later, Server, &story.policy, story.now), None);
    story.policy.disabled = false;
    assert_eq!(story.standing(), Standing::Serving, "calls went through meanwhile");
}

#[test]
fn a_cooldown_decided_elsewhere_only_ever_prolongs() {
    let mut story = Story::new(Policy::default());
    let under_way = story.claim();
    let until = story.now + SECOND * 20;
    let cooldown = story.health.cool(until, Authentication, &story.policy, story.now).unwrap();
    assert_eq!((cooldown.until, cooldown.streak, cooldown.hard), (until, 0, true));
    assert_eq!(story.health.cool(until, Server, &story.policy, story.now), None);
    assert_eq!(story.health.cool(until - SECOND, Server, &story.policy, story.now), None);
    let softer = story.health.cool(until + SECOND, Server, &story.policy, story.now).unwrap();
    assert_eq!((softer.until, softer.kind), (until + SECOND, Authentication), "still hard");
    assert_eq!(story.fail(under_way, what(Authentication)), None, "it was sent before");
    story.now = softer.until;
    assert_eq!(story.fails(what(Server)).unwrap().streak, 1, "the second in a row");
}

#[test]
fn a_class_with_a_number_of_its_own_counts_for_itself() {
    let by_kind =
        AllowedFails::default().with(&[RateLimited, QuotaExhausted], 2).with(&[Timeout], 0);
    let policy = Policy { allowed_fails_by_kind: by_kind, ..Policy::default() };
    let mut story = Story::new(policy);
    assert_eq!([RateLimited, QuotaExhausted].map(|kind| story.fails(what(kind))), [None; 2]);
    assert_eq!([(); 2].map(|()| story.fails(what(Server))), [None; 2], "two of two: not by share");
    assert!(story.fails(what(RateLimited)).unwrap().hard, "the third of its class");

    let mut story = Story::new(policy);
    assert!(story.fails(what(Authentication)).is_some(), "hard, and of no class");
    let mut story = Story::new(policy);
    assert!(story.fails(what(Timeout)).is_some(), "one is more than none");
    let mut story = Story::new(policy);
    let alone = Failure { lone: true, ..what(Timeout) };
    assert!((0..9).all(|_| story.fails(alone).is_none()), "a lone member");

    let mut story = Story::new(Policy { allowed_fails: Some(1), ..policy });
    assert_eq!([Server, RateLimited].map(|kind| story.fails(what(kind))), [None; 2]);
    assert!(story.fails(what(Overloaded)).is_some(), "the second of no class");
}

#[test]
fn a_shared_key_cools_all_and_an_unreachable_host_all_but_the_lone() {
    let mut story = Story::new(Policy::default());
    let asked = Failure { retry_after: Some(SECOND * 40), lone: true, ..what(Authentication) };
    let (policy, now) = (story.policy, story.now);
    let spread = |story: &mut Story, what| story.health.spread(what, &policy, &mut story.dice, now);
    assert_eq!(spread(&mut story, asked).unwrap().until, now + SECOND * 40);
    assert_eq!(spread(&mut story, what(Authentication)), None, "shorter");

    let mut story = Story::new(Policy::default());
    assert_eq!(spread(&mut story, Failure { lone: true, ..what(Connection) }), None);
    assert_eq!(spread(&mut story, what(BadRequest)), None);
    let cooldown = spread(&mut story, what(Connection)).unwrap();
    assert!((4.5..5.5).contains(&(cooldown.until - now).as_secs_f64()) && !cooldown.hard);
}

#[test]
fn the_last_resort_is_a_probe_ahead_of_its_time() {
    let mut story = Story::new(Policy { allowed_fails: Some(0), ..Policy::default() });
    let old = story.claim();
    let cooldown = story.fails(what(Overloaded)).unwrap();
    assert!(!story.health.is_current(old));
    let probe = story.health.last_resort(&story.policy, story.now).unwrap();
    assert!(probe.is_probe() && story.health.is_current(probe));
    assert_eq!(story.health.last_resort(&story.policy, story.now), Err(Standing::Probing));
    story.health.dropped(probe);
    assert_eq!(story.health.claim(&story.policy, story.now).unwrap_err(), story.standing());
    let probe = story.health.last_resort(&story.policy, story.now).unwrap();
    let longer = story.fail(probe, what(Overloaded)).unwrap();
    assert!(longer.until > cooldown.until && longer.streak == 1);

    let mut story = Story::new(Policy::default());
    story.fails(what(RateLimited)).unwrap();
    let refused = story.health.last_resort(&story.policy, story.now);
    assert!(matches!(refused, Err(Standing::Cooling { hard: true, .. })));
}

#[test]
fn a_probe_settled_twice_counts_once() {
    let mut story = Story::new(Policy::default());
    story.due();
    let probe = story.claim();
    story.health.dropped(probe);
    let before = story.health.clone();
    story.health.success(probe, story.now);
    assert_eq!(story.fail(probe, what(RateLimited)), None);
    assert_eq!(story.health, before);
    assert_eq!(story.fails(what(Server)).unwrap().streak, 1, "the next probe is the one");
}

#[test]
fn a_success_while_cooldowns_are_disabled_resets_the_streak() {
    let mut story = Story::new(Policy::default());
    story.due();
    story.fails(what(Server));
    story.policy.disabled = true;
    story.succeeds();
    story.policy.disabled = false;
    assert_eq!(story.fails(what(RateLimited)).unwrap().streak, 0);
}
