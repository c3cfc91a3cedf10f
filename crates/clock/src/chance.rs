//! Chance, as an argument.

/// A source of chance.
///
/// ```
/// use pointsman_clock::{Dice, Entropy, EntropyExt};
/// let (mut one, mut two) = (Dice::new(7), Dice::new(7));
/// assert_eq!(one.next(), two.next());
/// assert!(one.below(6) < 6);
/// assert!((0.0..1.0).contains(&one.unit()));
/// ```
pub trait Entropy {
    /// 64 bits of chance.
    fn next(&mut self) -> u64;
}

const _: fn(&dyn Entropy) = |_| ();

/// Comfort over any [`Entropy`].
pub trait EntropyExt: Entropy {
    /// Uniform in `0..bound`; 0 when `bound` is 0.
    fn below(&mut self, bound: u64) -> u64 {
        // The high half of a 128-bit product: a bias of bound / 2^64, never seen in practice.
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Uniform in `0..bound` for an index; 0 when `bound` is 0.
    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }

    /// Uniform in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let bits = (self.next() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }
}

impl<E: Entropy + ?Sized> EntropyExt for E {}

/// Seeded chance: SplitMix64 (Steele, Lea and Flood, 2014). Not for secrets.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall the same way for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The dice of one call: its instance's seed and its own ticket.
    pub fn of_call(seed: u64, ticket: u64) -> Self {
        Self(mix(seed ^ mix(ticket)))
    }
}

impl Entropy for Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_uniform_and_in_range() {
        let mut dice = Dice::new(1);
        let mut seen = [0_u32; 6];
        for _ in 0..60_000 {
            seen[dice.index(6)] += 1;
        }
        assert!(seen.iter().all(|&n| (9_500..10_500).contains(&n)), "{seen:?}");
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn calls_of_one_seed_do_not_share_their_chance() {
        let firsts: std::collections::BTreeSet<u64> =
            (0..1_000).map(|ticket| Dice::of_call(9, ticket).next()).collect();
        assert_eq!(firsts.len(), 1_000);
    }
}
