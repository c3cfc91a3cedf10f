//! Affinity: the same key, the same member.

use std::sync::Arc;

use pointsman_clock::{Dice, Entropy};

use crate::{Ask, Candidate, Pick, latency::float, share::Share};

/// Calls with the same key go to the same member while it has room; calls without one as another
/// strategy says.
///
/// Weighted rendezvous hashing: each member draws for the key, by its id alone, and the largest draw
/// wins. So members keep their keys across reloads and instances, a member that leaves moves its own
/// keys only, and a new one takes its share of each. Weights are read as in
/// [`SimpleShuffle`](crate::SimpleShuffle); a member of weight 0 takes no keys unless all are 0.
///
/// A member has room when, this call included, it has at most `ceil(bound × (in flight of all + 1) ÷
/// members)` requests in flight; members of weight 0 are not counted. A key whose member is full
/// spills to the next in its order, always the same, and returns.
///
/// The score of a call with a key is the draw, the largest first; of another it is the inner
/// strategy's.
///
/// ```
/// use pointsman_clock::Dice;
/// use pointsman_strategy::{Affinity, Ask, Candidate, Pick, builtin};
///
/// let sticky = Affinity::new(builtin("least-busy").unwrap(), Affinity::BOUND);
/// let among = [Candidate::of(1), Candidate::of(2), Candidate::of(3)];
/// let ask = Ask { key: Some(42), ..Ask::default() };
/// let at = |seed| sticky.pick(&ask, &among, &mut Dice::new(seed));
/// assert_eq!(at(1), at(2));
/// ```
#[derive(Clone, Debug)]
pub struct Affinity {
    inner: Arc<dyn Pick>,
    bound: f64,
}

impl Affinity {
    /// A usual bound: a member may have a quarter more than its even part of the load.
    pub const BOUND: f64 = 1.25;

    /// Around a strategy for calls without a key; a bound below 1, or one that is no number, counts
    /// as 1.
    pub fn new(inner: Arc<dyn Pick>, bound: f64) -> Self {
        Self { inner, bound: bound.max(1.0) }
    }
}

impl Pick for Affinity {
    fn pick(&self, ask: &Ask, among: &[Candidate], chance: &mut dyn Entropy) -> Option<usize> {
        let Some(key) = ask.key else { return self.inner.pick(ask, among, chance) };
        let share = Share::among(among);
        let members = || among.iter().enumerate().filter(|(_, member)| share.of(member) > 0);
        let (count, load) = members().fold((0, 0), |(count, load), (_, member)| {
            (count + 1, load + u64::from(member.in_flight))
        });
        // With a bound of 1 or more the least loaded member always has room.
        let room = (self.bound * float(load + 1) / float(count)).ceil();
        let mut best: Option<(f64, usize)> = None;
        for (at, member) in members() {
            if f64::from(member.in_flight) + 1.0 > room {
                continue;
            }
            let (weight, chance) = (float(share.of(member)), unit(key, member.id));
            // -ln(x) is at least 1 - x: most are ruled out without a logarithm.
            if best.is_some_and(|(most, _)| weight <= most * (1.0 - chance)) {
                continue;
            }
            let draw = draw(weight, chance);
            if best.is_none_or(|(most, _)| draw > most) {
                best = Some((draw, at));
            }
        }
        best.map(|(_, at)| at)
    }

    fn score(&self, ask: &Ask, among: &[Candidate], at: usize) -> Option<f64> {
        let Some(key) = ask.key else { return self.inner.score(ask, among, at) };
        let member = among.get(at)?;
        Some(draw(float(Share::among(among).of(member)), unit(key, member.id)))
    }

    fn weighs(&self) -> bool {
        self.inner.weighs()
    }
}

/// The larger, the sooner it is this member's turn: exponential, so that the largest of several is
/// any one's in proportion to the weights.
fn draw(weight: f64, chance: f64) -> f64 {
    weight / -chance.ln()
}

/// The chance of a key at a member, between 0 and 1 and neither.
fn unit(key: u64, id: u64) -> f64 {
    (float(Dice::new(key ^ Dice::new(id).next()).next() >> 12) + 0.5) / 4_503_599_627_370_496.0
}
