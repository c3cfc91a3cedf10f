//! Further copies of a call that is late: the first content wins.

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::future::select_all;
use pointsman_clock::Instant;
use pointsman_retry::{self as retry, Willing};
use pointsman_types::{Attempt, ErrorKind, Ix, Scope};

use crate::{
    attempt::{Sending, Sent},
    candidates::Known,
    claim::How,
    fit::Outgrown,
    journey::Journey,
    plan::Place,
};

/// A copy of a call that is under way.
struct Copy {
    ix: Ix,
    since: Instant,
    run: Pin<Box<dyn Future<Output = Sent> + Send>>,
}

impl Copy {
    fn send(sending: Sending, now: Instant) -> Self {
        Self { ix: sending.ledger.ix, since: now, run: Box::pin(sending.run()) }
    }
}

impl Journey<'_> {
    /// After how long the group sends a second copy; `None` if it does not.
    pub(crate) fn hedge_after(&self, place: &Place) -> Option<Duration> {
        let group = &self.topology.groups[place.group];
        let how = group.hedge.filter(|_| !self.is_copy)?;
        group.live.hedge_after(how, self.call.head.stream)
    }

    /// Sends, and sends a copy to another member each time that what is under way is late. The
    /// losers are dropped: their leases settle what they used.
    pub(crate) async fn hedged(
        &mut self,
        place: &Place,
        sending: Sending,
        after: Duration,
        known: &mut Known,
    ) -> Sent {
        let mut copies = vec![Copy::send(sending, self.shared.clock.now())];
        let mut more = true;
        loop {
            let late = more && self.may_hedge(copies.len(), Willing::Other);
            let (sent, at, _) = tokio::select! {
                biased;
                ended = select_all(copies.iter_mut().map(|copy| &mut copy.run)) => ended,
                () = tokio::time::sleep(after), if late => {
                    known.busy = copies.iter().map(|copy| copy.ix).collect();
                    match self.another(place, known).await {
                        Some(copy) => copies.push(Copy::send(copy, self.shared.clock.now())),
                        None => more = false,
                    }
                    continue;
                }
            };
            copies.remove(at);
            // What the other copies cannot help either is as final as an answer.
            let is_final = sent.result.as_ref().err().is_none_or(|error| {
                matches!(error.kind.scope(), Scope::Nowhere | Scope::OtherGroup)
            });
            if is_final || copies.is_empty() {
                if sent.result.is_ok() {
                    self.learn(place, &copies, after);
                }
                self.drop_losers(&copies);
                return sent;
            }
            if sent.result.as_ref().is_err_and(|error| error.kind.scope() == Scope::LargerWindow) {
                let window = self.topology.node(sent.ix).info.max_input_tokens;
                known.outgrown = Outgrown::by(window);
            }
            known.tried.push(sent.ix);
            self.made(sent.attempt);
        }
    }

    /// What the copies that lost tell of what is usual.
    fn learn(&self, place: &Place, losers: &[Copy], late: Duration) {
        let live = &self.topology.groups[place.group].live;
        let now = self.shared.clock.now();
        for loser in losers {
            live.lost(self.call.head.stream, now - loser.since, late);
        }
    }

    /// The trace tells of the copies that lost.
    fn drop_losers(&mut self, copies: &[Copy]) {
        let now = self.shared.clock.now();
        for copy in copies {
            let deployment = self.topology.id(copy.ix).clone();
            let failure = Some(ErrorKind::Cancelled);
            let took = now - copy.since;
            self.made(Attempt { deployment, failure, after: Duration::ZERO, took });
        }
    }

    /// A copy to a member that has none, if one is willing and the retry budget allows it. Where
    /// two are late and nobody else is willing, one of them is asked again.
    async fn another(&mut self, place: &Place, known: &mut Known) -> Option<Sending> {
        let under_way = known.busy.len();
        let mut claimed = self.claim(place, known, How::default()).await;
        known.busy.clear();
        let is_other = claimed.as_ref().is_ok_and(|(ix, _)| !known.tried.contains(ix));
        if !is_other && self.may_hedge(under_way, Willing::Same) {
            claimed = self.claim(place, known, How::default()).await;
        }
        let (ix, lease) = claimed.ok().filter(|(ix, _)| !known.tried.contains(ix))?;
        let budget = &self.topology.settings.retry_budget;
        let live = &self.topology.groups[place.group].live;
        live.take_retry(budget, self.shared.clock.now()).then(|| self.sending(place, ix, lease))
    }

    fn may_hedge(&self, under_way: usize, willing: Willing) -> bool {
        let attempts = self.trace.attempts.len() + under_way;
        retry::may_hedge(&self.retry, attempts, under_way, willing)
    }
}
