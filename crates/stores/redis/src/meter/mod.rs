//! One limit of one account: what is held of it here, what was used, what is to be told.

mod exchange;

use std::time::Duration;

use pointsman_state::{BudgetLimit, Limit};

use crate::{
    known::{Bucket, Known},
    outage::{Lasts, Share},
    rules::ends,
};

use self::exchange::AHEAD;
pub(crate) use self::exchange::Asking;

/// When something was drawn: in which report it will be told, and in which second of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) report: u64,
    pub(crate) second: u64,
    /// The server's milliseconds, of a moment that is now.
    pub(crate) at: u64,
}

/// What is limited, and how its use counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A limit of requests or tokens in any 60 seconds.
    Minute(Limit),
    /// One of a day, which begins so long after 00:00 UTC.
    Day(Limit, Duration),
    /// Parallel requests.
    Slots,
    /// Pico-dollars.
    Money(BudgetLimit),
}

impl Kind {
    /// Whether a draw counts when it settles, and is held on the lease until then.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self, Self::Slots | Self::Money(_))
    }

    fn lasts(&self, length: u64) -> Lasts {
        match self {
            Self::Minute(_) => Lasts::Minute,
            _ if length > 0 => Lasts::FromFirst(length),
            _ => Lasts::UntilEnd,
        }
    }
}

/// One limit of one account.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) kind: Kind,
    pub(crate) limit: u64,
    /// What is left of the lease; below zero when more was used than was held.
    balance: i64,
    /// Drawn and not settled, of kinds that count when they settle.
    reserved: u64,
    /// Used and not yet in a report, by second of the server's.
    fresh: Vec<Bucket>,
    /// In the report that is not acknowledged.
    pending: Vec<Bucket>,
    /// Given back in that report.
    returning: u64,
    /// Given back of what was reported before.
    refunds: Vec<(Mark, u64)>,
    /// What calls wait for.
    waiting: u64,
    /// Used of late, a second.
    rate: f64,
    used_since: u64,
    known: Option<Known>,
    promised: u64,
    /// When a counter's window began that the server has not told of.
    began: Option<u64>,
    pub(crate) share: Option<Share>,
}

impl Meter {
    pub(crate) fn new(kind: Kind, limit: u64) -> Self {
        Self {
            kind,
            limit,
            balance: 0,
            reserved: 0,
            fresh: Vec::new(),
            pending: Vec::new(),
            returning: 0,
            refunds: Vec::new(),
            waiting: 0,
            rate: 0.0,
            used_since: 0,
            known: None,
            promised: 0,
            began: None,
            share: None,
        }
    }

    fn fresh_sum(&self) -> u64 {
        sum(&self.fresh)
    }

    /// What counts against the limit, of all instances, leases of others apart.
    pub(crate) fn used(&self, server: u64) -> u64 {
        let known = self.known.as_ref().map_or(0, |known| known.used(server));
        let recent = |mark: &Mark| {
            !matches!(self.kind, Kind::Minute(_)) || (mark.second + 60) * 1_000 > server
        };
        let back = self.refunds.iter().filter(|one| recent(&one.0)).map(|one| one.1).sum::<u64>();
        let used = known.saturating_add(self.fresh_sum()).saturating_add(sum(&self.pending));
        used.saturating_sub(back + self.returning)
    }

    pub(crate) fn reserved(&self) -> u64 {
        self.reserved
    }

    pub(crate) fn known(&self) -> Option<&Known> {
        self.known.as_ref()
    }

    /// What may be drawn here without asking.
    pub(crate) fn usable(&self, alive: bool, server: u64) -> u64 {
        let held = u64::try_from(self.balance).unwrap_or(0);
        match &self.share {
            Some(share) => held.saturating_add(share.left(server).saturating_sub(self.debt())),
            None if alive => held,
            None => 0,
        }
    }

    fn debt(&self) -> u64 {
        u64::try_from(-self.balance).unwrap_or(0)
    }

    /// Whether it may be had, as far as is known: here, or free at the server; or, `called_back`,
    /// held by others who do not use it.
    pub(crate) fn fits(&self, need: u64, server: u64, called_back: bool) -> bool {
        let others = match &self.known {
            Some(known) if !called_back => known.others,
            Some(_) => 0,
            None => return need <= self.limit,
        };
        let taken = self.used(server).saturating_add(self.reserved);
        taken.saturating_add(others).saturating_add(need) <= self.limit
    }

