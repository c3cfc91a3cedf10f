//! From what the state shows of a group to the candidates of one pick.

use pointsman_clock::{Entropy, EntropyExt};
use pointsman_state::{Refusal, Row, Sight, Turn};
use pointsman_strategy::{Candidate, Used};
use pointsman_types::{Ix, stable_hash};
use smallvec::SmallVec;

use crate::{
    fit::{Checks, Outgrown, Unfit},
    plan::Place,
    tags::Tags,
    topology::{Group, Topology},
    trace::Verdict,
};

/// The members of a group in one decision.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) verdicts: SmallVec<[(Ix, Verdict); 4]>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) turn: Turn,
    /// Whether an estimate is not good enough for one of the members.
    pub(crate) near: bool,
}

/// What a call has found out about members beyond the state.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Failed in this call.
    pub(crate) tried: SmallVec<[Ix; 4]>,
    /// Refused when their capacity was claimed, in this decision.
    pub(crate) refused: SmallVec<[(Ix, Refusal); 2]>,
    /// Take part already, in a copy of the call that is under way.
    pub(crate) busy: SmallVec<[Ix; 2]>,
    /// The member that the call's session is pinned to.
    pub(crate) pinned: Option<Ix>,
    /// What the prompt was too long for.
    pub(crate) outgrown: Outgrown,
}

/// Filters in the order of the rules: not willing or unfit, tried, thinned, higher tiers.
pub(crate) fn choose(
    topology: &Topology,
    place: &Place,
    checks: &Checks<'_>,
    sight: &Sight,
    known: &Known,
    chance: &mut dyn Entropy,
) -> Choice {
    let group = &topology.groups[place.group];
    let mut verdicts: SmallVec<[(Ix, Verdict); 4]> =
        group.members.iter().map(|ix| (*ix, Verdict::Eligible)).collect();
    for (at, refusal) in &sight.refused {
        verdicts[*at].1 = Verdict::Refused(*refusal);
    }
    rule_out_unfit(topology, place, checks, known, &mut verdicts);
    let mut rows: SmallVec<[&Row; 8]> =
        sight.rows.iter().filter(|row| verdicts[row.at].1 == Verdict::Eligible).collect();
    keep_unless_none(&mut rows, &mut verdicts, &Verdict::Tried, |ix, _| !known.tried.contains(&ix));
    keep_unless_none(&mut rows, &mut verdicts, &Verdict::Thinned, |_, row| {
        row.ramp.is_none_or(|share| chance.unit() < f64::from(share))
    });
    let order = |row: &Row| group.tier(topology, row.at);
    let lowest = rows.iter().map(|row| order(row)).min();
    keep_unless_none(&mut rows, &mut verdicts, &Verdict::OtherTier, |_, row| {
        Some(order(row)) == lowest
    });
    if let Some(pinned) = known.pinned {
        keep_unless_none(&mut rows, &mut verdicts, &Verdict::NotPinned, |ix, _| ix == pinned);
    }
    candidates_of(topology, group, sight, &rows, verdicts)
}

/// Keeps the rows that `keep` says yes to; if that would leave none, all of them.
fn keep_unless_none(
    rows: &mut SmallVec<[&Row; 8]>,
    verdicts: &mut [(Ix, Verdict)],
    out: &Verdict,
    mut keep: impl FnMut(Ix, &Row) -> bool,
) {
    let kept: SmallVec<[bool; 8]> = rows.iter().map(|row| keep(verdicts[row.at].0, row)).collect();
    if !kept.contains(&true) {
        return;
    }
    let mut keep = kept.iter();
    rows.retain(|row| {
        let stays = keep.next().is_some_and(|stays| *stays);
        if !stays {
            verdicts[row.at].1 = out.clone();
        }
        stays
    });
}

fn rule_out_unfit(
    topology: &Topology,
    place: &Place,
    checks: &Checks<'_>,
    known: &Known,
    verdicts: &mut [(Ix, Verdict)],
) {
    let group = &topology.groups[place.group];
    let by_tags = topology.settings.tags.map(|rule| {
        let tags: SmallVec<[&[String]; 8]> =
            group.members.iter().map(|ix| topology.node(*ix).deployment.tags.as_slice()).collect();
        Tags::of(&checks.call.options.tags).choose(rule, &tags)
    });
    for (at, (ix, verdict)) in verdicts.iter_mut().enumerate() {
        let tagged = by_tags.as_ref().is_none_or(|chosen| chosen[at]);
        let unfit = if place.only.is_some_and(|only| only != *ix) {
            Some(Unfit::NotMeant)
        } else if !tagged {
            Some(Unfit::Tags)
        } else {
            checks.of(topology.node(*ix))
        };
        if let Some(unfit) = unfit {
            *verdict = Verdict::Unfit(unfit);
        } else if known.busy.contains(ix) {
            *verdict = Verdict::Tried;
        } else if let Some((_, refusal)) = known.refused.iter().find(|(refused, _)| refused == ix) {
            *verdict = Verdict::Refused(*refusal);
        }
    }
}

fn candidates_of(
    topology: &Topology,
    group: &Group,
    sight: &Sight,
    rows: &[&Row],
    verdicts: SmallVec<[(Ix, Verdict); 4]>,
) -> Choice {
    let hashes =
        rows.iter().flat_map(|row| topology.node(group.members[row.at]).hash.to_le_bytes());
    let set = stable_hash(&hashes.collect::<SmallVec<[u8; 64]>>());
    let same = set == sight.set;
    let candidate = |row: &&Row| {
        let ix = group.members[row.at];
        let node = topology.node(ix);
        Candidate {
            id: node.hash,
            ix,
            weight: node.deployment.weight,
            rpm: node.rpm,
            tpm: node.tpm,
            in_flight: row.in_flight,
            tokens_in_flight: row.tokens_in_flight,
            ttft: row.ttft,
            per_token: row.per_token,
            ewma: row.ewma,
            tokens_per_s: row.tokens_per_s,
            used: Used { requests: row.requests, tokens: row.tokens },
            price: row.price,
            served: if same { row.served } else { 0 },
            headroom: row.headroom,
            ramp: row.ramp,
            probe: row.probe,
        }
    };
    let turn = Turn { set, total: if same { sight.total } else { 0 } };
    let near = rows.iter().any(|row| row.near);
    Choice { verdicts, candidates: rows.iter().map(candidate).collect(), turn, near }
}
