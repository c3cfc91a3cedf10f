//! `headroom`: most room left.

use pointsman_clock::Entropy;

use crate::{Ask, Candidate, Pick, least::least};

/// The member with the largest free share of what binds first, ties at random.
///
/// What may bind are its own rpm and tpm, its budget, its slots, and what the upstream's own headers
/// say is left; the smallest of their free shares is its headroom. The score is that share, from 0
/// to 1; one that is no number counts as 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headroom;

impl Pick for Headroom {
    fn pick(&self, _: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        least(among, chance, |member| -free(member))
    }

    fn score(&self, _: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        among.get(at).map(|member| f64::from(free(member)))
    }

    fn weighs(&self) -> bool {
        true
    }
}

fn free(member: &Candidate) -> f32 {
    if member.headroom.is_nan() { 0.0 } else { member.headroom.clamp(0.0, 1.0) }
}
