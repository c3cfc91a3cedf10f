//! How much an upstream's own rate limits leave.

use std::time::Duration;

use pointsman_clock::Instant;
use pointsman_types::{Rate, RateHeaders};

/// The longest that a spent limit keeps a deployment out, and how long a word without a reset
/// holds: rate limits are by the minute where nothing else is said.
const LONGEST: Duration = Duration::from_mins(1);

/// What the upstream of one deployment said last of its own rate limits.
///
/// The latest word of each dimension holds until its reset, then it is stale. A limit of which
/// nothing is left keeps the deployment out before any 429 does; that must not be the last willing
/// member of a group, which only who sees all of them can tell.
///
/// ```
/// use pointsman_clock::Instant;
/// use pointsman_health::Headroom;
/// use pointsman_types::{Rate, RateHeaders};
/// use std::time::Duration;
/// let (mut headroom, now) = (Headroom::default(), Instant::from_secs(60));
/// let rate = |remaining| Rate {
///     limit: Some(100),
///     remaining: Some(remaining),
///     resets_in: Some(Duration::from_secs(20)),
/// };
/// headroom.observe(&RateHeaders { requests: rate(25), ..RateHeaders::default() }, now);
/// assert_eq!((headroom.share(now), headroom.out_until(now)), (0.25, None));
/// headroom.observe(&RateHeaders { tokens: rate(0), ..RateHeaders::default() }, now);
/// let reset = now + Duration::from_secs(20);
/// assert_eq!((headroom.share(now), headroom.out_until(now)), (0.0, Some(reset)));
/// assert_eq!((headroom.share(reset), headroom.out_until(reset)), (1.0, None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Headroom {
    /// Of requests, tokens, input tokens, output tokens.
    words: [Word; 4],
}

/// The last word of one dimension; by default one that is stale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Word {
    share: f32,
    /// When it is stale.
    until: Instant,
    /// Until when the deployment is out for it.
    out: Instant,
}

impl Headroom {
    /// Takes in what was read at `now`. Dimensions of which nothing is said keep their last word.
    pub fn observe(&mut self, said: &RateHeaders, now: Instant) {
        for (word, rate) in self.words.iter_mut().zip(said.each()) {
            if let Some(next) = Word::of(rate, now) {
                *word = next;
            }
        }
    }

    /// The smallest share that is left of any of its limits, from 0 to 1; 1 where nothing is known.
    pub fn share(&self, now: Instant) -> f32 {
        let fresh = self.words.iter().filter(|word| now < word.until);
        fresh.map(|word| word.share).fold(1.0, f32::min)
    }

    /// Until when it is to be left alone because nothing is left of a limit: until the reset, at
    /// most 60 s from when that was said.
    pub fn out_until(&self, now: Instant) -> Option<Instant> {
        self.words.iter().map(|word| word.out).max().filter(|out| now < *out)
    }
}

impl Word {
    fn of(rate: Rate, now: Instant) -> Option<Self> {
        rate.remaining?;
        let share = rate.share().unwrap_or(1.0);
        let lasts = rate.resets_in.unwrap_or(LONGEST);
        let out = if rate.is_spent() { now + lasts.min(LONGEST) } else { Instant::EPOCH };
        Some(Self { share, until: now + lasts, out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(limit: Option<u64>, remaining: Option<u64>, resets_in: Option<u64>) -> RateHeaders {
        let requests = Rate { limit, remaining, resets_in: resets_in.map(Duration::from_secs) };
        RateHeaders { requests, ..RateHeaders::default() }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(1_000 + seconds)
    }

    #[test]
    fn out_for_a_minute_at_most() {
        for (resets_in, until) in [(Some(5), 5), (Some(600), 60), (None, 60)] {
            let mut headroom = Headroom::default();
            headroom.observe(&said(Some(10), Some(0), resets_in), at(0));
            assert_eq!(headroom.out_until(at(0)), Some(at(until)), "{resets_in:?}");
            assert_eq!(headroom.out_until(at(until)), None);
        }
        let mut headroom = Headroom::default();
        headroom.observe(&said(Some(10), Some(0), Some(0)), at(0));
        assert_eq!((headroom.out_until(at(0)), headroom.share(at(0))), (None, 1.0));
    }

    #[test]
    fn the_last_word_holds_until_its_reset() {
        let mut headroom = Headroom::default();
        assert_eq!((headroom.out_until(at(0)), headroom.share(at(0))), (None, 1.0));
        headroom.observe(&said(Some(10), Some(0), Some(600)), at(0));
        assert!(headroom.share(at(599)) <= 0.0);
        headroom.observe(&RateHeaders::default(), at(1));
        assert!(headroom.out_until(at(1)).is_some(), "nothing was said");
        headroom.observe(&said(None, Some(7), None), at(2));
        assert_eq!((headroom.out_until(at(2)), headroom.share(at(2))), (None, 1.0));
        let mut both = said(Some(10), Some(5), Some(9));
        both.tokens = Rate { limit: Some(100), remaining: Some(20), resets_in: None };
        headroom.observe(&both, at(3));
        for (seconds, share) in [(3, 0.2), (12, 0.2), (62, 0.2), (63, 1.0)] {
            assert!((headroom.share(at(seconds)) - share).abs() < 1e-6, "{seconds}");
        }
    }
}
