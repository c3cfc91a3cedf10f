//! `round-robin`: in turn, by weight.

use pointsman_clock::Entropy;

use crate::{Ask, Candidate, Pick, share::Share};

/// In turn, by weight: the largest of `(t + 1) × weight − W × served`, first of equals.
///
/// `served` is a member's first attempts since the set of candidates last changed, `t` their sum,
/// `W` the sum of weights. While the set stays, every full cycle is exact and any prefix is within
/// two of its share. Weights are read as in [`crate::SimpleShuffle`]; a member of weight 0 is
/// picked only when all are. The score is that figure.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundRobin;

impl Pick for RoundRobin {
    fn pick(&self, _: &Ask, among: &[Candidate], _: &mut dyn Entropy) -> Option<usize> {
        let round = Round::of(among);
        let mut best: Option<(i128, usize)> = None;
        for (at, member) in among.iter().enumerate() {
            let Some(lag) = round.lag(member) else { continue };
            if best.is_none_or(|(most, _)| lag > most) {
                best = Some((lag, at));
            }
        }
        best.map(|(_, at)| at)
    }

    fn score(&self, _: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        let lag = Round::of(among).lag(among.get(at)?)?;
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        Some(lag as f64)
    }

    fn weighs(&self) -> bool {
        false
    }
}

/// Where a group is in its round.
struct Round {
    share: Share,
    all: i128,
    turn: i128,
}

impl Round {
    fn of(among: &[Candidate]) -> Self {
        let share = Share::among(among);
        Self {
            share,
            all: among.iter().map(|member| i128::from(share.of(member))).sum(),
            turn: among.iter().map(served).sum::<i128>() + 1,
        }
    }

    /// How far the member is behind its share; `None` when it has none.
    fn lag(&self, member: &Candidate) -> Option<i128> {
        let share = self.share.of(member);
        // Below 2^112 for each of the members: nothing wraps.
        (share > 0).then(|| {
            let due = self.turn.wrapping_mul(i128::from(share));
            due.wrapping_sub(self.all.wrapping_mul(served(member)))
        })
    }
}

/// First attempts, of which nobody makes 2^48.
fn served(member: &Candidate) -> i128 {
    i128::from(member.served.min(1 << 48))
}

#[cfg(test)]
mod tests {
    use pointsman_clock::Dice;

    use super::*;

    fn at(among: &[Candidate]) -> Option<usize> {
        RoundRobin.pick(&Ask::default(), among, &mut Dice::new(1))
    }

    #[test]
    fn the_first_of_equals() {
        assert_eq!(at(&[1, 2, 3].map(Candidate::of)), Some(0));
        assert_eq!(at(&[1, 0, 0].map(|served| Candidate::of(1).served(served))), Some(1));
    }

    #[test]
    fn the_score_is_the_lag() {
        let among = [Candidate::of(1).weight(3).served(1), Candidate::of(2).weight(0)];
        let score = |at| RoundRobin.score(&Ask::default(), &among, at);
        assert_eq!((score(0), score(1), score(2)), (Some(3.0), None, None));
    }
}
