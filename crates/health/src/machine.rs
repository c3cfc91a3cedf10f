//! The state machine.

use pointsman_clock::{Entropy, Instant};
use pointsman_types::{Blame, ErrorKind, Penalty};

use crate::{
    policy::{Cooldown, Failure, Policy, is_hard, latest},
    tally::Tally,
};

/// The smallest share of calls that a ramping deployment is kept in.
const LEAST_SHARE: f32 = 0.1;

/// Where a deployment stands at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    /// It takes calls.
    Serving,
    /// It recovered or joined a moment ago and takes part of them.
    Ramping {
        /// The share of calls to keep it in, from 0.1 to 1.
        share: f32,
    },
    /// Its cooldown is over: the next claim is the probe.
    Due,
    /// It is out.
    Cooling {
        /// The moment from which a probe may be sent.
        until: Instant,
        /// The failure behind it.
        kind: ErrorKind,
        /// Whether that failure cools at once.
        hard: bool,
    },
    /// Its probe is under way.
    Probing,
}

impl Standing {
    /// Whether a claim would succeed.
    pub const fn is_willing(&self) -> bool {
        matches!(self, Self::Serving | Self::Ramping { .. } | Self::Due)
    }
}

/// The right to one attempt, from [`Health::claim`]: settle with it once, by
/// [`success`](Health::success), [`failure`](Health::failure) or [`dropped`](Health::dropped).
///
/// It remembers under which generation it was sent. Settling twice is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    generation: u32,
    probe: bool,
}

impl Pass {
    /// Whether the attempt is the probe of a deployment whose cooldown is over.
    pub const fn is_probe(&self) -> bool {
        self.probe
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Serving,
    Ramping { since: Instant },
    Out { until: Instant, kind: ErrorKind, probing: bool },
}

/// The standing of one deployment.
///
/// A plain value without allocations, without lock, clock or dice of its own. Moments may come in
/// slightly out of order: nothing panics, and no deadline moves back.
///
/// **Generations.** Each change from serving to cooling and each claim of a probe starts a new one.
/// A result of an older generation was sent before what stands now: as a success it counts for
/// nothing; as a failure it can only prolong, to the `retry_after` that the upstream asked for
/// itself. So twenty refusals of calls that were under way together are one cooldown.
///
/// ```
/// use pointsman_clock::{Dice, Instant};
/// use pointsman_health::{Failure, Health, Policy};
/// use pointsman_types::ErrorKind;
///
/// // Three timeouts of three calls are beyond doubt, one or two are not.
/// let (policy, now) = (Policy::default(), Instant::from_secs(60));
/// let (mut health, mut dice) = (Health::new(), Dice::new(1));
/// let what = Failure { kind: ErrorKind::Timeout, retry_after: None, lone: false };
/// let cooled = [(); 3].map(|()| {
///     let pass = health.claim(&policy, now).unwrap();
///     health.failure(pass, what, &policy, &mut dice, now).is_some()
/// });
/// assert_eq!(cooled, [false, false, true]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    state: State,
    generation: u32,
    /// Cooldowns since the last success.
    streak: u32,
    tally: Tally,
}

