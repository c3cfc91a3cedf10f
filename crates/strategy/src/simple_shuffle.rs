//! `simple-shuffle`: at random, by share.

use pointsman_clock::{Entropy, EntropyExt};

use crate::{Ask, Candidate, Pick, candidate::Share};

/// At random, by `weight`, else `rpm`, else `tpm` (the first of the three that any member sets; a
/// member without it counts 0), else uniformly. All zero: uniformly.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimpleShuffle;

impl Pick for SimpleShuffle {
    fn pick(&self, _: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        let share = Share::among(among);
        let total = among.iter().fold(0_u64, |sum, member| sum.saturating_add(share.of(member)));
        let mut left = chance.below(total);
        among.iter().position(|member| {
            let share = share.of(member);
            let here = left < share;
            left = left.saturating_sub(share);
            here
        })
    }
}
