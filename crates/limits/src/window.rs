//! Amounts in any 60 seconds.

use std::{fmt, time::Duration};

use pointsman_clock::Instant;

/// How long an amount counts.
const SPAN: Duration = Duration::from_mins(1);
/// `SPAN` in seconds.
const SECONDS: u64 = 60;
/// Buckets in the ring: a bucket may count in its own second and in the 60 after it.
const BUCKETS: u64 = SECONDS + 1;

/// When a refused amount would fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// From this moment on, and at none before it, if nothing else happens.
    At(Instant),
    /// Never: it is more than the whole limit.
    Never,
}

impl Until {
    /// The moment, if there is one.
    pub const fn moment(self) -> Option<Instant> {
        match self {
            Self::At(moment) => Some(moment),
            Self::Never => None,
        }
    }
}

/// Proof of an amount that was taken, to give some of it back at most once.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp {
    second: u64,
    amount: u64,
}

/// What was used in the last 60 seconds, sliding, in buckets of one second.
///
/// **The promise.** What [`take`](Self::take) admits never lifts any half-open span of 60 seconds,
/// wherever it begins, above the limit. A bucket covers one second of the clock and remembers the
/// last moment at which anything was added to it; it counts as a whole until 60 seconds after
/// *that*. So whatever was added less than 60 seconds ago is counted, and some of it for up to
/// one second longer.
///
/// **Why 61 buckets.** Let now lie in second `S`. A bucket still counts only if its last moment is
/// later than `now - 60 s`, which lies in second `S - 60`: the seconds `S - 60 ..= S` can count,
/// which is 61, and their numbers differ modulo 61. A bucket is reused for second `S` when it
/// holds second `S - 61` or an earlier one, and those no longer count. For the same reason only
/// the seconds up to `S - 60` need a look at their last moment: later ones all count.
///
/// A caller with an earlier moment than the newest addition is late: it is treated as if it came
/// at that addition's moment. Amounts add up to at most `u64::MAX`. The ring (1 KiB) is allocated
/// by the first addition.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_limits::{Until, Window};
/// use std::time::Duration;
///
/// let (mut tokens, now) = (Window::default(), Instant::from_secs(1_000));
/// let reserved = tokens.take(800, 1_000, now).unwrap();
/// let later = now + Duration::from_millis(2_500);
/// assert_eq!(tokens.take(300, 1_000, later), Err(Until::At(now + Duration::from_secs(60))));
/// assert_eq!(tokens.take(1_001, 1_000, later), Err(Until::Never));
///
/// // The call used 500 less than it reserved; another one 600 more: the window is in debt.
/// tokens.give_back(reserved, 500);
/// assert_eq!(tokens.used(later), 300);
/// tokens.charge(900, later);
/// assert_eq!(tokens.take(1, 1_000, later), Err(Until::At(now + Duration::from_secs(60))));
/// ```
#[derive(Clone, Default)]
pub struct Window {
    ring: Option<Box<Ring>>,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    amount: u64,
    /// The last moment anything was added; means nothing while the amount is 0.
    last: Instant,
}

#[derive(Clone)]
struct Ring {
    /// The moment of the newest addition.
    newest: Instant,
    /// The sum of all buckets, including those that count no more but were not yet reused.
    total: u64,
    /// The bucket of second `s` lies at `s` modulo the length.
    buckets: [Bucket; 61],
}

