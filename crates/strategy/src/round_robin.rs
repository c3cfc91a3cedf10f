//! `round-robin`: in turn, by weight.

use pointsman_clock::Entropy;

use crate::{Ask, Candidate, Pick, candidate::Share};

/// In turn, by weight: the largest of `(t + 1) × weight − W × served`, first of equals.
///
/// `served` is a member's first attempts since the set of candidates last changed, `t` their sum,
/// `W` the sum of weights. While the set stays, every full cycle is exact and any prefix is within
/// two of its share. Weights are read as in [`crate::SimpleShuffle`]; a member of weight 0 is
/// picked only when all are.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundRobin;

impl Pick for RoundRobin {
    fn pick(&self, _: &Ask, among: &[Candidate], _: &mut dyn Entropy) -> Option<usize> {
        let share = Share::among(among);
        let all: i128 = among.iter().map(|member| i128::from(share.of(member))).sum();
        let turn: i128 = among.iter().map(|member| i128::from(member.served)).sum::<i128>() + 1;
        let lag = |member: &Candidate| {
            // A turn is at most 2^64 times some members, a share at most 2^64: no overflow in
            // i128 below 2^63 members of the largest share.
            turn.saturating_mul(i128::from(share.of(member)))
                .saturating_sub(all.saturating_mul(i128::from(member.served)))
        };
        let mut best: Option<(i128, usize)> = None;
        for (at, member) in among.iter().enumerate().filter(|(_, member)| share.of(member) > 0) {
            let lag = lag(member);
            if best.is_none_or(|(most, _)| lag > most) {
                best = Some((lag, at));
            }
        }
        best.map(|(_, at)| at)
    }
}
