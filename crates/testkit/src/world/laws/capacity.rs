//! Limits, tokens, money: what was claimed, sent, charged and given back.

use std::time::Duration;

use pointsman_clock::Instant;
use pointsman_cost::Terms;
use pointsman_state::{
    AccountIx, AccountReport, Demand, Limit, Limits, Sight, Slot, StateStore, Why,
};
use pointsman_types::{Charge, Decimal, Verdict};

use super::Over;
use crate::world::{
    log::{Attempt, Book, seconds},
    witness::Registry,
};

const MINUTE: Duration = Duration::from_mins(1);
/// Long after every cooldown.
const LATER: Duration = Duration::from_hours(48);

pub(super) fn check(over: &Over<'_>, book: &mut Book) {
    let registry = over.witness.registry();
    returned(over, &registry, book);
    for (at, known) in registry.known.iter().enumerate() {
        let name = known.spec.id.to_string();
        let member = over.scene.members.iter().position(|plan| plan.id == name);
        let mine = |attempt: &Attempt| Some(attempt.member) == member;
        windows(&name, &known.eras, &mine, book);
        let slot = Slot(u32::try_from(at).unwrap_or(u32::MAX));
        let report = over.witness.report(slot, over.now).account;
        spend(&name, known.spec.budget.is_some(), &report, &mine, over.now, book);
    }
    for (at, (spec, eras)) in registry.accounts.iter().enumerate() {
        let ix = AccountIx(u32::try_from(at).unwrap_or(u32::MAX));
        let name = spec.id.to_string();
        let mine = |attempt: &Attempt| attempt.accounts.contains(&ix);
        windows(&name, eras, &mine, book);
        let report = over.witness.account(ix, over.now);
        spend(&name, spec.budget.is_some(), &report, &mine, over.now, book);
    }
    charges(&registry, over, book);
}

/// Everything that was claimed is back.
fn returned(over: &Over<'_>, registry: &Registry, book: &mut Book) {
    const LAW: &str = "what is claimed is given back";
    let now = over.now;
    let mut sight = Sight::default();
    for (slot, known) in (0..).map(Slot).zip(&registry.known) {
        let id = &known.spec.id;
        let left = over.witness.report(slot, now).in_flight;
        if left > 0 {
            book.breaks(LAW, now, || format!("{id} has {left} in flight at the end"));
        }
        over.witness.inner.view(&[slot], &Demand::default(), now + LATER, &mut sight);
        for row in sight.rows.iter().filter(|row| row.tokens_in_flight > 0) {
            book.breaks(LAW, now, || format!("{id} has {} tokens reserved", row.tokens_in_flight));
        }
        for (_, refusal) in &sight.refused {
            let slots =
                matches!(refusal.why, Why::Limit { limit: Limit::Slots, used, .. } if used > 0);
            if slots || matches!(refusal.why, Why::Probing | Why::Cooling { .. }) {
                book.breaks(LAW, now, || format!("{id} is refused for good: {}", refusal.why));
            }
        }
    }
    let open: Vec<u64> =
        book.attempts.iter().filter(|one| one.settled.is_none()).map(|one| one.grant).collect();
    for grant in open {
        book.breaks("settled once", now, || format!("grant {grant} never was"));
    }
}

/// The most that was allowed within a minute up to `at`; `None` if there was no limit.
fn allowed(eras: &[(Instant, Limits)], limit: Limit, at: Instant) -> Option<u64> {
    let from = at - MINUTE;
    let last = eras.iter().rposition(|(since, _)| *since <= from).unwrap_or(0);
    let within = eras[last..].iter().filter(|(since, _)| *since <= at);
    within.map(|(_, limits)| limits.get(limit)).try_fold(0, |most, one| Some(most.max(one?)))
}

