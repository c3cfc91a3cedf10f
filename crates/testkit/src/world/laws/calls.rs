//! What callers are promised: an end in time, few attempts, no detour, an answer where one was to
//! be had.

use std::{collections::BTreeSet, time::Duration};

use pointsman_types::ErrorKind;

use super::Over;
use crate::world::{
    log::{Attempt, Book, CallEnd, Said, seconds},
    scene::Exhausted,
    traffic::{CallPlan, LATE},
};

pub(super) fn check(over: &Over<'_>, book: &mut Book) {
    for (number, sends) in book.by_call().iter().enumerate() {
        let plan = &over.plans[number];
        let Some(end) = book.calls[number].end.clone() else {
            book.breaks("every call ends", over.now, || format!("call {number} did not"));
            continue;
        };
        let copies = over.scene.mirror.map(|_| over.scene.groups.len() - 1);
        let own: Vec<usize> = sends
            .iter()
            .copied()
            .filter(|at| Some(over.scene.members[book.attempts[*at].member].group) != copies)
            .collect();
        in_time(over, plan, number, book);
        attempts(over, plan, number, &own, &end, book);
        detours(over, plan, number, &own, book);
        if plan.groups.len() == 1 {
            faults(over, number, &own, book);
        }
        timeouts(over, plan, number, &own, book);
        answered(over, plan, number, &own, &end, book);
    }
}

/// The answer begins, or the call fails, by the deadline.
fn in_time(over: &Over<'_>, plan: &CallPlan, number: usize, book: &mut Book) {
    let call = &book.calls[number];
    let (began, ended) = (call.began, call.ended.unwrap_or(over.now));
    let deadline = plan.deadline(over.scene);
    if ended - began > deadline + LATE {
        book.breaks("no call is longer than its deadline", ended, || {
            format!("call {number} took {:?} of {deadline:?}", ended - began)
        });
    }
}

fn attempts(
    over: &Over<'_>,
    plan: &CallPlan,
    number: usize,
    own: &[usize],
    end: &CallEnd,
    book: &mut Book,
) {
    let ended = book.calls[number].ended.unwrap_or(over.now);
    let most = over.scene.max_attempts as usize * plan.groups.len();
    if own.len() > most {
        book.breaks("attempts within max_attempts", ended, || {
            format!("call {number} was sent {} times, {most} is the most", own.len())
        });
    }
    let told = match end {
        CallEnd::Answered { sends, .. } => *sends,
        CallEnd::Failed { sends, .. } => (plan.groups.len() == 1).then_some(*sends),
        CallEnd::Left => None,
    };
    if told.is_some_and(|told| told != own.len()) {
        book.breaks("a trace tells every send", ended, || {
            format!("call {number} was sent {} times, its trace has {told:?}", own.len())
        });
    }
    let late = own.iter().find(|at| book.attempts[**at].sent.is_some_and(|sent| sent > ended));
    if let Some(late) = late {
        book.breaks("nothing is sent behind an answer", ended, || {
            format!("call {number}: grant {}", book_grant(*late))
        });
    }
}

fn book_grant(at: usize) -> String {
    format!("attempt {at}")
}

/// Each group once, and only where the rules send a call.
fn detours(over: &Over<'_>, plan: &CallPlan, number: usize, own: &[usize], book: &mut Book) {
    // A name that means nothing any more means the default fallbacks.
    let gone = plan.by_id.is_some_and(|at| over.removed.contains(&at));
    if plan.groups.len() > 1 || gone {
        return;
    }
    let group = |at: &usize| over.scene.members[book.attempts[*at].member].group;
    let mut way: Vec<(usize, ErrorKind)> = vec![(plan.groups[0], ErrorKind::Refused)];
    let mut wrong = None;
    for at in own {
        let here = group(at);
        let kind = match book.attempts[*at].said {
            Some(Said::Failure(kind)) => kind,
            _ => ErrorKind::Timeout,
        };
        let stays = way.last().is_some_and(|last| last.0 == here);
        let again = way.iter().any(|(group, _)| *group == here);
        if stays {
            // Of two copies either may have said what counts.
            way.push((here, kind));
            continue;
        }
        if again || plan.disable_fallbacks || !reachable(over, &way).contains(&here) {
            wrong = Some((here, way.clone()));
            break;
        }
        way.push((here, kind));
    }
    let groups = way.iter().map(|(group, _)| group).collect::<BTreeSet<_>>().len();
    if let Some((here, way)) = wrong {
        book.breaks("each fallback once, and no other", over.now, || {
            format!("call {number} went to {} after {way:?}", over.scene.groups[here])
        });
    } else if groups > 1 + over.scene.max_fallbacks as usize {
        book.breaks("fallbacks within max_fallbacks", over.now, || {
            format!("call {number} was in {groups} groups")
        });
    }
}

