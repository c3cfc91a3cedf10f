//! `drain-time`: where the answer begins soonest.

use pointsman_clock::Entropy;

use crate::{
    Ask, Candidate, Pick,
    latency::{Rank, float, time},
    least::least,
};

/// The lowest sum of the time to work off the tokens in flight and the time to the first token,
/// ties at random.
///
/// The first is the tokens in flight by the throughput, 0 where none are in flight; the second the
/// mean of the last ten samples. Where only whole answers were had, there is a throughput and no
/// time to the first token: it counts as the longest that any other member shows.
///
/// A member without either, or with tokens in flight and no throughput, is without a sample. It is
/// tried first while nothing is in flight to it, at random where there are several; after that it
/// is picked only if no member has a sample, the one with the fewest requests in flight, ties at
/// random.
///
/// Both are taken to the nanosecond. The score is the sum in seconds, none without a sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrainTime;

impl Pick for DrainTime {
    fn pick(&self, _: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        let longest = longest(among);
        least(among, chance, |member| rank(member, longest))
    }

    fn score(&self, _: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        rank(among.get(at)?, longest(among)).seconds()
    }

    fn weighs(&self) -> bool {
        true
    }
}

/// Whole nanoseconds add up exactly, so that no rounding makes a tie of what is none.
fn nanos(seconds: f64) -> f64 {
    // Beyond 2^52 a double has no fraction: this rounds, without a call.
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    (time(seconds) * 1e9 + WHOLE) - WHOLE
}

fn longest(among: &[Candidate]) -> f64 {
    among.iter().filter_map(|member| member.ttft).map(nanos).fold(0.0, f64::max)
}

fn rank(member: &Candidate, longest: f64) -> Rank {
    let drain = match (member.tokens_in_flight, member.tokens_per_s) {
        (0, None) => member.ttft.map(|_| 0.0),
        (0, Some(_)) => Some(0.0),
        // A throughput of nothing, or one that is no number, never drains.
        (tokens, Some(rate)) if rate > 0.0 => Some(float(tokens) / rate),
        (_, rate) => rate.map(|_| f64::INFINITY),
    };
    let first = member.ttft.map_or(longest, nanos);
    Rank::of(member, drain.map(|drain| (nanos(drain) + first) / 1e9))
}

#[cfg(test)]
mod tests {
    use pointsman_clock::Dice;

    use super::*;

    fn pick(among: &[Candidate]) -> Option<usize> {
        DrainTime.pick(&Ask::default(), among, &mut Dice::new(1))
    }

    #[test]
    fn what_waits_counts_by_how_fast_it_goes() {
        let slow = Candidate::of(1).in_flight(1).draining(1_000, 100.0).ttft(0.1);
        let fast = Candidate::of(2).in_flight(4).draining(4_000, 1_000.0).ttft(0.5);
        assert_eq!(pick(&[slow.clone(), fast.clone()]), Some(1));
        let score = |at| DrainTime.score(&Ask::default(), &[slow.clone(), fast.clone()], at);
        assert_eq!((score(0), score(1), score(2)), (Some(10.1), Some(4.5), None));
    }

    #[test]
    fn an_unknown_time_to_the_first_token_is_never_an_advantage() {
        let whole = Candidate::of(1).in_flight(1).draining(100, 100.0);
        let known = Candidate::of(2).in_flight(1).draining(100, 100.0).ttft(0.5);
        let slower = Candidate::of(3).in_flight(1).draining(100, 100.0).ttft(0.7);
        assert_eq!(pick(&[whole.clone(), known, slower.clone()]), Some(1));
        assert_eq!(DrainTime.score(&Ask::default(), &[whole, slower], 0), Some(1.7));
    }

    #[test]
    fn a_time_to_the_first_token_is_a_sample_while_nothing_waits() {
        let busy = Candidate::of(1).in_flight(1).draining(100, 100.0).ttft(0.1);
        let streamed = Candidate::of(2).in_flight(1).ttft(0.1);
        assert_eq!(pick(&[busy.clone(), streamed.clone()]), Some(1));
        let waits = Candidate { tokens_in_flight: 1, ..streamed };
        assert_eq!(pick(&[busy, waits]), Some(0));
    }

    #[test]
    fn no_throughput_never_drains() {
        let stuck = |rate| Candidate::of(1).in_flight(1).draining(1, rate).ttft(0.1);
        let busy = Candidate::of(2).in_flight(9).draining(90_000, 10.0).ttft(9.0);
        for rate in [0.0, -0.0, -1.0, f64::NAN] {
            assert_eq!(pick(&[stuck(rate), busy.clone()]), Some(1), "{rate}");
        }
    }
}
