//! What groups are promised: retries that are paid for, turns that are fair.

use std::{collections::BTreeMap, time::Duration};

use pointsman_clock::Instant;

use super::Over;
use crate::world::log::Book;

pub(super) fn check(over: &Over<'_>, book: &mut Book) {
    for group in 0..over.scene.groups.len() {
        retries(over, group, book);
    }
    turns(over, book);
}

/// The sends of a group: when, to whom, and whether first of their call there.
fn sends(over: &Over<'_>, group: usize, book: &Book) -> Vec<(Instant, usize, bool)> {
    let mut seen = std::collections::BTreeSet::new();
    let mut all: Vec<(Instant, usize, bool)> = book
        .attempts
        .iter()
        .filter(|one| over.scene.members[one.member].group == group)
        .filter_map(|one| Some((one.sent?, one.member, seen.insert(one.call))))
        .collect();
    all.sort_by_key(|(at, ..)| *at);
    all
}

/// When the sends of a group were paid for: a retry when what it repeats had failed, though it may
/// wait before it leaves. And whether each was the first of its call there, which pays.
fn paid(over: &Over<'_>, group: usize, book: &Book) -> Vec<(Instant, bool)> {
    let mut last: BTreeMap<Option<usize>, Option<Instant>> = BTreeMap::new();
    let mut all = Vec::new();
    for one in book.attempts.iter().filter(|one| over.scene.members[one.member].group == group) {
        let Some(sent) = one.sent else { continue };
        let before = last.insert(one.call, one.over);
        let failed = before.flatten().filter(|failed| *failed < sent);
        // Of calls that race, a second first may be another racer's.
        let races = one.call.is_some_and(|call| over.plans[call].groups.len() > 1);
        all.push((failed.unwrap_or(sent), before.is_none() || races));
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

/// Whatever fails, retries and hedges are paid from the group's budget.
fn retries(over: &Over<'_>, group: usize, book: &mut Book) {
    let (ratio, per_second, burst) = over.scene.retry_budget;
    let span = Duration::from_secs(10);
    let sends = paid(over, group, book);
    for (nth, (at, first)) in sends.iter().enumerate() {
        if *first {
            continue;
        }
        let within = |span: Duration, wanted: bool| {
            let from = sends[..=nth].iter().filter(|one| *at - one.0 < span && one.1 == wanted);
            u32::try_from(from.count()).unwrap_or(u32::MAX)
        };
        let (extra, firsts) = (within(span, false), within(span * 2, true));
        let most = ratio * f64::from(firsts) + f64::from(burst) + per_second * 10.0;
        if f64::from(extra) > most + 1e-6 {
            let name = &over.scene.groups[group];
            book.breaks("retries are paid for", *at, || {
                format!("{name}: {extra} retries in ten seconds, {most} is the most")
            });
            return;
        }
    }
}

/// Turns go round by weight: no member of a steady group is two behind or ahead.
fn turns(over: &Over<'_>, book: &mut Book) {
    let Some(group) = over.scene.steady else { return };
    let weight = |at: usize| over.scene.members[at].weight.unwrap_or(1);
    let total: u32 = over.scene.members_of(group).map(|(at, _)| weight(at)).sum();
    let mut served: BTreeMap<usize, u32> = BTreeMap::new();
    let mut taken = 0;
    for (at, member, first) in sends(over, group, book) {
        if !first {
            continue;
        }
        taken += 1;
        *served.entry(member).or_default() += 1;
        for (member, plan) in over.scene.members_of(group) {
            let had = f64::from(served.get(&member).copied().unwrap_or(0));
            let due = f64::from(taken * weight(member)) / f64::from(total);
            if (had - due).abs() > 2.0 {
                book.breaks("turns are fair", at, || {
                    format!("{} had {had} of {taken} turns, {due:.2} were its share", plan.id)
                });
                return;
            }
        }
    }
}
