//! What the state machine promises over any order of claims, results and moments.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use pointsman_clock::{Dice, Instant};
use pointsman_health::{AllowedFails, Cooldown, Failure, Health, Pass, Policy, Standing};
use pointsman_types::{ErrorKind, Penalty};
use proptest::{collection::vec, prelude::*, sample::select};

const DAY: Duration = Duration::from_hours(24);
const CAP: Duration = Duration::from_mins(5);
/// What no waiting helps against, so that even a lone member cools.
const HOPELESS: [ErrorKind; 4] = [
    ErrorKind::Authentication,
    ErrorKind::Permission,
    ErrorKind::QuotaExhausted,
    ErrorKind::NotFound,
];

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(Duration),
    Claim,
    FirstContent(usize),
    Success(usize),
    Failure(usize, Failure),
    Dropped(usize),
    /// Settles the newest pass, which may be the probe.
    FailNewest(Failure),
    SucceedNewest,
    Cool(Duration, ErrorKind),
    Spread(Failure),
    LastResort,
    Reload(Policy),
}

fn seconds() -> impl Strategy<Value = Duration> {
    prop_oneof![
        2 => Just(Duration::ZERO),
        6 => (0_u64..12_000).prop_map(Duration::from_millis),
        2 => (0_u64..400).prop_map(Duration::from_secs),
        1 => (0_u64..200_000).prop_map(Duration::from_secs),
    ]
}

fn failure() -> impl Strategy<Value = Failure> {
    let kind = prop_oneof![3 => Just(ErrorKind::Server), 3 => select(&ErrorKind::ALL[..])];
    let after = prop_oneof![2 => Just(None), 1 => seconds().prop_map(Some)];
    (kind, after, prop::bool::weighted(0.2)).prop_map(|(kind, retry_after, lone)| Failure {
        kind,
        retry_after,
        lone,
    })
}

