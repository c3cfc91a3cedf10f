//! Request rates that need no refund.

use std::{cell::Cell, fmt, num::NonZeroU32, ops::Add};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use pointsman_clock::Instant;

/// A minute in nanoseconds.
const MINUTE: u64 = 60_000_000_000;

/// At most so many a minute, evenly, after a burst: a generic cell rate (GCRA).
///
/// For what happens or does not and is never given back: a caller's requests, probes. Any 60
/// seconds hold fewer than `per_minute + burst`. It costs 40 bytes, where a [`Gate`](crate::Gate)
/// remembers a minute and knows refunds.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_limits::Pace;
/// use std::{num::NonZeroU32, time::Duration};
///
/// let (thirty, two) = (NonZeroU32::new(30).unwrap(), NonZeroU32::new(2).unwrap());
/// let (mut pace, now) = (Pace::new(thirty, two), Instant::from_secs(1_000));
/// assert_eq!(pace.check(now), Ok(()));
/// assert_eq!(pace.check(now), Ok(()));
/// assert_eq!(pace.check(now), Err(now + Duration::from_secs(2)));
/// assert_eq!(pace.check(now + Duration::from_secs(2)), Ok(()));
/// ```
pub struct Pace {
    cell: RateLimiter<NotKeyed, InMemoryState, Hand, NoOpMiddleware<Moment>>,
}

impl Pace {
    /// `per_minute` a minute, `burst` of them at once. A burst beyond what some centuries replenish
    /// is cut to that.
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        // Rounded up: never more than was asked for.
        let period = MINUTE.div_ceil(u64::from(per_minute.get()));
        let most = u32::try_from(u64::MAX / 4 / period).unwrap_or(u32::MAX);
        let burst = NonZeroU32::new(most).map_or(burst, |most| burst.min(most));
        let quota = Quota::with_period(std::time::Duration::from_nanos(period))
            .unwrap_or(Quota::per_minute(per_minute))
            .allow_burst(burst);
        let cell = RateLimiter::new(quota, InMemoryState::default(), Hand::default());
        Self { cell }
    }

    /// Lets one pass at `now`, if it fits.
    ///
    /// # Errors
    /// The moment from which on one fits, if none passes before: refused at every earlier one.
    pub fn check(&mut self, now: Instant) -> Result<(), Instant> {
        self.cell.clock().0.set(Moment(now));
        self.cell.check().map_err(|not| not.earliest_possible().0)
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

/// The clock that governor asks: it shows what it was set to.
#[derive(Debug, Default)]
struct Hand(Cell<Moment>);

impl Clock for Hand {
    type Instant = Moment;

    fn now(&self) -> Moment {
        self.0.get()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Instant);

impl Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, by: Nanos) -> Self {
        Self(Instant::from_nanos(self.0.as_nanos().saturating_add(by.as_u64())))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.as_nanos().saturating_sub(earlier.0.as_nanos()).into()
    }

    fn saturating_sub(&self, by: Nanos) -> Self {
        let earlier = self.0.as_nanos().checked_sub(by.as_u64());
        Self(earlier.map_or(self.0, Instant::from_nanos))
    }
}
