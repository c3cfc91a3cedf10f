//! What the journal is sure to say of one account after a crash.

use std::{sync::Arc, time::Duration};

use pointsman_clock::Instant;
use pointsman_cost::{Budget, BudgetLimit, BudgetWindow};
use pointsman_types::Decimal;
use smallvec::SmallVec;

use crate::Entry;

/// So many last seconds' worth of spend must be left for a budget to be written ahead of its use;
/// with less, each reservation is written.
const NEAR: Decimal = Decimal::TEN;
/// So many last seconds' worth are written ahead.
const AHEAD: Decimal = Decimal::TWO;
/// So long before the end of a window, reservations are written anew with every flush: the calls
/// may end in the next window.
const CLOSING: Duration = Duration::from_secs(2);
/// An entry made so shortly before the end of its window may be the last one of a process that
/// lived to see the next window. More than [`CLOSING`] and the second between two flushes.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// So many entries under way are told apart.
const APART: usize = 16;

/// What is known of an account's entries.
///
/// Of all entries that were made, a crash leaves the newest that had reached the disk: the newest
/// one that is known to be written, or any that is under way and newer. A send is covered when
/// each of these claims enough, for the window that runs.
#[derive(Debug, Default)]
pub(crate) struct Cover {
    /// The newest entry that is known to be written.
    held: Option<Promise>,
    /// Those made since, oldest first. They may be written or not.
    under_way: SmallVec<[Promise; 4]>,
    /// The newest entry that was made.
    newest: Option<Made>,
    /// What the last process left, until there is a budget to restore.
    left: Option<Entry>,
    /// A window that does not run yet, for entries that have to name one.
    ahead: Option<(Option<BudgetWindow>, Window)>,
    /// An entry could not be written.
    failed: bool,
}

/// What an entry allows after a crash.
#[derive(Clone, Copy, Debug)]
struct Promise {
    at: Instant,
    ends: Option<Instant>,
    claimed: Decimal,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Made {
    at: Instant,
    ends: Option<Instant>,
    spent: Decimal,
    claimed: Decimal,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    /// Two windows of one budget that end together are one, as far as money goes.
    ends: Option<Instant>,
}

impl Cover {
    pub(crate) fn new(written: Option<&Entry>) -> Self {
        Self { left: written.cloned(), ..Self::default() }
    }

    /// The budget as the last process left it, once.
    ///
    /// What was claimed may have been spent. Where the window is over by now, what was under way
    /// may have been spent in the next one, if the process lived to see it.
    pub(crate) fn restore(&mut self, limit: &BudgetLimit, now: Instant) -> Option<Budget> {
        self.ahead = None;
        let entry = self.left.take()?;
        let ends = limit.ends(entry.since);
        let promise = Promise { at: entry.at, ends, claimed: entry.claimed };
        self.held = Some(promise);
        let Entry { at, spent, claimed, .. } = entry;
        self.newest = Some(Made { at, ends, spent, claimed });
        match ends.filter(|ends| *ends <= now) {
            None => Some(Budget::restore(claimed, entry.since)),
            Some(ends) if at + LAST_WORDS >= ends && claimed > spent => {
                Some(Budget::restore(claimed.saturating_sub(spent), ends))
            }
            Some(_) => None,
        }
    }

    /// The entry that has to be written before what is reserved may be used.
    pub(crate) fn before_send(
        &mut self,
        id: &Arc<str>,
        limit: &BudgetLimit,
        purse: &Budget,
        now: Instant,
    ) -> Option<Entry> {
        let used = purse.spent(limit, now).saturating_add(purse.reserved());
        let window = self.window(limit, purse, now);
        let holds = |one: &Promise| one.ends == window.ends && used <= one.claimed;
        let covered = self.held.as_ref().is_some_and(holds) && self.under_way.iter().all(holds);
        if covered || used.is_zero() {
            return None;
        }
        let spent = purse.spent(limit, now);
        let claimed = used.saturating_add(lead(limit, purse, used, now));
        Some(self.make(id, window, spent, claimed, now))
    }