/// No minute, however it lies, holds more than it may.
fn windows(
    name: &str,
    eras: &[(Instant, Limits)],
    mine: &dyn Fn(&Attempt) -> bool,
    book: &mut Book,
) {
    for limit in [Limit::Rpm, Limit::Tpm, Limit::Itpm, Limit::Otpm] {
        if eras.iter().all(|(_, limits)| limits.get(limit).is_none()) {
            continue;
        }
        let takes: Vec<(Instant, u64, u64)> =
            book.attempts.iter().filter(|one| mine(one)).filter_map(|one| of(one, limit)).collect();
        let mut first = 0;
        let (mut used, mut debt) = (0, 0);
        for (at, amount, more) in &takes {
            used += amount;
            debt += more;
            while *at - takes[first].0 >= MINUTE {
                used -= takes[first].1;
                debt -= takes[first].2;
                first += 1;
            }
            if let Some(most) = allowed(eras, limit, *at)
                && used > most + debt
            {
                book.breaks("no minute holds more than its limit", *at, || {
                    format!(
                        "{name}: {used} {} (underestimated by {debt}) of {most} in the minute \
                         that ends at {}",
                        limit.name(),
                        seconds(*at)
                    )
                });
                return;
            }
        }
    }
}

/// When an attempt took of a limit, how much it used, and how much of that it had not reserved.
fn of(attempt: &Attempt, limit: Limit) -> Option<(Instant, u64, u64)> {
    let sent = attempt.sent?;
    if limit == Limit::Rpm {
        return Some((sent, 1, 0));
    }
    let (_, outcome) = attempt.settled.as_ref()?;
    let Charge { input, output, .. } = outcome.charged;
    let used = match limit {
        Limit::Itpm => input,
        Limit::Otpm => output,
        _ => input + output,
    };
    Some((attempt.reserved, used, used.saturating_sub(attempt.take.of(limit))))
}

/// Spend is the sum of what was settled, and over the budget by no more than was underestimated.
fn spend(
    name: &str,
    limited: bool,
    report: &AccountReport,
    mine: &dyn Fn(&Attempt) -> bool,
    now: Instant,
    book: &mut Book,
) {
    let Some(told) = report.spend.filter(|_| limited) else { return };
    let (mut spent, mut debt) = (Decimal::ZERO, Decimal::ZERO);
    for attempt in book.attempts.iter().filter(|one| mine(one)) {
        let Some((_, outcome)) = &attempt.settled else { continue };
        if outcome.sent {
            let estimate = attempt.estimate.unwrap_or_default();
            let money = outcome.charged.money.unwrap_or(estimate);
            spent += money;
            debt += (money - estimate).max(Decimal::ZERO);
        }
    }
    if told.spent != spent || !told.reserved.is_zero() {
        book.breaks("spend is the sum of what was settled", now, || {
            format!("{name}: {} spent, {} reserved; settled: {spent}", told.spent, told.reserved)
        });
    }
    if spent > told.max + debt {
        book.breaks("no budget is overspent", now, || {
            format!("{name}: {spent} of {}, underestimated by {debt}", told.max)
        });
    }
}

/// What was charged is what the upstream told, or the estimate and what was seen.
fn charges(registry: &Registry, over: &Over<'_>, book: &mut Book) {
    let mut wrong = Vec::new();
    for attempt in &book.attempts {
        let Some((at, outcome)) = &attempt.settled else { continue };
        let id = &over.scene.members[attempt.member].id;
        let known = registry.known.iter().find(|known| known.spec.id.as_str() == id);
        let Some(price) = known.and_then(|known| known.spec.price.as_ref()) else { continue };
        let told = attempt.usage.map(|usage| (usage.input, usage.output));
        let seen = (attempt.take.input, attempt.tokens);
        let expected = match outcome.verdict {
            _ if attempt.sent.is_none() => (0, 0),
            _ if told.is_some() => told.unwrap_or_default(),
            Verdict::Failure { .. } if attempt.content.is_none() => (0, 0),
            Verdict::Success if attempt.tokens == 0 => (attempt.take.input, attempt.take.output),
            // Frames that were there and not read count as well, or not: nobody saw them.
            Verdict::Dropped => (seen.0, outcome.charged.output.min(seen.1)),
            _ => seen,
        };
        let money = match attempt.usage {
            Some(usage) if attempt.sent.is_some() => price.of(&usage, &Terms::default()),
            _ => price.estimate(expected.0, expected.1),
        };
        let charged = (outcome.charged.input, outcome.charged.output);
        if charged != expected || outcome.charged.money.is_some_and(|one| one != money) {
            wrong.push((*at, attempt.grant, outcome.clone(), expected, money));
        }
    }
    for (at, grant, outcome, expected, money) in wrong {
        book.breaks("charged is what was used", at, || {
            format!("grant {grant}: {outcome:?}, where {expected:?} for {money} was used")
        });
    }
}
