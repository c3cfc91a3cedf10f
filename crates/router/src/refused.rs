//! What a caller is told when no member of a group is willing.

use std::{fmt::Write, time::Duration};

use pointsman_clock::Instant;
use pointsman_state::{Limit, Refusal, Until, Why};
use pointsman_types::{Error, ErrorKind, Ix};

use crate::{
    fit::Unfit,
    topology::{Group, Topology},
    trace::Verdict,
};

/// The most members that a message names.
const NAMED: usize = 20;

/// The refusal of a whole group: one reason for each member, and the soonest moment at which one
/// may answer.
pub(crate) fn refused(
    topology: &Topology,
    group: &Group,
    verdicts: &[(Ix, Verdict)],
    now: Instant,
) -> Error {
    let refusals = verdicts.iter().filter_map(|(_, verdict)| match verdict {
        Verdict::Refused(refusal) => Some(*refusal),
        _ => None,
    });
    let Some(soonest) = refusals.clone().min_by_key(|refusal| rank(refusal, now)) else {
        return unfit(topology, group, verdicts);
    };
    let message = message(topology, group, verdicts);
    if let Some(kind) = credential_fault(refusals.clone()) {
        return Error::new(kind, message);
    }
    if refusals.clone().all(|refusal| refusal.until == Until::Never) {
        // No time helps: the demand is more than any member may ever take.
        let error = Error::new(ErrorKind::Refused, message).with_code(never(&soonest.why));
        return error.with_status(status_of_never(&soonest.why));
    }
    let after = match soonest.until {
        Until::At(at) => at - now,
        // A slot or a probe has no moment: it is worth asking in a second.
        Until::Event | Until::Never => Duration::from_secs(1),
    };
    let cooling = |refusal: Refusal| matches!(refusal.why, Why::Cooling { .. } | Why::Probing);
    let code = if refusals.clone().all(cooling) { "all_cooling" } else { code(&soonest.why) };
    Error::new(ErrorKind::Refused, message).with_code(code).with_retry_after(Some(after))
}

/// Who frees first comes first.
fn rank(refusal: &Refusal, now: Instant) -> (u8, Duration) {
    match refusal.until {
        Until::At(at) => (0, at - now),
        Until::Event => (0, Duration::from_secs(1)),
        Until::Never => (1, Duration::ZERO),
    }
}

/// The credential fault that is behind all of them, if one is.
fn credential_fault(refusals: impl Iterator<Item = Refusal>) -> Option<ErrorKind> {
    let mut kinds = refusals.map(|refusal| match refusal.why {
        Why::Cooling { kind, .. } => Some(kind),
        _ => None,
    });
    let first = kinds.next()??;
    let fault = matches!(first, ErrorKind::Authentication | ErrorKind::Permission);
    (fault && kinds.all(|kind| kind == Some(first))).then_some(first)
}

fn code(why: &Why) -> &'static str {
    match why {
        Why::Limit { limit: Limit::Slots, .. } => "slots_exhausted",
        Why::Limit { limit: Limit::Rpm | Limit::Rpd, .. } => "rate_limit_exceeded",
        Why::Limit { .. } => "tokens_exceeded",
        Why::Budget { .. } | Why::Unpriced { .. } => "budget_exceeded",
        _ => "rate_limit_exceeded",
    }
}

/// A budget that is used up for good is a budget that is exceeded; anything else is too large.
fn never(why: &Why) -> &'static str {
    match why {
        Why::Budget { .. } | Why::Unpriced { .. } => "budget_exceeded",
        _ => "request_too_large",
    }
}

fn status_of_never(why: &Why) -> u16 {
    match why {
        Why::Budget { .. } | Why::Unpriced { .. } => 429,
        _ => 400,
    }
}

fn message(topology: &Topology, group: &Group, verdicts: &[(Ix, Verdict)]) -> String {
    let mut message = format!("no deployment of `{}` is available:", group.name);
    let refused = verdicts.iter().filter_map(|(ix, verdict)| match verdict {
        Verdict::Refused(refusal) => Some((ix, refusal)),
        _ => None,
    });
    for (ix, refusal) in refused.clone().take(NAMED) {
        let _ = write!(message, " {} is refused: {}", topology.id(*ix), refusal.why);
        if let Some(owner) = refusal.why.whose().and_then(|whose| topology.owner(whose)) {
            let _ = write!(message, " ({owner})");
        }
        message.push(';');
    }
    message.pop();
    let more = refused.count().saturating_sub(NAMED);
    if more > 0 {
        let _ = write!(message, "; and {more} more");
    }
    message
}

/// Nobody can take the call, whatever its state.
fn unfit(topology: &Topology, group: &Group, verdicts: &[(Ix, Verdict)]) -> Error {
    let reasons = || {
        verdicts.iter().filter_map(|(_, verdict)| match verdict {
            Verdict::Unfit(unfit) if *unfit != Unfit::NotMeant => Some(unfit),
            _ => None,
        })
    };
    if reasons().next().is_some()
        && reasons().all(|unfit| matches!(unfit, Unfit::ContextWindow { .. }))
    {
        let mut message =
            format!("the prompt is too long for every deployment of `{}`", group.name);
        if let Some(one) = reasons().next() {
            let _ = write!(message, ": {one}");
        }
        return Error::new(ErrorKind::ContextWindow, message).with_code("context_length_exceeded");
    }
    let tags = reasons().all(|unfit| *unfit == Unfit::Tags) && topology.settings.tags.is_some();
    let tags = if tags { " with the request's tags" } else { "" };
    let mut message = format!("no deployment of `{}` takes this request{tags}", group.name);
    if let Some(one) = reasons().find(|unfit| **unfit != Unfit::Tags) {
        let _ = write!(message, ": {one}");
    }
    Error::new(ErrorKind::Unsupported, message).with_code("no_matching_deployment")
}