/// The groups that may come next; one that refuses leaves no other mark.
fn reachable(over: &Over<'_>, way: &[(usize, ErrorKind)]) -> BTreeSet<usize> {
    let mut all: BTreeSet<usize> = BTreeSet::new();
    let mut new: Vec<usize> = Vec::new();
    for (group, kind) in way {
        new.extend(over.scene.after(*group, *kind));
        if *kind == ErrorKind::Refused {
            new.extend(over.scene.after(*group, ErrorKind::ContextWindow));
        }
    }
    // A group where nobody is asked may find the prompt too long, or have nobody willing.
    while let Some(group) = new.pop() {
        if all.insert(group) {
            new.extend(over.scene.after(group, ErrorKind::Refused));
            new.extend(over.scene.after(group, ErrorKind::ContextWindow));
        }
    }
    all
}

/// Where a client's own fault may be sent again.
fn faults(over: &Over<'_>, number: usize, own: &[usize], book: &mut Book) {
    let wrong = own.iter().enumerate().find_map(|(nth, at)| {
        let attempt = &book.attempts[*at];
        let Some(Said::Failure(kind)) = attempt.said else { return None };
        let member = &over.scene.members[attempt.member];
        let mut later = own[nth + 1..].iter().map(|at| &book.attempts[*at]);
        // A second copy may have been under way already.
        let after = |other: &&Attempt| other.sent > attempt.over;
        let same = |other: &Attempt| over.scene.members[other.member].group == member.group;
        let larger = |other: &Attempt| {
            let window = over.scene.members[other.member].window;
            window.is_some_and(|window| member.window.is_some_and(|own| window > own))
        };
        let found = later.find(|other| {
            after(other)
                && match kind {
                    ErrorKind::BadRequest => true,
                    ErrorKind::ContentPolicy => same(other),
                    ErrorKind::ContextWindow => same(other) && !larger(other),
                    _ => false,
                }
        });
        found.map(|other| (kind, other.grant))
    });
    if let Some((kind, grant)) = wrong {
        book.breaks("a client's fault goes where it may help", over.now, || {
            format!("call {number} went on to grant {grant} after {kind}")
        });
    }
}

/// No attempt waits longer for its first content than its deployment may take.
fn timeouts(over: &Over<'_>, plan: &CallPlan, number: usize, own: &[usize], book: &mut Book) {
    for at in own {
        let attempt = &book.attempts[*at];
        let member = &over.scene.members[attempt.member];
        let streamed = [member.stream_timeout, over.scene.ttft_timeout];
        let streamed = streamed.into_iter().filter(|_| plan.stream);
        let Some(most) = streamed.chain([member.timeout]).flatten().min() else { continue };
        let (Some(sent), Some(end)) = (attempt.sent, attempt.content.or(attempt.over)) else {
            continue;
        };
        if end - sent > most + LATE {
            let id = member.id.clone();
            book.breaks("no attempt is longer than its timeout", end, || {
                format!("call {number} waited {:?} of {most:?} for {id}", end - sent)
            });
        }
    }
}