fn policy(disabled: f64) -> impl Strategy<Value = Policy> {
    let allowed = prop_oneof![3 => Just(None), 1 => (0_u32..4).prop_map(Some)];
    let classes = vec((vec(select(&ErrorKind::ALL[..]), 1..3), 0_u32..4), 0..3);
    let by_kind = prop_oneof![2 => Just(Vec::new()), 1 => classes].prop_map(|classes| {
        let none = AllowedFails::default();
        classes.iter().fold(none, |all, (kinds, allowed)| all.with(kinds, *allowed))
    });
    let off = prop::bool::weighted(disabled);
    (seconds(), allowed, by_kind, off, seconds()).prop_map(
        |(cooldown_time, allowed_fails, allowed_fails_by_kind, disabled, ramp_time)| Policy {
            cooldown_time,
            allowed_fails,
            allowed_fails_by_kind,
            disabled,
            ramp_time,
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let wait = prop_oneof![
        4 => (0_u64..8_000).prop_map(Duration::from_millis),
        1 => (0_u64..700).prop_map(Duration::from_secs),
    ];
    prop_oneof![
        6 => wait.prop_map(Op::Wait),
        12 => Just(Op::Claim),
        2 => (0_usize..6).prop_map(Op::FirstContent),
        2 => (0_usize..6).prop_map(Op::Success),
        4 => (0_usize..6, failure()).prop_map(|(which, what)| Op::Failure(which, what)),
        2 => (0_usize..6).prop_map(Op::Dropped),
        4 => failure().prop_map(Op::FailNewest),
        2 => Just(Op::SucceedNewest),
        1 => (seconds(), select(&ErrorKind::ALL[..])).prop_map(|(by, kind)| Op::Cool(by, kind)),
        1 => failure().prop_map(Op::Spread),
        1 => Just(Op::LastResort),
        1 => policy(0.1).prop_map(Op::Reload),
    ]
}

struct World {
    health: Health,
    policy: Policy,
    now: Instant,
    dice: Dice,
    /// Passes under way.
    out: Vec<Pass>,
    /// The probe under way that was not freed yet.
    probe: Option<Pass>,
    /// Cooldowns since the last success, as the outside sees them.
    streak: u32,
    /// Whether cooldowns were ever disabled: then the streak is not tracked here.
    disabled: bool,
}

impl World {
    fn new(policy: Policy, seed: u64) -> Self {
        let (health, now) = (Health::new(), Instant::from_secs(1_767_225_600));
        let dice = Dice::new(seed);
        let (out, disabled) = (Vec::new(), policy.disabled);
        Self { health, policy, now, dice, out, probe: None, streak: 0, disabled }
    }

    fn standing(&self) -> Standing {
        self.health.standing(&self.policy, self.now)
    }

    fn step(&mut self, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Wait(by) => self.now += by,
            Op::Claim => self.claim()?,
            Op::Reload(policy) => {
                self.policy = policy;
                self.disabled |= policy.disabled;
            }
            Op::Cool(by, kind) => self.cool(by, kind)?,
            Op::Spread(what) => self.spread(what)?,
            Op::LastResort => self.last_resort()?,
            Op::FirstContent(which) => {
                if let Some(&pass) = self.out.get(which) {
                    self.good(pass, |health, now| health.first_content(pass, now))?;
                }
            }
            Op::Success(which) if which < self.out.len() => self.succeed(which)?,
            Op::Failure(which, what) if which < self.out.len() => self.fail(which, what)?,
            Op::Dropped(which) if which < self.out.len() => self.leave(which)?,
            Op::SucceedNewest if !self.out.is_empty() => self.succeed(self.out.len() - 1)?,
            Op::FailNewest(what) if !self.out.is_empty() => self.fail(self.out.len() - 1, what)?,
            _ => {}
        }
        Ok(())
    }

    fn claim(&mut self) -> Result<(), TestCaseError> {
        let before = self.standing();
        let claimed = self.health.claim(&self.policy, self.now);
        prop_assert_eq!(claimed.is_ok(), before.is_willing());
        match claimed {
            Ok(pass) => {
                prop_assert_eq!(pass.is_probe(), before == Standing::Due);
                if self.policy.disabled {
                    // Serves again, so that no probe is needed any more.
                    self.probe = None;
                }
                prop_assert!(self.probe.is_none(), "a claim beside the probe");
                self.probe = pass.is_probe().then_some(pass);
                self.out.push(pass);
            }
            Err(refused) => {
                prop_assert_eq!(refused, before);
                prop_assert_eq!(refused == Standing::Probing, self.probe.is_some());
            }
        }
        Ok(())
    }

    /// A success or first content of `pass`.
    fn good(
        &mut self,
        pass: Pass,
        tell: impl Fn(&mut Health, Instant),
    ) -> Result<(), TestCaseError> {
        let (before, was) = (self.health.clone(), self.standing());
        tell(&mut self.health, self.now);
        if self.probe == Some(pass) {
            self.probe = None;
            self.streak = 0;
            let fresh = Health::joining(self.now).standing(&self.policy, self.now);
            prop_assert_eq!(self.standing(), fresh, "the ramp starts now");
        } else {
            prop_assert_eq!(self.standing(), was, "only the probe ends a cooldown");
            if matches!(was, Standing::Cooling { .. } | Standing::Due | Standing::Probing) {
                prop_assert_eq!(&self.health, &before, "a late success counts for nothing");
            }
        }
        Ok(())
    }

    fn succeed(&mut self, which: usize) -> Result<(), TestCaseError> {
        let pass = self.out.remove(which);
        self.good(pass, |health, now| health.success(pass, now))
    }

    fn leave(&mut self, which: usize) -> Result<(), TestCaseError> {
        let (pass, was) = (self.out.remove(which), self.standing());
        self.health.dropped(pass);
        self.check_freed(pass, was)
    }

    /// Nothing was learned, but `pass` may have been the probe.
    fn check_freed(&mut self, pass: Pass, was: Standing) -> Result<(), TestCaseError> {
        if self.probe == Some(pass) {
            self.probe = None;
            let freed = matches!(self.standing(), Standing::Due | Standing::Cooling { .. });
            prop_assert!(freed || self.policy.disabled);
        } else {
            prop_assert_eq!(self.standing(), was);
        }
        Ok(())
    }

    fn cool(&mut self, by: Duration, kind: ErrorKind) -> Result<(), TestCaseError> {
        let was = self.standing();
        let cooled = self.health.cool(self.now + by, kind, &self.policy, self.now);
        prop_assert!(cooled.is_none_or(|cooldown| cooldown.until - self.now <= by.min(DAY)));
        self.check_streak(was, cooled)?;
        self.check_never_shorter(was, cooled)
    }

    fn spread(&mut self, what: Failure) -> Result<(), TestCaseError> {
        let (was, before) = (self.standing(), self.health.clone());
        let cooled = self.health.spread(what, &self.policy, &mut self.dice, self.now);
        if cooled.is_none() {
            prop_assert_eq!(&self.health, &before);
        }
        if let Some(cooldown) = cooled {
            prop_assert!(what.kind.penalty() != Penalty::None && !self.policy.disabled);
            prop_assert!(!what.lone || HOPELESS.contains(&what.kind));
            let asked = what.retry_after.unwrap_or_default().min(DAY);
            prop_assert!((asked..=DAY).contains(&(cooldown.until - self.now)));
        }
        self.check_streak(was, cooled)?;
        self.check_never_shorter(was, cooled)
    }

    /// What is decided elsewhere counts as a cooldown where it begins one.
    fn check_streak(
        &mut self,
        was: Standing,
        cooled: Option<Cooldown>,
    ) -> Result<(), TestCaseError> {
        let Some(cooldown) = cooled else { return Ok(()) };
        if !matches!(was, Standing::Cooling { .. } | Standing::Probing) {
            self.streak += 1;
        }
        prop_assert!(self.disabled || cooldown.streak == self.streak.saturating_sub(1));
        Ok(())
    }

    /// The probe ahead of its time, for who would have nobody else.
    fn last_resort(&mut self) -> Result<(), TestCaseError> {
        let was = self.standing();
        let claimed = self.health.last_resort(&self.policy, self.now);
        let soft = matches!(was, Standing::Cooling { hard: false, .. });
        prop_assert_eq!(claimed.is_ok(), soft || was.is_willing());
        let Ok(pass) = claimed else { return Ok(()) };
        prop_assert_eq!(pass.is_probe(), soft || was == Standing::Due);
        prop_assert!(self.probe.is_none() || self.policy.disabled, "a claim beside the probe");
        self.probe = pass.is_probe().then_some(pass);
        self.out.push(pass);
        Ok(())
    }

    fn fail(&mut self, which: usize, what: Failure) -> Result<(), TestCaseError> {
        let (pass, was, before) = (self.out.remove(which), self.standing(), self.health.clone());
        let (policy, now) = (self.policy, self.now);
        let cooled = self.health.failure(pass, what, &policy, &mut self.dice, now);
        if what.kind.penalty() == Penalty::None {
            prop_assert_eq!(cooled, None);
            let mut left = before;
            left.dropped(pass);
            prop_assert_eq!(&self.health, &left, "a client's error is as good as none");
            return self.check_freed(pass, was);
        }
        let probed = self.probe == Some(pass);
        if probed {
            self.probe = None;
            prop_assert!(cooled.is_some() || policy.disabled, "a failed probe cools");
        }
        prop_assert!(cooled.is_none() || !policy.disabled);
        let hopeless = HOPELESS.contains(&what.kind);
        let alone = what.lone && !hopeless && !probed;
        prop_assert!(cooled.is_none() || !alone, "a lone member keeps serving");
        if let Some(cooldown) = cooled
            && !self.disabled
        {
            self.check_length(what, cooldown, was, probed)?;
        }
        self.check_never_shorter(was, cooled)
    }

    fn check_length(
        &mut self,
        what: Failure,
        cooldown: Cooldown,
        was: Standing,
        probed: bool,
    ) -> Result<(), TestCaseError> {
        let length = cooldown.until - self.now;
        let asked = what.retry_after.map(|after| after.min(DAY)).unwrap_or_default();
        let late = matches!(was, Standing::Cooling { .. } | Standing::Due | Standing::Probing);
        if late && !probed {
            prop_assert_eq!(length, asked, "a late failure brings its own time and no more");
            return Ok(());
        }
        let base = self.policy.cooldown_time.as_secs_f64() * 2_f64.powi(self.streak.cast_signed());
        let (least, most) = ((base * 0.9).min(300.0), (base * 1.1).min(300.0));
        let quota = what.kind == ErrorKind::QuotaExhausted;
        let own = length.as_secs_f64();
        let grown = own >= least - 1e-6 && own <= most + 1e-6 && cooldown.streak == self.streak;
        let asked_for = length == asked && asked.as_secs_f64() >= least - 1e-6;
        // What else there is: a late failure with its own time while serving, and a deadline
        // that was prolonged while the probe was under way.
        let elsewhere = (length == asked && cooldown.streak == 0) || probed;
        prop_assert!(grown || asked_for || (quota && length >= CAP) || elsewhere, "{:?}", cooldown);
        prop_assert!(length <= DAY);
        if probed {
            prop_assert_eq!(cooldown.streak, self.streak);
            prop_assert!(own >= least - 1e-6 && length >= asked);
        }
        // A late one's cooldown raises no streak; it is told by the next probe's failure.
        let (mut next, mut dice) = (self.health.clone(), self.dice.clone());
        let probe = next.claim(&self.policy, cooldown.until).unwrap();
        let soft = Failure { kind: ErrorKind::Server, retry_after: None, lone: false };
        let after = next.failure(probe, soft, &self.policy, &mut dice, cooldown.until).unwrap();
        prop_assert!(after.streak == self.streak + 1 || (after.streak == self.streak && !probed));
        self.streak = after.streak;
        Ok(())
    }

    fn check_never_shorter(
        &self,
        was: Standing,
        cooled: Option<Cooldown>,
    ) -> Result<(), TestCaseError> {
        let is = self.standing();
        if let Standing::Cooling { until: before, .. } = was {
            let Standing::Cooling { until: after, .. } = is else {
                return Err(TestCaseError::fail("a cooldown ended before its time"));
            };
            prop_assert!(after >= before, "a cooldown became shorter");
            prop_assert_eq!(cooled.is_some(), after > before);
        }
        if self.probe.is_some() && !self.policy.disabled {
            prop_assert_eq!(is, Standing::Probing, "nothing frees somebody else's probe");
        }
        if let (Standing::Cooling { until, kind, hard }, Some(cooldown)) = (is, cooled) {
            prop_assert_eq!((until, kind, hard), (cooldown.until, cooldown.kind, cooldown.hard));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn any_history_keeps_the_promises(policy in policy(0.05), seed: u64, ops in vec(op(), 1..120)) {
        let mut world = World::new(policy, seed);
        for op in ops {
            world.step(op)?;
        }
        // Whatever happened: once all passes are settled it takes calls again in time.
        for pass in std::mem::take(&mut world.out) {
            world.health.dropped(pass);
        }
        let pass = world.health.claim(&world.policy, world.now + DAY).unwrap();
        world.health.success(pass, world.now + DAY);
        let later = world.now + DAY + world.policy.ramp_time;
        prop_assert_eq!(world.health.standing(&world.policy, later), Standing::Serving);
    }

    #[test]
    fn moments_out_of_order_do_no_harm(
        policy in policy(0.05), seed: u64, ops in vec((op(), any::<u64>()), 1..60),
    ) {
        let mut world = World::new(policy, seed);
        for (op, nanos) in ops {
            // Any moment at all, to the ends of time; the promises about time do not apply.
            world.now = Instant::from_nanos(nanos);
            let (health, now) = (&mut world.health, world.now);
            match op {
                Op::Failure(_, what) | Op::FailNewest(what) => {
                    if let Some(pass) = world.out.pop() {
                        let before = deadline(health);
                        health.failure(pass, what, &world.policy, &mut world.dice, now);
                        prop_assert!(deadline(health) >= before);
                    }
                }
                Op::Success(_) | Op::SucceedNewest | Op::FirstContent(_) => {
                    if let Some(pass) = world.out.pop() {
                        health.success(pass, now);
                    }
                }
                Op::Reload(policy) => world.policy = policy,
                _ => world.out.extend(health.claim(&world.policy, now)),
            }
        }
    }

    #[test]
    fn the_ramp_rises_from_a_tenth_to_all(ramp in 1_u64..100_000, at in 0_u64..120_000) {
        let policy = Policy { ramp_time: Duration::from_millis(ramp), ..Policy::default() };
        let start = Instant::from_secs(1_000);
        let health = Health::joining(start);
        match health.standing(&policy, start + Duration::from_millis(at)) {
            Standing::Ramping { share } => {
                prop_assert!(at < ramp && (0.1..=1.0).contains(&share));
                let later = health.standing(&policy, start + Duration::from_millis(at + 1));
                if let Standing::Ramping { share: then } = later {
                    prop_assert!(then >= share);
                }
            }
            standing => prop_assert!(standing == Standing::Serving && at >= ramp),
        }
        let early = health.standing(&policy, start - Duration::from_secs(1));
        prop_assert_eq!(early, Standing::Ramping { share: 0.1 });
    }
}

/// The present deadline, if it is out and no probe is under way.
fn deadline(health: &Health) -> Option<Instant> {
    match health.standing(&Policy::default(), Instant::EPOCH) {
        Standing::Cooling { until, .. } => Some(until),
        _ => None,
    }
}
