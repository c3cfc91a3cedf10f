//! Money that may be spent, claimed before it is spent.

use std::fmt;

use pointsman_clock::Instant;
use pointsman_types::Decimal;

use crate::BudgetWindow;

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimit {
    /// US dollars in one window.
    pub max: Decimal,
    /// When the spend starts again at zero; `None`: never.
    pub window: Option<BudgetWindow>,
}

impl BudgetLimit {
    /// When a window whose first spend fell at `first` is over: its first moment that counts no
    /// more. `None` without a window.
    pub fn ends(&self, first: Instant) -> Option<Instant> {
        self.window.and_then(|window| window.end(first))
    }
}

/// Money that was reserved for one call, to be settled once.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what it reserved stays reserved until it is settled"]
pub struct BudgetHold {
    amount: Decimal,
    /// When it was reserved: it is never settled as of before.
    since: Instant,
}

impl BudgetHold {
    /// US dollars that it reserved.
    pub const fn amount(&self) -> Decimal {
        self.amount
    }
}

/// Why a budget refuses a call, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetRefusal {
    /// Spent in this window.
    pub spent: Decimal,
    /// Reserved by calls that are not settled yet.
    pub reserved: Decimal,
    /// What one window allows.
    pub max: Decimal,
    /// The moment from which on the demand fits, and at none before it, if nothing else happens;
    /// `None` when there is no such moment, and `cause` says why.
    pub until: Option<Instant>,
    /// What stands in its way.
    pub cause: BudgetCause,
}

/// What stands in the way of a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BudgetCause {
    /// What was spent: it fits when the window resets, at the refusal's `until`.
    Spent,
    /// What was spent, of a budget that never resets, or not within time as we count it.
    SpentForGood,
    /// What other calls have reserved: no moment is known, it may fit when one of them settles.
    Reserved,
    /// Nothing but its size: it is more than the whole budget and never fits.
    TooLarge,
}

impl fmt::Display for BudgetRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spent, reserved, max, .. } = self;
        write!(f, "the budget of {max} USD has {spent} spent and {reserved} reserved")?;
        match self.cause {
            BudgetCause::Spent => f.write_str(" until it resets"),
            BudgetCause::SpentForGood => f.write_str(" and does not reset"),
            BudgetCause::Reserved => Ok(()),
            BudgetCause::TooLarge => f.write_str("; the call may cost more than all of it"),
        }
    }
}

/// How a budget stood, to be kept over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetSnapshot {
    /// Spent in the window that `window_started` tells.
    pub spent: Decimal,
    /// Reserved by calls that were not settled.
    pub reserved: Decimal,
    /// The window's first spend; `None` before any.
    pub window_started: Option<Instant>,
}

/// What was spent and reserved of one budget. The limit is the caller's and may change any time.
///
/// **The promise.** Whatever the interleaving, what one window spends exceeds `max` at most by the
/// debt: the sum, over calls settled in it, of what they cost above what they had reserved (plus
/// what [`charge`](Self::charge) added unasked). Spend is the sum of what was settled, to the last
/// decimal, as long as it has at most 28 digits.
///
/// **Why.** A reservation belongs to no window: it counts in full until it is settled, also after
/// a reset, and then its true cost counts in the window in which it settles. So a call that runs
/// over midnight is paid from the new day, where it was reserved all the time.
///
/// A budget that is spent to the last decimal still admits what costs nothing. Negative amounts
/// count as zero. A caller with an earlier moment than the newest addition is late: it is treated
/// as if it came then; and so is a settling with an earlier one than its reservation, which found
/// the window before over and must not be paid from it. Nothing overflows: sums stop at `Decimal::MAX`.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_cost::{Budget, BudgetCause, BudgetLimit};
/// use pointsman_types::Decimal;
/// use std::time::Duration;
///
/// let usd = |cents| Decimal::new(cents, 2);
/// let limit = BudgetLimit { max: usd(100), window: Some("1h".parse()?) };
/// let (mut budget, now) = (Budget::default(), Instant::from_secs(1_000));
///
/// let hold = budget.reserve(&limit, usd(90), now).unwrap();
/// let refused = budget.reserve(&limit, usd(20), now).unwrap_err();
/// assert_eq!((refused.cause, refused.until), (BudgetCause::Reserved, None));
///
/// // The call cost more than was thought: that is debt, until the hour is over.
/// budget.settle(&limit, hold, usd(105), now);
/// assert_eq!(budget.spent(&limit, now), usd(105));
/// let refused = budget.view(&limit, usd(1), now).unwrap();
/// assert_eq!(refused.until, Some(now + Duration::from_secs(3_600)));
/// assert_eq!(budget.view(&limit, usd(1), now + Duration::from_secs(3_600)), None);
/// # Ok::<(), pointsman_cost::WindowError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// In the window that runs.
    spent: Decimal,
    reserved: Decimal,
    /// How many are reserved, so that the last one leaves zero even where digits were lost.
    holds: u64,
    running: Option<Running>,
    /// The moment of the newest addition.
    newest: Instant,
    pace: Pace,
}

/// The window that runs.
#[derive(Clone, Copy, Debug)]
struct Running {
    /// Its first spend.
    started: Instant,
    /// The kind of window for which `ends` was worked out.
    under: Option<BudgetWindow>,
    ends: Option<Instant>,
}

impl Running {
    fn new(started: Instant, under: Option<BudgetWindow>) -> Self {
        Self { started, under, ends: under.and_then(|window| window.end(started)) }
    }

    fn ends(&self, under: Option<BudgetWindow>) -> Option<Instant> {
        if self.under == under { self.ends } else { Self::new(self.started, under).ends }
    }
}

