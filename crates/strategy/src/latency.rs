//! What the strategies that go by latency share.

use crate::Candidate;

/// Longer than any answer takes; an endless time, or one that is no number, counts as this.
const LONGEST: f64 = 1e6;

/// How a strategy that goes by latency ranks a member; the least goes first.
///
/// A member without a sample and with nothing in flight goes before all, so that it gets one. With
/// something in flight it goes after all until the sample is there, the less in flight the sooner.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) enum Rank {
    Untried,
    Seconds(f64),
    Awaited(u32),
}

impl Rank {
    /// By seconds that compare with any other.
    pub(crate) fn of(member: &Candidate, seconds: Option<f64>) -> Self {
        match seconds {
            Some(seconds) => Self::Seconds(seconds),
            None if member.in_flight == 0 && member.tokens_in_flight == 0 => Self::Untried,
            None => Self::Awaited(member.in_flight),
        }
    }

    pub(crate) fn seconds(self) -> Option<f64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Untried | Self::Awaited(_) => None,
        }
    }
}

/// A time that compares with any other.
pub(crate) fn time(seconds: f64) -> f64 {
    if seconds.is_nan() { LONGEST } else { seconds.clamp(0.0, LONGEST) }
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "weighed, not counted")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_negative_endless_or_no_number() {
        let times = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 0.5].map(time);
        assert_eq!(times.map(Some), [LONGEST, LONGEST, 0.0, 0.0, 0.0, 0.5].map(Some));
    }

    #[test]
    fn the_untried_go_first_and_the_awaited_last() {
        let of = |in_flight, seconds| Rank::of(&Candidate::of(1).in_flight(in_flight), seconds);
        let queued = Candidate { tokens_in_flight: 1, ..Candidate::of(1) };
        assert_eq!(Rank::of(&queued, None), Rank::Awaited(0));
        let order = [of(0, None), of(9, Some(0.1)), of(0, Some(LONGEST)), of(1, None), of(2, None)];
        assert!(order.is_sorted(), "{order:?}");
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "{order:?}");
    }
}
