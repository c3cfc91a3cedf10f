//! What one account has used, against all its limits together.

use std::time::Duration;

use pointsman_clock::Instant;

use crate::{Limit, Limits, Slots, Take, Until, Window, day::Day};

/// Why a demand does not fit, and when it would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which limit refused: of several the one that frees last.
    pub limit: Limit,
    /// How much of it is used.
    pub used: u64,
    /// The limit itself.
    pub value: u64,
    /// When the whole demand would fit.
    pub until: Until,
}

/// How a call ended, for its [`Hold`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It never left: all that it took comes back.
    Unsent,
    /// It was sent: the request stays, and these tokens are what it truly used.
    Sent {
        /// Tokens of the prompt.
        input: u64,
        /// Tokens of the answer.
        output: u64,
    },
}

/// The capacity that one call took from a [`Gate`]; settle it there, exactly once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "capacity is lost unless the hold is settled"]
pub struct Hold {
    second: u64,
    day: u32,
    take: Take,
}

/// How one limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which limit.
    pub limit: Limit,
    /// How much of it is used; more than the limit when in debt, or lowered by a reload.
    pub used: u64,
    /// The limit itself.
    pub value: u64,
    /// When the next of what is used falls out. `None` when nothing is used, and for slots.
    pub frees_at: Option<Instant>,
}

/// What one account has used: a deployment, a named quota, a provider, a tag or a caller.
///
/// A plain value: the caller holds the lock. [`Limits`] are an argument, so a reload changes them
/// under a running gate; everything is counted whether its limit is set or not, so a limit that
/// appears is right from its first moment. The windows are allocated by the first use (0.8 KiB
/// each, one for requests and three for tokens).
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_limits::{Gate, Limit, Limits, Settled, Take, Until};
/// use std::time::Duration;
///
/// let limits = Limits { tpm: Some(1_000), max_parallel_requests: Some(2), ..Limits::default() };
/// let (mut gate, now) = (Gate::default(), Instant::from_secs(1_000));
/// let want = Take { requests: 1, input: 100, output: 500 };
///
/// let hold = gate.reserve(&limits, &want, now).unwrap();
/// let refusal = gate.view(&limits, &want, now).unwrap();
/// assert_eq!((refusal.limit, refusal.used, refusal.value), (Limit::Tpm, 600, 1_000));
/// assert_eq!(refusal.until, Until::At(now + Duration::from_secs(60)));
///
/// // It used 200 less than it had reserved.
/// gate.settle(hold, Settled::Sent { input: 110, output: 290 }, now + Duration::from_secs(3));
/// assert_eq!(gate.view(&limits, &want, now), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// The newest moment at which anything changed: what comes later is stamped no earlier.
    newest: Instant,
    requests: Window,
    tokens: Window,
    input: Window,
    output: Window,
    day: Day,
    slots: Slots,
    /// Tokens reserved and not settled.
    reserved: u64,
}

impl Gate {
    /// Why a demand would be refused at `now`; `None` if it fits. Changes nothing.
    ///
    /// When several limits refuse, the one that frees last is told: [`Never`](Until::Never), then
    /// [`OnRelease`](Until::OnRelease), since time alone frees no slot, then the latest moment; of
    /// equals the first in the order of [`Limit::ALL`].
    pub fn view(&self, limits: &Limits, take: &Take, now: Instant) -> Option<Refusal> {
        let mut last: Option<Refusal> = None;
        for limit in Limit::ALL {
            if let Some(value) = limits.get(limit)
                && let Err(until) = self.fits(limit, take, value, limits.daily_reset_time, now)
                && last.is_none_or(|last| last.until < until)
            {
                last = Some(Refusal { limit, used: 0, value, until });
            }
        }
        let used = |limit| self.counted(limit, limits.daily_reset_time, now);
        last.map(|refusal| Refusal { used: used(refusal.limit), ..refusal })
    }

    /// Takes all of a demand and a slot, or nothing.
    ///
    /// # Errors
    /// The refusal that [`view`](Self::view) tells, exactly when it tells one.
    pub fn reserve(&mut self, limits: &Limits, take: &Take, now: Instant) -> Result<Hold, Refusal> {
        if let Some(refusal) = self.view(limits, take, now) {
            return Err(refusal);
        }
        let at = self.advance(now);
        let take = self.countable(take);
        self.requests.add(u64::from(take.requests), at);
        self.tokens.add(take.tokens(), at);
        self.input.add(take.input, at);
        self.output.add(take.output, at);
        self.day.set_reset(limits.daily_reset_time);
        self.day.add(u64::from(take.requests), take.tokens(), at);
        self.reserved += take.tokens();
        // The view has found one.
        let _taken = self.slots.take(limits.max_parallel_requests);
        Ok(Hold { second: at.as_secs(), day: self.day.number(), take })
    }

