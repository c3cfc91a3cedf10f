//! What is learnt of a group as a whole, across reloads.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pointsman_clock::Instant;
use pointsman_provider::MovingAverage;
use pointsman_retry::{BudgetPolicy, HedgeAfter, HedgeClock, RetryBudget};
use pointsman_types::GroupName;

use crate::waiting::Room;

/// What is learnt of a group as a whole.
#[derive(Debug, Default)]
pub(crate) struct GroupLive {
    learnt: Mutex<Learnt>,
    /// Who waits for a member.
    pub(crate) room: Arc<Room>,
}

#[derive(Debug, Default)]
struct Learnt {
    retries: RetryBudget,
    /// Times to the first content of streams.
    streams: HedgeClock,
    /// Times of whole answers.
    wholes: HedgeClock,
    /// Output tokens of answers.
    output: MovingAverage,
}

impl GroupLive {
    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A first attempt is made: it earns retries.
    pub(crate) fn first_attempt(&self, now: Instant) {
        self.learnt().retries.first_attempt(now);
    }

    /// Takes a retry or a hedge from the budget, if one is left.
    pub(crate) fn take_retry(&self, policy: &BudgetPolicy, now: Instant) -> bool {
        self.learnt().retries.take(policy, now)
    }

    /// How long to wait for the first content before a second copy is sent.
    pub(crate) fn hedge_after(&self, how: HedgeAfter, stream: bool) -> Option<Duration> {
        match how {
            HedgeAfter::Fixed(after) => Some(after),
            HedgeAfter::Auto if stream => self.learnt().streams.delay(),
            HedgeAfter::Auto => self.learnt().wholes.delay(),
        }
    }

    /// An answer's time to its first content.
    pub(crate) fn answered(&self, stream: bool, after: Duration) {
        let mut learnt = self.learnt();
        if stream { learnt.streams.observe(after) } else { learnt.wholes.observe(after) }
    }

    /// A copy was dropped after so long, since another one answered.
    pub(crate) fn lost(&self, stream: bool, took: Duration, late: Duration) {
        let mut learnt = self.learnt();
        let clock = if stream { &mut learnt.streams } else { &mut learnt.wholes };
        clock.lost(took, late);
    }

    /// An answer's output tokens.
    pub(crate) fn wrote(&self, tokens: u64) {
        self.learnt().output.add(tokens);
    }

    /// The moving average of output tokens.
    pub(crate) fn average_output(&self) -> Option<f64> {
        self.learnt().output.value()
    }
}

/// The live parts of all groups there were, by name.
#[derive(Debug, Default)]
pub(crate) struct Lives(Mutex<HashMap<GroupName, Arc<GroupLive>>>);

impl Lives {
    /// The live part of a group; the same one for the same name.
    pub(crate) fn of(&self, group: &GroupName) -> Arc<GroupLive> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(group.clone()).or_default())
    }
}
