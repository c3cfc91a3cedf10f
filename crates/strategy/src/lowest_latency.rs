//! `latency-based-routing`: lowest mean latency.

use pointsman_clock::Entropy;

use crate::{
    Ask, Candidate, Pick,
    latency::{Rank, time},
    least::{least, one_of},
};

/// The member with the lowest mean of its last ten samples, or any within a buffer of it.
///
/// A streamed call compares times to the first token, any other call seconds per output token; a
/// member that has only samples of the other kind counts as one without. All that are within
/// `buffer` of the best (0.5: up to half as slow again) take turns at random.
///
/// A member without a sample is tried first while nothing is in flight to it, at random where there
/// are several. While its first sample is awaited it is picked only if no member has one, the one
/// with the fewest requests in flight, ties at random.
///
/// The score is the mean in seconds, none without a sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowestLatency {
    buffer: f64,
}

impl LowestLatency {
    /// With the share of the best latency by which others may be slower; a negative one, or one
    /// that is no number, counts as 0.
    pub fn new(buffer: f64) -> Self {
        Self { buffer: buffer.max(0.0) }
    }
}

impl Pick for LowestLatency {
    fn pick(&self, ask: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        let rank = |member: &Candidate| rank(ask, member);
        if self.buffer == 0.0 {
            return least(among, chance, rank);
        }
        let best =
            among.iter().map(rank).reduce(|best, one| if one < best { one } else { best })?;
        let limit = match best {
            // An endless buffer of nothing is no number, and passed over.
            Rank::Seconds(lowest) => Rank::Seconds(lowest.max(lowest * (1.0 + self.buffer))),
            best => best,
        };
        one_of(among, chance, |member| rank(member) <= limit)
    }

    fn score(&self, ask: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        rank(ask, among.get(at)?).seconds()
    }

    fn weighs(&self) -> bool {
        false
    }
}

fn rank(ask: &Ask, member: &Candidate) -> Rank {
    let mean = if ask.stream { member.ttft } else { member.per_token };
    Rank::of(member, mean.map(time))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pointsman_clock::Dice;

    use super::*;

    fn picked(buffer: f64, stream: bool, among: &[Candidate]) -> BTreeSet<usize> {
        let ask = Ask { stream, ..Ask::default() };
        let pick = |seed| LowestLatency::new(buffer).pick(&ask, among, &mut Dice::new(seed));
        (0..200).filter_map(pick).collect()
    }

    #[test]
    fn all_within_the_buffer_of_the_best_take_turns() {
        let among = [1.6, 1.0, 1.5, 1.0].map(|seconds| Candidate::of(1).ttft(seconds));
        assert_eq!(picked(0.0, true, &among), [1, 3].into());
        assert_eq!(picked(0.5, true, &among), [1, 2, 3].into());
        assert_eq!(picked(f64::INFINITY, true, &among), [0, 1, 2, 3].into());
        assert_eq!(picked(f64::NAN, true, &among), [1, 3].into());
        assert_eq!(picked(-1.0, true, &among), [1, 3].into());
    }

    #[test]
    fn an_endless_buffer_of_nothing_is_total() {
        let among = [0.0, 1.0].map(|seconds| Candidate::of(1).ttft(seconds));
        assert_eq!(picked(f64::INFINITY, true, &among), [0].into());
    }

    #[test]
    fn units_are_never_mixed() {
        let among = [
            Candidate::of(1).ttft(9.0).per_token(0.01).in_flight(1),
            Candidate::of(2).ttft(1.0).per_token(0.02).in_flight(1),
            Candidate::of(3).per_token(0.001).in_flight(1),
        ];
        assert_eq!(picked(0.0, true, &among), [1].into());
        assert_eq!(picked(0.0, false, &among), [2].into());
    }
}
