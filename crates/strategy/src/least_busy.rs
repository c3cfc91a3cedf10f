//! `least-busy`: fewest requests in flight.

use pointsman_clock::Entropy;

use crate::{Ask, Candidate, Pick, least::least};

/// The member with the fewest requests in flight, ties at random.
///
/// A burst spreads evenly, as a call is in flight from the moment its capacity is claimed. Weights
/// do not count. The score is the number of requests in flight.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastBusy;

impl Pick for LeastBusy {
    fn pick(&self, _: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        least(among, chance, |member| member.in_flight)
    }

    fn score(&self, _: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        among.get(at).map(|member| f64::from(member.in_flight))
    }

    fn weighs(&self) -> bool {
        false
    }
}