    /// Frees the slot and makes what was reserved into what was used: less is given back in the
    /// second of the reserve, more is charged at `now`, as debt that blocks until it slides out.
    /// Input, output and their sum are corrected each by itself.
    #[expect(clippy::needless_pass_by_value, reason = "a hold is good for once")]
    pub fn settle(&mut self, hold: Hold, how: Settled, now: Instant) {
        let Hold { second, day, take } = hold;
        let used = match how {
            Settled::Unsent => Take::default(),
            Settled::Sent { input, output } => Take { requests: take.requests, input, output },
        };
        let at = self.advance(now);
        let correct = |window: &mut Window, limit| {
            window.correct(second, take.of(limit), used.of(limit), at);
        };
        correct(&mut self.requests, Limit::Rpm);
        correct(&mut self.tokens, Limit::Tpm);
        correct(&mut self.input, Limit::Itpm);
        correct(&mut self.output, Limit::Otpm);
        let less = take.tokens().saturating_sub(used.tokens());
        self.day.give_back(day, u64::from(take.requests - used.requests), less);
        let more = used.tokens().saturating_sub(take.tokens());
        self.day.add(0, more, at);
        self.reserved = self.reserved.saturating_sub(take.tokens());
        self.slots.free();
    }

    /// Calls that hold a slot, limited or not.
    pub const fn in_flight(&self) -> u32 {
        self.slots.taken()
    }

    /// Tokens that were reserved and not yet settled.
    pub const fn tokens_in_flight(&self) -> u64 {
        self.reserved
    }

    /// How much counts against `limit` at `now`, set or not. The day is that of the last reserve's
    /// `daily_reset_time`.
    pub fn used(&self, limit: Limit, now: Instant) -> u64 {
        self.counted(limit, self.day.reset(), now)
    }

    /// How each limit that is set stands at `now`, in the order of [`Limit::ALL`].
    pub fn report(&self, limits: &Limits, now: Instant) -> impl Iterator<Item = Reading> {
        let limits = *limits;
        Limit::ALL.into_iter().filter_map(move |limit| {
            let value = limits.get(limit)?;
            let used = self.counted(limit, limits.daily_reset_time, now);
            let frees_at = match limit {
                Limit::Rpd | Limit::Tpd => {
                    (used > 0).then(|| self.day.ends(limits.daily_reset_time))
                }
                _ => self.window(limit).and_then(|window| window.frees_at(now)),
            };
            Some(Reading { limit, used, value, frees_at })
        })
    }

    /// The share that is free, of the limit that binds first: 0 when one is used up, 1 when none is
    /// set.
    pub fn headroom(&self, limits: &Limits, now: Instant) -> f32 {
        let free = |limit| {
            let value = limits.get(limit)?;
            let left = value.saturating_sub(self.counted(limit, limits.daily_reset_time, now));
            Some(share(left, value))
        };
        Limit::ALL.into_iter().filter_map(free).fold(1.0, f32::min)
    }

    fn fits(
        &self,
        limit: Limit,
        take: &Take,
        value: u64,
        reset: Duration,
        now: Instant,
    ) -> Result<(), Until> {
        if let Some(window) = self.window(limit) {
            return window.fits_at(take.of(limit), value, now);
        }
        let room = value.checked_sub(take.of(limit)).ok_or(Until::Never)?;
        if self.counted(limit, reset, now) <= room {
            return Ok(());
        }
        Err(match limit {
            Limit::Slots => Until::OnRelease,
            _ => Until::At(self.day.ends(reset)),
        })
    }

    fn counted(&self, limit: Limit, reset: Duration, now: Instant) -> u64 {
        match limit {
            Limit::Rpd => self.day.requests(reset, now),
            Limit::Tpd => self.day.tokens(reset, now),
            Limit::Slots => u64::from(self.slots.taken()),
            _ => self.window(limit).map_or(0, |window| window.used(now)),
        }
    }

