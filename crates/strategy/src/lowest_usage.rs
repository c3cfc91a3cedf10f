//! `usage-based-routing`: fewest tokens in the last minute.

use pointsman_clock::Entropy;

use crate::{Ask, Candidate, Pick, latency::float, least::least};

/// The member that used the fewest tokens in the last 60 seconds, then the fewest requests, then at
/// random.
///
/// Goes by the name `usage-based-routing-v2` too. The score is the number of tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowestUsage;

impl Pick for LowestUsage {
    fn pick(&self, _: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        least(among, chance, |member| (member.used.tokens, member.used.requests))
    }

    fn score(&self, _: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        among.get(at).map(|member| float(member.used.tokens))
    }

    fn weighs(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use pointsman_clock::Dice;

    use super::*;

    #[test]
    fn tokens_count_first_then_requests() {
        let among = [(1, 20), (3, 10), (2, 10)]
            .map(|(requests, tokens)| Candidate::of(1).used(requests, tokens));
        let at = |seed| LowestUsage.pick(&Ask::default(), &among, &mut Dice::new(seed));
        assert!((0..20).all(|seed| at(seed) == Some(2)));
    }
}