    /// When so much may be had, in the server's milliseconds; `None`: not by time alone.
    pub(crate) fn when(&self, need: u64, server: u64) -> Option<u64> {
        if let Some(share) = &self.share {
            let held = u64::try_from(self.balance).unwrap_or(0);
            return share.when(need.saturating_sub(held), server);
        }
        if !matches!(self.kind, Kind::Minute(_)) {
            let kept = self.reserved.saturating_add(need) > self.limit;
            return if kept { None } else { self.resets(server) };
        }
        let others = self.known.as_ref().map_or(0, |known| known.others);
        let known = self.known.iter().flat_map(|known| &known.buckets);
        let buckets = known.chain(&self.pending).chain(&self.fresh).copied().collect();
        let all = Known { buckets, ..Known::default() };
        // What is out on leases is used or returned within a second.
        let soon = (others > 0).then_some(server + 1_000);
        let room = self.limit.checked_sub(need)?;
        if soon.is_some() && all.used(server) <= room {
            return soon;
        }
        room.checked_sub(others).and_then(|room| all.leaves(room, server)).or(soon)
    }

    /// When a counter begins anew, in the server's milliseconds, if a window runs.
    pub(crate) fn resets(&self, server: u64) -> Option<u64> {
        let known = self.known.as_ref().map_or(0, |known| known.window.1);
        let own = || {
            let began = self.began?;
            let (length, end, _) = ends(&self.kind, began);
            Some(if length > 0 { began.saturating_add(length) } else { end })
        };
        let later = |end: &u64| *end > server;
        Some(known).filter(later).or_else(|| own().filter(later))
    }

    /// Draws so much, which is usable; whether anything of it is of the share of an outage.
    pub(crate) fn draw(&mut self, need: u64, mark: Mark, server: u64) -> bool {
        let amount = i64::try_from(need).unwrap_or(i64::MAX);
        let held = self.balance.max(0).min(amount);
        self.balance -= held;
        let more = need - u64::try_from(held).unwrap_or(0);
        if let Some(share) = &mut self.share {
            share.take(more, server);
            // It is on the books as if it had been leased.
        }
        self.used_since += need;
        if self.kind.is_held() {
            self.reserved += need;
        } else {
            self.use_now(mark, need);
        }
        more > 0
    }

    fn use_now(&mut self, now: Mark, amount: u64) {
        if amount == 0 {
            return;
        }
        let second = now.second;
        if !matches!(self.kind, Kind::Minute(_)) && self.resets(now.at).is_none() {
            self.began = Some(now.at);
        }
        match self.fresh.last_mut() {
            Some(one) if one.second == second => {
                (one.amount, one.last) = (one.amount + amount, now.at.max(one.last));
            }
            _ => self.fresh.push(Bucket { second, amount, last: now.at }),
        }
        if let Some(share) = &mut self.share {
            share.used(second, amount);
        }
    }

    /// Settles what was drawn at `mark` with what was used in the end.
    pub(crate) fn settle(&mut self, drawn: u64, used: u64, mark: Mark, now: Mark) {
        let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        if self.kind.is_held() {
            self.reserved = self.reserved.saturating_sub(drawn);
            self.balance = self.balance.saturating_add(signed(drawn)).saturating_sub(signed(used));
            if self.kind != Kind::Slots {
                self.use_now(now, used);
            }
        } else if used > drawn {
            let more = used - drawn;
            self.balance = self.balance.saturating_sub(signed(more));
            self.use_now(now, more);
        } else if used < drawn {
            self.give_back(drawn - used, mark, now);
        }
    }

    fn give_back(&mut self, amount: u64, mark: Mark, now: Mark) {
        if let Some(share) = &mut self.share {
            share.unused(mark.second, amount);
        }
        let same = |one: &&mut Bucket| one.second == mark.second && one.amount >= amount;
        if mark.report == now.report
            && let Some(one) = self.fresh.iter_mut().find(same)
        {
            one.amount -= amount;
            self.balance = self.balance.saturating_add(i64::try_from(amount).unwrap_or(i64::MAX));
        } else {
            self.refunds.push((mark, amount));
        }
    }

    pub(crate) fn want(&mut self, need: u64) {
        self.waiting = self.waiting.saturating_add(need);
    }

    pub(crate) fn unwant(&mut self, need: u64) {
        self.waiting = self.waiting.saturating_sub(need);
    }

    /// Whether there is anything to be told or given back, or calls wait.
    pub(crate) fn is_busy(&self) -> bool {
        let tells = !self.fresh.is_empty() || !self.refunds.is_empty() || !self.pending.is_empty();
        tells || self.waiting > 0 || self.balance != 0 || self.reserved > 0 || self.rate > 0.1
    }

    /// Whether so little is left that more should be fetched ahead.
    pub(crate) fn is_low(&self) -> bool {
        let ahead = self.rate * AHEAD;
        ahead >= 4.0 && to_f64(self.balance.max(0).unsigned_abs()) < ahead / 4.0
    }
}