    const fn window(&self, limit: Limit) -> Option<&Window> {
        match limit {
            Limit::Rpm => Some(&self.requests),
            Limit::Tpm => Some(&self.tokens),
            Limit::Itpm => Some(&self.input),
            Limit::Otpm => Some(&self.output),
            Limit::Rpd | Limit::Tpd | Limit::Slots => None,
        }
    }

    fn advance(&mut self, now: Instant) -> Instant {
        self.newest = self.newest.max(now);
        self.newest
    }

    /// The demand as far as every sum has room for it, so that what is given back is what was
    /// counted. Only demands near `u64::MAX` come out smaller.
    fn countable(&self, take: &Take) -> Take {
        let windows = [&self.tokens, &self.input, &self.output].map(Window::room);
        let room = windows.into_iter().fold(self.day.room(), u64::min);
        let room = room.min(u64::MAX - self.reserved);
        let input = take.input.min(room);
        Take { input, output: take.output.min(room - input), ..*take }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than seven digits")]
fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_secs(1_767_225_600);
    const NONE: Limits = Limits {
        rpm: None,
        tpm: None,
        itpm: None,
        otpm: None,
        rpd: None,
        tpd: None,
        max_parallel_requests: None,
        daily_reset_time: Duration::ZERO,
    };

    fn take(input: u64, output: u64) -> Take {
        Take { requests: 1, input, output }
    }

    fn at(secs: u64) -> Instant {
        NOW + Duration::from_secs(secs)
    }

    fn refused(limit: Limit, used: u64, value: u64, until: Until) -> Refusal {
        Refusal { limit, used, value, until }
    }

    #[test]
    fn each_limit_refuses_by_its_own_measure() {
        let minute = Until::At(at(60));
        let day = Until::At(at(86_400));
        let cases = [
            (Limits { rpm: Some(1), ..NONE }, Limit::Rpm, 1, minute),
            (Limits { tpm: Some(49), ..NONE }, Limit::Tpm, 30, minute),
            (Limits { itpm: Some(19), ..NONE }, Limit::Itpm, 10, minute),
            (Limits { otpm: Some(39), ..NONE }, Limit::Otpm, 20, minute),
            (Limits { rpd: Some(1), ..NONE }, Limit::Rpd, 1, day),
            (Limits { tpd: Some(59), ..NONE }, Limit::Tpd, 30, day),
            (Limits { max_parallel_requests: Some(1), ..NONE }, Limit::Slots, 1, Until::OnRelease),
        ];
        for (limits, limit, used, until) in cases {
            let mut gate = Gate::default();
            let hold = gate.reserve(&limits, &take(10, 20), NOW).unwrap();
            let second = gate.view(&limits, &take(10, 20), at(1));
            assert_eq!(second, Some(refused(limit, used, limits.get(limit).unwrap(), until)));
            gate.settle(hold, Settled::Unsent, at(1));
            assert_eq!(gate.view(&limits, &take(10, 20), at(1)), None, "{limit:?}");
        }
    }

    #[test]
    fn of_several_refusals_the_one_that_frees_last_is_told() {
        let mut limits = Limits { rpm: Some(1), tpm: Some(30), rpd: Some(1), ..NONE };
        let mut gate = Gate::default();
        let hold = gate.reserve(&limits, &take(10, 20), NOW).unwrap();
        let want = take(10, 20);
        assert_eq!(
            gate.view(&limits, &want, NOW),
            Some(refused(Limit::Rpd, 1, 1, Until::At(at(86_400))))
        );
        limits.rpd = None;
        assert_eq!(
            gate.view(&limits, &want, NOW),
            Some(refused(Limit::Rpm, 1, 1, Until::At(at(60))))
        );
        limits.max_parallel_requests = Some(1);
        assert_eq!(
            gate.view(&limits, &want, NOW),
            Some(refused(Limit::Slots, 1, 1, Until::OnRelease))
        );
        limits.tpm = Some(29);
        assert_eq!(gate.view(&limits, &want, NOW), Some(refused(Limit::Tpm, 30, 29, Until::Never)));
        gate.settle(hold, Settled::Unsent, NOW);
    }

    #[test]
    fn more_than_reserved_is_debt_from_the_settle_on() {
        let limits = Limits { tpm: Some(100), tpd: Some(1_000), ..NONE };
        let mut gate = Gate::default();
        let hold = gate.reserve(&limits, &take(50, 50), NOW).unwrap();
        assert_eq!(gate.tokens_in_flight(), 100);
        gate.settle(hold, Settled::Sent { input: 50, output: 250 }, at(30));
        assert_eq!((gate.tokens_in_flight(), gate.used(Limit::Tpm, at(30))), (0, 300));
        let debt = Some(refused(Limit::Tpm, 200, 100, Until::At(at(90))));
        assert_eq!(gate.view(&limits, &take(0, 0), at(60)), debt);
        assert_eq!(gate.view(&limits, &take(50, 50), at(90)), None);
        assert_eq!(gate.used(Limit::Tpd, at(90)), 300);
    }

    #[test]
    fn input_and_output_are_corrected_apart_from_their_sum() {
        let mut gate = Gate::default();
        let hold = gate.reserve(&NONE, &take(100, 50), NOW).unwrap();
        gate.settle(hold, Settled::Sent { input: 120, output: 10 }, at(30));
        let used = |now| {
            [Limit::Tpm, Limit::Itpm, Limit::Otpm, Limit::Rpm].map(|limit| gate.used(limit, now))
        };
        assert_eq!(used(at(30)), [130, 120, 10, 1]);
        assert_eq!(used(at(60)), [0, 20, 0, 0], "the sum was below its estimate");
    }

    #[test]
    fn a_hold_from_before_a_reload_settles_right() {
        let mut gate = Gate::default();
        let hold = gate.reserve(&NONE, &take(10, 20), NOW).unwrap();
        let limits = Limits { rpm: Some(1), itpm: Some(10), ..NONE };
        assert_eq!(gate.view(&limits, &take(1, 0), NOW).unwrap().limit, Limit::Rpm);
        gate.settle(hold, Settled::Unsent, at(2));
        assert_eq!(gate.view(&limits, &take(10, 0), at(2)), None);
        assert_eq!((gate.in_flight(), gate.tokens_in_flight()), (0, 0));
    }

    #[test]
    fn a_report_has_what_is_set() {
        let limits =
            Limits { rpm: Some(4), tpd: Some(100), max_parallel_requests: Some(2), ..NONE };
        let mut gate = Gate::default();
        let reading = |limit, used, value, frees_at| Reading { limit, used, value, frees_at };
        let fresh: Vec<_> = gate.report(&limits, NOW).collect();
        let expected = [
            reading(Limit::Rpm, 0, 4, None),
            reading(Limit::Tpd, 0, 100, None),
            reading(Limit::Slots, 0, 2, None),
        ];
        assert_eq!(fresh, expected);
        assert!(gate.headroom(&limits, NOW) >= 1.0);
        let hold = gate.reserve(&limits, &take(10, 20), at(5)).unwrap();
        let busy: Vec<_> = gate.report(&limits, at(6)).collect();
        let expected = [
            reading(Limit::Rpm, 1, 4, Some(at(65))),
            reading(Limit::Tpd, 30, 100, Some(at(86_400))),
            reading(Limit::Slots, 1, 2, None),
        ];
        assert_eq!(busy, expected);
        assert!((gate.headroom(&limits, at(6)) - 0.5).abs() < f32::EPSILON);
        assert!(gate.headroom(&Limits { otpm: Some(0), ..NONE }, at(6)) <= 0.0);
        gate.settle(hold, Settled::Unsent, at(6));
    }

    #[test]
    fn sums_end_and_give_back_what_they_counted() {
        let mut gate = Gate::default();
        let first = gate.reserve(&NONE, &take(u64::MAX, u64::MAX), NOW).unwrap();
        let second = gate.reserve(&NONE, &take(7, 7), NOW).unwrap();
        assert_eq!(gate.tokens_in_flight(), u64::MAX);
        gate.settle(second, Settled::Unsent, NOW);
        gate.settle(first, Settled::Sent { input: 3, output: 4 }, NOW);
        let used = [Limit::Tpm, Limit::Itpm, Limit::Otpm, Limit::Tpd].map(|l| gate.used(l, NOW));
        assert_eq!(used, [7, 3, 4, 7]);
        assert_eq!(gate.tokens_in_flight(), 0);
    }

    #[test]
    fn nothing_at_all_never_fits() {
        let none = Limits { max_parallel_requests: Some(0), ..NONE };
        let never = Some(refused(Limit::Slots, 0, 0, Until::Never));
        assert_eq!(Gate::default().view(&none, &take(0, 0), NOW), never);
        assert!(size_of::<Hold>() <= 40 && size_of::<Gate>() <= 128);
    }
}
