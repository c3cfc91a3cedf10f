//! What a gate should say, from a list of all that happened.

use std::time::Duration;

use pointsman_clock::Instant;
use pointsman_limits::{Limit, Limits, Refusal, Settled, Take, Until};
use proptest::prelude::*;

pub(super) const SPAN: Duration = Duration::from_mins(1);
pub(super) const NANO: Duration = Duration::from_nanos(1);

const WINDOWS: [Limit; 4] = [Limit::Rpm, Limit::Tpm, Limit::Itpm, Limit::Otpm];
const DAY: u64 = 86_400_000_000_000;

/// When the day of `now` began and when it ends.
fn day_of(now: Instant, reset: Duration) -> (Instant, Instant) {
    let reset = u64::try_from(reset.as_nanos()).unwrap() % DAY;
    // The number of the day, counted from one that began before 1970.
    let number = (now.as_nanos() + DAY - reset) / DAY;
    let begin = |number: u64| Instant::from_nanos((number * DAY + reset).saturating_sub(DAY));
    (begin(number), begin(number + 1))
}

#[derive(Clone, Copy, Debug)]
struct Event {
    /// The moment it is stamped with, and the moment that was told.
    at: Instant,
    told: Instant,
    amount: u64,
    /// Charged above an estimate, thus under no limit.
    debt: bool,
}

/// A demand that was taken, with the index of its event in each list.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) take: Take,
    at: [Option<usize>; 6],
}

/// All that happened, by limit.
#[derive(Default)]
pub(super) struct Model {
    newest: Instant,
    events: [Vec<Event>; 6],
    slots: u32,
}

impl Model {
    pub(super) fn reserve(&mut self, take: &Take, now: Instant) -> Claim {
        self.newest = self.newest.max(now);
        self.slots += 1;
        let mut at = [None; 6];
        for limit in &Limit::ALL[..6] {
            at[*limit as usize] = self.push(*limit, take.of(*limit), now, false);
        }
        Claim { take: *take, at }
    }

    pub(super) fn settle(&mut self, claim: &Claim, how: Settled, now: Instant) {
        self.newest = self.newest.max(now);
        self.slots -= 1;
        let used = match how {
            Settled::Unsent => Take::default(),
            Settled::Sent { input, output } => {
                Take { requests: claim.take.requests, input, output }
            }
        };
        for limit in &Limit::ALL[..6] {
            let (reserved, used) = (claim.take.of(*limit), used.of(*limit));
            if let Some(index) = claim.at[*limit as usize] {
                self.events[*limit as usize][index].amount = used.min(reserved);
            }
            self.push(*limit, used.saturating_sub(reserved), now, true);
        }
    }

    fn push(&mut self, limit: Limit, amount: u64, told: Instant, debt: bool) -> Option<usize> {
        let list = &mut self.events[limit as usize];
        list.push(Event { at: self.newest, told, amount, debt });
        if amount == 0 {
            list.pop();
            return None;
        }
        Some(list.len() - 1)
    }

    /// A second counts as a whole until 60 s after the last that was added to it.
    fn falls(&self, limit: Limit, event: &Event, limits: &Limits) -> Instant {
        if limit == Limit::Rpd || limit == Limit::Tpd {
            return day_of(event.at, limits.daily_reset_time).1;
        }
        let all = self.events[limit as usize].iter().map(|event| event.at);
        all.filter(|at| at.as_secs() == event.at.as_secs()).max().unwrap() + SPAN
    }

    fn clamp(&self, limit: Limit, now: Instant) -> Instant {
        match limit {
            // Who is late for a day is taken for one of the next.
            Limit::Rpd | Limit::Tpd => {
                let days = [Limit::Rpd, Limit::Tpd].into_iter();
                days.flat_map(|day| &self.events[day as usize]).fold(now, |now, e| now.max(e.at))
            }
            _ => now,
        }
    }

    pub(super) fn used(&self, limit: Limit, limits: &Limits, now: Instant) -> u128 {
        if limit == Limit::Slots {
            return u128::from(self.slots);
        }
        let now = self.clamp(limit, now);
        let all = self.events[limit as usize].iter();
        let counts = all.filter(|event| self.falls(limit, event, limits) > now);
        counts.map(|event| u128::from(event.amount)).sum()
    }

