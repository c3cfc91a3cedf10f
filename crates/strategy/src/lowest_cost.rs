//! `cost-based-routing`: lowest price of this call.

use pointsman_clock::Entropy;

use crate::{Ask, Candidate, Pick, least::least};

/// The member with the lowest price for this call, ties at random.
///
/// The price is that of the estimated prompt and answer. A member whose price is not known comes
/// after all others: unknown is not free. The score is the price in US dollars, none where it is
/// not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowestCost;

impl Pick for LowestCost {
    fn pick(&self, _: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        least(among, chance, |member| (member.price.is_none(), member.price))
    }

    fn score(&self, _: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        f64::try_from(among.get(at)?.price?).ok()
    }

    fn weighs(&self) -> bool {
        true
    }
}