const _: () = assert!(size_of::<Health>() <= 512, "ten buckets of ten counts, and little else");

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// A deployment that serves.
    pub fn new() -> Self {
        Self { state: State::Serving, generation: 0, streak: 0, tally: Tally::default() }
    }

    /// A deployment that joins a group that already serves: it ramps from `now`.
    pub fn joining(now: Instant) -> Self {
        Self { state: State::Ramping { since: now }, ..Self::new() }
    }

    /// Where it stands at `now`.
    pub fn standing(&self, policy: &Policy, now: Instant) -> Standing {
        match self.state {
            State::Out { .. } if policy.disabled => Standing::Serving,
            State::Out { probing: true, .. } => Standing::Probing,
            State::Out { until, kind, .. } if now < until => {
                Standing::Cooling { until, kind, hard: is_hard(kind) }
            }
            State::Out { .. } => Standing::Due,
            State::Ramping { since } if now - since < policy.ramp_time => {
                let share = (now - since).as_secs_f32() / policy.ramp_time.as_secs_f32();
                Standing::Ramping { share: share.max(LEAST_SHARE) }
            }
            State::Ramping { .. } | State::Serving => Standing::Serving,
        }
    }

    /// Claims one attempt; when the deployment is due, this is the probe.
    ///
    /// # Errors
    /// The standing that forbids it: cooling or probing.
    pub fn claim(&mut self, policy: &Policy, now: Instant) -> Result<Pass, Standing> {
        let standing = self.standing(policy, now);
        if !standing.is_willing() {
            return Err(standing);
        }
        let probe = standing == Standing::Due;
        match &mut self.state {
            State::Out { probing, .. } if probe => {
                *probing = true;
                self.renew();
            }
            // Cooldowns were disabled meanwhile.
            State::Out { .. } => self.state = State::Serving,
            State::Serving | State::Ramping { .. } => {}
        }
        Ok(Pass { generation: self.generation, probe })
    }

    /// The attempt's first content arrived: for a probe this is its success, so the deployment
    /// ramps from here. How the attempt ends is still to be told.
    pub fn first_content(&mut self, pass: Pass, now: Instant) {
        if self.holds_probe(pass) {
            self.recover(now);
        }
    }

    /// The attempt succeeded: it counts, resets the streak, and ends the cooldown if it was the
    /// probe. That of an older generation counts for nothing.
    pub fn success(&mut self, pass: Pass, now: Instant) {
        self.first_content(pass, now);
        if pass.generation == self.generation && !self.is_out() {
            self.streak = 0;
            self.tally.succeeded(now);
        }
    }

    /// The attempt failed. Returns the cooldown that this began or prolonged, if it did.
    ///
    /// A client's fault changes nothing; a probe that ended so proves nothing, and the next claim
    /// is the probe. A failed probe always cools again, longer. Otherwise
    /// - a hard kind cools at once, a lone member's only for a credential or a missing model;
    /// - a soft kind cools when the last minute holds more than `allowed_fails` failures or, where
    ///   that is unset, when the share of failures is above one half beyond doubt (Wilson,
    ///   z = 1.64: three of three, not two of two); never a lone member's;
    /// - a kind with a number of its own in [`Policy::allowed_fails_by_kind`], soft or hard, cools
    ///   when the last minute holds more failures of its class than that.
    ///
    /// It lasts `max(retry_after, cooldown_time × 2^streak × U(0.9, 1.1))`, our own part at most
    /// 5 min, and never ends before one that already runs. Draws from `chance` only when it cools.
    pub fn failure(
        &mut self,
        pass: Pass,
        what: Failure,
        policy: &Policy,
        chance: &mut dyn Entropy,
        now: Instant,
    ) -> Option<Cooldown> {
        let probe = self.holds_probe(pass);
        self.dropped(pass);
        if what.kind.penalty() == Penalty::None {
            return None;
        }
        if pass.generation != self.generation {
            return self.late_failure(what, policy, now);
        }
        if self.is_out() && !probe {
            // Settled twice.
            return None;
        }
        self.tally.failed(what.kind, now);
        let enough = probe
            || what.cools_at_once(policy)
            || (what.may_cool()
                && counts(what.kind, policy)
                && self.tally.trips(what.kind, policy));
        if policy.disabled || !enough {
            return None;
        }
        let until = now + what.length(policy, self.streak, chance);
        self.streak = self.streak.saturating_add(1);
        self.hold_out(until, what.kind, now);
        self.cooldown()
    }

    /// The caller left: frees the probe if this was it, and learns nothing.
    pub fn dropped(&mut self, pass: Pass) {
        let mine = pass.generation == self.generation;
        if let State::Out { probing, .. } = &mut self.state
            && mine
        {
            *probing = false;
        }
    }

    /// Cools until a moment that was decided elsewhere, by another instance. At most 24 h.
    ///
    /// It never shortens a cooldown and frees no probe; one that begins counts for the streak.
    /// Returns the cooldown if this began or prolonged it.
    pub fn cool(
        &mut self,
        until: Instant,
        kind: ErrorKind,
        policy: &Policy,
        now: Instant,
    ) -> Option<Cooldown> {
        let begins = match self.state {
            State::Serving | State::Ramping { .. } => true,
            State::Out { until, probing, .. } => !probing && now >= until,
        };
        let cooldown = self.prolong(until, kind, policy, now)?;
        if begins {
            self.streak = self.streak.saturating_add(1);
        }
        Some(Cooldown { streak: self.streak.saturating_sub(1), ..cooldown })
    }

    /// Cools for a failure of another deployment that spreads to this one: that of a credential
    /// they share, or of a host that nobody can reach (see [`crate::HostWatch`]).
    ///
    /// It lasts as long as if the failure had been its own, and as with its own a lone member
    /// (`what.lone` is of this one) stays in where waiting is all that could help. Otherwise like
    /// [`cool`](Self::cool).
    pub fn spread(
        &mut self,
        what: Failure,
        policy: &Policy,
        chance: &mut dyn Entropy,
        now: Instant,
    ) -> Option<Cooldown> {
        if policy.disabled || !what.may_cool() {
            return None;
        }
        let until = now + what.length(policy, self.streak, chance);
        self.cool(until, what.kind, policy, now)
    }

    /// The deployment has another credential from now on: what the old one was refused is over, and
    /// the next claim is the probe. Results of what was sent with the old one are of an older
    /// generation. Any other cooldown stays.
    pub fn rekeyed(&mut self, now: Instant) {
        self.renew();
        if let State::Out { until, kind, probing } = &mut self.state {
            *probing = false;
            if kind.blame() == Blame::Credential {
                *until = now.min(*until);
                self.streak = 0;
            }
        }
    }

    /// Claims the probe of a softly cooling deployment ahead of its time, for a call that would
    /// otherwise have nobody (`on_exhausted: last_resort`).
    ///
    /// # Errors
    /// The standing that forbids it: probing, or cooling hard. One that is willing is claimed as
    /// by [`claim`](Self::claim).
    pub fn last_resort(&mut self, policy: &Policy, now: Instant) -> Result<Pass, Standing> {
        match self.standing(policy, now) {
            Standing::Cooling { until, hard: false, .. } => self.claim(policy, until),
            _ => self.claim(policy, now),
        }
    }

    /// Whether the result of this attempt says anything of what stands now: it was not sent before
    /// the present cooldown, or the present probe, began. Only such a result is a sample for
    /// [`crate::Latency`].
    pub fn is_current(&self, pass: Pass) -> bool {
        pass.generation == self.generation
    }

    /// Cools until `until` if that is later than what stands, and leaves the streak alone.
    fn prolong(
        &mut self,
        until: Instant,
        kind: ErrorKind,
        policy: &Policy,
        now: Instant,
    ) -> Option<Cooldown> {
        let until = until.min(latest(now));
        let longer = self.deadline().is_none_or(|present| until > present);
        if policy.disabled || until <= now || !longer {
            return None;
        }
        self.hold_out(until, kind, now);
        self.cooldown()
    }

    /// A failure of a call that was sent before what stands now.
    fn late_failure(&mut self, what: Failure, policy: &Policy, now: Instant) -> Option<Cooldown> {
        let prolongs = self.is_out() && !what.lone;
        if !what.cools_at_once(policy) && !prolongs {
            return None;
        }
        let asked = what.asked()?;
        let prolonged = self.prolong(now + asked, what.kind, policy, now);
        // Within a soft cooldown that is longer anyway the upstream still asked to be left alone.
        if let State::Out { until, kind, .. } = &mut self.state
            && is_hard(what.kind)
            && now < *until
        {
            *kind = what.kind;
        }
        prolonged
    }

    /// Out until `until` or the present deadline, whichever is later.
    fn hold_out(&mut self, until: Instant, kind: ErrorKind, now: Instant) {
        match &mut self.state {
            State::Out { until: present, kind: why, .. } => {
                // A soft failure must not make a hard cooldown look soft while that still runs.
                if until > *present && (now >= *present || is_hard(kind) || !is_hard(*why)) {
                    *why = kind;
                }
                *present = until.max(*present);
            }
            State::Serving | State::Ramping { .. } => {
                self.state = State::Out { until, kind, probing: false };
                self.renew();
            }
        }
        self.tally = Tally::default();
    }

    fn recover(&mut self, now: Instant) {
        self.state = State::Ramping { since: now };
        self.streak = 0;
    }

    /// Whatever was sent so far is late from here on.
    fn renew(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    fn is_out(&self) -> bool {
        self.deadline().is_some()
    }

    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Out { until, .. } => Some(until),
            State::Serving | State::Ramping { .. } => None,
        }
    }

    /// While a probe is under way its pass is the only one of the present generation.
    fn holds_probe(&self, pass: Pass) -> bool {
        let probing = matches!(self.state, State::Out { probing: true, .. });
        probing && pass.generation == self.generation
    }

    fn cooldown(&self) -> Option<Cooldown> {
        let State::Out { until, kind, .. } = self.state else { return None };
        let streak = self.streak.saturating_sub(1);
        Some(Cooldown { until, streak, kind, hard: is_hard(kind) })
    }
}

/// Whether failures of this kind are counted up to a number or a share.
fn counts(kind: ErrorKind, policy: &Policy) -> bool {
    !is_hard(kind) || policy.allowed_fails_by_kind.of(kind).is_some()
}
