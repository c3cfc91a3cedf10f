//! What an instance may spend while the server is out of reach.

use crate::known::{Known, SPAN};

/// One limit's share through an outage.
///
/// First what was promised for it; then, of whatever leaves the window that was known last, one part
/// for each instance that was seen. What is spent here leaves as well, and comes back here alone. So
/// the instances together never exceed what the server would have admitted.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    known: Known,
    instances: u64,
    /// What may be taken whatever leaves.
    promised: u64,
    /// Whether it is that without a promise: a part of the whole limit.
    own: bool,
    /// From when on, in the server's milliseconds, what leaves the known window is divided.
    from: u64,
    /// What had been taken when the server was asked last.
    asked: u64,
    /// What was taken of it all.
    taken: u64,
    /// What was used since, by second: it leaves a minute later.
    uses: Vec<(u64, u64)>,
    lasts: Lasts,
}

/// How long what was used counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// Any 60 seconds.
    Minute,
    /// So many milliseconds from the first use.
    FromFirst(u64),
    /// Until an end that is known, or for good.
    UntilEnd,
}

impl Share {
    /// From what was known last.
    pub(crate) fn new(known: Known, promised: u64, instances: u64, lasts: Lasts) -> Self {
        let instances = instances.max(1);
        Self {
            known,
            instances,
            promised,
            own: false,
            from: 0,
            asked: 0,
            taken: 0,
            uses: Vec::new(),
            lasts,
        }
    }

    /// Of what the server was never asked about: a part of the whole limit.
    pub(crate) fn of_own(limit: u64, instances: u64, lasts: Lasts) -> Self {
        let part = limit / instances.max(1);
        Self { own: true, ..Self::new(Known::default(), part, instances, lasts) }
    }

    /// One of a server that may only be slow until this millisecond of its own: so long it may
    /// lease what leaves to others.
    pub(crate) fn from(self, from: u64) -> Self {
        Self { from, ..self }
    }

    /// So many instances were seen meanwhile; of fewer, one may be cut off that spends its part.
    pub(crate) fn among(&mut self, instances: u64, limit: u64) {
        if instances > self.instances {
            self.instances = instances;
            if self.own {
                self.promised = self.promised.min(limit / instances);
            }
        }
    }

    /// What is left of the promise, for the server to go by.
    pub(crate) fn ask(&mut self) -> u64 {
        self.asked = self.taken;
        self.left_of_promise()
    }

    /// Nothing is left of it from here on.
    pub(crate) fn give_up(&mut self) {
        self.promised = self.taken.min(self.promised);
    }

    /// So much is promised, when the server was asked last; tells how much more was taken since.
    pub(crate) fn granted(&mut self, promised: u64) -> u64 {
        let since = self.taken.saturating_sub(self.asked);
        self.promised = self.taken.saturating_add(promised.saturating_sub(since));
        self.own = false;
        since.saturating_sub(promised)
    }

    pub(crate) fn left_of_promise(&self) -> u64 {
        self.promised.saturating_sub(self.taken)
    }

    /// What may still be taken, by the server's milliseconds.
    pub(crate) fn left(&self, server: u64) -> u64 {
        let divided = server >= self.from;
        let gone = self.known.buckets.iter().filter(|one| divided && one.falls() <= server);
        let gone: u64 = gone.map(|one| one.amount).sum();
        let back = self.uses.iter().filter(|one| falls(one.0) <= server);
        let back: u64 = back.map(|one| one.1).sum();
        let all = self.promised.saturating_add(gone / self.instances).saturating_add(back);
        all.saturating_sub(self.taken)
    }

    /// Takes so much, which is left.
    pub(crate) fn take(&mut self, amount: u64, server: u64) {
        self.taken = self.taken.saturating_add(amount);
        if let Lasts::FromFirst(length) = self.lasts
            && self.known.window == (0, 0)
        {
            self.known.window = (server, server.saturating_add(length));
        }
    }

    /// Counts a use, whatever it was taken from.
    pub(crate) fn used(&mut self, second: u64, amount: u64) {
        if self.lasts == Lasts::Minute {
            match self.uses.last_mut() {
                Some((last, sum)) if *last == second => *sum += amount,
                _ => self.uses.push((second, amount)),
            }
        }
    }

