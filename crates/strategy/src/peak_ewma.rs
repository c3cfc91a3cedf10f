//! `peak-ewma`: two at random, the one that costs less.

use pointsman_clock::{Entropy, EntropyExt};

use crate::{
    Ask, Candidate, Pick,
    latency::{Rank, time},
    least::{least, nth, one_of},
};

/// Nothing answers faster; below it the load alone tells members apart.
const FASTEST: f64 = 1e-6;

/// Two at random, then the lower of `latency × (in flight + 1)`.
///
/// The latency is the peak-EWMA of the time to the first token: it jumps to a slow sample at once
/// and forgets it slowly. Two of many suffice to keep the load even, and no crowd runs after the one
/// best member. Equal costs: the first of the two.
///
/// A member without a sample is tried first while nothing is in flight to it, at random where there
/// are several. While its first sample is awaited it is no choice: it is picked only if no member
/// has one, the one with the fewest requests in flight, ties at random.
///
/// The score is the product in seconds, none without a sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeakEwma;

impl Pick for PeakEwma {
    fn pick(&self, _: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        let is_known = |member: &Candidate| member.ewma.is_some();
        let is_untried = |member: &Candidate| rank(member) == Rank::Untried;
        if let Some(untried) = one_of(among, chance, is_untried) {
            return Some(untried);
        }
        let known = among.iter().filter(|member| is_known(member)).count();
        if known < 2 {
            return least(among, chance, rank);
        }
        let first = chance.index(known);
        let other = chance.index(known - 1);
        let other = if other < first { other } else { other + 1 };
        let (first, other) = (nth(among, first, is_known)?, nth(among, other, is_known)?);
        Some(if rank(&among[other]) < rank(&among[first]) { other } else { first })
    }

    fn score(&self, _: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        rank(among.get(at)?).seconds()
    }

    fn weighs(&self) -> bool {
        false
    }
}

fn rank(member: &Candidate) -> Rank {
    let cost = |latency: f64| time(latency).max(FASTEST) * (f64::from(member.in_flight) + 1.0);
    Rank::of(member, member.ewma.map(cost))
}
