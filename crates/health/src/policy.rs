//! The rules of cooling that need no state: what cools, and for how long.

use std::time::Duration;

use pointsman_clock::{Entropy, EntropyExt, Instant};
use pointsman_types::{Blame, ErrorKind, Penalty};

use crate::allowed::AllowedFails;

/// The most that backing off alone keeps a deployment out, and the least for a spent quota.
const FIVE_MINUTES: Duration = Duration::from_mins(5);
/// The most that an upstream's `retry-after` is believed.
const ONE_DAY: Duration = Duration::from_hours(24);

/// How one deployment cools and recovers, as configured.
///
/// ```
/// use pointsman_health::Policy;
/// use std::time::Duration;
/// let policy = Policy { allowed_fails: Some(3), ..Policy::default() };
/// assert_eq!(policy.cooldown_time, Duration::from_secs(5));
/// assert_eq!(policy.ramp_time, Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The first cooldown's length (`cooldown_time`); each further one doubles it. 5 s.
    pub cooldown_time: Duration,
    /// More failures than this within a minute cool (`allowed_fails`). Unset: the share decides.
    pub allowed_fails: Option<u32>,
    /// The same by class (`allowed_fails_policy`), before `allowed_fails` is asked.
    pub allowed_fails_by_kind: AllowedFails,
    /// Nothing ever cools (`disable_cooldowns`), and what was cooling serves.
    pub disabled: bool,
    /// How long a recovered or new deployment takes to reach its full share of calls. 10 s.
    pub ramp_time: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            cooldown_time: Duration::from_secs(5),
            allowed_fails: None,
            allowed_fails_by_kind: AllowedFails::default(),
            disabled: false,
            ramp_time: Duration::from_secs(10),
        }
    }
}

impl Policy {
    /// How many failures of the kind's class are put up with; `None`: the share decides.
    pub(crate) fn allowed(&self, kind: ErrorKind) -> Option<u32> {
        self.allowed_fails_by_kind.of(kind).or(self.allowed_fails)
    }
}

/// How an attempt failed, as far as health is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it was; its penalty is in the table of [`ErrorKind`].
    pub kind: ErrorKind,
    /// How long the upstream asks us to stay away; believed up to 24 h.
    pub retry_after: Option<Duration>,
    /// Whether the deployment is the only member of its group.
    pub lone: bool,
}

/// A cooldown that began, or that now lasts longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// The moment from which a probe may be sent.
    pub until: Instant,
    /// Cooldowns between the last success and this one: 0 for the first.
    pub streak: u32,
    /// The failure behind it.
    pub kind: ErrorKind,
    /// Whether that failure cools at once. A soft cooldown may be broken as a last resort.
    pub hard: bool,
}

/// Whether a kind cools at once.
pub(crate) const fn is_hard(kind: ErrorKind) -> bool {
    matches!(kind.penalty(), Penalty::Hard)
}

impl Failure {
    /// Whether such failures ever cool.
    ///
    /// A lone member keeps serving while waiting is all that could help; a refused key, a spent
    /// quota or a missing model fails every call alike.
    pub(crate) fn may_cool(&self) -> bool {
        let hopeless = self.kind.blame() == Blame::Credential || self.kind == ErrorKind::NotFound;
        self.kind.penalty() != Penalty::None && (!self.lone || hopeless)
    }

    /// Whether one such failure is enough.
    pub(crate) fn cools_at_once(&self, policy: &Policy) -> bool {
        let tolerated = policy.allowed_fails_by_kind.of(self.kind).is_some();
        is_hard(self.kind) && !tolerated && self.may_cool()
    }

    /// How long the upstream asks us to stay away, as far as we believe it.
    pub(crate) fn asked(&self) -> Option<Duration> {
        self.retry_after.map(|after| after.min(ONE_DAY))
    }

    /// How long it cools: `max(retry_after, cooldown_time × 2^streak × U(0.9, 1.1))`.
    ///
    /// Our own part is at most 5 min, and exactly that for a spent quota. Draws once.
    pub(crate) fn length(
        &self,
        policy: &Policy,
        streak: u32,
        chance: &mut dyn Entropy,
    ) -> Duration {
        let jitter = 0.9 + 0.2 * chance.unit();
        // 2^40 of even a nanosecond is longer than the cap.
        let doubled = 2_f64.powi(streak.min(40).cast_signed());
        let seconds = policy.cooldown_time.as_secs_f64() * doubled * jitter;
        let own = Duration::from_secs_f64(seconds.min(FIVE_MINUTES.as_secs_f64()));
        let own = if self.kind == ErrorKind::QuotaExhausted { FIVE_MINUTES } else { own };
        self.asked().map_or(own, |asked| asked.max(own))
    }
}

/// The latest moment until which anything may cool.
pub(crate) fn latest(now: Instant) -> Instant {
    now + ONE_DAY
}

#[cfg(test)]
mod tests {
    use pointsman_clock::Dice;

    use super::*;

    fn length(kind: ErrorKind, after: Option<u64>, cooldown_time: Duration, streak: u32) -> f64 {
        let policy = Policy { cooldown_time, ..Policy::default() };
        let what = Failure { kind, retry_after: after.map(Duration::from_secs), lone: false };
        what.length(&policy, streak, &mut Dice::new(3)).as_secs_f64()
    }

    #[test]
    fn it_doubles_up_to_five_minutes() {
        let five = Duration::from_secs(5);
        for (streak, base) in [(0, 5.0), (1, 10.0), (2, 20.0), (5, 160.0)] {
            let seconds = length(ErrorKind::Server, None, five, streak);
            assert!((base * 0.9..base * 1.1).contains(&seconds), "{streak}: {seconds}");
        }
        for streak in [7, 40, 1_000, u32::MAX] {
            assert!((length(ErrorKind::Server, None, five, streak) - 300.0).abs() < 1e-9);
        }
        assert!((length(ErrorKind::Server, None, Duration::MAX, u32::MAX) - 300.0).abs() < 1e-9);
        assert!(length(ErrorKind::Server, None, Duration::ZERO, 9).abs() < 1e-9);
        assert!(
            (length(ErrorKind::Server, None, Duration::from_nanos(1), 40) - 300.0).abs() < 1e-9
        );
    }

    #[test]
    fn the_upstream_may_ask_for_more_and_never_for_less() {
        let five = Duration::from_secs(5);
        assert!((length(ErrorKind::RateLimited, Some(600), five, 0) - 600.0).abs() < 1e-9);
        assert!((length(ErrorKind::RateLimited, Some(u64::MAX), five, 0) - 86_400.0).abs() < 1e-9);
        assert!(length(ErrorKind::RateLimited, Some(1), five, 0) > 4.4);
        assert!((length(ErrorKind::QuotaExhausted, None, five, 0) - 300.0).abs() < 1e-9);
        assert!((length(ErrorKind::QuotaExhausted, Some(1), five, 0) - 300.0).abs() < 1e-9);
    }

    #[test]
    fn a_lone_member_cools_only_where_waiting_for_it_is_in_vain() {
        for kind in ErrorKind::ALL {
            let policy = Policy::default();
            let cools = |lone| Failure { kind, retry_after: None, lone }.cools_at_once(&policy);
            let alone = matches!(
                kind,
                ErrorKind::QuotaExhausted
                    | ErrorKind::Authentication
                    | ErrorKind::Permission
                    | ErrorKind::NotFound
            );
            assert_eq!(cools(true), alone, "{kind}");
            assert_eq!(cools(false), alone || kind == ErrorKind::RateLimited, "{kind}");
        }
    }
}