    /// Part of a use was none.
    pub(crate) fn unused(&mut self, second: u64, amount: u64) {
        if let Some((_, sum)) = self.uses.iter_mut().find(|one| one.0 == second) {
            *sum = sum.saturating_sub(amount);
        }
    }

    /// When a counter's window that was known is over, another begins, and each instance has its
    /// part of the limit. `end` is that of the next one. True when that is so.
    pub(crate) fn begins_anew(&mut self, limit: u64, server: u64, end: u64) -> bool {
        let over = self.known.is_over(server) && server >= self.from;
        if over {
            let from_first = matches!(self.lasts, Lasts::FromFirst(_));
            let window = if from_first { (0, 0) } else { (server, end) };
            (self.promised, self.own) = (limit / self.instances, true);
            (self.taken, self.asked) = (0, 0);
            self.known = Known { window, ..Known::default() };
        }
        over
    }

    /// When so much will be left, in the server's milliseconds; `None`: not by time alone.
    pub(crate) fn when(&self, amount: u64, server: u64) -> Option<u64> {
        if self.known.window.1 > server {
            return Some(self.known.window.1);
        }
        let known = self.known.buckets.iter().map(|one| one.falls().max(self.from));
        let own = self.uses.iter().map(|one| falls(one.0));
        let later = known.chain(own).filter(|at| *at > server);
        later.filter(|at| self.left(*at) >= amount).min()
    }
}

/// When what was used in a second counts no more, in milliseconds.
fn falls(second: u64) -> u64 {
    (second + 1) * 1_000 + SPAN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Bucket;

    fn known(amount: u64) -> Known {
        Known { buckets: vec![Bucket { second: 100, amount, last: 100_999 }], ..Known::default() }
    }

    #[test]
    fn each_instance_has_its_part_of_what_leaves() {
        let mut share = Share::new(known(10), 2, 3, Lasts::Minute);
        assert_eq!(share.left(120_000), 2);
        share.take(2, 120_000);
        share.used(120, 2);
        assert_eq!(share.left(160_998), 0);
        assert_eq!(share.when(3, 121_000), Some(160_999));
        assert_eq!(share.left(160_999), 3);
        share.take(3, 161_000);
        share.used(161, 3);
        // What was spent here comes back here, a minute after its second.
        assert_eq!((share.left(180_999), share.left(181_000), share.left(222_000)), (0, 2, 5));
        assert_eq!((share.when(5, 170_000), share.when(6, 170_000)), (Some(222_000), None));
    }

    #[test]
    fn who_begins_alone_makes_room_for_whoever_is_seen() {
        let mut share = Share::of_own(60, 1, Lasts::Minute);
        share.take(10, 120_000);
        share.used(120, 10);
        assert_eq!(share.left(120_000), 50);
        share.among(3, 60);
        assert_eq!(share.left(120_000), 10);
        share.among(2, 60);
        assert_eq!((share.left(120_000), share.left(181_000)), (10, 20));
        // What the server promised is no part of anybody else's.
        let mut share = Share::new(known(12), 5, 1, Lasts::Minute);
        share.among(3, 60);
        assert_eq!((share.left(120_000), share.left(160_999)), (5, 9));
    }

    #[test]
    fn a_counter_begins_anew_once() {
        let known = Known { total: 9, window: (1, 5_000), ..Known::default() };
        let mut share = Share::new(known, 1, 2, Lasts::UntilEnd);
        share.take(1, 4_000);
        assert!(!share.begins_anew(20, 4_999, 9_000));
        assert_eq!((share.left(4_999), share.when(1, 4_999)), (0, Some(5_000)));
        assert!(share.begins_anew(20, 5_000, 9_000));
        assert_eq!(share.left(5_000), 10);
        assert!(!share.begins_anew(20, 6_000, 9_000));
        share.take(10, 6_000);
        assert!(share.begins_anew(20, 9_000, 13_000));
    }

    #[test]
    fn a_window_runs_from_the_first_spend() {
        let mut share = Share::new(Known::default(), 5, 1, Lasts::FromFirst(1_000));
        assert!(!share.begins_anew(5, 50_000, 0));
        share.take(5, 60_000);
        assert_eq!(share.when(1, 60_500), Some(61_000));
        assert!(share.begins_anew(5, 61_000, 0));
        assert_eq!(share.left(61_000), 5);
    }
}