impl Budget {
    /// A budget as a [snapshot](Self::snapshot) told it. What was reserved then is not taken over:
    /// whoever does not know how those calls ended adds it to `spent`.
    pub fn restore(spent: Decimal, window_started: Instant) -> Self {
        Self {
            spent: spent.max(Decimal::ZERO),
            running: Some(Running::new(window_started, None)),
            ..Self::default()
        }
    }

    /// How it stands, to be kept. A window that is over by then is found so after the
    /// [restore](Self::restore).
    pub fn snapshot(&self) -> BudgetSnapshot {
        BudgetSnapshot {
            spent: self.spent,
            reserved: self.reserved,
            window_started: self.running.map(|running| running.started),
        }
    }

    /// Why `need` US dollars may not be reserved at `now`; `None` when they may.
    pub fn view(&self, limit: &BudgetLimit, need: Decimal, now: Instant) -> Option<BudgetRefusal> {
        let BudgetLimit { max, .. } = *limit;
        let need = need.max(Decimal::ZERO);
        let spent = self.spent(limit, now);
        let wanted = self.reserved.saturating_add(need);
        if spent.saturating_add(wanted) <= max {
            return None;
        }
        let until = if wanted <= max { self.resets_at(limit, now) } else { None };
        let cause = if need > max {
            BudgetCause::TooLarge
        } else if until.is_some() {
            BudgetCause::Spent
        } else if spent.saturating_add(need) <= max || self.resets_at(limit, now).is_some() {
            BudgetCause::Reserved
        } else {
            BudgetCause::SpentForGood
        };
        Some(BudgetRefusal { spent, reserved: self.reserved, max, until, cause })
    }

    /// Reserves `need` US dollars for a call.
    ///
    /// # Errors
    /// As [`view`](Self::view) tells; then nothing is reserved.
    pub fn reserve(
        &mut self,
        limit: &BudgetLimit,
        need: Decimal,
        now: Instant,
    ) -> Result<BudgetHold, BudgetRefusal> {
        if let Some(refusal) = self.view(limit, need, now) {
            return Err(refusal);
        }
        let amount = need.max(Decimal::ZERO);
        self.reserved = self.reserved.saturating_add(amount);
        self.holds += 1;
        Ok(BudgetHold { amount, since: now })
    }

    /// Gives back what a call reserved and charges what it cost: zero if it was never sent.
    #[expect(clippy::needless_pass_by_value, reason = "a hold is good for once")]
    pub fn settle(&mut self, limit: &BudgetLimit, hold: BudgetHold, actual: Decimal, now: Instant) {
        self.holds = self.holds.saturating_sub(1);
        self.reserved = if self.holds == 0 {
            Decimal::ZERO
        } else {
            self.reserved.saturating_sub(hold.amount).max(Decimal::ZERO)
        };
        self.charge(limit, actual, now.max(hold.since));
    }

    /// Counts spend that nobody reserved, whatever the limit.
    pub fn charge(&mut self, limit: &BudgetLimit, amount: Decimal, now: Instant) {
        if amount <= Decimal::ZERO {
            return;
        }
        let now = self.clamp(now);
        self.newest = now;
        let running = self.current(limit, now);
        self.spent = running.map_or(Decimal::ZERO, |_| self.spent).saturating_add(amount);
        // It may have started under another kind of window than it has now.
        if running.is_none_or(|running| running.under != limit.window) {
            let started = running.map_or(now, |running| running.started);
            self.running = Some(Running::new(started, limit.window));
        }
        self.pace.add(amount, now.as_secs());
    }

    /// Spent in the window that runs at `now`.
    pub fn spent(&self, limit: &BudgetLimit, now: Instant) -> Decimal {
        self.current(limit, self.clamp(now)).map_or(Decimal::ZERO, |_| self.spent)
    }

    /// Reserved by calls that are not settled yet.
    pub const fn reserved(&self) -> Decimal {
        self.reserved
    }

    /// The first spend of the window that runs at `now`; `None` while none runs.
    pub fn started(&self, limit: &BudgetLimit, now: Instant) -> Option<Instant> {
        self.current(limit, self.clamp(now)).map(|running| running.started)
    }

    /// When the spend is zero again. `None` without a window, and before the first spend of a
    /// window that runs from it.
    pub fn resets_at(&self, limit: &BudgetLimit, now: Instant) -> Option<Instant> {
        let now = self.clamp(now);
        match self.current(limit, now) {
            Some(running) => running.ends(limit.window),
            None => limit.window.filter(|window| window.is_calendar())?.end(now),
        }
    }

    /// What was spent in this second of the clock and in the one before: at least all of the last
    /// second.
    ///
    /// A store that writes spend once a second risks about that much in a crash, so it writes
    /// ahead of the send when little more is left.
    pub fn recent(&self, now: Instant) -> Decimal {
        self.pace.at(self.clamp(now).as_secs())
    }

    /// The window that runs at `now`, which is clamped.
    fn current(&self, limit: &BudgetLimit, now: Instant) -> Option<Running> {
        self.running.filter(|running| running.ends(limit.window).is_none_or(|ends| now < ends))
    }

    fn clamp(&self, now: Instant) -> Instant {
        now.max(self.newest)
    }
}

/// Spend of the newest second with any, and of the second before that one.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    second: u64,
    current: Decimal,
    before: Decimal,
}

impl Pace {
    fn add(&mut self, amount: Decimal, second: u64) {
        if second > self.second {
            let before = if second - self.second == 1 { self.current } else { Decimal::ZERO };
            *self = Self { second, current: Decimal::ZERO, before };
        }
        self.current = self.current.saturating_add(amount);
    }

    fn at(&self, second: u64) -> Decimal {
        match second.saturating_sub(self.second) {
            0 => self.current.saturating_add(self.before),
            1 => self.current,
            _ => Decimal::ZERO,
        }
    }
}
