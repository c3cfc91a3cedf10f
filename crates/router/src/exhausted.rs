//! When no member of a group is willing, and no fallback either: wait, or ask a cooling one.

use std::{sync::Arc, time::Duration};

use pointsman_provider::Call;
use pointsman_state::{Refusal, Until, Whose, Why};
use pointsman_types::{Error, ErrorKind, Ix};

use crate::{
    OnExhausted, Unfit, Verdict,
    candidates::Known,
    claim::How,
    journey::{Done, Journey},
    plan::Place,
};

impl Journey<'_> {
    /// What is left to do for a call that everybody refused.
    pub(crate) async fn exhausted(
        &mut self,
        original: &Arc<Call>,
        start: &Place,
        refusal: Error,
    ) -> Result<Done, Error> {
        let lasting = refusal.detail.status.is_some();
        let tried = !self.trace.attempts.is_empty();
        if refusal.kind != ErrorKind::Refused || lasting || tried || self.is_copy {
            return Err(refusal);
        }
        self.travel_as(Arc::clone(original));
        match self.topology.settings.on_exhausted {
            OnExhausted::Refuse => Err(refusal),
            OnExhausted::LastResort => self.last_resort(start, refusal).await,
            OnExhausted::Wait { most, queue } => self.wait(start, refusal, most, queue).await,
        }
    }

    /// Asks the softly cooled member that is due soonest, once.
    async fn last_resort(&mut self, place: &Place, refusal: Error) -> Result<Done, Error> {
        let Some(ix) = self.due_soonest(place) else { return Err(refusal) };
        let only = Place { only: Some(ix), ..place.clone() };
        let mut known = Known::default();
        let how = How { first: true, last_resort: true };
        let Ok((ix, lease)) = self.claim(&only, &mut known, how).await else {
            return Err(refusal);
        };
        let began = self.shared.clock.now();
        let sent = self.sending(&only, ix, lease).run().await;
        self.trace.elsewhere += self.shared.clock.now() - began;
        self.made(sent.attempt);
        sent.result.map(|(headers, payload)| (ix, headers, payload))
    }

    /// The softly cooled member that is due soonest, as the group's last decision saw it.
    fn due_soonest(&self, place: &Place) -> Option<Ix> {
        let decision = self.trace.decisions.iter().rfind(|one| one.group == place.group)?;
        let due = decision.members.iter().filter_map(|(ix, verdict)| match verdict {
            Verdict::Refused(refusal) => match (refusal.why, refusal.until) {
                (Why::Cooling { hard: false, .. }, Until::At(until)) => Some((until, *ix)),
                _ => None,
            },
            _ => None,
        });
        due.min_by_key(|(until, _)| *until).map(|(_, ix)| ix)
    }

    /// A new call does not overtake those that wait for the same group.
    pub(crate) fn mind_the_line(&self, place: &Place) -> Result<(), Error> {
        let (settings, group) = (&self.topology.settings, &self.topology.groups[place.group]);
        let waits = matches!(settings.on_exhausted, OnExhausted::Wait { .. });
        let priority = self.call.options.priority.unwrap_or(settings.default_priority);
        if !waits || self.ticket.is_some() || !group.live.room.is_ahead_of(priority) {
            return Ok(());
        }
        let message = format!("others wait for a deployment of `{}` already", group.name);
        Err(Error::new(ErrorKind::Refused, message)
            .with_code("rate_limit_exceeded")
            .with_retry_after(Some(Duration::from_secs(1))))
    }

    /// Whether any member of the group would do, as the last decision saw them: it is not the call's
    /// own limit that refuses one, and the call does not name one.
    fn would_take_any(&mut self, place: &Place) -> bool {
        let accounts = self.need(place).accounts;
        let own = |refusal: &Refusal| matches!(refusal.why.whose(), Some(Whose::Account(at)) if accounts.contains(&at));
        let last = self.trace.decisions.iter().rfind(|one| one.group == place.group);
        let held_up = last.is_some_and(|decision| {
            decision.members.iter().any(|(_, verdict)| match verdict {
                Verdict::Refused(refusal) => own(refusal),
                Verdict::Unfit(unfit) => matches!(unfit, Unfit::NotMeant | Unfit::Tags),
                _ => false,
            })
        });
        !held_up
    }

    /// Waits in line until a member is willing, or the time is up.
    async fn wait(
        &mut self,
        place: &Place,
        refusal: Error,
        most: Duration,
        queue: usize,
    ) -> Result<Done, Error> {
        let live = Arc::clone(&self.topology.groups[place.group].live);
        let priority = self.call.options.priority;
        let priority = priority.unwrap_or(self.topology.settings.default_priority);
        self.ticket = live.room.enter(priority, queue);
        let until = (self.shared.clock.now() + most).min(self.deadline);
        let mut refusal = refusal;
        // What freed before it stood in line told nobody.
        live.room.wake();
        loop {
            let blocks = self.would_take_any(place);
            let Some(ticket) = &self.ticket else { return Err(refusal) };
            ticket.set_blocks(blocks);
            let now = self.shared.clock.now();
            let woken = ticket.wait(refusal.detail.retry_after, until - now).await;
            self.trace.elsewhere += self.shared.clock.now() - now;
            if !woken {
                return Err(refusal);
            }
            match self.group(place).await {
                Err(error)
                    if error.kind == ErrorKind::Refused && self.trace.attempts.is_empty() =>
                {
                    refusal = error;
                }
                ended => return ended,
            }
        }
    }
}