impl Window {
    /// How much counts at `now`.
    pub fn used(&self, now: Instant) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.used(ring.clamp(now)))
    }

    /// Whether `amount` fits under `limit` at `now`: what counts and `amount` together are at most
    /// `limit`. Changes nothing.
    ///
    /// # Errors
    /// When it would fit. The moment is exact as long as nothing is added or given back: refused
    /// at every earlier moment, accepted from it on.
    pub fn fits_at(&self, amount: u64, limit: u64, now: Instant) -> Result<(), Until> {
        let room = limit.checked_sub(amount).ok_or(Until::Never)?;
        match &self.ring {
            Some(ring) => ring.leaves(room, ring.clamp(now)),
            None => Ok(()),
        }
    }

    /// Takes all of `amount` at `now`, or nothing.
    ///
    /// # Errors
    /// As [`fits_at`](Self::fits_at).
    pub fn take(&mut self, amount: u64, limit: u64, now: Instant) -> Result<Stamp, Until> {
        self.fits_at(amount, limit, now)?;
        Ok(self.add(amount, now))
    }

    /// Gives back up to `amount` of what was taken, in the second in which it was taken.
    ///
    /// More than was taken gives back what was taken; what already slid out is no matter.
    #[expect(clippy::needless_pass_by_value, reason = "a stamp is good for once")]
    pub fn give_back(&mut self, stamp: Stamp, amount: u64) {
        if let Some(ring) = &mut self.ring
            && stamp.second + SECONDS >= ring.newest.as_secs()
        {
            ring.subtract(stamp.second, amount.min(stamp.amount));
        }
    }

    /// Counts further use at `now`, whatever the limit. What lies above a limit is debt: it blocks
    /// until enough has slid out.
    pub fn charge(&mut self, amount: u64, now: Instant) {
        self.add(amount, now);
    }

    fn add(&mut self, amount: u64, now: Instant) -> Stamp {
        if amount == 0 {
            return Stamp { second: 0, amount: 0 };
        }
        let ring = self.ring.get_or_insert_with(|| Box::new(Ring::starting(now)));
        ring.add(amount, ring.clamp(now))
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let newest = self.ring.as_ref().map(|ring| ring.newest);
        let used = newest.map_or(0, |newest| self.used(newest));
        f.debug_struct("Window").field("newest", &newest).field("used", &used).finish()
    }
}

impl Ring {
    fn starting(now: Instant) -> Self {
        Self { newest: now, total: 0, buckets: [Bucket::default(); 61] }
    }

    /// The moment as the window sees it: never before its newest addition.
    fn clamp(&self, now: Instant) -> Instant {
        now.max(self.newest)
    }

    /// `now` is clamped.
    fn used(&self, now: Instant) -> u64 {
        let fallen = |bucket: &&Bucket| bucket.last + SPAN <= now;
        let gone: u64 = self.doubtful(now).filter(fallen).map(|bucket| bucket.amount).sum();
        self.total - gone
    }

    /// The buckets that may have fallen out by `now`, which is clamped; all others count.
    fn doubtful(&self, now: Instant) -> impl Iterator<Item = &Bucket> {
        let newest = self.newest.as_secs();
        let end = now.as_secs().saturating_sub(SECONDS).min(newest);
        (newest.saturating_sub(SECONDS)..=end).map(|second| &self.buckets[place(second)])
    }

    /// Whether at most `room` counts at `now`, which is clamped, and if not, from when on.
    fn leaves(&self, room: u64, now: Instant) -> Result<(), Until> {
        if self.total <= room {
            return Ok(());
        }
        let mut counted = self.used(now);
        if counted <= room {
            return Ok(());
        }
        let newest = self.newest.as_secs();
        for second in newest.saturating_sub(SECONDS)..=newest {
            let bucket = &self.buckets[place(second)];
            let falls = bucket.last + SPAN;
            if falls > now {
                counted -= bucket.amount;
                if counted <= room {
                    return Err(Until::At(falls));
                }
            }
        }
        // Not reached: with every bucket out nothing counts.
        Err(Until::Never)
    }

    /// `at` is clamped.
    fn add(&mut self, amount: u64, at: Instant) -> Stamp {
        let (newest, second) = (self.newest.as_secs(), at.as_secs());
        for passed in 0..(second - newest).min(BUCKETS) {
            let bucket = &mut self.buckets[place(second - passed)];
            self.total -= bucket.amount;
            bucket.amount = 0;
        }
        self.newest = at;
        let amount = amount.min(u64::MAX - self.total);
        self.total += amount;
        let bucket = &mut self.buckets[place(second)];
        bucket.amount += amount;
        bucket.last = at;
        Stamp { second, amount }
    }

    /// The bucket of `second` was not reused.
    fn subtract(&mut self, second: u64, amount: u64) {
        let bucket = &mut self.buckets[place(second)];
        // Less only for the stamp of another window.
        let amount = amount.min(bucket.amount);
        bucket.amount -= amount;
        self.total -= amount;
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % BUCKETS).unwrap_or(0)
}
