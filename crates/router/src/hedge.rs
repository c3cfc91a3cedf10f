//! A second copy of a call that is late: the first content wins.

use std::{pin::pin, time::Duration};

use pointsman_types::{Attempt, ErrorKind, Scope};

use crate::{
    attempt::{Sending, Sent},
    candidates::Known,
    claim::How,
    journey::Journey,
    plan::Place,
};

impl Journey<'_> {
    /// After how long the group sends a second copy; `None` if it does not.
    pub(crate) fn hedge_after(&self, place: &Place) -> Option<Duration> {
        let group = &self.topology.groups[place.group];
        let how = group.hedge.filter(|_| !self.is_copy)?;
        group.live.hedge_after(how, self.call.head.stream)
    }

    /// Sends, and sends a second copy to another member if the first is late. The loser is dropped:
    /// its lease settles what it used.
    pub(crate) async fn hedged(
        &mut self,
        place: &Place,
        sending: Sending,
        after: Duration,
        known: &mut Known,
    ) -> Sent {
        let first_ix = sending.ledger.ix;
        let mut first = pin!(sending.run());
        tokio::select! {
            biased;
            sent = &mut first => return sent,
            () = tokio::time::sleep(after) => {}
        }
        let began = self.shared.clock.now();
        known.busy.push(first_ix);
        let second = self.second(place, known).await;
        known.busy.clear();
        let Some(second) = second else { return first.await };
        let second_ix = second.ledger.ix;
        let mut second = pin!(second.run());
        let (early, other) = tokio::select! {
            biased;
            sent = &mut first => (sent, second_ix),
            sent = &mut second => (sent, first_ix),
        };
        // What the other copy cannot help either is as final as an answer.
        let end =
            early.result.as_ref().err().is_none_or(|error| {
                matches!(error.kind.scope(), Scope::Nowhere | Scope::OtherGroup)
            });
        if end {
            let since = if other == first_ix { after } else { Duration::ZERO };
            let took = since + (self.shared.clock.now() - began);
            let deployment = self.topology.id(other).clone();
            let failure = Some(ErrorKind::Cancelled);
            self.made(Attempt { deployment, failure, after: Duration::ZERO, took });
            return early;
        }
        self.made(early.attempt);
        known.tried.push(early.ix);
        if other == first_ix { first.await } else { second.await }
    }

    /// A second copy to another member, if one is willing and the retry budget allows it.
    async fn second(&mut self, place: &Place, known: &mut Known) -> Option<Sending> {
        let most = self.topology.settings.retry.max_attempts;
        let made = u32::try_from(self.trace.attempts.len()).unwrap_or(u32::MAX);
        if made.saturating_add(1) >= most {
            return None;
        }
        let (ix, lease) = self.claim(place, known, How::default()).await.ok()?;
        if known.tried.contains(&ix) {
            return None;
        }
        let budget = &self.topology.settings.retry_budget;
        let live = &self.topology.groups[place.group].live;
        if !live.take_retry(budget, self.shared.clock.now()) {
            return None;
        }
        Some(self.sending(place, ix, lease))
    }
}
