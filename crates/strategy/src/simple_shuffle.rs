//! `simple-shuffle`: at random, by share.

use pointsman_clock::{Entropy, EntropyExt};

use crate::{Ask, Candidate, Pick, share::Share};

/// At random, by `weight`, else `rpm`, else `tpm` (the first of the three that any member sets; a
/// member without it counts 0), else uniformly. All zero: uniformly.
///
/// Goes by the name `provider-budget-routing` too, as budgets always apply. The score is the
/// member's chance, from 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimpleShuffle;

impl Pick for SimpleShuffle {
    fn pick(&self, _: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        let share = Share::among(among);
        let mut left = below(share.total(among), chance);
        among.iter().position(|member| {
            let share = u128::from(share.of(member));
            let here = left < share;
            left = left.saturating_sub(share);
            here
        })
    }

    fn score(&self, _: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        let share = Share::among(among);
        let member = among.get(at)?;
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        Some(share.of(member) as f64 / share.total(among) as f64)
    }

    fn weighs(&self) -> bool {
        false
    }
}

/// Uniform in `0..bound`; of a bound beyond 64 bits the lowest are left out.
fn below(bound: u128, chance: &mut dyn Entropy) -> u128 {
    let beyond = (u128::BITS - bound.leading_zeros()).saturating_sub(u64::BITS);
    let bound = u64::try_from(bound >> beyond).unwrap_or(u64::MAX);
    u128::from(chance.below(bound)) << beyond
}