    /// The entry that the journal is behind by.
    pub(crate) fn behind(
        &mut self,
        id: &Arc<str>,
        limit: &BudgetLimit,
        purse: &Budget,
        end: bool,
        now: Instant,
    ) -> Option<Entry> {
        let (spent, reserved) = (purse.spent(limit, now), purse.reserved());
        let used = spent.saturating_add(reserved);
        let window = self.window(limit, purse, now);
        let lead = if end { Decimal::ZERO } else { lead(limit, purse, used, now) };
        let claimed = used.saturating_add(lead);
        let says = |one: &Made| (one.ends, one.spent, one.claimed) == (window.ends, spent, claimed);
        let up_to_date = match &self.newest {
            _ if self.failed => false,
            None => claimed.is_zero(),
            // What was spent in a window that is over says nothing; what was under way may.
            Some(one) if claimed.is_zero() && one.claimed == one.spent => {
                one.claimed.is_zero() || one.ends.is_some_and(|ends| ends <= now)
            }
            Some(one) => says(one),
        };
        let closing = window.ends.is_some_and(|ends| now + CLOSING >= ends);
        let due = !up_to_date || (closing && !reserved.is_zero());
        due.then(|| self.make(id, window, spent, claimed, now))
    }

    /// What came of an entry. One that failed may be there all the same.
    pub(crate) fn written(&mut self, entry: &Entry, safely: bool) {
        if !safely {
            self.failed = true;
            return;
        }
        if self.newest.is_some_and(|newest| newest.at == entry.at) {
            self.failed = false;
        }
        if self.held.is_some_and(|held| held.at >= entry.at) {
            return;
        }
        if let Some(same) = self.under_way.iter().find(|one| one.at == entry.at) {
            self.held = Some(Promise { claimed: entry.claimed, ..*same });
        }
        self.under_way.retain(|one| one.at > entry.at);
    }

    fn make(
        &mut self,
        id: &Arc<str>,
        window: Window,
        spent: Decimal,
        claimed: Decimal,
        now: Instant,
    ) -> Entry {
        let after = self.newest.map_or(Instant::EPOCH, |newest| newest.at);
        let at = now.max(after + Duration::from_nanos(1));
        let Window { since, ends } = window;
        self.newest = Some(Made { at, ends, spent, claimed });
        self.under_way.push(Promise { at, ends, claimed });
        self.fold();
        Entry { account: Arc::clone(id), at, spent, claimed, since }
    }

    /// Two promises as one that keeps what both keep.
    fn fold(&mut self) {
        if self.under_way.len() <= APART {
            return;
        }
        let old = self.under_way.remove(0);
        if let Some(next) = self.under_way.first_mut() {
            // Of two windows, none is promised.
            next.claimed =
                if old.ends == next.ends { next.claimed.min(old.claimed) } else { Decimal::ZERO };
        }
    }

    /// The window that runs, or the one that would begin now.
    fn window(&mut self, limit: &BudgetLimit, purse: &Budget, now: Instant) -> Window {
        if let Some(since) = purse.started(limit, now) {
            return Window { since, ends: purse.resets_at(limit, now) };
        }
        match self.ahead {
            Some((under, window))
                if under == limit.window && window.ends.is_none_or(|ends| now < ends) =>
            {
                window
            }
            _ => {
                let window = Window { since: now, ends: limit.ends(now) };
                self.ahead = Some((limit.window, window));
                window
            }
        }
    }
}

/// How much is written ahead of its use: nothing when the budget nears its end.
fn lead(limit: &BudgetLimit, purse: &Budget, used: Decimal, now: Instant) -> Decimal {
    let recent = purse.recent(now);
    let left = limit.max.saturating_sub(used);
    if left < recent.saturating_mul(NEAR) {
        return Decimal::ZERO;
    }
    recent.saturating_mul(AHEAD).min(left.checked_div(NEAR).unwrap_or_default())
}
