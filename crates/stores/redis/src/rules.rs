//! What limits and budgets come to as meters, and how a meter refuses.

use std::time::Duration;

use pointsman_clock::Instant;
use pointsman_state::{BudgetLimit, Limit, Limits, Refusal, Take, Until, Whose, Why};
use pointsman_types::Decimal;

use crate::{
    known::ServerTime,
    meter::{Kind, Meter},
    money,
    wire::Ends,
};

/// What limits and a budget come to.
pub(crate) fn kinds(limits: &Limits, budget: Option<&BudgetLimit>) -> Vec<(Kind, u64)> {
    let kind = |limit: Limit| match limit {
        Limit::Rpm | Limit::Tpm | Limit::Itpm | Limit::Otpm => Kind::Minute(limit),
        Limit::Rpd | Limit::Tpd => Kind::Day(limit, limits.daily_reset_time),
        Limit::Slots => Kind::Slots,
    };
    let limited = Limit::ALL.into_iter().filter_map(|one| Some((kind(one), limits.get(one)?)));
    let budget = budget.map(|limit| (Kind::Money(*limit), money::pico_down(limit.max)));
    limited.chain(budget).collect()
}

pub(crate) fn is_same(one: &Kind, other: &Kind) -> bool {
    match (one, other) {
        (Kind::Minute(one), Kind::Minute(other)) | (Kind::Day(one, _), Kind::Day(other, _)) => {
            one == other
        }
        (Kind::Slots, Kind::Slots) | (Kind::Money(_), Kind::Money(_)) => true,
        _ => false,
    }
}

/// How much of a limit a demand wants; `None`: what it costs is not known, and there is a budget.
pub(crate) fn need(kind: &Kind, take: &Take, money: Option<Decimal>) -> Option<u64> {
    match kind {
        Kind::Minute(limit) | Kind::Day(limit, _) => Some(take.of(*limit)),
        Kind::Slots => Some(1),
        Kind::Money(_) => money.map(money::pico_up),
    }
}

/// When a counter that began at this millisecond would end.
pub(crate) fn ends(kind: &Kind, server: u64) -> Ends {
    const DAY: u64 = 86_400_000;
    let at = |ms: u64| Instant::from_nanos(ms.saturating_mul(1_000_000));
    let ms = |at: Instant| at.as_nanos() / 1_000_000;
    match kind {
        Kind::Minute(_) | Kind::Slots | Kind::Money(BudgetLimit { window: None, .. }) => (0, 0, 0),
        Kind::Day(_, reset) => {
            let reset = u64::try_from(reset.as_millis()).unwrap_or(0) % DAY;
            let into = (server + DAY - reset) % DAY;
            (0, server - into + DAY, server - into + 2 * DAY)
        }
        Kind::Money(BudgetLimit { window: Some(window), .. }) => {
            let end = window.end(at(server)).map_or(0, ms);
            if window.is_calendar() {
                (0, end, window.end(at(end)).map_or(0, ms))
            } else {
                (end.saturating_sub(server), 0, 0)
            }
        }
    }
}

pub(crate) fn refusal(
    meter: &Meter,
    whose: Whose,
    need: u64,
    time: ServerTime,
    now: Instant,
) -> Refusal {
    let server = time.at_least(now);
    let used = meter.used(server).saturating_add(meter.reserved());
    let others = meter.known().map_or(0, |known| known.others);
    let ends = meter.resets(server).is_some();
    let until = match meter.when(need, server) {
        _ if need > meter.limit => Until::Never,
        _ if meter.kind == Kind::Slots => Until::Event,
        // There is room, but others hold it for the moment.
        Some(at) if at <= server => Until::Event,
        Some(at) => Until::At(time.local(at).max(now + Duration::from_nanos(1))),
        None => match meter.kind {
            Kind::Minute(_) => Until::At(now + Duration::from_secs(1)),
            Kind::Money(_) if !ends && others + meter.reserved() == 0 => Until::Never,
            _ => Until::Event,
        },
    };
    let why = match meter.kind {
        Kind::Minute(limit) | Kind::Day(limit, _) => {
            Why::Limit { whose, limit, used, value: meter.limit, asked: need }
        }
        Kind::Slots => {
            let used = meter.reserved() + others;
            Why::Limit { whose, limit: Limit::Slots, used, value: meter.limit, asked: need }
        }
        Kind::Money(limit) => {
            let (used, asked) = (money::dollars(used), money::dollars(need));
            Why::Budget { whose, used, max: limit.max, asked }
        }
    };
    Refusal { why, until }
}
