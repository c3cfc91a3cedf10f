//! What an instance knows of a limit from the server's last reply.

use pointsman_clock::Instant;

/// How long an amount counts in a sliding window, in milliseconds.
pub(crate) const SPAN: u64 = 60_000;
const NANOS: u64 = 1_000_000;

/// The server's time, as far as it is known here: between two offsets from ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerTime {
    low: i64,
    high: i64,
}

impl ServerTime {
    /// From a reply that was made at `server`, in milliseconds, to what was sent and received then.
    pub(crate) fn of_reply(server: u64, sent: Instant, received: Instant) -> Self {
        let from = |local: Instant| server.cast_signed() - millis(local).cast_signed();
        Self { low: from(received), high: from(sent) + 1 }
    }

    /// The earliest that it may be there, in milliseconds.
    pub(crate) fn at_least(self, now: Instant) -> u64 {
        millis(now).saturating_add_signed(self.low)
    }

    /// The second that it is at the latest there.
    pub(crate) fn second(self, now: Instant) -> u64 {
        millis(now).saturating_add_signed(self.high) / 1_000
    }

    /// When a moment of the server's has come for certain.
    pub(crate) fn local(self, server: u64) -> Instant {
        let ms = server.saturating_add_signed(-self.low);
        Instant::from_nanos(ms.saturating_mul(NANOS))
    }
}

fn millis(at: Instant) -> u64 {
    at.as_nanos() / NANOS
}

/// What one second of the server's holds, and the millisecond of the last addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) second: u64,
    pub(crate) amount: u64,
    pub(crate) last: u64,
}

impl Bucket {
    /// When it counts no more, in the server's milliseconds.
    pub(crate) fn falls(&self) -> u64 {
        self.last.saturating_add(SPAN)
    }
}

/// How a limit stood at the server's last reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Of a sliding window, oldest first.
    pub(crate) buckets: Vec<Bucket>,
    /// Of a counter.
    pub(crate) total: u64,
    /// When the counter's window began, and when it ends, in the server's milliseconds; 0: never.
    pub(crate) window: (u64, u64),
    /// What is out on the leases of others.
    pub(crate) others: u64,
}

impl Known {
    /// How much counts, by the server's milliseconds.
    pub(crate) fn used(&self, server: u64) -> u64 {
        let counts = self.buckets.iter().filter(|one| one.falls() > server);
        let window: u64 = counts.map(|one| one.amount).sum();
        window + if self.is_over(server) { 0 } else { self.total }
    }

    /// Whether the counter's window is over.
    pub(crate) fn is_over(&self, server: u64) -> bool {
        self.window.1 > 0 && self.window.1 <= server
    }

    /// When at most `room` counts, in the server's milliseconds; `None` when that is never, or not
    /// before some event.
    pub(crate) fn leaves(&self, room: u64, server: u64) -> Option<u64> {
        let mut counted = self.used(server);
        if counted <= room {
            return Some(server);
        }
        if self.total > 0 {
            return (self.window.1 > server).then_some(self.window.1);
        }
        for one in self.buckets.iter().filter(|one| one.falls() > server) {
            counted -= one.amount;
            if counted <= room {
                return Some(one.falls());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_leave_a_minute_after_they_were_stamped() {
        let bucket = |second, amount| Bucket { second, amount, last: second * 1_000 + 500 };
        let known = Known { buckets: vec![bucket(100, 3), bucket(101, 4)], ..Known::default() };
        assert_eq!(known.used(160_499), 7);
        assert_eq!(known.used(160_500), 4);
        assert_eq!(known.leaves(4, 120_000), Some(160_500));
        assert_eq!(known.leaves(3, 120_000), Some(161_500));
        assert_eq!(known.leaves(7, 120_000), Some(120_000));
    }

    #[test]
    fn a_counter_leaves_at_its_end() {
        let known = Known { total: 5, window: (1_000, 9_000), ..Known::default() };
        assert_eq!((known.used(8_999), known.used(9_000)), (5, 0));
        assert_eq!((known.leaves(4, 2_000), known.leaves(5, 2_000)), (Some(9_000), Some(2_000)));
        let forever = Known { window: (1_000, 0), ..known };
        assert_eq!((forever.used(u64::MAX), forever.leaves(4, 2_000)), (5, None));
    }

    #[test]
    fn what_is_not_known_of_the_time_is_taken_against_us() {
        let at = |ms: u64| Instant::from_nanos(ms * NANOS);
        let time = ServerTime::of_reply(50_000, at(10_000), at(10_040));
        assert_eq!(time.at_least(at(10_040)), 50_000);
        assert_eq!(time.second(at(20_959)), 60);
        assert_eq!(time.second(at(20_958)), 60);
        assert_eq!(time.local(50_000), at(10_040));
    }
}
