//! Amounts in any 60 seconds.

use std::{fmt, time::Duration};

use pointsman_clock::Instant;

/// How long an amount counts.
const SPAN: Duration = Duration::from_mins(1);
/// `SPAN` in seconds.
const SECONDS: u64 = 60;
/// Buckets in the ring: the 61 that can count at one moment, and three for those who come late.
const BUCKETS: usize = 64;
/// Seconds before that of the newest addition whose buckets are still there.
const KEPT: u64 = BUCKETS as u64 - 1;
const NANOS: u64 = 1_000_000_000;

/// When a refused demand would fit. A later variant frees later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// From this moment on, and at none before it, if nothing else is taken or settled.
    At(Instant),
    /// Not before some call in flight is settled: slots free by an event, not by time.
    OnRelease,
    /// Never: it is more than the whole limit.
    Never,
}

impl Until {
    /// The moment, if there is one.
    pub const fn moment(self) -> Option<Instant> {
        match self {
            Self::At(moment) => Some(moment),
            Self::OnRelease | Self::Never => None,
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
/// **Why 64 buckets.** Let now lie in second `S`. A bucket still counts only if its last moment is
/// later than `now - 60 s`, which lies in second `S - 60`: the seconds `S - 60 ..= S` can count,
/// which is 61. Three more serve those who come late.
///
/// **Who comes late**, with a moment before the newest addition, because it read the clock before
/// it got the lock: what it adds is stamped with that addition's moment, and what counts is asked
/// at its own. So nothing is forgotten too early for a caller up to three seconds late.
///
/// Amounts add up to at most `u64::MAX`. The ring (0.8 KiB) is allocated by the first addition.
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

#[derive(Clone)]
struct Ring {
    /// The moment of the newest addition.
    newest: Instant,
    /// The sum of all buckets, including those that count no more but were not yet reused.
    total: u64,
    /// What second `s` holds lies at `s` modulo the length.
    amounts: [u64; BUCKETS],
    /// The nanosecond of its second at which something was last added; means nothing while the
    /// amount is 0.
    last: [u32; BUCKETS],
}

impl Window {
    /// How much counts at `now`.
    pub fn used(&self, now: Instant) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.used(now))
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
            Some(ring) => ring.leaves(room, now),
            None => Ok(()),
        }
    }

    /// When the oldest of what counts at `now` falls out; `None` when nothing counts.
    pub fn frees_at(&self, now: Instant) -> Option<Instant> {
        let ring = self.ring.as_ref()?;
        let counts = |&(amount, falls): &(u64, Instant)| amount > 0 && falls > now;
        ring.oldest_first().find(counts).map(|(_, falls)| falls)
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
        self.subtract(stamp.second, amount.min(stamp.amount));
    }

    /// Counts further use at `now`, whatever the limit. What lies above a limit is debt: it blocks
    /// until enough has slid out.
    pub fn charge(&mut self, amount: u64, now: Instant) {
        self.add(amount, now);
    }

    /// Makes `used` of what was counted as `reserved` in `second`: the rest is given back there,
    /// what is more is charged at `now`.
    pub(crate) fn correct(&mut self, second: u64, reserved: u64, used: u64, now: Instant) {
        if used < reserved {
            self.subtract(second, reserved - used);
        } else {
            self.add(used - reserved, now);
        }
    }

    /// How much may be added before the sum is at its end.
    pub(crate) fn room(&self) -> u64 {
        u64::MAX - self.ring.as_ref().map_or(0, |ring| ring.total)
    }

    pub(crate) fn add(&mut self, amount: u64, now: Instant) -> Stamp {
        if amount == 0 {
            return Stamp { second: 0, amount: 0 };
        }
        let ring = self.ring.get_or_insert_with(|| Box::new(Ring::starting(now)));
        ring.add(amount, now.max(ring.newest))
    }

    fn subtract(&mut self, second: u64, amount: u64) {
        if let Some(ring) = &mut self.ring
            && second + KEPT >= ring.newest.as_secs()
        {
            ring.subtract(second, amount);
        }
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
        Self { newest: now, total: 0, amounts: [0; _], last: [0; _] }
    }

    fn used(&self, now: Instant) -> u64 {
        if self.newest + SPAN <= now {
            return 0;
        }
        // Later seconds all count.
        let end = now.as_secs().saturating_sub(SECONDS);
        let doubtful = self.seconds().take_while(|&second| second <= end);
        let gone: u64 = doubtful
            .map(|second| self.bucket(second))
            .filter(|&(_, falls)| falls <= now)
            .map(|(amount, _)| amount)
            .sum();
        self.total - gone
    }

    /// The seconds of all buckets, oldest first.
    fn seconds(&self) -> impl Iterator<Item = u64> + use<> {
        let newest = self.newest.as_secs();
        newest.saturating_sub(KEPT)..=newest
    }

    /// What a second holds, and when that falls out.
    fn bucket(&self, second: u64) -> (u64, Instant) {
        let at = place(second);
        let last = Instant::from_nanos(second * NANOS + u64::from(self.last[at]));
        (self.amounts[at], last + SPAN)
    }

    fn oldest_first(&self) -> impl Iterator<Item = (u64, Instant)> {
        self.seconds().map(|second| self.bucket(second))
    }

    /// Whether at most `room` counts at `now`, and if not, from when on.
    fn leaves(&self, room: u64, now: Instant) -> Result<(), Until> {
        if self.total <= room {
            return Ok(());
        }
        let mut counted = self.used(now);
        if counted <= room {
            return Ok(());
        }
        for (amount, falls) in self.oldest_first().filter(|&(_, falls)| falls > now) {
            counted -= amount;
            if counted <= room {
                return Err(Until::At(falls));
            }
        }
        // Not reached: with every bucket out nothing counts.
        Err(Until::Never)
    }

    /// `at` is not before the newest addition.
    fn add(&mut self, amount: u64, at: Instant) -> Stamp {
        let (newest, second) = (self.newest.as_secs(), at.as_secs());
        for passed in 0..(second - newest).min(KEPT + 1) {
            let bucket = &mut self.amounts[place(second - passed)];
            self.total -= *bucket;
            *bucket = 0;
        }
        self.newest = at;
        let amount = amount.min(u64::MAX - self.total);
        self.total += amount;
        self.amounts[place(second)] += amount;
        self.last[place(second)] = u32::try_from(at.as_nanos() % NANOS).unwrap_or(u32::MAX);
        Stamp { second, amount }
    }

    /// The bucket of `second` was not reused.
    fn subtract(&mut self, second: u64, amount: u64) {
        let bucket = &mut self.amounts[place(second)];
        // Less only for the stamp of another window.
        let amount = amount.min(*bucket);
        *bucket -= amount;
        self.total -= amount;
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second & KEPT).unwrap_or(0)
}
