//! A limit's part in an exchange with the server, and what follows when there is none.

use std::time::Duration;

use super::{Kind, Mark, Meter, to_f64, whole};
use crate::{
    outage::Share,
    wire::{Ask, Entry, Granted},
};

/// A lease is for what is used in this long.
pub(super) const AHEAD: f64 = 0.2;

/// How an exchange asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub(crate) instances: u64,
    /// Nothing is fetched ahead.
    pub(crate) strict: bool,
    /// What was promised is given up, and nothing is fetched ahead: another instance needs it.
    pub(crate) quiet: bool,
    /// The server's milliseconds.
    pub(crate) server: u64,
}

impl Meter {
    /// Moves what was used into a report. `exact`: with its seconds; else it counts from when the
    /// report comes in.
    pub(crate) fn report(
        &mut self,
        exact: bool,
        stamp: impl Fn(Mark) -> Option<u64>,
        now: u64,
    ) -> Vec<Entry> {
        self.pending = std::mem::take(&mut self.fresh);
        let mut entries: Vec<Entry> = Vec::new();
        for one in self.pending.iter().filter(|one| one.amount > 0) {
            let second = if exact { one.second } else { 0 };
            match entries.last_mut() {
                Some(last) if last.second == second => last.amount += i128::from(one.amount),
                _ => entries.push(Entry { second, amount: i128::from(one.amount) }),
            }
        }
        let slides = matches!(self.kind, Kind::Minute(_));
        for (mark, amount) in std::mem::take(&mut self.refunds) {
            let second = if slides { stamp(mark) } else { Some(mark.second) };
            // What has left the window is no matter.
            let counts = |second: &u64| !slides || second + 62 > now;
            if let Some(second) = second.filter(counts) {
                self.returning += amount;
                entries.push(Entry { second, amount: -i128::from(amount) });
            }
        }
        entries
    }

    /// What to hold and to ask for. What is more than what is used in 200 ms goes back: it is not
    /// ours from here on, nor is what `asking` gives up of the promise.
    pub(crate) fn ask(&mut self, asking: &Asking, since: Duration) -> Ask {
        let decay = (-since.as_secs_f64() / AHEAD).exp();
        self.rate = self.rate * decay + to_f64(self.used_since) / AHEAD;
        self.used_since = 0;
        let largest = (self.limit / (8 * asking.instances.max(1))).max(1);
        let ahead =
            if asking.strict || asking.quiet { 0 } else { whole(self.rate * AHEAD).min(largest) };
        let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        let calm = self.share.is_none();
        if calm {
            self.balance = self.balance.min(signed(ahead.max(self.waiting)));
        }
        let out = signed(self.reserved.saturating_add(self.fresh_sum()));
        if self.balance.saturating_add(out) < 0 {
            // The debt is in the report.
            self.balance = -out;
        }
        let held = u64::try_from(self.balance.saturating_add(out)).unwrap_or(0);
        let keep = self.keep(held, asking);
        let lacks = |amount: u64| u64::try_from(signed(amount) - self.balance).unwrap_or(0);
        let (must, want) = if calm {
            let want = self.waiting.saturating_add(ahead);
            (held.saturating_add(lacks(self.waiting)), held.saturating_add(lacks(want)))
        } else {
            (held, held)
        };
        Ask { held, must, want, keep, safe: calm && !asking.quiet }
    }

    /// Gives up of the promise what others should have, and tells what is left of it.
    fn keep(&mut self, held: u64, asking: &Asking) -> u64 {
        let Some(share) = &mut self.share else {
            if asking.quiet {
                self.promised = 0;
            } else {
                let taken = self.used(asking.server).saturating_add(held);
                let taken = taken.saturating_add(self.known.as_ref().map_or(0, |one| one.others));
                let part = self.limit.saturating_sub(taken) / (2 * asking.instances);
                self.promised = self.promised.min(part);
            }
            return self.promised;
        };
        if asking.quiet {
            share.give_up();
        }
        share.ask()
    }

    /// The server has answered.
    pub(crate) fn granted(&mut self, granted: &Granted, asked: &Ask) {
        let signed = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        let gain = signed(granted.held) - signed(asked.held);
        self.balance = self.balance.saturating_add(gain);
        self.pending.clear();
        self.returning = 0;
        self.known = Some(granted.known.clone());
        if granted.known.window.0 > 0 {
            self.began = None;
        }
        match &mut self.share {
            None => self.promised = granted.promised,
            // Of what was taken since it was asked for, part of the lease takes the place.
            Some(share) => {
                let more = share.granted(granted.promised);
                self.balance = self.balance.saturating_sub(signed(more));
            }
        }
    }

    /// What was held is not ours any more.
    pub(crate) fn expire_lease(&mut self) {
        self.balance = self.balance.min(0);
    }

    /// Nor is what was promised.
    pub(crate) fn expire_promise(&mut self) {
        self.promised = 0;
    }

    /// The server is out of reach from here on, or still is. Before `silent`, in its milliseconds, it
    /// may only be slow: then what leaves the window is not divided yet.
    pub(crate) fn cut_off(&mut self, instances: u64, length: u64, silent: u64) {
        if let Some(share) = &mut self.share {
            share.among(instances, self.limit);
            return;
        }
        let lasts = self.kind.lasts(length);
        self.share = Some(match self.known.clone() {
            Some(known) => Share::new(known, self.promised, instances, lasts).from(silent),
            // It is as new to the others, if there are any.
            None => Share::of_own(self.limit, instances, lasts),
        });
    }

    /// The server is back, and everybody has told what they used.
    pub(crate) fn rejoin(&mut self) {
        if let Some(share) = self.share.take() {
            self.promised = share.left_of_promise();
        }
    }

    /// A counter that is over begins anew, though the server is out of reach.
    pub(crate) fn begin_anew(&mut self, server: u64, end: u64) {
        let limit = self.limit;
        if let Some(share) = &mut self.share
            && share.begins_anew(limit, server, end)
        {
            share.take(self.reserved, server);
            self.balance = 0;
            if let Some(known) = &mut self.known {
                known.total = 0;
            }
        }
    }
}