/// Whoever could be answered is; whoever is refused is told the truth.
fn answered(
    over: &Over<'_>,
    plan: &CallPlan,
    number: usize,
    own: &[usize],
    end: &CallEnd,
    book: &mut Book,
) {
    let CallEnd::Failed { kind, code, message, visited, .. } = end else { return };
    let (scene, ended) = (over.scene, book.calls[number].ended.unwrap_or(over.now));
    let told = || format!("call {number} of {}: {kind}, {message}", scene.groups[plan.groups[0]]);
    let ordinary = plan.nature.is_none()
        && plan.caller.is_none()
        && plan.by_id.is_none()
        && !scene.tags
        && plan.num_retries.is_none();
    let roomy = plan.deadline(scene) >= Duration::from_secs(4);
    let guarded = scene.guarded && plan.groups.iter().any(|at| has_rock(over, *at));
    if guarded && ordinary && roomy {
        book.breaks("where a member is willing throughout, a call is answered", ended, told);
    }
    if ordinary && *kind == ErrorKind::Refused && own.is_empty() {
        let group = plan.groups[0];
        if let Some(id) = blameless(over, group, book) {
            book.breaks("nobody is refused without a reason", ended, || {
                format!("{}; {id} has no limit and never failed", told())
            });
        }
    }
    waited(over, plan, number, own, end, book);
    let spent = own.len() >= scene.max_attempts as usize;
    let late = ended - book.calls[number].began >= plan.deadline(scene);
    let first = scene.after(plan.groups[0], *kind);
    let other: BTreeSet<usize> = first.into_iter().filter(|at| *at != plan.groups[0]).collect();
    let due = other.len().min(scene.max_fallbacks as usize);
    let nowhere =
        own.iter().any(|at| book.attempts[*at].said == Some(Said::Failure(ErrorKind::BadRequest)));
    // Who waits, or takes the last resort, has been everywhere before.
    let waits = scene.exhausted != Exhausted::Refuse;
    let gone = plan.by_id.is_some_and(|at| over.removed.contains(&at));
    let single = plan.groups.len() == 1 && !plan.disable_fallbacks && !gone;
    let known = !visited.is_empty();
    if single && known && !nowhere && !waits && !spent && !late && visited.len() <= due {
        book.breaks("a call that fails was taken to its fallbacks", ended, || {
            format!("{}, was in {visited:?} and code {code:?}", told())
        });
    }
}

fn has_rock(over: &Over<'_>, group: usize) -> bool {
    over.scene.members_of(group).any(|(at, member)| member.rock && !over.removed.contains(&at))
}

/// A member that nothing can be said against.
fn blameless(over: &Over<'_>, group: usize, book: &Book) -> Option<String> {
    let failed = |attempt: &Attempt| !matches!(attempt.said, Some(Said::Whole | Said::StreamEnd));
    let found = over.scene.members_of(group).find(|(at, member)| {
        let shares = |other: usize| {
            let other = &over.scene.members[other];
            (other.key, other.host) == (member.key, member.host)
                || other.host == member.host
                || other.id == member.id
        };
        let dry = member.moods.iter().any(|(_, mood)| *mood == crate::world::scene::Mood::Dry);
        member.is_unlimited()
            && member.window.is_none()
            && !dry
            && !over.removed.contains(at)
            && !book.attempts.iter().any(|attempt| shares(attempt.member) && failed(attempt))
    });
    found.map(|(_, member)| member.id.clone())
}

/// Who is refused after all has waited as long as it may.
fn waited(
    over: &Over<'_>,
    plan: &CallPlan,
    number: usize,
    own: &[usize],
    end: &CallEnd,
    book: &mut Book,
) {
    let CallEnd::Failed { kind: ErrorKind::Refused, code, message, .. } = end else { return };
    let Exhausted::Wait(most, queue) = over.scene.exhausted else { return };
    let code = code.as_deref().unwrap_or_default();
    let lasting = ["request_too_large", "budget_exceeded"].contains(&code);
    if queue < over.plans.len() || lasting || !own.is_empty() || plan.groups.len() > 1 {
        return;
    }
    let call = &book.calls[number];
    let ended = call.ended.unwrap_or(over.now);
    let (waited, due) = (ended - call.began, most.min(plan.deadline(over.scene)));
    if waited + LATE < due {
        book.breaks("who waits, waits to the end", ended, || {
            format!("call {number} was refused at {} after {waited:?}: {message}", seconds(ended))
        });
    }
}
