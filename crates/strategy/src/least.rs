//! The least of something, ties at random.

use std::cmp::Ordering;

use pointsman_clock::{Entropy, EntropyExt};

use crate::Candidate;

/// One of the members with the least key, each with the same chance. Any two keys compare.
pub(crate) fn least<K: PartialOrd>(
    among: &[Candidate],
    chance: &mut dyn Entropy,
    key: impl Fn(&Candidate) -> K,
) -> Option<usize> {
    let mut members = among.iter().enumerate();
    let mut first = 0;
    let mut best = key(members.next()?.1);
    let mut ties = 1;
    for (at, member) in members {
        let here = key(member);
        match here.partial_cmp(&best) {
            Some(Ordering::Less) => (first, best, ties) = (at, here, 1),
            Some(Ordering::Equal) => ties += 1,
            Some(Ordering::Greater) | None => {}
        }
    }
    if ties == 1 {
        return Some(first);
    }
    // The first of the ties needs no second look.
    let skip = chance.index(ties);
    if skip == 0 { Some(first) } else { nth(among, skip, |member| key(member) == best) }
}

/// One of the members that are `such`, each with the same chance.
pub(crate) fn one_of(
    among: &[Candidate],
    chance: &mut dyn Entropy,
    such: impl Fn(&Candidate) -> bool,
) -> Option<usize> {
    let count = among.iter().filter(|member| such(member)).count();
    if count == 0 { None } else { nth(among, chance.index(count), such) }
}

/// The index of the member that is `such` after `skip` others that are.
pub(crate) fn nth(
    among: &[Candidate],
    skip: usize,
    such: impl Fn(&Candidate) -> bool,
) -> Option<usize> {
    let such = among.iter().enumerate().filter(|(_, member)| such(member));
    such.map(|(at, _)| at).nth(skip)
}