fn sum(of: &[Bucket]) -> u64 {
    of.iter().map(|one| one.amount).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than seven digits")]
fn to_f64(amount: u64) -> f64 {
    amount as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and rates are not below zero"
)]
fn whole(amount: f64) -> u64 {
    amount.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Ask, Entry, Granted};

    const NOW: u64 = 100_500;
    const SINCE: Duration = Duration::from_millis(200);

    fn mark(report: u64) -> Mark {
        Mark { report, second: 100, at: NOW }
    }

    fn asked(meter: &mut Meter) -> Ask {
        let asking = Asking { instances: 3, strict: false, quiet: false, server: NOW };
        meter.ask(&asking, SINCE)
    }

    /// Somebody waits for so much, and gets it.
    fn fetch(meter: &mut Meter, need: u64) {
        meter.want(need);
        exchange(meter);
        meter.unwant(need);
    }

    /// What is asked for is granted.
    fn exchange(meter: &mut Meter) -> Vec<Entry> {
        let entries = meter.report(false, |mark| Some(mark.second), 100);
        let ask = asked(meter);
        let granted = Granted { held: ask.want, ..Granted::default() };
        meter.granted(&granted, &ask);
        entries
    }

    fn rpm(limit: u64) -> Meter {
        Meter::new(Kind::Minute(Limit::Rpm), limit)
    }

    #[test]
    fn a_lease_is_what_waits_and_what_will_be_used() {
        let mut meter = rpm(2_400);
        assert_eq!(exchange(&mut meter), []);
        assert_eq!(meter.usable(true, NOW), 0, "nobody asks");
        meter.want(30);
        exchange(&mut meter);
        assert_eq!((meter.usable(true, NOW), meter.usable(false, NOW)), (30, 0));
        exchange(&mut meter);
        assert_eq!(meter.usable(true, NOW), 30, "nobody has drawn it yet, and nobody needs more");
        meter.unwant(30);
        for _ in 0..30 {
            meter.draw(1, mark(1), NOW);
        }
        assert_eq!(exchange(&mut meter), [Entry { second: 0, amount: 30 }]);
        assert_eq!(meter.usable(true, NOW), 30, "as many as in the last 200 ms");
        for _ in 0..40 {
            exchange(&mut meter);
        }
        assert_eq!(meter.usable(true, NOW), 0, "it goes back");
        assert!(!meter.is_busy());
    }

    #[test]
    fn a_lease_is_at_most_an_eighth_of_an_instances_part() {
        for (limit, most) in [(60, 2), (10, 1), (2_400, 100)] {
            let mut meter = rpm(limit);
            fetch(&mut meter, limit);
            for _ in 0..limit {
                meter.draw(1, mark(1), NOW);
            }
            exchange(&mut meter);
            assert_eq!(meter.usable(true, NOW), most, "{limit}");
        }
    }

    #[test]
    fn what_was_not_used_comes_back_where_it_counts() {
        let mut meter = Meter::new(Kind::Minute(Limit::Tpm), 10_000);
        fetch(&mut meter, 900);
        meter.draw(900, mark(1), NOW);
        meter.settle(900, 500, mark(1), mark(1));
        assert_eq!((meter.used(NOW), meter.usable(true, NOW)), (500, 400), "before it is told");
        exchange(&mut meter);
        meter.settle(500, 200, mark(1), mark(2));
        let refund = Entry { second: 100, amount: -300 };
        assert_eq!(meter.report(false, |mark| Some(mark.second), 100), [refund]);
        assert_eq!(meter.report(false, |_| None, 100), [], "once");
        meter.settle(0, 700, mark(2), mark(3));
        assert_eq!(exchange(&mut meter), [Entry { second: 0, amount: 700 }], "debt counts");
    }

    #[test]
    fn what_others_hold_may_be_called_back() {
        let mut meter = rpm(60);
        let bucket = Bucket { second: 100, amount: 56, last: NOW };
        let known = Known { buckets: vec![bucket], others: 4, ..Known::default() };
        let ask = asked(&mut meter);
        meter.granted(&Granted { known, ..Granted::default() }, &ask);
        assert_eq!((meter.fits(1, NOW, false), meter.fits(4, NOW, true)), (false, true));
        assert!(!meter.fits(5, NOW, true), "of what is used nothing comes back");
        assert_eq!(meter.when(4, NOW), Some(NOW + 1_000), "by itself it does in a second");
        assert_eq!(meter.when(5, NOW), Some(bucket.falls()));
    }

    #[test]
    fn money_is_held_until_it_is_spent() {
        let budget = BudgetLimit { max: 1.into(), window: None };
        let mut meter = Meter::new(Kind::Money(budget), 1_000);
        fetch(&mut meter, 100);
        meter.draw(100, mark(1), NOW);
        assert_eq!(exchange(&mut meter), [], "nothing is spent");
        assert!(asked(&mut meter).held >= 100, "and it stays held");
        meter.settle(100, 130, mark(1), mark(1));
        assert_eq!(exchange(&mut meter), [Entry { second: 0, amount: 130 }]);
    }
}
