//! Amounts in a day of the configuration's.

use std::time::Duration;

use pointsman_clock::Instant;

/// A day in nanoseconds; UTC as clocks count it has no other.
const DAY: u64 = 86_400_000_000_000;

/// What a day has used. A new day begins at `reset` after 00:00 UTC.
///
/// The counts are void once a day has begun after the newest addition. So when a reload moves the
/// reset, what counted goes on counting until a day of the new kind begins; what an earlier day
/// had used does not come back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Day {
    newest: Instant,
    /// The reset that was last reserved under: settling is not told.
    reset: Duration,
    /// Counts the days there were, so that a hold gives nothing back to a later one.
    number: u32,
    requests: u64,
    tokens: u64,
}

impl Day {
    /// The reset that counts until the next reserve.
    pub(crate) const fn reset(&self) -> Duration {
        self.reset
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn requests(&self, reset: Duration, now: Instant) -> u64 {
        if self.lasts(reset, now) { self.requests } else { 0 }
    }

    pub(crate) fn tokens(&self, reset: Duration, now: Instant) -> u64 {
        if self.lasts(reset, now) { self.tokens } else { 0 }
    }

    /// When what was counted last falls out.
    pub(crate) fn ends(&self, reset: Duration) -> Instant {
        self.newest + Duration::from_nanos(DAY - into(self.newest, reset))
    }

    /// How many tokens may be added before the sum is at its end.
    pub(crate) const fn room(&self) -> u64 {
        u64::MAX - self.tokens
    }

    pub(crate) const fn set_reset(&mut self, reset: Duration) {
        self.reset = reset;
    }

    /// `now` is not before the newest addition.
    pub(crate) fn add(&mut self, requests: u64, tokens: u64, now: Instant) {
        if requests == 0 && tokens == 0 {
            return;
        }
        if !self.lasts(self.reset, now) {
            (self.requests, self.tokens) = (0, 0);
            self.number = self.number.wrapping_add(1);
        }
        self.newest = now;
        self.requests = self.requests.saturating_add(requests);
        self.tokens = self.tokens.saturating_add(tokens);
    }

    /// Gives back to day `number`; no matter when that is over.
    pub(crate) const fn give_back(&mut self, number: u32, requests: u64, tokens: u64) {
        if number == self.number {
            self.requests = self.requests.saturating_sub(requests);
            self.tokens = self.tokens.saturating_sub(tokens);
        }
    }

    /// Whether no day has begun since the newest addition.
    fn lasts(&self, reset: Duration, now: Instant) -> bool {
        let begun = now - Duration::from_nanos(into(now, reset));
        begun <= self.newest
    }
}

/// How far into its day `now` lies, in nanoseconds.
fn into(now: Instant, reset: Duration) -> u64 {
    let reset = u64::try_from(reset.as_nanos() % u128::from(DAY)).unwrap_or(0);
    (now.as_nanos() % DAY + (DAY - reset)) % DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDNIGHT: Instant = Instant::from_secs(1_767_225_600);

    fn hours(hours: u64) -> Duration {
        Duration::from_hours(hours)
    }

    #[test]
    fn a_day_begins_at_its_reset() {
        for (reset, at, ends) in [(0, 5, 24), (6, 5, 6), (6, 6, 30), (30, 5, 6), (23, 5, 23)] {
            let mut day = Day::default();
            day.set_reset(hours(reset));
            day.add(2, 30, MIDNIGHT + hours(at));
            let end = MIDNIGHT + hours(ends);
            assert_eq!(day.ends(hours(reset)), end, "{reset} {at}");
            let before = end - Duration::from_nanos(1);
            assert_eq!(day.requests(hours(reset), before), 2);
            assert_eq!(day.tokens(hours(reset), before), 30);
            assert_eq!(day.requests(hours(reset), end), 0);
            assert_eq!(day.tokens(hours(reset), end), 0);
        }
    }

    #[test]
    fn a_refund_reaches_only_its_own_day() {
        let mut day = Day::default();
        day.add(1, 10, MIDNIGHT + hours(23));
        let number = day.number();
        day.add(1, 10, MIDNIGHT + hours(25));
        day.give_back(number, 1, 10);
        assert_eq!(day.requests(hours(0), MIDNIGHT + hours(26)), 1);
        day.give_back(day.number(), 1, 4);
        assert_eq!(day.tokens(hours(0), MIDNIGHT + hours(26)), 6);
    }

    #[test]
    fn a_moved_reset_keeps_what_counts_until_its_day_begins() {
        let mut day = Day::default();
        day.add(3, 0, MIDNIGHT + hours(5));
        day.add(1, 0, MIDNIGHT + hours(9));
        assert_eq!(day.requests(hours(6), MIDNIGHT + hours(10)), 4);
        assert_eq!(day.ends(hours(6)), MIDNIGHT + hours(30));
        assert_eq!(day.requests(hours(12), MIDNIGHT + hours(13)), 0);
    }

    #[test]
    fn the_first_day_may_be_short() {
        let mut day = Day::default();
        day.set_reset(hours(6));
        day.add(1, 0, Instant::EPOCH + hours(1));
        assert_eq!(day.requests(hours(6), Instant::EPOCH + hours(5)), 1);
        assert_eq!(day.requests(hours(6), Instant::EPOCH + hours(6)), 0);
    }
}