    pub(super) fn frees_at(&self, limit: Limit, limits: &Limits, now: Instant) -> Option<Instant> {
        let now = self.clamp(limit, now);
        let all = self.events.get(limit as usize)?.iter().filter(|event| event.amount > 0);
        all.map(|event| self.falls(limit, event, limits)).filter(|&falls| falls > now).min()
    }

    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than a few digits")]
    pub(super) fn headroom(&self, limits: &Limits, now: Instant) -> f64 {
        let mut least: f64 = 1.0;
        for limit in Limit::ALL {
            if let Some(value) = limits.get(limit) {
                let used = self.used(limit, limits, now) as f64;
                let free = if value == 0 { 0.0 } else { 1.0 - used / value as f64 };
                least = least.min(free.max(0.0));
            }
        }
        least
    }

    /// Of all refusals the first of those that free last.
    pub(super) fn refusal(&self, limits: &Limits, take: &Take, now: Instant) -> Option<Refusal> {
        let mut all = Vec::new();
        for limit in Limit::ALL {
            let Some(value) = limits.get(limit) else { continue };
            let (want, used) = (u128::from(take.of(limit)), self.used(limit, limits, now));
            let until = if want > u128::from(value) {
                Until::Never
            } else if used + want <= u128::from(value) {
                continue;
            } else if limit == Limit::Slots {
                Until::OnRelease
            } else {
                let room = u128::from(value) - want;
                let events = self.events[limit as usize].iter();
                let falls = events.map(|event| self.falls(limit, event, limits));
                let late = falls.filter(|&falls| falls > self.clamp(limit, now));
                Until::At(late.filter(|&at| self.used(limit, limits, at) <= room).min().unwrap())
            };
            all.push(Refusal { limit, used: u64::try_from(used).unwrap(), value, until });
        }
        let last = all.iter().map(|refusal| refusal.until).max()?;
        all.into_iter().find(|refusal| refusal.until == last)
    }

    /// Whether the demand does not fit when each addition counts for 60 s and no longer.
    pub(super) fn true_refusal(&self, limits: &Limits, take: &Take, now: Instant) -> bool {
        let over = |limit: Limit, used: u128| {
            limits.get(limit).is_some_and(|value| used + u128::from(take.of(limit)) > value.into())
        };
        let window = |limit: Limit| {
            let all = self.events[limit as usize].iter().filter(|event| event.at + SPAN > now);
            over(limit, all.map(|event| u128::from(event.amount)).sum())
        };
        WINDOWS.into_iter().any(window)
            || [Limit::Rpd, Limit::Tpd, Limit::Slots]
                .into_iter()
                .any(|limit| over(limit, self.used(limit, limits, now)))
    }

    /// What any 60 seconds and any day hold, debt apart, by the moments stamped and those told.
    pub(super) fn check_spans(&self, limits: &Limits) -> Result<(), TestCaseError> {
        for limit in WINDOWS {
            let Some(value) = limits.get(limit) else { continue };
            for moment in [|event: &Event| event.at, |event: &Event| event.told] {
                let events = || self.events[limit as usize].iter().filter(|event| !event.debt);
                for from in events().map(moment) {
                    let within = events().filter(|e| moment(e) >= from && moment(e) < from + SPAN);
                    let held: u128 = within.map(|event| u128::from(event.amount)).sum();
                    prop_assert!(held <= value.into(), "{held} of {limit:?} from {from:?}");
                }
            }
        }
        for limit in [Limit::Rpd, Limit::Tpd] {
            let Some(value) = limits.get(limit) else { continue };
            let events = || self.events[limit as usize].iter().filter(|event| !event.debt);
            let day = |event: &Event| day_of(event.at, limits.daily_reset_time).0;
            for from in events().map(day) {
                let within = events().filter(|event| day(event) == from);
                let held: u128 = within.map(|event| u128::from(event.amount)).sum();
                prop_assert!(held <= value.into(), "{held} of {limit:?} from {from:?}");
            }
        }
        Ok(())
    }
}
