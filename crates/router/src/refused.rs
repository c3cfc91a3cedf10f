//! What a caller is told when no member of a group is willing.

use std::{fmt::Write, time::Duration};

use pointsman_clock::Instant;
use pointsman_state::Why;
use pointsman_types::{Error, ErrorKind, Ix};

use crate::{
    topology::{Group, Topology},
    trace::Verdict,
};

/// The refusal of a whole group: one reason for each member, and the soonest moment at which one
/// may answer.
pub(crate) fn refused(
    topology: &Topology,
    group: &Group,
    verdicts: &[(Ix, Verdict)],
    now: Instant,
) -> Error {
    let refusals = verdicts.iter().filter_map(|(_, verdict)| match verdict {
        Verdict::Refused(refusal) => Some(refusal),
        _ => None,
    });
    let fitting = refusals.clone().count();
    if fitting == 0 {
        return unfit(topology, group);
    }
    let mut message = format!("no deployment of `{}` is available:", group.name);
    for (ix, verdict) in verdicts {
        if let Verdict::Refused(refusal) = verdict {
            let _ = write!(message, " {} is refused: {};", topology.id(*ix), refusal.why);
        }
    }
    message.pop();
    let soonest = refusals.clone().map(|refusal| moment(refusal.until, now)).min();
    let mut whys = refusals.map(|refusal| refusal.why);
    let first = whys.next().unwrap_or(Why::Probing);
    let kind = match first {
        Why::Cooling {
            kind: kind @ (ErrorKind::Authentication | ErrorKind::Permission), ..
        } => {
            let all =
                whys.clone().all(|why| matches!(why, Why::Cooling { kind: k, .. } if k == kind));
            if all { kind } else { ErrorKind::Refused }
        }
        _ => ErrorKind::Refused,
    };
    if kind != ErrorKind::Refused {
        return Error::new(kind, message);
    }
    let all = |is: fn(&Why) -> bool| is(&first) && whys.clone().all(|why| is(&why));
    let code = if all(|why| matches!(why, Why::Cooling { .. } | Why::Probing)) {
        "all_cooling"
    } else if all(|why| matches!(why, Why::Slots { .. })) {
        "slots_exhausted"
    } else {
        "rate_limit_exceeded"
    };
    Error::new(kind, message).with_code(code).with_retry_after(soonest)
}

/// How long until that moment; what has no moment (slots, a probe) is worth asking in a second.
fn moment(until: Option<Instant>, now: Instant) -> Duration {
    until.map_or(Duration::from_secs(1), |until| until - now)
}

fn unfit(topology: &Topology, group: &Group) -> Error {
    let tags = if topology.settings.tags.is_some() { " with the request's tags" } else { "" };
    let message = format!("no deployment of `{}` takes this request{tags}", group.name);
    Error::new(ErrorKind::BadRequest, message).with_code("no_matching_deployment")
}
